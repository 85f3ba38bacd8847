"""Laws of an objective, on observations that a linear model made."""

from dataclasses import replace

import torch
from torch import Tensor

from smcrep.geometry.action import KINDS, Action
from smcrep.objectives.objective import ObjectiveWeights, Observed
from smcrep.transition import Beliefs, map_tensors

NUM_STATES, NUM_OUTCOMES, NUM_INVARIANT, DIM = 5, 3, 4, 10
SENSES = ("first", "second")


def synthetic_observed(seed: int = 0) -> Observed:
    """5 states of two senses, 3 outcomes each, float64 latents [5, 4, 2, 10] that require a gradient."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    views = NUM_OUTCOMES + 1
    mean = normal(NUM_STATES, 1, 1, DIM) + 0.5 * normal(NUM_STATES, views, len(SENSES), DIM)
    mean.requires_grad_()
    present = torch.ones(NUM_STATES, views, len(SENSES), dtype=torch.bool)
    beliefs = Beliefs(mean, torch.zeros_like(mean), present, SENSES)
    action = Action.identity(NUM_STATES, NUM_OUTCOMES)
    action = replace(action, kind=torch.full_like(action.kind, KINDS.index("turn")))
    moved = 0.1 * normal(NUM_STATES, NUM_OUTCOMES, 3).float()
    motion = action.motion.clone()
    motion[..., :3, 3] = moved
    action = replace(action, motion=motion)
    by_action, by_latent = normal(3, DIM - NUM_INVARIANT), normal(DIM - NUM_INVARIANT, DIM - NUM_INVARIANT)
    projection = normal(NUM_INVARIANT, NUM_INVARIANT)
    return Observed(
        beliefs,
        mean.mean(2),
        action,
        physics=None,
        num_invariant=NUM_INVARIANT,
        condition=lambda action, physics: action.vector()[..., len(KINDS) + 9 : len(KINDS) + 12].double() @ by_action,
        predict=lambda source, z, condition: z @ by_latent + condition,
        project=lambda z: z @ projection,
    )


def assert_objective_laws(weights: ObjectiveWeights, *, seed: int = 0) -> None:
    """The loss is a finite scalar with finite gradients; its parts are finite, detached and no tensor of the inputs;
    the order of the states does not matter; the same inputs give the same loss; a latent that is constant over all
    states and views has finite gradients too."""
    observed = synthetic_observed(seed)
    mean = observed.beliefs.mean
    loss = weights.loss(observed)
    assert loss.total.ndim == 0, f"the total is of shape {list(loss.total.shape)}; it must be a scalar"
    assert loss.total.isfinite(), f"the total is {loss.total.item()}"
    (gradient,) = torch.autograd.grad(loss.total, mean, allow_unused=True)
    assert gradient is not None, "the latents have no gradient: it is missing"
    assert gradient.isfinite().all(), "the gradient of the latents is not finite"
    for name, part in loss.parts.items():
        assert not part.requires_grad, f"part {name!r} is not detached"
        assert part.isfinite().all(), f"part {name!r} is {part}"
    again = weights.loss(observed).total
    assert torch.equal(loss.total, again), "the same inputs give another loss"

    order = torch.randperm(NUM_STATES, generator=torch.Generator().manual_seed(seed + 1))
    turned = replace(
        observed,
        beliefs=map_tensors(observed.beliefs, lambda t: t[order]),
        fused=observed.fused[order],
        action=observed.action[order],
    )
    permuted = weights.loss(turned).total
    assert torch.allclose(loss.total, permuted), f"order of the states matters: {loss.total} and {permuted}"

    constant = torch.ones_like(mean).requires_grad_()
    collapsed = replace(observed, beliefs=replace(observed.beliefs, mean=constant), fused=constant.mean(2))
    (gradient,) = torch.autograd.grad(weights.loss(collapsed).total, constant, allow_unused=True)
    assert gradient is None or gradient.isfinite().all(), "the gradient at a constant latent is not finite"

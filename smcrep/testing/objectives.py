"""Laws of an objective, on observations that a linear model made."""

from dataclasses import replace

import torch
from torch import Tensor

from smcrep.geometry.action import ACTION_DIM, KINDS, Action
from smcrep.objectives.heads import HeadSizes
from smcrep.objectives.objective import ObjectiveWeights, Observed
from smcrep.transition import Beliefs, map_tensors

NUM_STATES, NUM_OUTCOMES, NUM_INVARIANT, DIM = 5, 3, 4, 10
SENSES = ("first", "second")
DESCENT_STEPS = 12
"""From random latents; what punishes a constant is below its value long before."""


def synthetic_observed(
    seed: int = 0, *, weights: ObjectiveWeights | None = None, same_actions: bool = False
) -> Observed:
    """5 states of two senses, 3 outcomes each, float64 latents [5, 4, 2, 10] that require a gradient; the networks and
    the target of ``weights`` where they are given. With ``same_actions`` all states are acted on alike."""
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
    moved = moved[:1].expand_as(moved) if same_actions else moved
    motion = action.motion.clone()
    motion[..., :3, 3] = moved
    action = replace(action, motion=motion)
    by_action, by_latent = normal(3, DIM - NUM_INVARIANT), normal(DIM - NUM_INVARIANT, DIM - NUM_INVARIANT)
    projection = normal(NUM_INVARIANT, NUM_INVARIANT)
    observed = Observed(
        beliefs,
        mean.mean(2),
        action,
        physics=None,
        num_invariant=NUM_INVARIANT,
        condition=lambda action, physics: action.vector()[..., len(KINDS) + 9 : len(KINDS) + 12].double() @ by_action,
        predict=lambda source, z, condition: z @ by_latent + condition,
        project=lambda z: z @ projection,
        scaled_action=lambda action: 10 * action.vector().double(),
    )
    if weights is None:
        return observed
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        heads = weights.heads(HeadSizes(DIM - NUM_INVARIANT, NUM_INVARIANT, ACTION_DIM, NUM_INVARIANT))
    target = None
    if weights.target_momentum() is not None:
        slow = (mean + 0.1 * normal(*mean.shape)).detach()
        target = replace(observed, beliefs=replace(beliefs, mean=slow), fused=slow.mean(2))
    return replace(observed, heads={name: head.double() for name, head in heads.items()}, target=target)


def assert_objective_laws(
    weights: ObjectiveWeights, *, seed: int = 0, at_constant: float | None = None, same_actions: bool = False
) -> None:
    """The loss is a finite scalar with finite gradients; its parts are finite, detached and no tensor of the inputs;
    the order of the states does not matter; the same inputs give the same loss; a latent that is constant over all
    states and views has finite gradients too, and is punished: latents that lower the loss are found by descent. An
    observation that is absent reaches nothing, or is refused.

    at_constant   value of the loss at a constant latent, where that is known; it is then that value, punished or not.
    same_actions  for objectives that need one action on all states.
    """
    observed = synthetic_observed(seed, weights=weights, same_actions=same_actions)
    _assert_well_formed(weights, observed)
    order = torch.randperm(NUM_STATES, generator=torch.Generator().manual_seed(seed + 1))
    total, permuted = weights.loss(observed).total, weights.loss(_in_order(observed, order)).total
    assert torch.allclose(total, permuted), f"order of the states matters: {total} and {permuted}"
    _assert_constant(weights, observed, at_constant)
    _assert_absent(weights, observed)


def _assert_well_formed(weights: ObjectiveWeights, observed: Observed) -> None:
    loss = weights.loss(observed)
    assert loss.total.ndim == 0, f"the total is of shape {list(loss.total.shape)}; it must be a scalar"
    assert loss.total.isfinite(), f"the total is {loss.total.item()}"
    (gradient,) = torch.autograd.grad(loss.total, observed.beliefs.mean, allow_unused=True)
    assert gradient is not None, "the latents have no gradient: it is missing"
    assert gradient.isfinite().all(), "the gradient of the latents is not finite"
    for name, part in loss.parts.items():
        assert not part.requires_grad, f"part {name!r} is not detached"
        assert part.isfinite().all(), f"part {name!r} is {part}"
    again = weights.loss(observed).total
    assert torch.equal(loss.total, again), "the same inputs give another loss"


def _assert_constant(weights: ObjectiveWeights, observed: Observed, at_constant: float | None) -> None:
    constant = torch.ones_like(observed.beliefs.mean).requires_grad_()
    total = weights.loss(_with_mean(observed, constant, constant.detach())).total
    (gradient,) = torch.autograd.grad(total, constant, allow_unused=True)
    assert gradient is None or gradient.isfinite().all(), "the gradient at a constant latent is not finite"
    if at_constant is not None:
        found = total.item()
        assert abs(found - at_constant) < 1e-4, f"the loss of a constant latent is {found}; it should be {at_constant}"
        return
    free = observed.beliefs.mean.detach().clone().requires_grad_()
    optimiser = torch.optim.Adam([free], lr=0.1)
    lowest = torch.inf
    for _ in range(DESCENT_STEPS):
        loss = weights.loss(_with_mean(observed, free)).total
        lowest = min(lowest, loss.item())
        (free.grad,) = torch.autograd.grad(loss, [free])
        optimiser.step()
    assert lowest < total - 1e-3, (
        f"a constant latent is not punished: its loss is {total.item()}, descent finds {lowest}; where that is so by "
        "design, give its value as at_constant"
    )


def _assert_absent(weights: ObjectiveWeights, observed: Observed) -> None:
    present = observed.beliefs.present.clone()
    present[0, 1, 0] = False
    hidden = ~present[..., None]
    found = []
    for value in (0.0, 1e3):
        mean = observed.beliefs.mean.detach().masked_fill(hidden, value).requires_grad_()
        given = replace(observed, beliefs=replace(observed.beliefs, present=present))
        try:
            total = weights.loss(_with_mean(given, mean)).total
        except ValueError as error:
            refusal = str(error)
            break
        (gradient,) = torch.autograd.grad(total, mean)
        assert not gradient[hidden.expand_as(gradient)].any(), "the gradient of an absent observation is not 0"
        found.append(total)
    else:
        assert torch.equal(*found), "an absent observation reaches the loss"
        return
    assert "absent" in refusal, f"an absent observation is refused without saying so: {refusal}"


def _with_mean(observed: Observed, mean: Tensor, target_mean: Tensor | None = None) -> Observed:
    """The same with other latents, fused by their mean over the senses that are present."""
    present = observed.beliefs.present[..., None]
    fused = mean.masked_fill(~present, 0).sum(2) / present.sum(2)
    target = observed.target
    if target is not None and target_mean is not None:
        target = _with_mean(target, target_mean)
    return replace(observed, beliefs=replace(observed.beliefs, mean=mean), fused=fused, target=target)


def _in_order(observed: Observed, order: Tensor) -> Observed:
    return replace(
        observed,
        beliefs=map_tensors(observed.beliefs, lambda t: t[order]),
        fused=observed.fused[order],
        action=observed.action[order],
        target=None if observed.target is None else _in_order(observed.target, order),
    )

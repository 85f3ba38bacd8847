"""How precise a sense is on objects that its encoder was never fitted to.

Precision learned beside the encoders is that of objects they have memorised: the sense that generalises less well is
trusted too much. After training, each part of each sense gets one number more, learned on validation objects.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from smcrep.models.heads import shift_precision
from smcrep.models.model import SensorimotorModel
from smcrep.objectives.objective import ObjectiveWeights
from smcrep.objectives.processes import ALONE
from smcrep.training.step import observe, observed
from smcrep.transition import Beliefs, Transition, concatenate

STATES_AT_ONCE = 16
LEARNING_RATE = 0.2


def calibrate_precision(
    model: SensorimotorModel, transition: Transition, objective: ObjectiveWeights, *, steps: int = 60, seed: int = 0
) -> dict[str, float]:
    """Shift the log-precision of the invariant and of the equivariant part of each sense, in place, to the least loss
    of ``objective`` (the one that the model was trained with; what depends on the fused embedding) on a batch of b >= 2
    states of validation objects.

    All else stays as it is. Adam on two numbers a sense, ``steps`` random subsets of the states, each with one state an
    object: of few validation objects every batch would hold several, and a sense that knows the object again would pay
    for it as for a mistake. Returns the shifts, ``invariant/rgb`` and so on, in nats before the bound of
    `heads.BeliefHead`. No shifts where there is nothing to weigh: one sense, equal precision, a fused embedding that
    was not trained, a single object.
    """
    names, fused_only = model.config.names, objective.fused_only()
    weighs = len(names) > 1 and model.config.fusion == "precision"
    if not weighs or fused_only is None or len(transition.object_id.unique()) < 2 or not steps:
        return {}
    was_training = model.training
    model.eval()
    chunks = torch.arange(len(transition.state_id)).split(STATES_AT_ONCE)
    with torch.no_grad():
        beliefs = concatenate([observe(model, transition[chunk].to(model.device).observations) for chunk in chunks])
    is_invariant = torch.arange(model.config.embed_dim, device=model.device) < model.config.invariant_dim
    shift = torch.zeros(len(names), 2, device=model.device, requires_grad=True)
    optimiser = torch.optim.Adam([shift], LEARNING_RATE)
    generator = torch.Generator().manual_seed(seed)

    def loss(rows: Tensor) -> Tensor:
        of_each = torch.where(is_invariant, shift[:, :1], shift[:, 1:])
        some: Beliefs = beliefs[rows.to(model.device)]
        some = replace(some, log_precision=shift_precision(some.log_precision, of_each))
        given = observed(model, some, model.fuse(some)[0], transition[rows].to(model.device))
        return fused_only.loss(replace(given, processes=ALONE)).total  # one process calibrates, the others wait

    for i in range(steps):
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * (1 - i / steps)  # so that the last few states do not decide
        rows = one_state_an_object(transition.object_id, generator)[:STATES_AT_ONCE]
        total = loss(rows) + 0 * shift.sum()  # an objective that reads no precision shifts nothing
        (shift.grad,) = torch.autograd.grad(total, [shift])
        optimiser.step()
    with torch.no_grad():
        for name, (invariant, equivariant) in zip(names, shift, strict=True):
            model.heads[name].invariant_precision.bias.add_(invariant)  # type: ignore[union-attr, operator]
            model.heads[name].equivariant_precision.bias.add_(equivariant)  # type: ignore[union-attr, operator]
    model.train(was_training)
    return {
        f"{part}/{name}": float(value)
        for name, row in zip(names, shift.tolist(), strict=True)
        for part, value in zip(("invariant", "equivariant"), row, strict=True)
    }


def one_state_an_object(object_id: Tensor, generator: torch.Generator) -> Tensor:
    """int64 [objects]: a random state of each object, in random order; ``object_id`` int64 [b]."""
    order = torch.randperm(len(object_id), generator=generator)
    _, first = np.unique(object_id[order].numpy(force=True), return_index=True)
    return order[torch.from_numpy(np.sort(first))]

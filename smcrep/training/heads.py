"""What an objective learns beside the model, kept in the model while it is trained: heads, and a target network."""

import copy

import torch

from smcrep.models.model import SensorimotorModel
from smcrep.objectives.heads import HeadSizes
from smcrep.objectives.objective import ObjectiveWeights

TARGET = "target"
"""Name of the target network among the heads."""


def add_heads(model: SensorimotorModel, objective: ObjectiveWeights) -> None:
    """Put into ``model.objective_heads`` what ``objective`` asks for; torch's generator draws the weights. A target
    network starts as a copy of the model, and learns nothing by itself."""
    config = model.config
    heads = objective.heads(
        HeadSizes(config.equivariant_dim, config.projector_dim, config.action_dim, config.invariant_dim)
    )
    if objective.target_momentum() is not None:
        heads[TARGET] = copy.deepcopy(model).requires_grad_(False)
    model.objective_heads.update(heads)


@torch.no_grad()
def follow(target: SensorimotorModel, model: SensorimotorModel, momentum: float) -> None:
    """target = momentum * target + (1 - momentum) * model, parameter by parameter (arXiv:2006.07733, eq. 1). Statistics
    of normalisations are the target's own, of what it sees itself."""
    own = dict(model.named_parameters())
    for name, parameter in target.named_parameters():
        parameter.lerp_(own[name], 1 - momentum)

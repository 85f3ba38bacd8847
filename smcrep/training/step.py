"""One step of training as a pure function: Transition -> Loss. Everything else in this package serves this file."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any, cast

import torch
from torch import Tensor, nn

from smcrep.models.model import SensorimotorModel
from smcrep.objectives.objective import ObjectiveWeights, Observed
from smcrep.objectives.processes import processes
from smcrep.probes.collapse.gradients import gramian
from smcrep.senses import SENSES, prepared_name
from smcrep.training.heads import TARGET, follow
from smcrep.training.recipes import Recipe
from smcrep.transition import Beliefs, Loss, Senses, Transition


def step_loss(
    model: SensorimotorModel,
    transition: Transition,
    objective: ObjectiveWeights,
    *,
    sense_dropout: float = 0.0,
    augmented: bool = True,
    generator: torch.Generator | None = None,
) -> Loss:
    """The ``objective`` of a batch of b states with k outcomes each, whose k + 1 observations are encoded once.

    sense_dropout  probability of leaving a sense of a state out of the fused embedding.
    augmented      observations are thinned and augmented as the settings of each sense say.
    generator      draws all of it.
    """
    with torch.autocast(model.device.type, enabled=False):  # on a CPU it joins no float16, which caches hold
        observations = transition.observations
    senses = prepare(model, observations)
    if augmented:
        senses = augment(model, senses, generator)
    beliefs = observe(model, senses)
    kept = drop_senses(beliefs.present, sense_dropout, generator)
    target = _by_target(model, objective.target_momentum(), senses, kept, transition)
    with torch.autocast(beliefs.mean.device.type, enabled=False):  # cosines at a temperature of 0.1 want all 24 bits
        beliefs = replace(beliefs, mean=beliefs.mean.float(), log_precision=beliefs.log_precision.float())
        fused, _ = model.fuse(replace(beliefs, present=kept))
        given = observed(model, beliefs, fused, transition)
        return objective.loss(replace(given, target=target, generator=generator))


def observe(model: SensorimotorModel, senses: Senses) -> Beliefs:
    """The beliefs [b, v] of observations [b, v]."""
    beliefs, shape = model.beliefs(senses.flatten()), senses.batch_shape

    def split(x: Tensor) -> Any:
        return x.unflatten(0, shape)

    return Beliefs(split(beliefs.mean), split(beliefs.log_precision), split(beliefs.present), beliefs.names)


def observed(model: SensorimotorModel, beliefs: Beliefs, fused: Tensor, transition: Transition) -> Observed:
    """What an objective is handed of ``model`` and a batch."""
    return Observed(
        beliefs,
        fused,
        transition.action,
        transition.physics,
        model.config.invariant_dim,
        condition=model.condition,
        predict=model.predict,
        project=model.project,
        processes=processes(),
        scaled_action=lambda action: model.action_encoder.action_scale(action.vector()),
        heads=dict(model.objective_heads.items()),
    )


def _by_target(
    model: SensorimotorModel, momentum: float | None, senses: Senses, kept: Tensor, transition: Transition
) -> Observed | None:
    """The same observations by the objective's target network, which in training follows the model first."""
    if momentum is None or TARGET not in model.objective_heads:
        return None
    target = cast(SensorimotorModel, model.objective_heads[TARGET])
    if model.training:
        follow(target, model, momentum)
    with torch.no_grad():
        beliefs = observe(target, senses)
        return observed(target, beliefs, target.fuse(replace(beliefs, present=kept))[0], transition)


def prepare(model: SensorimotorModel, senses: Senses) -> Senses:
    """With what frozen layers make of senses [b, v] as they are stored, where a cache has not brought it."""
    added = dict[str, Tensor]()
    for name, settings in model.config.senses.items():
        frozen = SENSES[name].prepare(settings, model.encoders[name])
        if frozen and name in senses and prepared_name(name) not in senses:
            added[prepared_name(name)] = frozen.make(senses[name].flatten(0, 1)).unflatten(0, senses.batch_shape)
    return Senses(senses.data | added, senses.present)


def augment(model: SensorimotorModel, senses: Senses, generator: torch.Generator | None) -> Senses:
    """Every sense of the model thinned, then every one augmented."""
    data = dict(senses.data)
    for change in ("thin", "augment"):
        for name, settings in model.config.senses.items():
            if name in data:
                data[name] = getattr(SENSES[name], change)(settings, data[name], generator)
    return Senses(data, senses.present)


def drop_senses(present: Tensor, probability: float, generator: torch.Generator | None) -> Tensor:
    """bool [b, v, m]: ``present`` without the senses drawn for each state. An observation that would be left with no
    sense keeps all it has."""
    if not probability:
        return present
    num_states, _, num_senses = present.shape
    drawn = torch.rand(num_states, 1, num_senses, generator=generator) >= probability
    kept = present & drawn.to(present.device)
    return torch.where(kept.any(-1, keepdim=True), kept, present)


def gradient_cosines(model: SensorimotorModel, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Cosines [] of the gradients of any two terms of a loss (`Loss.terms`) in the last weights that they share, as
    "gradient_cosine/A-B": below 0 a step that lowers one raises the other. {} where there are no two terms, or the
    encoders are frozen.

    One backward pass a term, from the loss to those weights and no further; the graph stays for the loss itself.
    """
    learning = {name: term for name, term in terms.items() if term.requires_grad}
    weights = last_shared(model)
    if len(learning) < 2 or not weights:
        return {}
    cosines = gramian(list(learning.values()), weights)
    pairs = combinations(enumerate(learning), 2)
    return {f"gradient_cosine/{a}-{b}": torch.tensor(cosines[i, j], device=model.device) for (i, a), (j, b) in pairs}


def last_shared(model: SensorimotorModel) -> list[nn.Parameter]:
    """Of each sense the last matrix of the encoder's ``backbone`` that learns: what lies behind it is the invariant
    part's or the equivariant part's alone. An encoder without a backbone counts as one."""
    found = []
    for encoder in model.encoders.values():
        body = getattr(encoder, "backbone", encoder)
        found += [p for p in body.parameters() if p.requires_grad and p.ndim > 1][-1:]
    return found


class StepLoss(nn.Module):
    """The step as a module with one forward, so that DDP sees one forward for one backward."""

    def __init__(self, model: SensorimotorModel, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.recipe = model, recipe

    def forward(self, step: "StepInput") -> tuple[Tensor, dict[str, Tensor]]:
        loss = step_loss(
            self.model,
            step.transition,
            self.recipe.objective,
            sense_dropout=self.recipe.sense_dropout,
            generator=step.generator,
        )
        cosines = gradient_cosines(self.model, loss.terms) if step.cosines else {}
        return loss.total, loss.parts | cosines


class StepInput:
    """What one forward needs. Not a dataclass on purpose: Fabric and DDP search dataclasses for tensors to convert,
    and refuse frozen ones. ``cosines``: those of the gradients of the loss's terms stand among its parts."""

    def __init__(self, transition: Transition, generator: torch.Generator, *, cosines: bool = False) -> None:
        self.transition, self.generator, self.cosines = transition, generator, cosines

"""One step of training as a pure function: Transition -> Loss. Everything else in this room serves this file."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from smcrep.geometry.action import Action
from smcrep.models.action import ActionLike
from smcrep.models.model import SensorimotorModel
from smcrep.objectives.pairs import Pairs, all_pairs, star
from smcrep.objectives.processes import processes
from smcrep.objectives.sensorimotor import SensorimotorWeights, sensorimotor
from smcrep.training.baselines import BASELINES
from smcrep.training.recipes import Recipe
from smcrep.transition import Beliefs, Loss, Senses, Transition


def step_loss(
    model: SensorimotorModel,
    transition: Transition,
    weights: SensorimotorWeights,
    *,
    method: str = "sensorimotor",
    sense_dropout: float = 0.0,
    num_points: int = 0,
    colour_jitter: float = 0.0,
    generator: torch.Generator | None = None,
) -> Loss:
    """The sensorimotor objective, or the baseline ``method``, of a batch of b states with k outcomes each.

    The k + 1 observations of a state are encoded once. Where all actions of a state are rigid, every ordered pair of
    them is a transition; otherwise only before -> after is.

    sense_dropout  probability of leaving a sense of a state out of the fused embedding.
    num_points     points of each cloud that are looked at; 0: all.
    colour_jitter  see `jitter_colours`.
    generator      draws all of it.
    """
    senses = thin_clouds(observations(transition), num_points, generator)
    senses = jitter_colours(senses, colour_jitter, generator)
    num_states, num_views = senses.batch_shape
    beliefs = _unflatten(model.beliefs(senses.flatten()), num_states)
    with torch.autocast(beliefs.mean.device.type, enabled=False):  # cosines at a temperature of 0.1 want all 24 bits
        beliefs = replace(beliefs, mean=beliefs.mean.float(), log_precision=beliefs.log_precision.float())
        kept = drop_senses(beliefs.present, sense_dropout, generator)
        fused, _ = model.fuse(replace(beliefs, present=kept))
        if method != "sensorimotor":
            return BASELINES[method](model, beliefs, fused, transition)
        pairs = transition_pairs(transition.action, num_views, same_state_negatives=weights.same_state_negatives)
        condition = model.condition(pair_actions(transition.action, pairs), pair_physics(transition.physics, pairs))
        return sensorimotor(
            beliefs,
            fused,
            lambda source, equivariant: model.predict(source, equivariant, condition),
            model.project,
            pairs,
            weights,
            num_invariant=model.config.invariant_dim,
            processes=processes(),
        )


def observations(transition: Transition) -> Senses:
    """Senses [b, k + 1]: the observation before, then the k outcomes."""
    before, after = transition.before, transition.after
    return Senses(
        {name: torch.cat([before[name][:, None], after[name]], 1) for name in before},
        {name: torch.cat([before.present[name][:, None], after.present[name]], 1) for name in before},
    )


def thin_clouds(senses: Senses, num_points: int, generator: torch.Generator | None) -> Senses:
    """The clouds with ``num_points`` of their points, drawn anew; as they are where that is 0 or all they have."""
    if "points" not in senses or not 0 < num_points < senses["points"].shape[-2]:
        return senses
    kept = torch.randperm(senses["points"].shape[-2], generator=generator)[:num_points]
    thinned = senses["points"].index_select(-2, kept.to(senses["points"].device))
    return Senses({**senses.data, "points": thinned}, senses.present)


def jitter_colours(senses: Senses, strength: float, generator: torch.Generator | None) -> Senses:
    """Each channel of each image times exp(``strength`` N(0, 1)), as another light or white balance would."""
    if "rgb" not in senses or not strength:
        return senses
    rgb = senses["rgb"]
    gain = torch.exp(strength * torch.randn(*rgb.shape[:-3], 1, 1, 3, generator=generator)).to(rgb.device)
    return Senses({**senses.data, "rgb": (rgb * gain).clamp_(0, 255).to(rgb.dtype)}, senses.present)


def transition_pairs(action: ActionLike, num_views: int, *, same_state_negatives: bool = True) -> Pairs:
    """All ordered pairs of the states whose actions are all rigid, before -> after of the others.

    action [b, k]. Actions without `is_rigid` (image augmentations) do not compose.
    """
    device = action.vector().device
    num_states = action.vector().shape[0]
    rigid = action.is_rigid.all(1) if isinstance(action, Action) else torch.zeros(num_states, dtype=torch.bool)
    if not bool(rigid.any()):
        return star(num_states, num_views, same_state_negatives=same_state_negatives).to(device)
    pairs = all_pairs(num_states, num_views, same_state_negatives=same_state_negatives).to(device)
    return pairs if bool(rigid.all()) else pairs[rigid[pairs.source_state] | (pairs.source_view == 0)]


def pair_actions(action: ActionLike, pairs: Pairs) -> ActionLike:
    """The action [q] that leads from the source of each pair to its target; ``action`` [b, k] starts from view 0."""
    state, source, target = pairs.source_state, pairs.source_view - 1, pairs.target_view - 1
    if not isinstance(action, Action):
        return action[state, target]  # type: ignore[index]
    composed = action[state, source.clamp_min(0)].inverse().then(action[state, target.clamp_min(0)])
    forward, back = action[state, target.clamp_min(0)], action[state, source.clamp_min(0)].inverse()
    return _choose(source < 0, forward, _choose(target < 0, back, composed))


def pair_physics(physics: Tensor | None, pairs: Pairs) -> Tensor | None:
    """float32 [q, p] from [b, k, p]: of the branch that the pair leads to; on the way back to view 0, of the branch
    that it comes from."""
    if physics is None:
        return None
    branch = torch.where(pairs.target_view > 0, pairs.target_view, pairs.source_view) - 1
    return physics[pairs.source_state, branch]


def drop_senses(present: Tensor, probability: float, generator: torch.Generator | None) -> Tensor:
    """bool [b, v, m]: ``present`` without the senses drawn for each state. An observation that would be left with no
    sense keeps all it has."""
    if not probability:
        return present
    num_states, _, num_senses = present.shape
    drawn = torch.rand(num_states, 1, num_senses, generator=generator) >= probability
    kept = present & drawn.to(present.device)
    return torch.where(kept.any(-1, keepdim=True), kept, present)


class Objective(nn.Module):
    """The step as a module with one forward, so that DDP sees one forward for one backward."""

    def __init__(self, model: SensorimotorModel, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.recipe = model, recipe

    def forward(self, batch: "Batch") -> tuple[Tensor, dict[str, Tensor]]:
        loss = step_loss(
            self.model,
            batch.transition,
            self.recipe.objective,
            method=self.recipe.method,
            sense_dropout=self.recipe.sense_dropout,
            num_points=self.recipe.num_points,
            colour_jitter=self.recipe.colour_jitter,
            generator=batch.generator,
        )
        return loss.total, loss.parts


class Batch:
    """What one forward needs. Not a dataclass on purpose: Fabric and DDP search dataclasses for tensors to convert,
    and refuse frozen ones."""

    def __init__(self, transition: Transition, generator: torch.Generator) -> None:
        self.transition, self.generator = transition, generator


def _choose(first: Tensor, a: Action, b: Action) -> Action:
    def where(x: Tensor, y: Tensor) -> Tensor:
        return torch.where(first.view(-1, *[1] * (x.ndim - 1)), x, y)

    names = ("kind", "motion", "contact", "force", "duration")
    return Action(*(where(getattr(a, name), getattr(b, name)) for name in names))


def _unflatten(beliefs: Beliefs, num_states: int) -> Beliefs:
    def split(x: Tensor) -> Any:
        return x.unflatten(0, (num_states, -1))

    return Beliefs(split(beliefs.mean), split(beliefs.log_precision), split(beliefs.present), beliefs.names)

"""The objective of this package: observations of a state agree, and outcomes of actions are predicted, in every sense,
across senses and fused."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from smcrep.objectives.equivariant import equivariant_contrast
from smcrep.objectives.floor import action_blind_floor
from smcrep.objectives.instance_contrast import instance_contrast
from smcrep.objectives.objective import ObjectiveWeights, Observed
from smcrep.objectives.pairs import Pairs, pair_actions, pair_physics, transition_pairs
from smcrep.objectives.processes import ALONE, Processes
from smcrep.transition import FUSED, Beliefs, Loss


@dataclass(frozen=True)
class SensorimotorWeights(ObjectiveWeights):
    """Weight of each group of terms (a group is the mean of its terms; 0 leaves it out) and the temperatures.

    Where all actions of a state are rigid, every ordered pair of its observations is a transition; otherwise only
    before -> after is.
    """

    invariant: float = 1.0
    """Observations of one state agree, in each sense."""
    equivariant: float = 1.0
    """The outcome predicted from a sense is found among the outcomes observed by it."""
    cross_modal: float = 1.0
    """The same, predicted from one sense and observed by another."""
    fused: float = 1.0
    """Both on the fused embedding."""
    invariant_temperature: float = 0.1
    """Divides the cosines of the invariant terms."""
    equivariant_temperature: float = 0.1
    """Divides the cosines of the equivariant terms."""
    same_state_negatives: bool = True
    """Predictions are contrasted with the other outcomes of their own state too; False is the ablation."""

    def loss(self, observed: Observed) -> Loss:
        pairs = transition_pairs(
            observed.action, observed.fused.shape[1], same_state_negatives=self.same_state_negatives
        )
        condition = observed.condition(pair_actions(observed.action, pairs), pair_physics(observed.physics, pairs))
        return sensorimotor(
            observed.beliefs,
            observed.fused,
            lambda source, equivariant: observed.predict(source, equivariant, condition),
            observed.project,
            pairs,
            self,
            num_invariant=observed.num_invariant,
            invariance=self.invariance(),
            processes=observed.processes,
        )

    def invariance(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """A loss of two views (za [n, dp], zb [n, dp]) -> [] in place of `instance_contrast`; None: that."""
        return None

    def fused_only(self) -> "SensorimotorWeights | None":
        if not self.fused:
            return None
        return replace(self, invariant=0.0, equivariant=0.0, cross_modal=0.0, fused=1.0)


def sensorimotor(
    beliefs: Beliefs,
    fused: Tensor,
    predict: Callable[[str, Tensor], Tensor],
    project: Callable[[Tensor], Tensor],
    pairs: Pairs,
    weights: SensorimotorWeights,
    *,
    num_invariant: int,
    invariance: Callable[[Tensor, Tensor], Tensor] | None = None,
    processes: Processes = ALONE,
) -> Loss:
    """Sum over four groups of terms, each the weighted mean of its terms.

    beliefs        of all observations: mean [b, v, m, d], present [b, v, m], names of the m senses. View 0 is the
                   observation before, the others are outcomes; every view of a state shows the same objects.
    fused          [b, v, d]: the beliefs fused.
    predict        (sense or "fused", source [q, de]) -> predicted outcome [q, de], for the q rows of ``pairs`` in
                   their order; it holds the action (and physics) of each row.
    project        [n, di] -> [n, dp]: the projector before NT-Xent, one for all senses.
    pairs          transitions and the candidates of each.
    num_invariant  the first di of d numbers are the invariant part, the others the equivariant one.
    invariance     (za [n, dp], zb [n, dp]) -> []: a loss of two views in place of `instance_contrast` (lightly's
                   NTXentLoss fits); it is then put to view i and view i + 1, for all i in turn.

    processes      over which the batch is spread: observations of all are candidates and negatives.

    Observations where a sense is absent neither predict, nor are predicted, nor stand among its candidates.
    ``parts`` names every term, such as ``equivariant/rgb>points``, and ``floor``: what none of the equivariant terms
    can fall below without the action, among the candidates that are present. ``terms`` are the means of the groups.
    """
    if not beliefs.names or beliefs.mean.ndim != 4:
        raise ValueError(
            f"sensorimotor: beliefs of {tuple(beliefs.mean.shape)} with names {beliefs.names}; give means "
            "[states, views, senses, d] and one name a sense"
        )
    state = {name: beliefs.mean[:, :, i] for i, name in enumerate(beliefs.names)} | {FUSED: fused}
    present = {name: beliefs.present[:, :, i] for i, name in enumerate(beliefs.names)}
    present[FUSED] = beliefs.present.any(-1)
    wanted = _wanted(beliefs.names, weights)

    senses = sorted({name for terms in wanted.values() for _, a, b in terms for name in (a, b)})
    projected = {
        name: project(state[name][..., :num_invariant].flatten(0, 1)).unflatten(0, present[name].shape)
        for name in senses
        if any(part == "invariant" and name in pair for terms in wanted.values() for part, *pair in terms)
    }
    outcome = {name: state[name][..., num_invariant:].flatten(0, 1) for name in senses}
    sources = sorted({a for terms in wanted.values() for part, a, _ in terms if part == "equivariant"})
    predicted = {name: predict(name, outcome[name][pairs.source]) for name in sources}
    everywhere = _Everywhere(
        {name: processes.gather(z) for name, z in outcome.items()} if sources else {},
        {name: processes.gather(present[name].flatten()) for name in senses} if sources else {},
        processes.rank * len(pairs.allowed[0]),
    )

    total = fused.new_zeros(())
    parts: dict[str, Tensor] = {}
    means: dict[str, Tensor] = {}
    floors: list[Tensor] = []
    for group, terms in wanted.items():
        values = []
        for part, a, b in terms:
            if part == "invariant":
                value = _invariant(projected[a], present[a], invariance, weights.invariant_temperature, processes)
            else:
                loss = _equivariant(predicted[a], b, present[a], pairs, everywhere, weights.equivariant_temperature)
                value = loss and loss.total
                floors += [loss.parts["floor"]] if loss else []
            if value is not None:
                parts[f"{part}/{a}" if a == b else f"{part}/{a}>{b}"] = value.detach()
                values.append(value)
        if values:
            means[group] = torch.stack(values).mean()
            total = total + getattr(weights, group) * means[group]
    if floors:
        parts["floor"] = torch.stack(floors).min()
    return Loss(total, parts, means)


def _wanted(names: tuple[str, ...], weights: SensorimotorWeights) -> dict[str, list[tuple[str, str, str]]]:
    """Group -> its terms (part, source sense, target sense), without the groups of weight 0."""
    ordered = [(a, b) for a in names for b in names if a != b]
    groups = {
        "invariant": [("invariant", a, a) for a in names],
        "equivariant": [("equivariant", a, a) for a in names],
        "cross_modal": [("equivariant", a, b) for a, b in ordered],
        "fused": [("invariant", FUSED, FUSED), ("equivariant", FUSED, FUSED)],
    }
    return {group: terms for group, terms in groups.items() if getattr(weights, group) != 0}


def _invariant(
    z: Tensor,
    present: Tensor,
    invariance: Callable[[Tensor, Tensor], Tensor] | None,
    temperature: float,
    processes: Processes,
) -> Tensor | None:
    """Agreement of the views of each state; z [b, v, dp], the states being the classes."""
    if invariance is None:
        contrast = instance_contrast(z, present, temperature, processes=processes)
        return contrast and contrast.total
    num_views = z.shape[1]
    values = []
    for i in range(1 if num_views == 2 else num_views):  # of two views, the second pairing repeats the first
        j = (i + 1) % num_views
        keep = present[:, i] & present[:, j]
        if int(keep.sum()) > 1:
            values.append(invariance(z[keep, i], z[keep, j]))
    return torch.stack(values).mean() if values else None


@dataclass(frozen=True)
class _Everywhere:
    """Outcomes of all processes, and which are present, by sense; the first row of this process among them."""

    outcome: dict[str, Tensor]
    present: dict[str, Tensor]
    first: int

    def allowed(self, own: Tensor) -> Tensor:
        """``own`` [q, c] among the candidates of all [q, C]: those of other processes are of other states."""
        if len(own) == 0 or len(next(iter(self.present.values()))) == own.shape[1]:
            return own
        every = own.new_ones(len(own), len(next(iter(self.present.values()))))
        every[:, self.first : self.first + own.shape[1]] = own
        return every


def _equivariant(
    predicted: Tensor, target: str, source_present: Tensor, pairs: Pairs, everywhere: _Everywhere, temperature: float
) -> Loss | None:
    """With the floor of its own rows and candidates among the parts."""
    outcome, present = everywhere.outcome[target], everywhere.present[target]
    positive = pairs.positive + everywhere.first
    keep = source_present.flatten()[pairs.source] & present[positive]
    if not bool(keep.any()):
        return None
    own = present[everywhere.first : everywhere.first + pairs.allowed.shape[1]]
    allowed = everywhere.allowed(pairs.allowed[keep]) & present
    total = equivariant_contrast(predicted[keep], outcome, positive[keep], allowed, temperature).total
    return Loss(total, {"floor": action_blind_floor(pairs.allowed[keep] & own, pairs.same_state[keep])})

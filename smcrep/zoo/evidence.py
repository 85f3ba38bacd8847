"""The evidence of the diagnosis on every signal of a model of the zoo: from scores and outcomes as an audit has them,
from rows of training as they reach the model, and from its features and weights. What was planted is not looked at."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from smcrep.probes.collapse.additive import interaction_share
from smcrep.probes.collapse.alignment import cone
from smcrep.probes.collapse.diagnosis import Evidence
from smcrep.probes.collapse.reach import reach
from smcrep.probes.collapse.worth import read_with_products, standing_still, worth, worth_with_key
from smcrep.probes.intervals import Estimate, over_units
from smcrep.zoo.detectors import LEAST_COMPETENCE, STANDARD_ERRORS, Audited, among_outcomes, competence
from smcrep.zoo.model import ZooModel, packed
from smcrep.zoo.network import features, into_fusion, into_own_head, observe, predict
from smcrep.zoo.rows import LATENT, audit_rows, through_faults, training_rows
from smcrep.zoo.world import SENSES, SIGNALS, World, branches, draw

NUM_LOGGED, NUM_STATES, NUM_VALUES, NUM_CROSSED = 2000, 64, 8, 32
LEAST_WORTH = 0.02
"""R2 below which a signal is worth nothing beside the others, so that shares of it mean nothing."""
CERTAINLY_USED = 0.8
"""Use from which on nothing more is measured than that."""


def evidence_of(
    model: ZooModel, audited: Audited, world: World, peak: np.ndarray, generator: torch.Generator
) -> dict[str, Evidence]:
    """peak [4 signals]: highest use earlier in training; NaN: none. The second part of the cost is that of six probes
    (`worth`) for each signal."""
    competent = competence(model, audited) >= LEAST_COMPETENCE
    known = {name: use_of(model, audited, name) for name in SIGNALS}
    asked = [name for name, (use, needed) in known.items() if needed and competent and use.value < CERTAINLY_USED]
    found = {
        name: Evidence(use, of_oracle=True, competent=competent, needed=needed) for name, (use, needed) in known.items()
    }
    if not asked:
        return found
    logged = Logged(model, world, generator)
    shapes = feature_signs(model, audited)
    for name in asked:
        i = SIGNALS.index(name)
        fields = (
            {"peak_use": None if np.isnan(peak[i]) else float(peak[i]), "response": _response(model, audited, name)}
            | {key: float(values[i]) for key, values in shapes.items()}
            | outcome_signs(model, world, i, generator)
            | logged.of(i)
        )
        found[name] = replace(found[name], **fields)
    return found


class Logged:
    """What rows of training say, as they reach the encoders, beside rows that are known to be good."""

    def __init__(self, model: ZooModel, world: World, generator: torch.Generator) -> None:
        self.model, self.world, self.generator = model, world, generator
        draws, stack = draw(NUM_LOGGED, 1, generator), model.stack
        seen = training_rows(draws, world, stack, 1.0, generator)
        good = audit_rows(draws, world, stack)
        self.seen, self.seen_outcome = through_faults(seen.inputs, stack)[0], seen.outcome[0]
        self.good, self.good_outcome = good.inputs[0], good.outcome[0]

    def of(self, signal: int) -> dict[str, float | None]:
        sound = [worth(*self._arrays(self.good, self.good_outcome, signal), order=order) for order in (1, 2)]
        outcome, latent, others = self._arrays(self.seen, self.seen_outcome, signal)
        given: dict[str, float | None] = {"told": None, "keyed": None, "synergy": None}
        if sound[1] > LEAST_WORTH:
            given["synergy"] = 1 - sound[0] / sound[1]
        if latent.std() > 0:  # a wire that is cut says nothing of the rows
            whole = max(sound[1], LEAST_WORTH)
            given["told"] = max(worth(outcome, latent, others), 0.0) / whole
            given["keyed"] = max(worth_with_key(outcome, latent, others), 0.0) / whole
        _, free, beside = self._arrays(self.good, self.good_outcome, signal)
        return given | {
            "from_others": read_with_products(beside, free),
            "from_others_logged": read_with_products(others, latent) if latent.std() > 0 else None,
            "copied": self._copied(signal),
        }

    @staticmethod
    def _arrays(inputs: Tensor, outcome: Tensor, signal: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Outcome [n, 8], latent of the signal [n, 2], and all else [n, ...] that the model is given."""
        rest = [inputs[:, i] if i in SENSES else inputs[:, i, LATENT] for i in range(len(SIGNALS)) if i != signal]
        if signal in SENSES:
            rest += [inputs[:, signal, : LATENT.start], inputs[:, signal, LATENT.stop :]]
        others = torch.cat(rest, -1)
        return tuple(x.double().numpy() for x in (outcome, inputs[:, signal, LATENT], others))  # type: ignore[return-value]

    def _copied(self, signal: int) -> float | None:
        """None where the signal does not vary within a state of training."""
        model, world, generator = self.model, self.world, self.generator
        draws = draw(NUM_STATES * len(SIGNALS), NUM_VALUES, generator)
        seen = training_rows(draws, world, model.stack, 1.0, generator)
        good = audit_rows(draws, world, model.stack)
        own = slice(signal, None, len(SIGNALS))
        told, sound = (_states(x.inputs)[own, :, signal, LATENT] for x in (seen, good))
        if told.var(1).mean() < 0.1 * sound.var(1).mean():
            return None
        alike = draws.latent.unflatten(0, (-1, NUM_VALUES))[:, :1].expand(-1, NUM_VALUES, -1, -1).flatten(0, 1)
        repeated = audit_rows(replace(draws, latent=alike), world, model.stack).outcome
        return standing_still(*(_states(x)[own].double().numpy() for x in (seen.outcome, good.outcome, repeated)))


def use_of(model: ZooModel, audited: Audited, name: str) -> tuple[Estimate, bool]:
    """Gain of the model over that of the oracle, and whether that is above 0."""
    own, best = among_outcomes(model, audited, name), among_outcomes(audited.oracle, audited, name)
    needed = bool(best.mean() > STANDARD_ERRORS * best.std(ddof=1) / len(best) ** 0.5)
    if not needed:
        return Estimate(0.0, (0.0, 0.0), len(own)), False
    return over_units(np.stack([own, best], 1), statistic=lambda means: means[..., 0] / means[..., 1]), True


def _response(model: ZooModel, audited: Audited, name: str) -> float:
    """As the audit's: change of the score with another value, over its deviation with all signals of another row."""
    with torch.no_grad():
        true, other = model.score(audited.batch, {}), model.score(audited.batch, audited.others[name][0])
        none = model.score(audited.batch, {key: audited.batch[key].roll(1, 0) for key in SIGNALS})
    return float((true - other).double().square().mean().sqrt() / none.double().std().clamp_min(1e-12))


@torch.no_grad()
def feature_signs(model: ZooModel, audited: Audited) -> dict[str, np.ndarray]:
    """cone, learned and weight of every signal [4]; all four are equally accurate, so each earns the mean weight."""
    inputs, stack = packed(audited.batch), model.stack
    now, before = (features(p, inputs, stack)[0].double() for p in (model.parameters, model.begun))  # [4, b, 8]
    change = (now - before).square().mean((1, 2)).sqrt()
    passed = torch.stack([go(now[None], stack)[0] for go in (into_fusion, into_own_head)]).square().sum(0)
    weight = (passed.mean((1, 2)) / now.square().mean((1, 2)).clamp_min(1e-24)).sqrt()
    return {
        "cone": np.array([min(cone(a.numpy()), cone(b.numpy())) for a, b in zip(now, before, strict=True)]),
        "learned": (change / change.mean().clamp_min(1e-12)).numpy(),
        "weight": (weight / weight.mean().clamp_min(1e-12)).numpy(),
    }


@torch.no_grad()
def outcome_signs(model: ZooModel, world: World, signal: int, generator: torch.Generator) -> dict[str, float | None]:
    """reach and interaction, from outcomes of the same states with the same noise."""
    p, architecture, stack = model.parameters, model.architecture, model.stack
    rows = audit_rows(branches(NUM_STATES * 4, 2, signal, generator), world, stack)
    predicted = predict(p, rows.inputs, architecture, stack)[0].double().numpy()
    seen = observe(p, rows.outcome, architecture, stack)[0].double().unflatten(0, (-1, 2))
    n = NUM_CROSSED
    some = rows.inputs[:, : 2 * n : 2]
    crossed = some.repeat(1, n, 1, 1)  # row i n + j: the signal of i with all that its sense shows, the rest of j
    crossed[:, :, signal] = some.repeat_interleave(n, 1)[:, :, signal]
    outputs = predict(p, crossed, architecture, stack)[0].unflatten(0, (n, n)).double().numpy()
    return {
        "reach": reach(predicted, (seen[:, 1] - seen[:, 0]).numpy()),
        "interaction": interaction_share(outputs),
    }


def _states(x: Tensor) -> Tensor:
    """[states, k, ...] of the only model's [1, rows, ...]."""
    return x[0].unflatten(0, (-1, NUM_VALUES))

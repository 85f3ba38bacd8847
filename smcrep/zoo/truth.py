"""The functional oracle: which share of what a signal is worth to one who knows the world a model makes of it.

For each state the signal is drawn K + 2 times anew and the outcome made anew each time, with the same noise. Told the
true signal, and told that of the last branch, which is no candidate, model and oracle rank the K + 1 other outcomes;
what the true one gains in H@1 is U. rho = U_model / U_oracle, and is not given where U_oracle is below 3 standard
errors: then no model could use the signal. So the label of a specimen is what it does, not what was planted.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from smcrep.probes.retrieval import rank
from smcrep.zoo.knobs import Stack
from smcrep.zoo.network import Architecture, Parameters, observe, predict, similarity
from smcrep.zoo.rows import audit_rows, exchanged, oracle_prediction
from smcrep.zoo.world import SIGNALS, World, branches, draw

Label = Literal["collapsed", "partial", "healthy", "not identifiable", "incompetent"]
REGRESSION = Architecture("concat", "regression")
CANDIDATES = 8
COLLAPSED_BELOW, HEALTHY_ABOVE, LEAST_COMPETENCE, STANDARD_ERRORS = 0.2, 0.7, 0.3, 3.0


@dataclass(frozen=True)
class Truth:
    """Of m models and 4 signals.

    rho         [m, 4]; NaN where the signal is not identifiable.
    gain        [m, 4], U of the model in H@1; oracle [m, 4], that of the oracle.
    competence  [m]: H@1 among outcomes of other states, chance 0 and all 1: does the model predict anything?
    response    [m, 4]: slope of the predicted on the true change of the outcome, E[df . do] / E[do . do]; another
                definition of use, for regression alone (NaN else).
    """

    rho: np.ndarray
    gain: np.ndarray
    oracle: np.ndarray
    competence: np.ndarray
    response: np.ndarray

    def label(self, model: int, signal: int) -> Label:
        if np.isnan(self.rho[model, signal]):
            return "not identifiable"
        if self.competence[model] < LEAST_COMPETENCE:
            return "incompetent"
        rho = self.rho[model, signal]
        return "collapsed" if rho < COLLAPSED_BELOW else "healthy" if rho > HEALTHY_ABOVE else "partial"


@torch.no_grad()
def functional_use(
    parameters: Parameters,
    architecture: Architecture,
    stack: Stack,
    world: World,
    generator: torch.Generator,
    *,
    num_states: int = 500,
) -> Truth:
    """The truth of all models of a stack. Cost: 8 passes of the states and 4 x 9 of their outcomes."""
    columns = [
        _of_signal(i, parameters, architecture, stack, world, generator, num_states) for i in range(len(SIGNALS))
    ]
    gain, oracle, error, response = (np.stack(column, 1) for column in zip(*columns, strict=True))
    rho = np.where(oracle > STANDARD_ERRORS * np.maximum(error, 1e-9), gain / np.maximum(oracle, 1e-9), np.nan)
    own = audit_rows(draw(num_states, 1, generator), world, stack)
    predicted = predict(parameters, own.inputs, architecture, stack)
    observed = observe(parameters, own.outcome, architecture, stack)
    others = torch.stack([observed.roll(shift, 1) for shift in range(CANDIDATES)], 2)
    hits = _hits(similarity(predicted[:, :, None], others, architecture))
    competence = (hits.mean(1) - 1 / CANDIDATES) / (1 - 1 / CANDIDATES)
    return Truth(rho, gain, oracle, competence, response)


def _of_signal(
    signal: int,
    parameters: Parameters,
    architecture: Architecture,
    stack: Stack,
    world: World,
    generator: torch.Generator,
    num_states: int,
) -> tuple[np.ndarray, ...]:
    """Gain of the model, of the oracle and its standard error, and response: [m] each."""
    rows = audit_rows(branches(num_states, CANDIDATES + 1, signal, generator), world, stack)
    inputs, outcome = (x.unflatten(1, (num_states, CANDIDATES + 1)) for x in (rows.inputs, rows.outcome))
    true, candidates = inputs[:, :, 0], outcome[:, :, :CANDIDATES]
    told = {"true": true, "other": exchanged(true, inputs[:, :, -1], signal)}
    observed = observe(parameters, candidates.flatten(1, 2), architecture, stack).unflatten(1, candidates.shape[1:3])
    own, known = {}, {}
    for name, given in told.items():
        predicted = predict(parameters, given, architecture, stack)
        own[name] = predicted, _hits(similarity(predicted[:, :, None], observed, architecture))
        best = oracle_prediction(given, world, stack)
        known[name] = _hits(similarity(best[:, :, None], candidates, REGRESSION))
    gain = own["true"][1] - own["other"][1]
    best_gain = known["true"] - known["other"]
    response = np.full(len(stack), np.nan)
    if architecture.objective == "regression":
        moved, happened = own["true"][0] - own["other"][0], outcome[:, :, 0] - outcome[:, :, -1]
        total = happened.square().sum((1, 2)).clamp_min(1e-9)
        response = ((moved * happened).sum((1, 2)) / total).numpy()
    error = best_gain.std(1, ddof=1) / num_states**0.5
    return gain.mean(1), best_gain.mean(1), error, response


def _hits(scores: Tensor) -> np.ndarray:
    """H@1 [m, n] of candidate 0 by scores [m, n, c]; ties count by chance."""
    return rank(scores.numpy(), np.zeros(scores.shape[:2], np.int64)).hits(1)

"""How a model uses the signal (action, physics) that distinguishes the outcomes of a state: conditioned on the true
one, on a mismatched one, and on those of the same state in disorder."""

from dataclasses import dataclass

import numpy as np
import torch

from smcrep.evaluation.encoded import Encoded, predict
from smcrep.models.model import SensorimotorModel
from smcrep.probes.retrieval import rank_same_state, same_state_scores
from smcrep.transition import FUSED


@dataclass(frozen=True)
class SignalHits:
    """H@1 [s, n] of n queries of each state among its n candidates, and the scores [s, n, n] under the true signal.

    true        conditioned on the signal that was applied.
    mismatched  conditioned on the signal of outcome n + 1, which is no candidate: one prediction for all queries, so
                chance, 1 / n, by construction.
    shuffled    conditioned on the n signals of the state in random order: chance, 1 / n, for every model, unless
                something else than the signal distinguishes the candidates.
    wrong       conditioned on the signal of another candidate, never its own: below chance where the signal is used.
    """

    true: np.ndarray
    mismatched: np.ndarray
    shuffled: np.ndarray
    wrong: np.ndarray
    scores: np.ndarray


def signal_hits(
    model: SensorimotorModel, encoded: Encoded, sense: str = FUSED, *, rng: np.random.Generator
) -> SignalHits:
    """Of states with n + 1 outcomes each, of which the last is mismatched."""
    states, outcomes = encoded.action.kind.shape
    n = outcomes - 1
    if n < 2:
        raise ValueError(f"signal_hits: {outcomes} outcomes a state; give 2 candidates and a mismatched one at least")
    candidates = encoded.equivariant(sense)[:, 1 : n + 1].numpy()
    rows = np.arange(states)[:, None]

    def scores(given: np.ndarray) -> np.ndarray:
        """``given`` int [s, n]: whose signal each query is conditioned on."""
        index = torch.from_numpy(rows), torch.from_numpy(given)
        physics = None if encoded.physics is None else encoded.physics[index]
        predicted = predict(model, encoded, sense, action=encoded.action[index], physics=physics)
        return same_state_scores(predicted.numpy(), candidates)

    own = np.tile(np.arange(n), (states, 1))
    turned = (own + rng.integers(1, n, (states, n))) % n
    orders = {"mismatched": np.full_like(own, n), "shuffled": rng.permuted(own, axis=1), "wrong": turned}
    true = scores(own)
    hits = {name: rank_same_state(scores(order)).hits(1) for name, order in orders.items()}
    return SignalHits(true=rank_same_state(true).hits(1), scores=true, **hits)

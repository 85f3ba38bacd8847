"""Retrieval of the true outcome among the outcomes of one state: by a sense, across senses, with a wrong action."""

import numpy as np
from torch import Tensor

from smcrep.evaluation.encoded import Encoded, predict
from smcrep.models.model import SensorimotorModel
from smcrep.probes.collapse.utilisation import another_state
from smcrep.probes.retrieval import rank_same_state, same_state_scores
from smcrep.transition import FUSED


def outcome_hits(
    model: SensorimotorModel, encoded: Encoded, source: str = FUSED, target: str | None = None
) -> np.ndarray:
    """float64 [s, k]: H@1 of the outcome predicted from ``source`` among the k outcomes seen by ``target`` (None: by
    the source itself). Ties count their share; the observation before is no candidate."""
    return _hits(predict(model, encoded, source), encoded, target or source)


def mismatched_action_hits(
    model: SensorimotorModel, encoded: Encoded, source: str = FUSED, target: str | None = None, *, seed: int = 0
) -> np.ndarray:
    """The same, conditioned on the actions of another state: chance, unless something else than the action helps."""
    other = another_state(len(encoded.object_ids), np.random.default_rng(seed))
    return _hits(predict(model, encoded, source, action=encoded.action[other]), encoded, target or source)


def roll_out_hits(model: SensorimotorModel, encoded: Encoded, source: str = FUSED, *, steps: int = 3) -> np.ndarray:
    """float64 [s, steps]: H@1 among all k outcomes of the view that step i leads to, each step starting from what the
    one before predicted and never from what was seen."""
    z, hits = encoded.equivariant(source)[:, :1], []
    for i, action in enumerate(encoded.action.chain(steps)):
        z = predict(model, encoded, source, action=action, start=z)
        scores = same_state_scores(
            z.expand(-1, encoded.action.kind.shape[1], -1).numpy(), encoded.equivariant(source)[:, 1:].numpy()
        )
        hits.append(rank_same_state(scores).hits(1)[:, i])
    return np.stack(hits, 1)


def _hits(predicted: Tensor, encoded: Encoded, target: str) -> np.ndarray:
    outcome = encoded.equivariant(target)[:, 1:]
    return rank_same_state(same_state_scores(predicted.numpy(), outcome.numpy())).hits(1)

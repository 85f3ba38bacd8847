"""The outcome of an action where a sense was faulty before it: found by a fused embedding, by each sense alone, and by
the decision over hypotheses of `smcrep.fusion.same_outcome`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from smcrep.data.store import Store
from smcrep.evaluation.fusion_data import ObjectSet
from smcrep.fusion.same_outcome import SameOutcome
from smcrep.models.action import Condition
from smcrep.models.model import SensorimotorModel
from smcrep.probes.retrieval import rank_same_state, same_state_scores
from smcrep.transition import FUSED, Beliefs, concatenate

STATES_AT_ONCE = 128

Rule = Callable[[Beliefs], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Outcomes:
    """States of unseen objects: what was done in each, and what was observed after.

    before     beliefs [s], clean; ``after`` [s, k]
    condition  of the predictors, [s, k]
    objects    int64 [s]
    """

    before: Beliefs
    after: Beliefs
    condition: Condition
    objects: np.ndarray


def outcomes_of(model: SensorimotorModel, objects: ObjectSet) -> Outcomes:
    """Of all states of ``objects``, whose gallery `gather` made with ``model``."""
    views = objects.stores[0].num_branches + 1
    if {store.num_branches + 1 for store in objects.stores} != {views}:
        raise ValueError("outcomes_of: stores with different numbers of outcomes; give stores with equal numbers")

    def by_state(x: Tensor) -> Tensor:
        return x.unflatten(0, (-1, views))

    all_views = objects.gallery
    fields = (by_state(x) for x in (all_views.mean, all_views.log_precision, all_views.present))
    seen = Beliefs(*fields, names=all_views.names)
    condition = concatenate([_condition(model, store) for store in objects.stores])
    return Outcomes(seen[:, 0], seen[:, 1:], condition, objects.query_objects)


@torch.no_grad()
def joined(model: SensorimotorModel, rule: Rule, beliefs: Beliefs) -> Tensor:
    """Equivariant part [..., de] of what ``rule`` makes of beliefs [...]."""
    return rule(beliefs)[0][..., model.config.invariant_dim :]


@torch.no_grad()
def rule_scores(
    model: SensorimotorModel, rule: Rule, observed: Tensor, condition: Condition, before: Beliefs
) -> np.ndarray:
    """float64 [s, k, k]: cosine of what the fused predictor expects of action i, from beliefs ``before`` [s] joined by
    ``rule``, with outcome j of those ``observed`` [s, k, de] (`joined` by it, once for all faults)."""
    return _scores(model, FUSED, joined(model, rule, before), observed, condition)


@torch.no_grad()
def sense_scores(model: SensorimotorModel, sense: str, outcomes: Outcomes, before: Beliefs) -> np.ndarray:
    """The same of one sense alone, by its own predictor, among the outcomes as it saw them; 0 where it is absent."""
    m, di = before.names.index(sense), model.config.invariant_dim
    scores = _scores(model, sense, before.mean[:, m, di:], outcomes.after.mean[..., m, di:], outcomes.condition)
    return np.where(before.present[:, m, None, None], scores, 0)


@torch.no_grad()
def decided(model: SensorimotorModel, method: SameOutcome, outcomes: Outcomes, before: Beliefs) -> np.ndarray:
    """Log-probabilities float64 [s, k, k] by ``method``."""
    found = []
    for first in range(0, len(before.present), STATES_AT_ONCE):
        rows = slice(first, first + STATES_AT_ONCE)
        predict = predictor(model, outcomes.condition[rows])
        found.append(method(predict, before[rows], outcomes.after[rows]).double().numpy())
    return np.concatenate(found)


def hits(scores: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """H@1 float64 [objects] of scores [s, k, k], mean over the states of each object, in the order of their ids."""
    found = rank_same_state(scores).hits(1).mean(1)
    return np.array([found[objects == i].mean() for i in np.unique(objects)])


def predictor(model: SensorimotorModel, condition: Condition) -> Callable[[Tensor], Tensor]:
    """What the fused predictor makes of equivariant parts [s, k, de]."""
    return partial(model.predict, FUSED, condition=condition)


def _condition(model: SensorimotorModel, store: Store) -> Condition:
    transition = store.transitions(np.arange(store.num_states), model.config.names)
    with torch.no_grad():
        return model.condition(transition.action, transition.physics)


def _scores(model: SensorimotorModel, source: str, start: Tensor, observed: Tensor, condition: Condition) -> np.ndarray:
    expected = model.predict(source, start[:, None].expand(-1, observed.shape[1], -1), condition)
    return same_state_scores(expected.numpy(), observed.numpy())

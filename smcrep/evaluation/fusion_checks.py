"""Whether a fusion head knows how wrong each sense is, and whether it is ever sure of nothing."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional as F

from smcrep.evaluation.fused_recognition import TEMPERATURE, Draws
from smcrep.fusion.head import DirectionHead, Look
from smcrep.transition import Beliefs

LEVEL = 0.1
"""Nominal share of p-values at or below it."""


@dataclass(frozen=True)
class Described:
    """A head on the queries of one cell, a mean for each object [o], in the order of their ids.

    variance    [o, m] that the head predicts of each sense's fault
    error       [o, m] the true one, of the same queries beside their clean selves
    weight      [o, m]
    unusual     [o] share of the queries whose p-value of all senses is at most LEVEL
    confidence  [] mean probability of the likeliest of the objects of an episode
    """

    variance: list[list[float]]
    error: list[list[float]]
    weight: list[list[float]]
    unusual: list[float]
    confidence: float


@torch.no_grad()
def describe(
    head: DirectionHead, known: Look, clean: Beliefs, queries: Beliefs, objects: np.ndarray, draws: Draws
) -> Described:
    """``clean`` [q] and ``queries`` [q] are the same observations of ``objects`` int64 [q]; ``known`` is what the head
    makes of the gallery."""
    look, inner = head.look(queries), head.directions
    variance, error = inner.variance(queries), true_fault(head, clean, queries)

    def by_object(values: Tensor) -> list:
        found = values.double().numpy()
        return [found[objects == o].mean(0).round(6).tolist() for o in np.unique(objects)]

    finite = torch.where(queries.present, variance, 0)
    unusual = (look.p_all <= LEVEL).double()
    d = head.invariant_dim
    confidence = _confidence(known.fused[..., :d], look.fused[..., :d], draws)
    return Described(by_object(finite), by_object(error), by_object(look.weight), by_object(unusual), confidence)


@torch.no_grad()
def true_fault(head: DirectionHead, clean: Beliefs, queries: Beliefs) -> Tensor:
    """[q, m]: |u' - u|^2 / 2 of each sense, what its fault did to its direction."""
    return (head.directions.directions(queries) - head.directions.directions(clean)).square().sum(-1) / 2


def _confidence(known: Tensor, asked: Tensor, draws: Draws) -> float:
    """Softmax over the objects of an episode of y . (mean direction of the object) / TEMPERATURE, invariant part alone;
    y is not normalised, so an embedding that is nothing in particular is every object alike."""
    means = F.normalize(known[draws.support].mean(2), dim=-1)
    scores = torch.einsum("ewqd,ecd->ewqc", asked[draws.query], means) / TEMPERATURE
    return float(scores.softmax(-1).amax(-1).mean())


def spearman(severity: np.ndarray, variance: np.ndarray) -> float:
    """Rank correlation over objects and severities: severity [s], variance [s, o]."""
    return float(stats.spearmanr(np.repeat(severity, variance.shape[1]), variance.ravel())[0])  # type: ignore[arg-type]


def slope(predicted: np.ndarray, true: np.ndarray) -> float:
    """Of log predicted variance on log true variance (least squares), over cells [c]."""
    return float(np.polyfit(np.log(true), np.log(predicted), 1)[0])

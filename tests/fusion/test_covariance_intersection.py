"""Covariance intersection against a general optimiser, the scalar case, and a sense given twice."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from smcrep.fusion import claimed_precision, covariance_intersection, covariance_intersection_trace, precision_weighted
from smcrep.transition import Beliefs

CRITERIA = {
    "covariance_intersection": (covariance_intersection, lambda total: -np.log(total).sum()),
    "covariance_intersection_trace": (covariance_intersection_trace, lambda total: (1 / total).sum()),
}


def beliefs_of(precision: np.ndarray, mean: np.ndarray | None = None) -> Beliefs:
    given = torch.as_tensor(precision)
    mean_ = torch.zeros_like(given) if mean is None else torch.as_tensor(mean)
    return Beliefs(mean_, given.log(), torch.ones(given.shape[:-1], dtype=torch.bool))


@pytest.mark.parametrize("name", CRITERIA)
def test_claims_the_optimum_that_a_general_optimiser_finds(name: str) -> None:
    rng = np.random.default_rng(0)
    precision, mean = np.exp(1.5 * rng.normal(size=(6, 3, 4))), rng.normal(size=(6, 3, 4))
    rule, criterion = CRITERIA[name]
    claimed = claimed_precision(name, beliefs_of(precision)).exp().numpy()
    fused, weight = rule(beliefs_of(precision, mean))
    for i, p in enumerate(precision):
        omega = minimize(
            lambda w, p=p: criterion(w @ p),
            np.full(3, 1 / 3),
            bounds=[(0, 1)] * 3,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            method="SLSQP",
            options={"ftol": 1e-12},
        ).x
        assert criterion(claimed[i]) == pytest.approx(criterion(omega @ p), abs=1e-4)
        share = omega[:, None] * p / (omega @ p)
        assert fused[i].numpy() == pytest.approx((share * mean[i]).sum(0), abs=0.01)
        assert weight[i].numpy() == pytest.approx(share.mean(1), abs=0.01)


@pytest.mark.parametrize("name", CRITERIA)
def test_the_scalar_case_picks_the_better_sense(name: str) -> None:
    beliefs = beliefs_of(np.array([[1.0], [1 / 2.0], [1 / 1.5]]), np.array([[3.0], [10.0], [-7.0]]))
    fused, weight = CRITERIA[name][0](beliefs)
    assert fused.item() == pytest.approx(3)
    assert weight.tolist() == pytest.approx([1, 0, 0])
    assert claimed_precision(name, beliefs).exp().item() == pytest.approx(1)


def test_senses_that_know_different_dimensions_are_combined() -> None:
    """By hand: precisions (4, 1) and (1, 4) have omega = 1/2, precision 2.5 in both, shares .8 and .2."""
    beliefs = beliefs_of(np.array([[4.0, 1.0], [1.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    for name, (rule, _) in CRITERIA.items():
        assert rule(beliefs)[0].tolist() == pytest.approx([0.8, 0.8])
        assert claimed_precision(name, beliefs).exp().tolist() == pytest.approx([2.5, 2.5])


def test_determinant_and_trace_differ_by_the_units() -> None:
    """By hand: precisions (4, 1) and (1, 16) at omega, 1 - omega. Determinant: (1 + 3w)(16 - 15w) has its top at
    w = 33/90; with a dimension in units ten times smaller it stays there, and the trace's moves."""
    p = np.array([[4.0, 1.0], [1.0, 16.0]])
    scaled = p * np.array([1.0, 0.01])
    w = 33 / 90
    share = np.array([4 * w, w]) / (w * p[0] + (1 - w) * p[1])
    for given in (p, scaled):
        assert covariance_intersection(beliefs_of(given))[1][0].item() == pytest.approx(share.mean(), abs=1e-4)
    trace = [covariance_intersection_trace(beliefs_of(given))[1][0].item() for given in (p, scaled)]
    assert abs(trace[0] - trace[1]) > 0.1


@pytest.mark.parametrize("times", [2, 5])
def test_a_sense_given_again_raises_what_the_product_claims_but_not_this(times: int) -> None:
    precision = np.array([[4.0, 1.0], [1.0, 4.0]])
    again = np.concatenate([precision, np.repeat(precision[:1], times - 1, 0)])
    for name in CRITERIA:
        once, more = (claimed_precision(name, beliefs_of(p)) for p in (precision, again))
        assert more.sum().item() == pytest.approx(once.sum().item(), abs=1e-3)
    assert claimed_precision("precision", beliefs_of(again)).exp().tolist() == pytest.approx([1 + 4 * times, 4 + times])


def test_claim_holds_where_the_products_does_not() -> None:
    """Errors correlated at .8, variances (1, 2): the product claims 2/3 and has 1.169, this claims and has 1."""
    g = torch.Generator().manual_seed(0)
    common, own = torch.randn(2, 200_000, 2, generator=g, dtype=torch.float64)
    errors = (math.sqrt(0.8) * common[:, :1] + math.sqrt(0.2) * own) * torch.tensor([1.0, 2.0]).sqrt()
    beliefs = beliefs_of(np.array([[1.0], [0.5]]))
    beliefs = Beliefs(errors[..., None], beliefs.log_precision.expand(200_000, 2, 1), torch.ones(200_000, 2).bool())
    assert precision_weighted(beliefs)[0].var().item() == pytest.approx(1.169, abs=0.015)
    assert covariance_intersection(beliefs)[0].var().item() == pytest.approx(1, abs=0.015)

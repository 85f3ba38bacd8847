"""Outcomes found by hypotheses about the senses: the decision by hand, odds as claimed, and senses that hold something
else before the action."""

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F

from smcrep.fusion.directions import fit_directions
from smcrep.fusion.fit_variance import VarianceFit, fit_variance
from smcrep.fusion.head import DirectionHead, calibrate
from smcrep.fusion.same_outcome import Predict, SameOutcome, fit_same_outcome
from smcrep.fusion.same_thing import SameThing
from smcrep.transition import Beliefs
from tests.fusion.test_directions import D, M, beliefs, noisy, planted

DE, ACTIONS = 6, 8


def before_and_after(seed: int, num: int = 60, noise: float = 0.3) -> tuple[Beliefs, Beliefs, Predict, Tensor]:
    """States of as many things: each sense reads which thing it is and a vector that an action turns, with noise; and
    those turns."""
    generator = torch.Generator().manual_seed(seed)
    thing = planted(generator, num=num, looks=1 + ACTIONS)[0].unflatten(0, (num, 1 + ACTIONS))
    turn = torch.linalg.qr(torch.randn(num, ACTIONS, DE, DE, generator=generator)).Q
    vector = torch.randn(num, DE, generator=generator)
    vectors = torch.cat([vector[:, None], (turn @ vector[:, None, :, None])[..., 0]], 1)
    read = vectors[:, :, None] + noise * torch.randn(num, 1 + ACTIONS, M, DE, generator=generator)
    seen = beliefs(torch.cat([thing, read], -1))

    def predict(z: Tensor) -> Tensor:
        return (turn @ z[..., None])[..., 0]

    return seen[:, 0], seen[:, 1:], predict, vector


@pytest.fixture(scope="module")
def fitted() -> SameOutcome:
    generator = torch.Generator().manual_seed(0)
    clean, thing, _ = planted(generator)
    rest = torch.randn(len(clean), M, DE, generator=generator)

    def with_rest(x: Tensor) -> Beliefs:
        return beliefs(torch.cat([x, rest], -1))

    head = DirectionHead(M, D, DE)
    fit_directions(head.directions, with_rest(clean), thing, shrinkage=0.1)
    torch.manual_seed(0)
    broken = with_rest(noisy(clean, generator)[0])
    fit_variance(head.directions, with_rest(clean), broken, VarianceFit(steps=150), generator)
    calibrate(head, with_rest(clean), generator)
    method = SameOutcome(head.requires_grad_(False))
    before, after, predict, _ = before_and_after(1)
    fit_same_outcome(method, predict, before, after)
    return method.eval()


@torch.no_grad()
def right(method: SameOutcome, predict: Predict, before: Beliefs, after: Beliefs) -> float:
    return float((method(predict, before, after).argmax(-1) == torch.arange(ACTIONS)).float().mean())


@torch.no_grad()
def right_by_embedding(head: DirectionHead, predict: Predict, before: Beliefs, after: Beliefs) -> float:
    expected = predict(head(before)[0][:, None, D:].expand(-1, ACTIONS, -1))
    cosines = F.normalize(expected, dim=-1) @ F.normalize(head(after)[0][..., D:], dim=-1).mT
    return float((cosines.argmax(-1) == torch.arange(ACTIONS)).float().mean())


def of_another(before: Beliefs, sense: int) -> Beliefs:
    """One sense's readings are those of the next state."""
    mean = before.mean.clone()
    mean[:, sense] = mean[:, sense].roll(1, 0)
    return replace(before, mean=mean)


@torch.no_grad()
def test_the_decision_is_the_sum_over_sets_of_senses_by_hand(fitted: SameOutcome) -> None:
    before, after, predict, _ = before_and_after(2, num=3)
    before = replace(before, present=torch.tensor([[True, True], [True, False], [True, True]]))
    found, head, e = fitted(predict, before, after), fitted.head, fitted.others
    sets = [(True, False), (False, True), (True, True)]
    observed = head(after)[0][..., D:]
    for s in range(3):
        likely = torch.zeros(ACTIONS, ACTIONS, dtype=torch.float64)
        for number, senses in enumerate(sets):
            own = before[s : s + 1]
            own = replace(own, present=own.present & torch.tensor(senses))
            if any(use and not there for use, there in zip(senses, before.present[s].tolist(), strict=True)):
                continue
            start = head(own)[0][0, D:]
            prior = 1.0
            for m, use in enumerate(senses):
                if before.present[s, m]:
                    prior *= 1 - e if use else e
            expected = predict(start.expand(3, ACTIONS, -1))[s]
            for i in range(ACTIONS):
                for j in range(ACTIONS):
                    cosine = float(F.cosine_similarity(expected[i], observed[s, j], dim=0))
                    slope, offset = float(fitted.slope[number]), float(fitted.offset[number])
                    likely[i, j] += prior * math.exp(slope * cosine + offset)
        torch.testing.assert_close(found[s].double(), (likely / likely.sum(-1, keepdim=True)).log(), atol=1e-4, rtol=0)


def test_a_sense_that_held_something_else_does_not_mislead(fitted: SameOutcome) -> None:
    before, after, predict, _ = before_and_after(3)
    assert right(fitted, predict, before, after) > 0.97
    for sense in range(M):
        misled = of_another(before, sense)
        assert right(fitted, predict, misled, after) > 0.9
        assert right_by_embedding(fitted.head, predict, misled, after) < 0.75, "the embedding alone is misled"


def test_ratios_are_those_of_a_logistic_regression(fitted: SameOutcome) -> None:
    """scikit-learn, without a penalty, on the cosines of the same beliefs."""
    before, after, predict, _ = before_and_after(1)
    with torch.no_grad():
        cosines = fitted.cosines(predict, before, after)
    true = torch.eye(ACTIONS, dtype=torch.bool).expand(cosines.shape[1:]).flatten().numpy()
    for slope, offset, own in zip(fitted.slope.tolist(), fitted.offset.tolist(), cosines, strict=True):
        peer = LogisticRegression(C=1e6, class_weight="balanced", tol=1e-8, max_iter=1000)
        peer.fit(own.flatten()[:, None].double().numpy(), true)
        assert slope == pytest.approx(float(np.ravel(peer.coef_)[0]), rel=0.02)
        assert offset == pytest.approx(float(np.ravel(peer.intercept_)[0]), rel=0.02)


@torch.no_grad()
def test_absent_senses_reach_nothing_and_without_any_all_outcomes_are_alike(fitted: SameOutcome) -> None:
    before, after, predict, _ = before_and_after(4)
    one = replace(before, present=torch.tensor([True, False]).expand(len(before.present), M))
    broken = one.mean.clone()
    broken[:, 1] = torch.nan
    found = fitted(predict, one, after)
    torch.testing.assert_close(found, fitted(predict, replace(one, mean=broken), after))
    ratios = fitted.slope[0] * fitted.cosines(predict, one, after)[0]
    torch.testing.assert_close(found, ratios.log_softmax(-1), atol=1e-5, rtol=1e-5)
    none = fitted(predict, replace(before, present=torch.zeros_like(before.present)), after)
    torch.testing.assert_close(none, torch.full_like(none, -math.log(ACTIONS)))
    turned = fitted(predict, before, after[:, torch.arange(ACTIONS).roll(1)])
    torch.testing.assert_close(turned, fitted(predict, before, after).roll(1, -1), msg="order of outcomes")


def test_a_saved_calibration_decides_the_same_and_others_are_refused(fitted: SameOutcome, tmp_path: Path) -> None:
    before, after, predict, _ = before_and_after(5, num=4)
    fitted.save(tmp_path / "outcome.safetensors")
    again = SameOutcome.load(fitted.head, tmp_path / "outcome.safetensors")
    with torch.no_grad():
        torch.testing.assert_close(again(predict, before, after), fitted(predict, before, after), atol=0, rtol=0)
    with pytest.raises(ValueError, match="3 senses"):
        SameOutcome.load(DirectionHead(3, D, DE), tmp_path / "outcome.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="is no calibration"):
        SameOutcome.load(fitted.head, tmp_path / "x.safetensors")
    SameThing(fitted.head).save(tmp_path / "thing.safetensors")
    with pytest.raises(ValueError, match="is no calibration"):
        SameOutcome.load(fitted.head, tmp_path / "thing.safetensors")


def test_bad_input_is_one_line(fitted: SameOutcome) -> None:
    before, after, predict, _ = before_and_after(6, num=4)
    with pytest.raises(ValueError, match="share between 0 and 1"):
        SameOutcome(fitted.head, others=1.0)
    absent = replace(before, present=torch.zeros_like(before.present))
    with pytest.raises(ValueError, match="senses absent in 8 beliefs"):
        fit_same_outcome(SameOutcome(fitted.head), predict, absent, after)
    with pytest.raises(ValueError, match=r"outcomes \(4, 1\)"):
        fit_same_outcome(SameOutcome(fitted.head), partial(predict), before, after[:, :1])

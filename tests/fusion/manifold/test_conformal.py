"""p-values that hold whatever the scores: exact for few observations, by simulation in every group."""

from itertools import permutations

import pytest
import torch

from smcrep.fusion.manifold import Conformal, fit_conformal, group_of_senses
from tests.fusion.manifold.planted import generator

ZERO = torch.tensor([0])


def p_of(calibration: list[float], score: float) -> float:
    found = fit_conformal(torch.tensor(calibration), torch.zeros(len(calibration), dtype=torch.int64))
    return float(found.p_value(torch.tensor([score]), ZERO))


def test_p_value_by_hand() -> None:
    scores = [3.0, 1, 2, 2]
    assert [p_of(scores, s) for s in (4, 3, 2.5, 2, 1.5, 1, 0)] == pytest.approx([0.2, 0.4, 0.4, 0.8, 0.8, 1, 1])


def test_every_order_of_exchangeable_scores_gives_every_p_value_equally_often() -> None:
    """All orders of 5 scores, the last of them tested: p is uniform on 1/5, ..., 5/5, exactly."""
    found = sorted(p_of(list(order[:4]), order[4]) for order in permutations([0.3, 7.0, -1.0, 2.0, 2.5]))
    assert found == pytest.approx(sorted([k / 5 for k in range(1, 6)] * 24))


def test_ties_only_make_it_larger() -> None:
    found = [p_of(list(order[:3]), order[3]) for order in permutations([1.0, 1.0, 2.0, 2.0])]
    for a in (0.25, 0.5, 0.75, 1):
        assert sum(p <= a for p in found) / len(found) <= a


def test_coverage_in_every_group_though_their_scores_differ() -> None:
    """Group 5 scores ten times as high as group 2. Each keeps its level; one calibration for both does not."""
    g = generator()
    groups = torch.tensor([2, 5]).repeat(100)
    rejected, pooled = torch.zeros(2), torch.zeros(2)
    for _ in range(300):
        calibration, test = (torch.randn(200, generator=g).exp() * torch.where(groups == 5, 10, 1) for _ in range(2))
        p = fit_conformal(calibration, groups).p_value(test, groups)
        together = fit_conformal(calibration, 0 * groups).p_value(test, 0 * groups)
        for i, name in enumerate((2, 5)):
            rejected[i] += (p[groups == name] <= 0.1).float().mean() / 300
            pooled[i] += (together[groups == name] <= 0.1).float().mean() / 300
    # Of 100 scores, P(p <= .1) = floor(.1 * 101) / 101
    assert rejected.tolist() == pytest.approx([10 / 101, 10 / 101], abs=0.008)
    assert pooled[0] < 0.02
    assert pooled[1] > 0.15


def test_a_group_that_was_not_calibrated_is_refused() -> None:
    found = fit_conformal(torch.rand(10), torch.tensor([1, 4]).repeat(5))
    for group in (0, 2, 9):
        words = rf"Conformal: group {group} was not calibrated, only \[1, 4\]; calibrate with observations of that"
        with pytest.raises(ValueError, match=words):
            found.p_value(torch.rand(3), torch.tensor([1, group, 4]))


def test_a_score_that_is_none_is_the_most_unusual_and_calibrates_nothing() -> None:
    assert p_of([1.0, 2, 3], torch.nan) == 0.25
    with pytest.raises(ValueError, match=r"fit_conformal: scores \[2\], groups \[2\], 1 scores NaN; give one number"):
        fit_conformal(torch.tensor([1.0, torch.nan]), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"scores \[0\]"):
        fit_conformal(torch.zeros(0), torch.zeros(0, dtype=torch.int64))


def test_groups_are_the_sets_of_senses() -> None:
    present = torch.cartesian_prod(*[torch.tensor([False, True])] * 3)
    assert group_of_senses(present).unique().tolist() == list(range(8))
    assert group_of_senses(torch.tensor([[[True, False, True]]])).tolist() == [[5]]


def test_shape_is_kept_and_what_is_saved_is_loaded() -> None:
    groups = torch.arange(3).repeat(20)
    found = fit_conformal(torch.rand(60, generator=generator()), groups)
    loaded = Conformal.from_state_dict(found.state_dict())
    score = torch.rand(4, 5, generator=generator(1))
    group = torch.arange(20).reshape(4, 5) % 3
    p = loaded.p_value(score, group)
    assert p.shape == (4, 5)
    assert float(p[1, 2]) == float(found.p_value(score[1, 2], group[1, 2]))

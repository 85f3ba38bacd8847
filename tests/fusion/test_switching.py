"""The conflict curve: averages nearby, selects far apart, alike in both orders, sooner for unequal cues."""

import pytest
import torch

from smcrep.fusion.field import FieldConstants
from smcrep.fusion.switching import switch_curve

DISPARITY = torch.linspace(0, 3, 16, dtype=torch.float64)


def test_leaves_the_mean_for_the_more_precise_cue() -> None:
    curve = switch_curve(DISPARITY, 0.6)
    assert (curve.percept - curve.product).abs()[:, DISPARITY < 0.7].max() < 0.05
    assert curve.product[0, -1].item() == pytest.approx(-0.5 * 3 * 0.2)
    cue = torch.stack([-DISPARITY / 2, DISPARITY / 2])
    assert (curve.percept - cue).abs()[:, DISPARITY > 1.5].max() < 0.05
    assert (curve.num_peaks == 1).all()
    assert curve.switch.tolist() == pytest.approx([1.0, 1.0], abs=0.2)


def test_both_orders_are_mirror_images() -> None:
    curve = switch_curve(DISPARITY, 0.7)
    torch.testing.assert_close(curve.percept[0], -curve.percept[1], atol=1e-6, rtol=0)


def test_equal_cues_are_undecided_and_switch_later() -> None:
    curve = switch_curve(DISPARITY, 0.5)
    assert (curve.num_peaks[:, DISPARITY < 1.1] == 1).all()
    assert (curve.num_peaks[:, DISPARITY > 1.5] == 2).all()
    assert (curve.switch > switch_curve(DISPARITY, 0.7).switch).all()


def test_no_bump_is_nan_and_no_switch_is_infinite() -> None:
    silent = switch_curve(DISPARITY, 0.6, constants=FieldConstants(rest=-3))
    assert silent.percept.isnan().all()
    assert silent.switch.tolist() == [0, 0]
    assert switch_curve(DISPARITY[:3], 0.6).switch.tolist() == [torch.inf, torch.inf]

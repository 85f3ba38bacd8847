"""What lies in the span of predictions is reached, what is orthogonal to it is not, and a half is a half."""

import numpy as np
import pytest

from smcrep.probes.collapse.indicators import rank_me
from smcrep.probes.collapse.reach import reach

RNG = np.random.default_rng(0)
PREDICTIONS = RNG.standard_normal((200, 4)) @ np.eye(4, 6)  # the last two of six directions are missing
PREDICTIONS += 3.0  # a common mean is no direction


@pytest.mark.parametrize(("effect", "expected"), [((0, 1), 1.0), ((4, 5), 0.0), ((1, 5), 0.5)])
def test_share_of_the_effect_in_the_span(effect: tuple[int, int], expected: float) -> None:
    effects = np.zeros((50, 6))
    effects[:, list(effect)] = RNG.choice([-1.0, 1.0], (50, 2))
    assert reach(PREDICTIONS, effects) == pytest.approx(expected, abs=1e-9)


def test_nothing_is_reached_of_no_effect_or_by_a_constant() -> None:
    assert reach(PREDICTIONS, np.zeros((50, 6))) == 0
    assert reach(PREDICTIONS, np.full((50, 6), 1e-7)) == 0
    assert reach(np.ones((20, 6)), RNG.standard_normal((50, 6))) == 0


def test_weak_directions_count_and_the_rank_does_not_tell() -> None:
    weak = RNG.standard_normal((400, 6)) * np.array([1, 1, 1, 1, 1, 1e-2])
    effects = np.zeros((50, 6))
    effects[:, 5] = 1
    assert reach(weak, effects) == pytest.approx(1)
    assert rank_me(weak) < rank_me(PREDICTIONS) + 1.2


def test_what_counts_is_measured_against_the_largest_direction() -> None:
    predictions = np.random.default_rng(1).standard_normal((400, 3)) * np.array([100, 1, 0.5])
    effects = np.zeros((50, 3))
    effects[:, 1] = 10
    assert reach(predictions, effects, tolerance=0.05) == pytest.approx(0, abs=1e-3)
    assert reach(predictions, effects, tolerance=1e-3) == pytest.approx(1, abs=1e-3)

"""What a signal is worth to a probe against closed forms; a fault of the data that was planted is read off."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from smcrep.probes.collapse.worth import products, read_with_products, standing_still, worth, worth_with_key

N = 6000


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


SIGNAL, OTHERS, NOISE = normal(0, N, 2), normal(1, N, 3), normal(2, N, 1)


def test_what_is_added_is_worth_its_share_of_the_variance_at_any_order() -> None:
    """Of s + 2 o + e / 2 the signal has 1 / 5.25."""
    target = SIGNAL[:, :1] + 2 * OTHERS[:, :1] + NOISE / 2
    for order in (1, 2):
        assert worth(target, SIGNAL, OTHERS, order=order) == pytest.approx(1 / 5.25, abs=0.01)


def test_a_product_with_another_is_worth_something_from_order_two_on() -> None:
    target = SIGNAL[:, :1] * OTHERS[:, :1] + NOISE
    assert worth(target, SIGNAL, OTHERS, order=1) == pytest.approx(0, abs=0.01)
    assert worth(target, SIGNAL, OTHERS, order=2) == pytest.approx(0.5, abs=0.02)


def test_a_sign_that_two_others_hold_is_a_key() -> None:
    """The best multiple of s o1 o2 for s sign(o1 o2) has R2 (E|o1 o2|)^2 = (2 / pi)^2."""
    target = SIGNAL[:, :1] * np.sign(OTHERS[:, :1] * OTHERS[:, 1:2])
    assert worth(target, SIGNAL, OTHERS) == pytest.approx(0, abs=0.02)
    assert worth_with_key(target, SIGNAL, OTHERS) == pytest.approx((2 / np.pi) ** 2, abs=0.03)
    assert worth_with_key(SIGNAL[:, :1] + NOISE, SIGNAL, OTHERS) == pytest.approx(0, abs=0.01)
    assert worth_with_key(target, np.roll(SIGNAL, 1, 0), OTHERS) == pytest.approx(0, abs=0.01)


def test_shuffled_rows_and_rows_that_the_others_tell_are_worth_nothing() -> None:
    target = SIGNAL[:, :1] + NOISE / 2
    assert worth(target, np.roll(SIGNAL, 1, 0), OTHERS) == pytest.approx(0, abs=0.01)
    assert worth(target, SIGNAL, np.hstack([OTHERS, SIGNAL])) == pytest.approx(0, abs=0.01)


def test_products_are_those_of_two_different_columns() -> None:
    found = products(OTHERS)
    assert found == pytest.approx(np.stack([OTHERS[:, a] * OTHERS[:, b] for a, b in ((0, 1), (0, 2), (1, 2))], 1))
    assert products(OTHERS[:, :1]).shape == (N, 0)
    assert read_with_products(OTHERS, found[:, 1:2]) == pytest.approx(1, abs=0.001)
    assert read_with_products(OTHERS, SIGNAL) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_targets_that_stand_still_are_counted(share: float) -> None:
    """In this share of states the signal did nothing."""
    states, k = 4000, 5
    effect, noise = 2 * normal(3, states, k, 2), normal(4, 2, states, k, 2)
    moved = (np.arange(states) >= share * states)[:, None, None]
    found = standing_still(effect * moved + noise[0], effect + noise[0], noise[1])
    assert found == pytest.approx(share, abs=0.03)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="worth: signal hold NaN or infinity in 6000 of 6000 rows"):
        worth(NOISE, SIGNAL * np.nan, OTHERS)


def test_a_key_is_worth_what_scikit_learn_makes_of_it() -> None:
    """Two ridge regressions, one on what is left by the other, with a hundredth of the rows as penalty."""
    rows, sums = 40, np.zeros(2)
    signal, others, noise = SIGNAL[:rows], OTHERS[:rows, :2], NOISE[:rows]
    key = others[:, :1] * others[:, 1:]
    target, known = signal[:, :1] * np.sign(key) + noise, np.hstack([others, key])
    for train, test in ((slice(0, 20), slice(20, 40)), (slice(20, 40), slice(0, 20))):
        parts = []
        for x in (known, signal * key, target):
            scale = StandardScaler().fit(x[train])
            parts.append((scale.transform(x[train]), scale.transform(x[test])))
        (x, x_test), (own, own_test), (y, y_test) = parts
        first = Ridge(alpha=0.2, fit_intercept=False).fit(x, y)
        left, left_test = y - first.predict(x).reshape(-1, 1), y_test - first.predict(x_test).reshape(-1, 1)
        second = Ridge(alpha=0.2, fit_intercept=False).fit(own, left)
        after = left_test - second.predict(own_test).reshape(-1, 1)
        sums += np.square(left_test).sum() - np.square(after).sum(), np.square(y_test).sum()
    assert worth_with_key(target, signal, others) == pytest.approx(sums[0] / sums[1], rel=1e-9)

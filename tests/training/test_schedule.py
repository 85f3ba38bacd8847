from itertools import pairwise

import pytest

from smcrep.training.recipes import Optim
from smcrep.training.schedule import learning_rate


def test_warm_up_then_half_a_cosine() -> None:
    optim = Optim(lr=2.0, warmup=4, steps=104)
    assert [learning_rate(s, optim) for s in range(4)] == [0.5, 1.0, 1.5, 2.0]
    assert learning_rate(4, optim) == 2.0
    assert learning_rate(54, optim) == pytest.approx(1.0)
    assert learning_rate(104, optim) == pytest.approx(0.0)
    rates = [learning_rate(s, optim) for s in range(4, 104)]
    assert all(a > b > 0 for a, b in pairwise(rates))


def test_nothing_but_warm_up() -> None:
    optim = Optim(lr=1.0, warmup=10, steps=5)
    assert learning_rate(4, optim) == pytest.approx(0.5)

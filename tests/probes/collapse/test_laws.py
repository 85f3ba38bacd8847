"""Group laws of predictors that keep them, and of ones that break each by a known amount."""

import pytest
import torch
from torch import Tensor

from smcrep.probes.collapse.laws import Group, predictor_laws

MATRICES = Group(lambda first, second: second @ first, torch.linalg.inv)


def rows(n: int = 50) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    g = torch.Generator().manual_seed(0)
    z, *actions = torch.randn(4, n, 3, generator=g, dtype=torch.float64)
    return z, tuple(actions)  # type: ignore[return-value]


def test_addition_keeps_every_law() -> None:
    z, actions = rows()
    found = predictor_laws(lambda x, a: x + a, z, actions, z + actions[0])
    for name in ("identity", "inverse", "composition", "loop"):
        assert getattr(found, name).value == pytest.approx(0, abs=1e-12)
    assert found.gain.value > 0.1


def test_a_constant_drift_breaks_each_law_by_as_often_as_it_is_added() -> None:
    """P(z, a) = z + a + c: identity c, inverse 2 c, composition c (two steps against one), loop 4 c."""
    z, actions = rows()
    drift = torch.tensor([0.3, 0.0, 0.0], dtype=torch.float64)
    found = predictor_laws(lambda x, a: x + a + drift, z, actions, z + actions[0])
    scale = actions[0].norm(dim=-1).mean().item()
    for name, times in {"identity": 1, "inverse": 2, "composition": 1, "loop": 4}.items():
        assert getattr(found, name).value == pytest.approx(0.3 * times / scale)


def test_matrices_in_the_wrong_order_break_composition_alone() -> None:
    g = torch.Generator().manual_seed(1)
    turns = tuple(torch.linalg.qr(torch.randn(40, 3, 3, generator=g, dtype=torch.float64))[0] for _ in range(3))
    z = torch.randn(40, 3, generator=g, dtype=torch.float64)

    def turn(x: Tensor, a: Tensor) -> Tensor:
        return (a @ x[..., None])[..., 0]

    right = predictor_laws(turn, z, turns, turn(z, turns[0]), group=MATRICES)  # type: ignore[arg-type]
    wrong = Group(lambda first, second: first @ second, torch.linalg.inv)
    other = predictor_laws(turn, z, turns, turn(z, turns[0]), group=wrong)  # type: ignore[arg-type]
    assert right.composition.value < 1e-12
    assert right.loop.value < 1e-12
    assert other.composition.value > 0.3
    assert other.identity.value < 1e-12

"""Growing neural gas against the published rule, one observation after the other, and on shapes that are known."""

import pytest
import torch

from smcrep.fusion.manifold import fit_gng, topographic_error
from smcrep.fusion.manifold.gng import MAX_AGE, NEIGHBOUR_RATE, WINNER_RATE, Gas, adapted, grown
from smcrep.fusion.manifold.map import adjacency
from tests.fusion.manifold.planted import LENGTH, generator, helix, noisy_helix

INF = torch.inf


def chain() -> Gas:
    """Units at 0, 1, 2 on a line, edges 0-1 (age 3) and 1-2 (age 5)."""
    age = torch.tensor([[INF, 3, INF], [3, INF, 5], [INF, 5, INF]])
    return Gas(torch.tensor([[0.0], [1.0], [2.0]]), age)


def test_a_batch_of_one_is_the_published_step() -> None:
    """Fritzke 1995, steps 2 to 7, by hand: 1.1 is nearest to 1, then to 2."""
    gas, error = adapted(chain(), torch.tensor([[1.1]]))
    expected = [0 + NEIGHBOUR_RATE * 1.1, 1 + WINNER_RATE * 0.1, 2 + NEIGHBOUR_RATE * (1.1 - 2)]
    assert gas.units[:, 0].tolist() == pytest.approx(expected)
    assert error.tolist() == pytest.approx([0, 0.01, 0], abs=1e-6)
    assert gas.age.tolist() == [[INF, 4, INF], [4, INF, 0], [INF, 0, INF]]


def test_a_batch_moves_by_the_product_of_what_each_leaves() -> None:
    """Equal observations one after the other shrink the distance by (1 - rate) each; a batch of them does the same."""
    gas, _ = adapted(chain(), torch.full((7, 1), 1.1))
    assert float(gas.units[1, 0]) == pytest.approx(1.1 - 0.1 * (1 - WINNER_RATE) ** 7, rel=1e-5)
    assert float(gas.units[0, 0]) == pytest.approx(1.1 - 1.1 * (1 - NEIGHBOUR_RATE) ** 7, rel=1e-5)


def test_the_target_is_the_mean_weighted_by_the_rates() -> None:
    x = torch.tensor([[-0.2], [0.1], [1.2], [2.4]])  # won by 0, 0, 1, 2
    units = chain().units
    for k, (own, others) in enumerate([([-0.2, 0.1], [1.2]), ([1.2], [-0.2, 0.1, 2.4]), ([2.4], [1.2])]):
        weights = [WINNER_RATE] * len(own) + [NEIGHBOUR_RATE] * len(others)
        target = sum(w * v for w, v in zip(weights, own + others, strict=True)) / sum(weights)
        left = (1 - WINNER_RATE) ** len(own) * (1 - NEIGHBOUR_RATE) ** len(others)
        found = float(adapted(chain(), x)[0].units[k, 0])
        assert found == pytest.approx(target + left * (float(units[k, 0]) - target), abs=1e-6)


def test_old_edges_die_and_units_without_edges_with_them() -> None:
    gas, error = adapted(chain(), torch.full((MAX_AGE, 1), 0.9))  # between 1 and 0
    assert len(gas.units) == 2
    assert len(error) == 2
    assert gas.age.tolist() == [[INF, 0], [0, INF]]


def test_a_new_unit_lies_between_the_worst_and_its_worst_neighbour() -> None:
    gas, error = grown(chain(), torch.tensor([3.0, 8.0, 4.0]))
    assert gas.units[:, 0].tolist() == [0, 1, 2, 1.5]
    assert error.tolist() == [3, 4, 2, 4]
    assert gas.age.tolist() == [[INF, 3, INF, INF], [3, INF, INF, 0], [INF, INF, INF, 0], [INF, 0, 0, INF]]


def test_a_curve_is_laid_out_in_its_order_and_length() -> None:
    _, x = noisy_helix(10_000)
    found = fit_gng(x, num_units=30, dims=1, num_passes=10, generator=generator())
    assert len(found.units) == 30
    t = torch.linspace(0.1, 2.9, 50)
    position = found.positions[found.winners(helix(t))[:, 0], 0]
    assert abs(float(torch.corrcoef(torch.stack([t, position]))[0, 1])) > 0.998
    assert float(found.positions.max() - found.positions.min()) == pytest.approx(LENGTH, rel=0.1)
    assert topographic_error(found, x) < 0.02


def test_no_edge_joins_what_lies_apart() -> None:
    """Two clouds, which a grid would join."""
    x = torch.randn(6000, 4, generator=generator()) * 0.1
    x[::2, 0] += 10
    found = fit_gng(x, num_units=12, num_passes=10, generator=generator())
    side = (found.units * found.scale + found.mean)[:, 0] > 5
    assert 3 <= int(side.sum()) <= 9
    assert (side[found.edges[:, 0]] == side[found.edges[:, 1]]).all()
    assert (adjacency(found.edges, 12).sum(1) >= 1).all()
    assert found.positions.isfinite().all()
    assert float((found.positions[side].mean(0) - found.positions[~side].mean(0)).norm()) == pytest.approx(10, rel=0.1)


def test_same_generator_same_map() -> None:
    _, x = noisy_helix(2000)
    a, b = (fit_gng(x, num_units=8, num_passes=4, generator=generator(3)) for _ in range(2))
    assert all(torch.equal(v, b.state_dict()[k]) for k, v in a.state_dict().items())

"""The batch SOM against its formula in loops, and on a curve that is known."""

import math

import pytest
import torch

from smcrep.fusion.manifold import ManifoldMap, Whitening, fit_som, quantisation_error, topographic_error
from smcrep.fusion.manifold.som import batch_som, grid_edges, radii, square_grid
from tests.fusion.manifold.planted import LENGTH, generator, helix, noisy_helix


def test_equals_the_batch_formula_in_loops() -> None:
    """Oracle: Kohonen's formula with plain numbers, one observation after the other."""
    x = torch.randn(40, 3, generator=generator(), dtype=torch.float64)
    start = torch.randn(6, 3, generator=generator(1), dtype=torch.float64)
    grid = torch.tensor([[i, j] for i in range(2) for j in range(3)], dtype=torch.float64)
    units = start.tolist()
    for radius in (1.5, 0.7):
        top, bottom = [[0.0] * 3 for _ in units], [0.0] * 6
        for row in x.tolist():
            distance = [sum((a - b) ** 2 for a, b in zip(row, unit, strict=True)) for unit in units]
            c = distance.index(min(distance))
            for k in range(6):
                apart = sum((a - b) ** 2 for a, b in zip(grid[k].tolist(), grid[c].tolist(), strict=True))
                h = math.exp(-apart / (2 * radius**2))
                bottom[k] += h
                top[k] = [t + h * v for t, v in zip(top[k], row, strict=True)]
        units = [[t / bottom[k] for t in top[k]] for k in range(6)]
    found = batch_som(x, start, grid, (1.5, 0.7))
    torch.testing.assert_close(found, torch.tensor(units, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_a_unit_that_nothing_reaches_stays() -> None:
    start = torch.tensor([[0.0], [1.0], [50.0]])
    found = batch_som(torch.tensor([[0.2], [1.2]]), start, torch.tensor([[0.0], [100.0], [200.0]]), (0.5,))
    torch.testing.assert_close(found, torch.tensor([[0.2], [1.2], [50.0]]))


def test_grid_its_edges_and_its_radii() -> None:
    assert square_grid(9, 2).tolist() == [[i, j] for i in range(3) for j in range(3)]
    assert square_grid(30, 3).shape == (27, 3)
    assert grid_edges(square_grid(3, 1)).tolist() == [[0, 1], [1, 2]]
    # 2 rows of 2: all six pairs; 3 by 3: 12 along the axes, 8 diagonals
    assert len(grid_edges(square_grid(4, 2))) == 6
    assert len(grid_edges(square_grid(9, 2))) == 20
    assert radii(square_grid(16, 1), 4) == pytest.approx([8, 4, 2, 1])
    assert radii(square_grid(16, 1), 1) == [8]


def test_a_curve_is_laid_out_in_its_order_and_length() -> None:
    _, x = noisy_helix(20_000)
    found = fit_som(x, num_units=40, dims=1, generator=generator())
    t = torch.linspace(0.1, 2.9, 50)
    position = found.positions[found.winners(helix(t))[:, 0], 0]
    assert abs(float(torch.corrcoef(torch.stack([t, position]))[0, 1])) > 0.999
    assert float(found.positions.max() - found.positions.min()) == pytest.approx(LENGTH, rel=0.1)
    assert topographic_error(found, x) < 0.01
    # Of noise alone: seven of eight directions of .05, and a little of the cells
    assert quantisation_error(found, x) * float(found.scale[0]) == pytest.approx(0.05 * 7**0.5, rel=0.05)
    assert found.counts.sum() == len(x)


def test_another_unit_of_measurement_changes_only_lengths() -> None:
    _, x = noisy_helix(3000)
    plain = fit_som(x, num_units=16, dims=1, generator=generator())
    moved = fit_som(4 * x + 2, num_units=16, dims=1, generator=generator())
    torch.testing.assert_close(moved.units, plain.units, rtol=1e-3, atol=1e-3)
    span = [m.positions.max() - m.positions.min() for m in (moved, plain)]
    assert float(span[0] / span[1]) == pytest.approx(4, rel=1e-2)


def test_whitening_that_is_given_is_used() -> None:
    _, x = noisy_helix(1000)
    given = Whitening(torch.zeros(8), torch.full((8,), 2.0))
    found = fit_som(x, num_units=8, dims=1, whitening=given, generator=generator())
    assert torch.equal(found.scale, given.scale)
    assert torch.equal(found.mean, given.mean)
    assert found.whiten(x[:3]).tolist() == (x[:3] / 2).tolist()


def test_same_generator_same_map() -> None:
    _, x = noisy_helix(6000)
    a, b = (fit_som(x, num_units=9, generator=generator(3)) for _ in range(2))
    assert isinstance(a, ManifoldMap)
    assert all(torch.equal(v, b.state_dict()[k]) for k, v in a.state_dict().items())


@pytest.mark.parametrize(
    ("x", "units", "words"),
    [
        (torch.zeros(10, 4), 20, r"map: x of shape \[10, 4\] for 20 units in 2 dimensions; give \[b, d\]"),
        (torch.zeros(10, 2), 5, "d > dims >= 1"),
        (torch.zeros(10, 4), 3, "units >= dims"),
        (torch.full((10, 4), torch.nan), 5, "map: 40 numbers of x are NaN or infinite; leave those rows out"),
    ],
)
def test_bad_observations_are_refused_in_one_line(x: torch.Tensor, units: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fit_som(x, num_units=units, generator=generator())


def test_observations_without_noise_or_all_alike_give_finite_numbers() -> None:
    for x in (helix(torch.linspace(0, 3, 200)), torch.ones(200, 8)):
        found = fit_som(x, num_units=8, dims=1, generator=generator())
        assert all(v.isfinite().all() for v in found.state_dict().values())
        assert (found.variance > 0).all()

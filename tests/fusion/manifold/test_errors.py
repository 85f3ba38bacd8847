"""Errors of a map of three units, by hand."""

from dataclasses import replace

import pytest
import torch

from smcrep.fusion.manifold import ManifoldMap, quantisation_error, topographic_error


def three_units(edges: list[list[int]]) -> ManifoldMap:
    """At 0, 1 and 3 of the first axis; whitened by a scale of 2."""
    units = torch.tensor([[0.0, 0], [1, 0], [3, 0]])
    ones = torch.ones(3, 2)
    slope = torch.tensor([[1.0], [0]]).expand(3, 2, 1)
    return ManifoldMap(
        torch.zeros(2), torch.full((2,), 2.0), units, torch.tensor(edges), 2 * units[:, :1], ones[:, 0], slope, ones,
        ones[:, 0],
    )  # fmt: skip


def test_quantisation_error_is_the_mean_whitened_distance() -> None:
    x = torch.tensor([[0.0, 2], [2, 6]])  # whitened (0, 1) and (1, 3): distances 1 and 3
    assert quantisation_error(three_units([[0, 1]]), x) == pytest.approx(2)


def test_topographic_error_counts_those_whose_two_nearest_are_no_neighbours() -> None:
    # Whitened .1, .9, 2.9, 2.2 beside units at 0, 1, 3: the nearest two are 0-1, 1-0, 2-1, 2-1
    x = torch.tensor([[0.2, 0], [1.8, 0], [5.8, 0], [4.4, 0]])
    chain = three_units([[0, 1], [1, 2]])
    assert topographic_error(chain, x) == 0
    assert topographic_error(replace(chain, edges=torch.tensor([[0, 1]])), x) == 0.5
    assert topographic_error(replace(chain, edges=torch.tensor([[0, 2]])), x) == 1

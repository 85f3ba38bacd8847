"""The baseline: a plain mean, and what the learned head does when its precisions become equal."""

import torch

from smcrep.fusion import equal_precision, precision_weighted
from smcrep.transition import Beliefs


def test_is_the_mean_over_the_senses_present() -> None:
    mean = torch.tensor([[[1.0, 2.0], [5.0, 6.0]], [[1.0, 2.0], [5.0, 6.0]]])
    present = torch.tensor([[True, True], [False, True]])
    fused, weight = equal_precision(Beliefs(mean, torch.randn(2, 2, 2), present))
    assert fused.tolist() == [[3, 4], [5, 6]]
    assert weight.tolist() == [[0.5, 0.5], [0, 1]]


def test_is_the_limit_of_equal_precision() -> None:
    g = torch.Generator().manual_seed(0)
    mean, difference = torch.randn(4, 3, 5, generator=g), torch.randn(4, 3, 5, generator=g)
    present = torch.ones(4, 3, dtype=torch.bool)
    expected, _ = equal_precision(Beliefs(mean, difference, present))
    distance = []
    for size in (1.0, 0.1, 0.01, 0.0):
        fused, _ = precision_weighted(Beliefs(mean, 7 + size * difference, present))
        distance.append((fused - expected).abs().max().item())
    assert distance[0] > 5 * distance[1] > 25 * distance[2]
    assert distance[3] < 1e-6

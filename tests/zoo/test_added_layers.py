"""Layers that a cure adds: by their formulas, only where they are switched on, and nothing without their weights."""

import torch

from smcrep.zoo import ARCHITECTURES, Specimen, stacked
from smcrep.zoo.added_layers import conditioned, standardised
from smcrep.zoo.network import predict, start


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_standardised_features_of_one_model_and_not_of_another() -> None:
    x = torch.randn(2, 4, 50, 8, generator=seeded()) * 1e-3 + 5
    x[0, 1] = 5 + 1e-7 * torch.randn(50, 8, generator=seeded())  # a dead wire, and rounding
    p = {
        "standard.on": torch.tensor([1.0, 0.0]),
        "standard.mean": x.mean(2, keepdim=True),
        "standard.std": x.std(2, keepdim=True),
    }
    got = standardised(p, x)
    own = x[0, 2, :, 3]
    assert torch.allclose(got[0, 2, :, 3], (own - own.mean()) / own.std())
    assert (got[0, 1] == 0).all()
    assert torch.equal(got[1], x[1])
    assert standardised({}, x) is x


def test_conditioned_scales_and_shifts_by_the_features_of_the_suspect() -> None:
    h, found = torch.rand(2, 3, 40, generator=seeded()), torch.randn(2, 4, 3, 8, generator=seeded(1))
    weight, bias = torch.randn(2, 32, 80, generator=seeded(2)), torch.randn(2, 1, 80, generator=seeded(3))
    on = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    p = {"condition_on": on, "adapter.weight": weight, "adapter.bias": bias}
    got = conditioned(p, h, found)
    for row in range(3):
        both = bias[0, 0].clone()
        for i in range(8):
            both += found[0, 1, row, i] * weight[0, 8 + i]
        assert torch.allclose(got[0, row], h[0, row] * (1 + both[:40]) + both[40:], atol=1e-5)
    assert torch.equal(got[1], h[1])


def test_an_adapter_of_zeros_leaves_the_model_as_it_was() -> None:
    stack = stacked((Specimen(), Specimen()))
    inputs = torch.randn(2, 5, 4, 6, generator=seeded())
    for architecture in ARCHITECTURES:
        p = start(architecture, stack, seeded())
        adapter = {
            "condition_on": torch.ones(2, 4),
            "adapter.weight": torch.zeros(2, 32, 80),
            "adapter.bias": torch.zeros(2, 1, 80),
        }
        assert torch.equal(predict(p, inputs, architecture, stack), predict(p | adapter, inputs, architecture, stack))

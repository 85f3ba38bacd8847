"""Vectors are scaled by what was fitted; a batch equals its items."""

import torch

from smcrep.encoders.vector import VectorEncoder


def vectors(n: int = 5) -> torch.Tensor:
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(0))


def test_batch_equals_its_items_and_may_be_empty() -> None:
    of, x = VectorEncoder([0.0] * 3, [1.0] * 3, 8), vectors()
    items = [of(item[None]) for item in x]
    for i, whole in enumerate(of(x)):
        assert whole.shape == (5, 8)
        torch.testing.assert_close(whole, torch.cat([item[i] for item in items]))
        assert of(x[:0])[i].shape == (0, 8)


def test_scale_undoes_a_change_of_unit() -> None:
    one, other = VectorEncoder([0.0] * 3, [1.0] * 3, 8), VectorEncoder([5.0, 0.0, 0.0], [2.0, 1.0, 10.0], 8)
    other.load_state_dict(one.state_dict())  # the scale is none of the weights
    x = vectors()
    changed = x * torch.tensor([2.0, 1.0, 10.0]) + torch.tensor([5.0, 0.0, 0.0])
    for a, b in zip(one(x), other(changed.double()), strict=True):
        torch.testing.assert_close(a, b)

"""A planted demonstrator is followed; what never varies, and other randomness, change nothing."""

import numpy as np
import pytest
import torch
from torch import Tensor

from smcrep.vla.cloning import clone

MIXING = torch.randn(5, 6, generator=torch.Generator().manual_seed(1)) / 3


def demonstrator(seen: Tensor) -> Tensor:
    """[..., 5] -> [..., 2, 3]."""
    return (seen @ MIXING).tanh().unflatten(-1, (2, 3))


@pytest.fixture(scope="module")
def seen() -> Tensor:
    return torch.randn(600, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 5, 0.2, 1, 1]) + 3


def test_a_demonstrator_is_followed_where_nobody_showed_how(seen: Tensor) -> None:
    scaled = (seen - 3) / torch.tensor([1, 5, 0.2, 1, 1])
    act = clone(seen[:500], demonstrator(scaled)[:500], steps=800, seed=0)
    found, true = torch.from_numpy(act(seen[500:].numpy())), demonstrator(scaled)[500:]
    assert found.shape == (100, 2, 3)
    assert float((found - true).square().mean()) < 0.1 * float(true.square().mean())
    assert act(seen[500].numpy()).shape == (2, 3)
    np.testing.assert_allclose(act(seen[500].numpy()), found[0], atol=1e-6)


def test_actions_stay_within_what_was_shown_to_be_possible(seen: Tensor) -> None:
    act = clone(seen, torch.full((600, 1), 5.0), steps=50, seed=0)
    assert np.abs(act(1e3 * seen.numpy())).max() <= 1


def test_what_never_varies_is_not_blown_up(seen: Tensor) -> None:
    still = torch.cat([seen, torch.full((600, 1), 7.0)], 1)
    act = clone(still, demonstrator(seen), steps=20, seed=0)
    moved = still.clone()
    moved[:, 5] += 1e-5
    np.testing.assert_allclose(act(moved.numpy()), act(still.numpy()), atol=1e-4)


def test_the_seed_alone_decides(seen: Tensor) -> None:
    def made(seed: int) -> np.ndarray:
        return clone(seen, demonstrator(seen), steps=5, seed=seed)(seen.numpy())

    torch.manual_seed(3)
    state = torch.get_rng_state()
    first = made(0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(4)
    assert np.array_equal(made(0), first)
    assert not np.array_equal(made(1), first)

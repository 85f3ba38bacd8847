"""The mixture's moments against draws from it."""

import pytest
import torch

from smcrep.fusion import equal_claim, mixture, mixture_claim
from smcrep.transition import Beliefs


def test_moments_by_hand_and_by_draws() -> None:
    """Means -1 and 3, variances 1 and 3: mean 1, variance (1 + 3) / 2 + 4 = 6. The mean of the two has (1 + 3) / 4."""
    mean, variance = torch.tensor([[-1.0], [3.0]]), torch.tensor([[1.0], [3.0]])
    beliefs = Beliefs(mean, -variance.log(), torch.ones(2, dtype=torch.bool))
    fused, weight = mixture(beliefs)
    assert fused.item() == pytest.approx(1)
    assert weight.tolist() == [0.5, 0.5]
    assert mixture_claim(beliefs).exp().item() == pytest.approx(1 / 6)
    assert equal_claim(beliefs).exp().item() == pytest.approx(1)
    g = torch.Generator().manual_seed(0)
    which = torch.randint(2, (100_000,), generator=g)
    draws = mean[which, 0] + variance[which, 0].sqrt() * torch.randn(100_000, generator=g)
    assert draws.mean().item() == pytest.approx(1, abs=0.03)
    assert draws.var().item() == pytest.approx(6, rel=0.02)

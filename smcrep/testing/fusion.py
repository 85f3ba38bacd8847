"""Laws of a fusion rule: beliefs -> (fused, weight)."""

from collections.abc import Callable

import torch
from torch import Tensor

from smcrep.transition import Beliefs

Rule = Callable[[Beliefs], tuple[Tensor, Tensor]]


def assert_fusion_laws(rule: Rule, *, num_senses: int = 3, dim: int = 6, seed: int = 0) -> None:
    """Weights are shares: at least 0, sum 1, 0 for an absent sense. The order of the senses does not matter. One sense
    alone is what it believes. What an absent sense holds, NaN included, reaches neither the result nor a gradient.
    Where no sense is present the result is finite. Gradients are finite."""
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(8, num_senses, dim, generator=generator, dtype=torch.float64)
    log_precision = torch.randn(mean.shape, generator=generator, dtype=torch.float64)
    present = torch.ones(8, num_senses, dtype=torch.bool)
    present[1, 0] = present[2, 1:] = present[3] = False

    fused, weight = rule(Beliefs(mean, log_precision, present))
    assert fused.shape == mean[:, 0].shape, f"fused is {list(fused.shape)}, expected {list(mean[:, 0].shape)}"
    assert weight.shape == present.shape, f"weight is {list(weight.shape)}, expected {list(present.shape)}"
    assert fused.isfinite().all(), "fused is not finite"
    assert (weight >= 0).all(), "a weight is negative"
    assert (weight[~present] == 0).all(), "an absent sense has a weight"
    total = weight.sum(-1)[present.any(-1)]
    assert torch.allclose(total, torch.ones_like(total)), "weights of the senses present do not sum to 1"
    assert torch.allclose(fused[2], mean[2, 0]), "one sense alone is not what it believes"

    order = torch.arange(num_senses).flip(0)
    turned, turned_weight = rule(Beliefs(mean[:, order], log_precision[:, order], present[:, order]))
    assert torch.allclose(turned, fused), "order of senses matters to what is fused"
    assert torch.allclose(turned_weight[:, order], weight), "order of senses matters to their weights"

    poisoned = mean.masked_fill(~present[..., None], torch.nan).requires_grad_()
    precise = log_precision.masked_fill(~present[..., None], torch.nan).requires_grad_()
    clean, _ = rule(Beliefs(poisoned, precise, present))
    assert torch.equal(clean, fused), "what an absent sense holds reaches the result"
    gradients = torch.autograd.grad(clean.square().sum(), (poisoned, precise), allow_unused=True)
    for gradient in gradients:
        assert gradient is None or gradient.isfinite().all(), "a gradient is not finite where a sense is absent"

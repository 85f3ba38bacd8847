"""Laws that objectives of two batches of embeddings keep. A law takes the objective (za [n, d], zb [n, d]) -> Loss."""

from collections.abc import Callable

import torch
from torch import Tensor

from smcrep.transition import Loss

Objective = Callable[[Tensor, Tensor], Loss]


def embeddings(n: int = 12, d: int = 8, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two batches that agree in part."""
    generator = torch.Generator().manual_seed(seed)
    za = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return za, za + 0.3 * torch.randn(n, d, generator=generator, dtype=torch.float64)


def finite_gradient(objective: Objective) -> None:
    """On hard inputs too: constant, zero, tiny and huge embeddings, and equal pairs."""
    za, zb = embeddings()
    for a, b in (
        (za, zb),
        (za, za),
        (za * 0 + 1, zb * 0 + 1),
        (za * 0, zb * 0),
        (za * 1e-6, zb * 1e-6),
        (za * 1e6, zb),
    ):
        a, b = a.clone().requires_grad_(), b.clone().requires_grad_()
        total = objective(a, b).total
        gradients = torch.autograd.grad(total, (a, b))
        assert total.isfinite()
        assert all(g.isfinite().all() for g in gradients)


def ignores_batch_order(objective: Objective) -> None:
    za, zb = embeddings()
    order = torch.randperm(len(za), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(objective(za[order], zb[order]).total, objective(za, zb).total)


def symmetric(objective: Objective) -> None:
    za, zb = embeddings()
    torch.testing.assert_close(objective(zb, za).total, objective(za, zb).total)


def ignores_scale(objective: Objective) -> None:
    za, zb = embeddings()
    torch.testing.assert_close(objective(3 * za, 0.1 * zb).total, objective(za, zb).total)


def ignores_rotation(objective: Objective) -> None:
    """The embedding's axes have no names: one orthogonal map of both batches changes nothing."""
    za, zb = embeddings()
    generator = torch.Generator().manual_seed(2)
    orthogonal = torch.linalg.qr(torch.randn(za.shape[1], za.shape[1], generator=generator, dtype=za.dtype)).Q
    torch.testing.assert_close(objective(za @ orthogonal, zb @ orthogonal).total, objective(za, zb).total)


def punishes_constant(objective: Objective) -> None:
    """Total collapse is worse than embeddings that tell the rows apart."""
    za, _ = embeddings()
    constant = torch.ones_like(za)
    assert objective(constant, constant).total > objective(za, za).total + 0.1


def prefers_agreement(objective: Objective) -> None:
    za, zb = embeddings()
    assert objective(za, zb).total < objective(za, zb.roll(1, 0)).total - 0.1


def parts_are_detached(objective: Objective) -> None:
    za, zb = embeddings()
    loss = objective(za.requires_grad_(), zb)
    assert loss.total.requires_grad
    assert loss.total.ndim == 0
    assert loss.parts
    assert not any(part.requires_grad for part in loss.parts.values())

"""NT-Xent: two views of one thing are positives, negatives from all the others of the batch."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.invariance import Invariance, Views
from smcrep.objectives.self_similarity import MAX_RANGE, others_logsumexp
from smcrep.transition import Loss

MIN_BLOCKED = 1024
"""Below so many rows the whole matrix is as fast as its blocks."""


@dataclass(frozen=True)
class NTXent(Invariance):
    """NT-Xent of two views."""

    temperature: float = 0.1
    """Divides the cosines; see `SimCLRWeights`."""

    def loss(self, views: Views) -> Loss:
        return nt_xent(views.a, views.b, self.temperature)


def nt_xent(za: Tensor, zb: Tensor, temperature: float) -> Loss:
    """NT-Xent of SimCLR over the 2n rows [za; zb], each against the 2n - 1 others (arXiv:2002.05709, eq. 1).

    za, zb       [n, d]; row i of one is the positive of row i of the other. Normalised to unit length here.
    temperature  divides the cosines.

    Mean over the 2n rows, in nats; n = 1 gives 0. Constant embeddings give log(2n - 1). One process only: under DDP
    each rank contrasts its own rows. From 2n = 1,024 rows on the matrix is computed in blocks and never held.
    """
    if za.shape != zb.shape or za.ndim != 2:
        raise ValueError(f"nt_xent: za is {tuple(za.shape)} and zb {tuple(zb.shape)}; give two batches [n, d] alike")
    n = len(za)
    z = F.normalize(torch.cat([za, zb]), dim=-1)
    if 2 * n >= MIN_BLOCKED and 2 / temperature <= MAX_RANGE:
        agreement = (z[:n] * z[n:]).sum(-1).repeat(2) / temperature
        total = F.softplus(others_logsumexp(z, temperature, n) - agreement).mean()
        return Loss(total, {"nt_xent": total.detach()})
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    positive = torch.arange(2 * n, device=z.device).roll(n)
    total = F.cross_entropy(logits, positive)
    return Loss(total, {"nt_xent": total.detach()})

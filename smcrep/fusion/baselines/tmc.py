"""TMC: evidence of each sense, combined by Dempster's rule."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.baselines.sense_scalar import SenseScalar
from smcrep.fusion.method import Decisions, FitSettings
from smcrep.transition import Beliefs


def uncertainty(alpha: Tensor) -> Tensor:
    """u = K / S with S = sum_k alpha_k: [..., K] -> [...], in 0..1; beliefs are b_k = (alpha_k - 1) / S."""
    return alpha.shape[-1] / alpha.sum(-1)


def combine(alpha_1: Tensor, alpha_2: Tensor) -> Tensor:
    """Dempster's reduced rule for two Dirichlet distributions over K classes, [..., K] each (arXiv:2102.02051, sec. 3):

        b_k = (b1_k b2_k + b1_k u2 + b2_k u1) / (1 - C),  u = u1 u2 / (1 - C),  C = sum_{i != j} b1_i b2_j

    and back: S = K / u, alpha_k = b_k S + 1. With b_k = e_k / S and u = K / S of each, 1 - C cancels in b_k / u and the
    evidence e = alpha - 1 of both together is

        e_k = e1_k + e2_k + e1_k e2_k / K

    Conflict is divided away: u <= min(u1, u2), even where the two contradict each other.
    """
    evidence_1, evidence_2 = alpha_1 - 1, alpha_2 - 1
    return 1 + evidence_1 + evidence_2 + evidence_1 * evidence_2 / alpha_1.shape[-1]


def dirichlet_kl_to_uniform(alpha: Tensor) -> Tensor:
    """KL(Dir(alpha) | Dir(1)), [..., K] -> [...]:

    log G(S) - log G(K) - sum_k log G(alpha_k) + sum_k (alpha_k - 1) (psi(alpha_k) - psi(S))
    """
    total = alpha.sum(-1, keepdim=True)
    normaliser = total[..., 0].lgamma() - alpha.lgamma().sum(-1) - total.new_tensor(float(alpha.shape[-1])).lgamma()
    return normaliser + ((alpha - 1) * (alpha.digamma() - total.digamma())).sum(-1)


def evidential_loss(alpha: Tensor, label: Tensor, share: float) -> Tensor:
    """Expected cross-entropy of a Dirichlet plus the annealed penalty on evidence for wrong classes:

        psi(S) - psi(alpha_y) + share KL(Dir(alpha~) | Dir(1)),  alpha~ = alpha with alpha_y set to 1

    (arXiv:2102.02051, sec. 3; ce_loss in the authors' code). alpha [b, K], label int64 [b] -> [b].
    """
    right = F.one_hot(label, alpha.shape[-1]).to(torch.bool)
    expected = alpha.sum(-1).digamma() - alpha[right].digamma()
    return expected + share * dirichlet_kl_to_uniform(alpha.masked_fill(right, 1))


class TMC(nn.Module):
    """Trusted multi-view classification (arXiv:2102.02051): evidence e = softplus(l), alpha = e + 1 of each sense, all
    combined by `combine`; log-probabilities log(alpha / S). An absent sense has no evidence (alpha = 1, u = 1) and so
    changes nothing.

    Evidence is read from frozen logits times a learned scale plus a number read from the sense's embedding.
    loss = mean of `evidential_loss` of the fused alpha and of those of each sense; the penalty rises over the fit.

    Traps: two senses that contradict each other come out *surer* than either (see `combine`); the same sense given
    twice does too; softplus leaves evidence for every class, so with many classes u is never small.
    """

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(num_senses))
        self.shift = SenseScalar(num_senses, dim, settings.width)

    def alphas(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        """Dirichlet parameters of each sense, [..., m, c]; ones where absent."""
        there = beliefs.present[..., None]
        own = torch.where(there, logits, 0) * self.log_scale.exp()[:, None] + self.shift(beliefs)[..., None]
        return torch.where(there, F.softplus(own), 0) + 1

    def combined(self, alphas: Tensor) -> Tensor:
        """[..., m, c] -> [..., c]."""
        fused = alphas[..., 0, :]
        for m in range(1, alphas.shape[-2]):
            fused = combine(fused, alphas[..., m, :])
        return fused

    def decide(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        alpha = self.combined(self.alphas(logits, beliefs))
        return alpha.log() - alpha.sum(-1, keepdim=True).log()

    def loss(self, batch: Decisions, progress: float, generator: torch.Generator) -> Tensor:
        present = batch.beliefs.present
        alphas = self.alphas(batch.logits, batch.beliefs)
        total = evidential_loss(self.combined(alphas), batch.label, progress).mean()
        for m in range(present.shape[1]):
            each = torch.where(present[:, m], evidential_loss(alphas[:, m], batch.label, progress), 0)
            total = total + each.sum() / present[:, m].sum().clamp_min(1)
        return total

"""PDF: confidence that predicts the probability of the true class, corrected by what the others say."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.baselines.late_fusion import log_softmax_present
from smcrep.fusion.baselines.per_sense import SenseLinear, network_input
from smcrep.fusion.method import Decisions, FitSettings
from smcrep.transition import Beliefs

SMALLEST = 1e-4
"""Confidences are kept this far from 0 and 1: the authors' logarithms give NaN there, as their README warns."""


def holo_confidence(mono: Tensor, present: Tensor) -> Tensor:
    """h_m = sum_{j != m} log c_j / sum_j log c_j over the senses present: [..., m]. Two senses: log c_2 / log(c_1 c_2),
    as in the authors' code. 0 for a sense alone, and for an absent one."""
    log = torch.where(present, mono.clamp(SMALLEST, 1 - SMALLEST).log(), 0)
    total = log.sum(-1, keepdim=True)
    return torch.where(present, (total - log) / torch.where(total < 0, total, -1), 0)


def relative_calibration(probability: Tensor, present: Tensor) -> Tensor:
    """min(1, D_m / mean_{j != m} D_j) with D the mean over classes of |p_c - 1/C|, how far a decision is from uniform:
    [..., m, c] -> [..., m]. 1 for a sense alone. The code has two senses; the mean over the others is ours."""
    distance = (probability - 1 / probability.shape[-1]).abs().mean(-1)
    distance = torch.where(present, distance, 0)
    others = (distance.sum(-1, keepdim=True) - distance) / (present.sum(-1, keepdim=True) - 1).clamp_min(1)
    return (distance / others.clamp_min(1e-12)).clamp_max(1).where((others > 0) & present, torch.ones_like(distance))


class PDF(nn.Module):
    """Predictive dynamic fusion (arXiv:2406.04802; src/models/latefusion_pdf.py of the authors' repository).

    Mono-confidence c_m = sigmoid of three linear layers *without* nonlinearities, as released, of the embedding; it
    learns by L1 the probability that the sense alone gives to the true class. With h_m = `holo_confidence` and r_m =
    `relative_calibration` (at test alone, as released) the fused logits are

        sum_m softmax_m(r_m (c_m + h_m)) l_m

    loss = CE(fused) + sum_m CE(l_m) + sum_m |c_m - p_m(true)|; weights in it are constants. The logits come from frozen
    embeddings, so cross-entropy teaches a scale of them alone.

    Traps: logarithms of confidences at 0 or 1 (clamped here); the confidence is linear in the embedding up to the
    sigmoid, so noise that lengthens it in a random direction is not seen; c + h lies in 0..2, so no weight is more than
    e^2 times another: a destroyed sense always keeps at least 12 % of two.
    """

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(num_senses))
        self.confidence = nn.Sequential(
            SenseLinear(num_senses, dim, 2 * dim),
            SenseLinear(num_senses, 2 * dim, dim),
            SenseLinear(num_senses, dim, 1),
        )

    def mono_confidence(self, beliefs: Beliefs) -> Tensor:
        """[..., m] in 0..1."""
        return self.confidence(network_input(beliefs))[..., 0].sigmoid()

    def own_logits(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        """[..., m, c] scaled; zeros where absent."""
        return torch.where(beliefs.present[..., None], logits, 0) * self.log_scale.exp()[:, None]

    def decide(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        own = self.own_logits(logits, beliefs)
        mono = self.mono_confidence(beliefs)
        calibration = relative_calibration(own.softmax(-1), beliefs.present)
        belief = (mono + holo_confidence(mono, beliefs.present)) * calibration
        return _weighted(own, belief, beliefs.present).log_softmax(-1)

    def loss(self, batch: Decisions, progress: float, generator: torch.Generator) -> Tensor:
        present = batch.beliefs.present
        own = self.own_logits(batch.logits, batch.beliefs)
        mono = self.mono_confidence(batch.beliefs)
        belief = mono.detach() + holo_confidence(mono.detach(), present)
        label = batch.label[:, None, None].expand(-1, present.shape[1], 1)
        log_true = log_softmax_present(own, present).gather(-1, label)[..., 0]
        each = (mono - log_true.exp().detach()).abs() - log_true
        per_sense = torch.where(present, each, 0).sum(0) / present.sum(0).clamp_min(1)
        return F.cross_entropy(_weighted(own, belief, present), batch.label) + per_sense.sum()


def _weighted(logits: Tensor, belief: Tensor, present: Tensor) -> Tensor:
    """sum_m softmax_m(belief) l_m over the senses present; zeros where there is none."""
    some = present.any(-1, keepdim=True)
    weight = belief.masked_fill(~present & some, -torch.inf).softmax(-1)
    return (weight[..., None] * logits).sum(-2)

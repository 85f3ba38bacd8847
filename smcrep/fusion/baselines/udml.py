"""UDML type: weights from a prediction of the noise that was put in."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.baselines.late_fusion import log_softmax_present
from smcrep.fusion.baselines.sense_scalar import SenseScalar
from smcrep.fusion.method import Decisions, FitSettings, seen
from smcrep.transition import Beliefs

LEVELS = 10.0
"""A severity of 1 is a noise level of 1 + this; a clean sense has level 1, as in the authors' code for text."""

NOISE_SHARE = 0.1
"""Weight of the prediction of noise in the loss, in the authors' code."""


def noise_weights(level: Tensor, dependence: Tensor, present: Tensor) -> Tensor:
    """w_m = (1 / v_m^2) / a_m, normalised to sum 1 over the senses present: [..., m]; zeros where there is none.

    level       v [..., m] > 0, the predicted noise level.
    dependence  a [m] > 0, how much the decision depends on the sense without any noise.

    Two senses: w_1 : w_2 = v_2^2 / a_1 : v_1^2 / a_2, as in the authors' code, whose weights sum to 2.
    """
    raw = torch.where(present, level.log().mul(-2) - dependence.log(), -torch.inf)
    some = present.any(-1, keepdim=True)
    return torch.where(some, torch.where(some, raw, 0).softmax(-1), 0)


class UDML(nn.Module):
    """After unbiased dynamic multimodal learning (arXiv:2603.19681; text-image-classification/udml.py of the authors'
    repository): a network predicts from each sense's embedding the level v_m = exp(s_m / 2) of the noise in it; fused
    logits are sum_m w_m l_m with w = `noise_weights`. The dependence a_m is the sum over classes of the mean |l_m|
    before training, as released.

    loss = CE(fused) + sum_m CE(l_m) + 0.1 sum_m (v_m - level_m)^2. Where the severity of each row is known
    (`Decisions.severity`) level = 1 + 10 severity; else Gaussian noise of a uniform share of the embedding's root mean
    square is added to half of the embeddings. *Type*, because encoders and logits are frozen: no probabilistic
    embedding (its term has weight 0 as released), no warm-up with equal weights; a scale of the logits is learned.

    Traps: the weight knows only noise of the kind that was put in; a sense that is biased or replaced by another's
    observation has the level of a clean one; a weight is at most 121 times another.
    """

    dependence: Tensor
    spread: Tensor

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(num_senses))
        self.noise = SenseScalar(num_senses, dim, settings.width)
        self.register_buffer("dependence", torch.ones(num_senses))
        self.register_buffer("spread", torch.ones(num_senses))

    def prepare(self, data: Decisions) -> None:
        """Dependence on each sense, and the root mean square of the numbers of its embedding."""
        present = data.beliefs.present
        count = present.sum(0).clamp_min(1)
        size = torch.where(present[..., None], data.logits, 0).abs().sum(0) / count[:, None]
        self.dependence = size.sum(-1).clamp_min(1e-6)
        self.spread = (seen(data.beliefs).square().mean(-1).sum(0) / count).sqrt()

    def level(self, beliefs: Beliefs) -> Tensor:
        """[..., m] > 0."""
        return (0.5 * self.noise(beliefs)).exp()

    def fused(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        """[..., c] logits."""
        weight = noise_weights(self.level(beliefs), self.dependence, beliefs.present)
        return (weight[..., None] * self.own_logits(logits, beliefs)).sum(-2)

    def own_logits(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        """[..., m, c] scaled; zeros where absent."""
        return torch.where(beliefs.present[..., None], logits, 0) * self.log_scale.exp()[:, None]

    def decide(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        return self.fused(logits, beliefs).log_softmax(-1)

    def loss(self, batch: Decisions, progress: float, generator: torch.Generator) -> Tensor:
        beliefs, severity = batch.beliefs, batch.severity
        if severity is None:
            severity = torch.rand(beliefs.present.shape, generator=generator)
            severity = severity * (torch.rand(severity.shape, generator=generator) < 0.5)
            noise = torch.randn(beliefs.mean.shape, generator=generator) * (severity * self.spread)[..., None]
            level = self.level(replace(beliefs, mean=beliefs.mean + noise))
        else:
            level = self.level(beliefs)
        error = (level - (1 + LEVELS * severity)).square()
        label = batch.label[:, None, None].expand(-1, error.shape[1], 1)
        own = self.own_logits(batch.logits, beliefs)
        log_true = log_softmax_present(own, beliefs.present).gather(-1, label)[..., 0]
        each = torch.where(beliefs.present, NOISE_SHARE * error - log_true, 0)
        per_sense = each.sum(0) / beliefs.present.sum(0).clamp_min(1)
        return F.cross_entropy(self.fused(batch.logits, beliefs), batch.label) + per_sense.sum()

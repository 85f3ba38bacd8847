"""QMF: energy as confidence, ranked by how wrong each sense was."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.baselines.sense_scalar import SenseScalar
from smcrep.fusion.method import Decisions, FitSettings
from smcrep.transition import Beliefs

ENERGY_SCALE = 10.0
"""The log-sum-exp of logits is divided by it, in the authors' code."""


def energy_confidence(logits: Tensor) -> Tensor:
    """log(sum_c exp(l_c)) / 10: [..., c] -> [...]. The energy of a decision is *minus* the log-sum-exp, and low energy
    means sure; so this confidence is the energy with its sign turned."""
    return logits.logsumexp(-1) / ENERGY_SCALE


def ranking_loss(confidence: Tensor, past_loss: Tensor, counted: Tensor) -> Tensor:
    """Mean over pairs of neighbours i, j = i + 1 (the last with the first) of

        max(0, sign(k_i - k_j) (conf_i - conf_j) + |k_i - k_j|)

    with k the past loss of a row, scaled to 0..1: what was more wrong must be less confident, by the difference of the
    losses (the regulariser of arXiv:2306.02050, sec. 4; after correctness ranking, arXiv:2007.01458).

    The released code turns g for losses but not the margin, max(0, ... - |k_i - k_j|), which allows a wrong order up to
    the margin; here the margin is as the paper has it.

    confidence, past_loss [b]; counted bool [b]: pairs with a row that is not are left out.
    """
    following, past = confidence.roll(-1), past_loss.roll(-1)
    wrong = (past_loss - past).sign() * (confidence - following) + (past_loss - past).abs()
    pair = counted & counted.roll(-1)
    return torch.where(pair, wrong.clamp_min(0), 0).sum() / pair.sum().clamp_min(1)


class QMF(nn.Module):
    """Fused logits sum_m conf_m l_m, conf_m = `energy_confidence` (arXiv:2306.02050; text-image-classification/ of the
    authors' repository): confidences are constants there (detached), unnormalised.

    The authors train the senses' networks; here the logits come from frozen embeddings, so each sense gets a scale of
    its logits and a number read from its embedding that is added to all of them: the latter moves the energy and not
    the sense's own decision, and the ranking loss alone teaches it.

    loss = CE(fused) + sum_m CE(l_m) + sum_m `ranking_loss`, all with weight 1 as released. Past losses are means over
    the visits to a row; the released sums are the same up to scaling where every row is visited equally often.

    Traps: confidences are not normalised, so the fused softmax is as sharp as they are large; where the log-sum-exp is
    negative the sense's decision is turned around; the energy depends on the number of classes.
    """

    loss_sum: Tensor
    visits: Tensor

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(num_senses))
        self.shift = SenseScalar(num_senses, dim, settings.width)
        self.register_buffer("loss_sum", torch.zeros(0, num_senses), persistent=False)
        self.register_buffer("visits", torch.zeros(0, num_senses), persistent=False)

    def own_logits(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        """[..., m, c] scaled and shifted; zeros where absent."""
        logits = torch.where(beliefs.present[..., None], logits, 0) * self.log_scale.exp()[:, None]
        return torch.where(beliefs.present[..., None], logits + self.shift(beliefs)[..., None], 0)

    def decide(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        own = self.own_logits(logits, beliefs)
        return (energy_confidence(own)[..., None] * own).sum(-2).log_softmax(-1)

    def prepare(self, data: Decisions) -> None:
        """Forget the past: no row has been visited."""
        num_rows = int(data.index.max()) + 1
        self.loss_sum = torch.zeros(num_rows, data.logits.shape[1])
        self.visits = torch.zeros(num_rows, data.logits.shape[1])

    def loss(self, batch: Decisions, progress: float, generator: torch.Generator) -> Tensor:
        present = batch.beliefs.present
        own = self.own_logits(batch.logits, batch.beliefs)
        each = F.cross_entropy(own.transpose(1, 2), batch.label[:, None].expand(present.shape), reduction="none")
        self.loss_sum[batch.index] += torch.where(present, each, 0).detach()
        self.visits[batch.index] += present.to(self.visits)
        past = self.loss_sum / self.visits.clamp_min(1)
        confidence = energy_confidence(own)
        fused = (confidence.detach()[..., None] * own).sum(1)
        total = F.cross_entropy(fused, batch.label)
        for m in range(present.shape[1]):
            visited = past[self.visits[:, m] > 0, m]
            if len(visited) == 0:
                continue
            low, high = visited.min(), visited.max()
            scaled = (past[batch.index, m] - low) / (high - low).clamp_min(1e-12)
            total = total + torch.where(present[:, m], each[:, m], 0).sum() / present[:, m].sum().clamp_min(1)
            total = total + ranking_loss(confidence[:, m], scaled, present[:, m])
        return total

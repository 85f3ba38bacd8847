"""Late fusion of decisions without any weights: means, and the best single sense."""

import torch
from torch import Tensor, nn

from smcrep.fusion.method import Decisions, mean_over_present
from smcrep.transition import Beliefs


def log_softmax_present(logits: Tensor, present: Tensor) -> Tensor:
    """Log-probabilities [..., m, c] of each sense alone; uniform where it is absent, whatever its logits hold."""
    return torch.where(present[..., None], logits, 0).log_softmax(-1)


class MeanLogProbability(nn.Module):
    """log p = mean_m log p_m over the senses present, normalised: the geometric mean.

    Trap: one sense that gives a class no probability vetoes it, however wrong that sense is.
    """

    def decide(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        alone = log_softmax_present(logits, beliefs.present)
        return mean_over_present(alone, beliefs.present).log_softmax(-1)


class MeanProbability(nn.Module):
    """p = mean_m p_m over the senses present; uniform where there is none.

    Trap: an overconfident sense outvotes an honest one.
    """

    def decide(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        alone = log_softmax_present(logits, beliefs.present)
        nobody = ~beliefs.present.any(-1, keepdim=True)
        counted = (beliefs.present | nobody)[..., None]  # where nobody is present, all say uniform
        return torch.where(counted, alone, -torch.inf).logsumexp(-2) - counted.sum(-2).to(alone).log()


class BestSingle(nn.Module):
    """The one sense that was most often right on the training decisions; where it is absent, the next best.

    It is what fusion must not fall below. Trap: the best of the training corruptions need not be that of the test.
    """

    order: Tensor

    def __init__(self, num_senses: int) -> None:
        super().__init__()
        self.register_buffer("order", torch.arange(num_senses))

    def prepare(self, data: Decisions) -> None:
        """Order the senses by their accuracy over the rows in which each is present."""
        present = data.beliefs.present
        alone = log_softmax_present(data.logits, present)
        right = (alone.argmax(-1) == data.label[:, None]) & present
        accuracy = right.sum(0) / present.sum(0).clamp_min(1)
        self.order = accuracy.argsort(descending=True, stable=True)

    def decide(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        alone = log_softmax_present(logits, beliefs.present)[..., self.order, :]
        first = beliefs.present[..., self.order].int().argmax(-1)  # of equal ones the first
        return alone.take_along_dim(first[..., None, None], -2)[..., 0, :]

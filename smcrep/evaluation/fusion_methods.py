"""What stands beside learned fusion in its suite: each sense alone, rules without weights, and what a head is without
its decisions, without its weights, and told the truth. All map beliefs [n] to embeddings [n, d]."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from smcrep.fusion.head import DirectionHead
from smcrep.transition import Beliefs


class Only(nn.Module):
    """One sense alone."""

    def __init__(self, sense: int) -> None:
        super().__init__()
        self.sense = sense

    def forward(self, beliefs: Beliefs) -> Tensor:
        return torch.where(beliefs.present[..., self.sense, None], beliefs.mean[..., self.sense, :], 0)


class FixedRule(nn.Module):
    """A rule without weights."""

    def __init__(self, rule: Callable[[Beliefs], tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.rule = rule

    def forward(self, beliefs: Beliefs) -> Tensor:
        return self.rule(beliefs)[0]


class Embedded(nn.Module):
    """The invariant part of the embedding that our head makes."""

    def __init__(self, head: DirectionHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, beliefs: Beliefs) -> Tensor:
        return torch.cat(
            [
                self.head(beliefs[i : i + 2048])[0][:, : self.head.invariant_dim]
                for i in range(0, len(beliefs.present), 2048)
            ]
        )


class Unweighted(nn.Module):
    """The directions of ours, all of length 1: what the weights add."""

    def __init__(self, head: DirectionHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, beliefs: Beliefs) -> Tensor:
        return self.head.directions.weighted(beliefs, torch.zeros(beliefs.present.shape)).embedding


class Told(nn.Module):
    """The directions of ours by the oracle's weights: told what the fault of each sense did to each query."""

    def __init__(self, head: DirectionHead, fault: Tensor) -> None:
        super().__init__()
        self.head, self.fault = head, fault

    def forward(self, beliefs: Beliefs) -> Tensor:
        return self.head.directions.weighted(beliefs, self.fault).embedding

"""seq-JEPA: what was seen and done so far, aggregated, predicts what the next action leads to."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.geometry.action import Action, ActionLike
from smcrep.objectives.byol import cosine_distance
from smcrep.objectives.heads import HeadSizes, mlp
from smcrep.objectives.objective import ObjectiveWeights, Observed, mean_loss
from smcrep.transition import Loss

EPSILON = 1e-5
"""Added to variances, as BatchNorm does."""


@dataclass(frozen=True)
class SeqJEPAWeights(ObjectiveWeights):
    """seq-JEPA (arXiv:2505.03176) with the authors' widths: on each sense and on the fused embedding, the views of a
    state in their order are a sequence, and the action beside each leads to the next.

    The encoder's output, here both parts of the latent, is the equivariant representation, the aggregate
    (`SequenceModel.aggregate`) the invariant one. The aggregate is made by a network of the objective's own, which is
    thrown away after training; the checkpoint has it. The model's own predictor learns nothing. Physics are not used.

    Every number of a latent is standardised over the batch first (`standardise`), which stands for the BatchNorm inside
    the authors' encoders: without, our encoders give one constant after 50 steps, and the loss is 0.

    The authors predict one view from the three before it. Here every view is predicted from the ``min_views`` to
    ``max_views`` before it, and the loss is the mean, so that it also learns to predict from one view alone. In the
    networks LayerNorm stands for BatchNorm, and nothing is dropped out.
    """

    min_views: int = 1
    """Fewest views that the next is predicted from (the authors: 3); views with fewer before them are not predicted."""
    max_views: int = 3
    """Most views that the next is predicted from: the last so many."""
    momentum: float = 0.996
    """Of the target network."""
    action: int = 128
    """Numbers that an action is embedded in (a few more where the heads of attention do not divide a token)."""
    hidden: int = 1024
    """Width of the predictor."""
    layers: int = 3
    """Of the transformer."""
    attention_heads: int = 4
    """Of each layer."""

    def loss(self, observed: Observed) -> Loss:
        num_outcomes = observed.fused.shape[1] - 1
        if not 1 <= self.min_views <= min(self.max_views, num_outcomes):
            raise ValueError(
                f"seq_jepa: min_views is {self.min_views}, max_views {self.max_views}, and a state has {num_outcomes} "
                "outcomes; give at least 1, and min_views at most the other two, or raise num_branches"
            )
        network, losses = observed.head("sequence"), {}
        latents = _standardised(observed)
        target = latents if observed.target is None else _standardised(observed.target)
        links = [observed.scaled_action(link) for link in _chain(observed.action, num_outcomes)]
        for sense, h in latents.items():
            action = torch.cat(links, 1).to(h.dtype)
            each = [
                seq_jepa(network(h[:, first:m], action[:, first:m]), target[sense][:, m]).total
                for m in range(self.min_views, num_outcomes + 1)
                for first in (max(0, m - self.max_views),)
            ]
            total = torch.stack(each).mean()
            losses[sense] = Loss(total, {"seq_jepa": total.detach()})
        return mean_loss(losses)  # of rows of this process alone: DDP's mean is that of all

    def heads(self, sizes: HeadSizes) -> dict[str, nn.Module]:
        return {"sequence": SequenceModel(sizes.invariant + sizes.equivariant, sizes.action, self)}

    def target_momentum(self) -> float | None:
        return self.momentum


def standardise(h: Tensor, every: Tensor) -> Tensor:
    """h [..., d] minus the mean over rows of ``every`` [n, d], over the root of their variance + `EPSILON`: BatchNorm
    without parameters (arXiv:1502.03167, algorithm 1)."""
    return (h - every.mean(0)) / (every.var(0, unbiased=False) + EPSILON).sqrt()


def seq_jepa(predicted: Tensor, target: Tensor) -> Loss:
    """Mean over rows of 1 - cos(predicted, target), both [n, d] (arXiv:2505.03176, as in its code). From 0 to 2; no
    gradient reaches ``target``. Equal constants give 0; standardised they are 0 and give 1."""
    total = cosine_distance(predicted, target.detach()) / 2
    return Loss(total, {"seq_jepa": total.detach()})


class SequenceModel(nn.Module):
    """Aggregates views of d numbers and the actions between them, and predicts the view after the next action (the
    authors' `SeqJEPA_Transforms`). Tokens have no places: a sequence is the set of its views, each with the action that
    led on from it."""

    def __init__(self, dim: int, num_action: int, weights: SeqJEPAWeights) -> None:
        super().__init__()
        width = weights.action + -(dim + weights.action) % weights.attention_heads
        self.embed_action = nn.Sequential(
            nn.Linear(num_action, width, bias=False), nn.LayerNorm(width, elementwise_affine=False)
        )
        self.token = nn.Parameter(torch.zeros(1, 1, dim + width))
        layer = nn.TransformerEncoderLayer(
            dim + width, weights.attention_heads, 4 * (dim + width), dropout=0.0, batch_first=True
        )
        norm = nn.LayerNorm(dim + width)
        self.transformer = nn.TransformerEncoder(layer, weights.layers, norm=norm, enable_nested_tensor=False)
        self.predictor = mlp(dim + 2 * width, weights.hidden, dim)

    def aggregate(self, h: Tensor, action: Tensor) -> Tensor:
        """[n, c]: one vector of m views h [n, m, d] and the m - 1 scaled actions between them [n, m - 1, a]. Beside the
        last view stand zeros: its action is told to the predictor."""
        tokens = torch.cat([h, F.pad(self.embed_action(action), (0, 0, 0, 1))], -1)
        return self.transformer(torch.cat([self.token.expand(len(h), -1, -1), tokens], 1))[:, 0]

    def forward(self, h: Tensor, action: Tensor) -> Tensor:
        """[n, d]: the view that the last of m scaled actions [n, m, a] leads to from the last of m views [n, m, d]."""
        aggregate = self.aggregate(h, action[:, :-1])
        return self.predictor(torch.cat([aggregate, self.embed_action(action[:, -1])], -1))


def _standardised(observed: Observed) -> dict[str, Tensor]:
    """[b, v, d] of each sense, and fused, over the batch of all processes."""
    gather = observed.processes.gather
    return {sense: standardise(h, gather(h).flatten(0, 1)) for sense, h in observed.latents().items()}


def _chain(action: ActionLike, num_outcomes: int) -> list[Action]:
    if not isinstance(action, Action) or not bool(action.is_rigid.all()):
        raise ValueError(
            "seq_jepa: the outcomes of actions that are no rigid motions form no sequence (no action is known that "
            "leads from one to the next); train it on turns and looks, or take byol+conditionalbyol"
        )
    return action.chain(num_outcomes)

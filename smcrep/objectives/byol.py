"""BYOL: each view predicts what a slow average of the network makes of the other; no negatives."""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.objectives.heads import HeadSizes, mlp
from smcrep.objectives.invariance import Invariance, Views
from smcrep.transition import Loss


@dataclass(frozen=True)
class BYOL(Invariance):
    """BYOL with its predictor and its target network."""

    momentum: float = 0.996
    """Of the target network; the paper lets it rise to 1 along a cosine, here it stays."""
    hidden: int = 512
    """Width of the predictor (4,096 in the paper, of 256 numbers)."""

    def loss(self, views: Views) -> Loss:
        predictor = views.head("predictor")
        return byol(predictor(views.a), predictor(views.b), views.target_a, views.target_b)

    def heads(self, sizes: HeadSizes) -> dict[str, nn.Module]:
        return {"predictor": mlp(sizes.projected, self.hidden, sizes.projected)}

    def target_momentum(self) -> float | None:
        return self.momentum


def byol(predicted_a: Tensor, predicted_b: Tensor, target_a: Tensor, target_b: Tensor) -> Loss:
    """Mean over rows of |q_a / |q_a| - t_b / |t_b||^2, and the same with a and b exchanged, added (arXiv:2006.07733,
    eq. 2 and the sentence after it).

    predicted_a, predicted_b  [n, d]: what the predictor makes of the projections of two views.
    target_a, target_b        [n, d]: their projections by the target network; no gradient reaches them.

    From 0 to 8. Equal constants give 0: nothing in the loss forbids collapse, only the predictor and the slow target
    do.
    """
    total = cosine_distance(predicted_a, target_b.detach()) + cosine_distance(predicted_b, target_a.detach())
    return Loss(total, {"byol": total.detach()})


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean over rows of 2 - 2 cos(a, b), the squared distance on the sphere."""
    return (2 - 2 * F.cosine_similarity(a, b, dim=-1)).mean()

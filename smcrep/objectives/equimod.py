"""EquiMod (arXiv:2211.01244): views agree, and a predictor displaces the un-augmented one to each of them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.equivariance import Equivariance, Moved
from smcrep.objectives.nt_xent import nt_xent
from smcrep.objectives.objective import ObjectiveWeights, Observed, mean_loss
from smcrep.transition import Loss


@dataclass(frozen=True)
class EquiModWeights(ObjectiveWeights):
    """EquiMod on SimCLR, with the paper's values for CIFAR-10: on each sense and on the fused embedding, the
    observation before stands for the picture without augmentation, two outcomes for its augmented views. With the
    model's ``predictor="equimod"`` the predictor is the paper's too."""

    equivariance: float = 1.0
    """Weight of the equivariant term beside the invariant one."""
    invariant_temperature: float = 0.5
    """Divides the cosines of the invariant term."""
    equivariant_temperature: float = 0.2
    """Divides the cosines of the equivariant term."""

    def loss(self, observed: Observed) -> Loss:
        if observed.fused.shape[1] < 3:
            raise ValueError(
                f"equimod: {observed.fused.shape[1] - 1} outcome a state; two are needed, raise num_branches"
            )
        condition = observed.condition(
            observed.action[:, :2], None if observed.physics is None else observed.physics[:, :2]
        )
        gather, losses = observed.processes.gather, {}
        for sense, z in observed.latents().items():
            invariant, equivariant = z[..., : observed.num_invariant], z[..., observed.num_invariant :]
            predicted = observed.predict(sense, equivariant[:, :1].expand(-1, 2, -1), condition)
            a, b = (gather(observed.project(invariant[:, view])) for view in (1, 2))
            before, outcome, predicted = (gather(x) for x in (equivariant[:, 0], equivariant[:, 1:3], predicted))
            # Every process has the loss of all rows: the sum in the backward pass and DDP's mean leave its gradient.
            losses[sense] = equimod(a, b, before, outcome, predicted, self)
        return mean_loss(losses)


@dataclass(frozen=True)
class EquiMod(Equivariance):
    """The equivariant term alone, over all outcomes of a state (the paper has two), for any invariance."""

    temperature: float = 0.2
    """Divides the cosines."""

    def loss(self, moved: Moved) -> Loss:
        return nt_xent(moved.outcome.flatten(0, 1), moved.predict().flatten(0, 1), self.temperature)


def equimod(
    invariant_a: Tensor,
    invariant_b: Tensor,
    before: Tensor,
    outcome: Tensor,
    predicted: Tensor,
    weights: EquiModWeights,
) -> Loss:
    """NT-Xent(za, zb) + weight * NT-Xent(Y, Y^), the second over the outcomes of all views at once.

    invariant_a, invariant_b  [n, dz]: invariant embeddings of two augmented views of n images.
    before                    [n, d]: equivariant embedding of the view without augmentation.
    outcome                   [n, v, d]: equivariant embeddings of v augmented views (the paper has 2).
    predicted                 [n, v, d]: ``before`` displaced by the predictor under each view's augmentation.

    The 2 n v rows of the second term hold, among the negatives of an outcome, the other views of the same image and
    their predictions: a predictor blind to the augmentation cannot tell those from the true one, and keeps at least
    log v nats. ``parts["gain"]`` is the paper's diagnostic cos(outcome, predicted) - cos(outcome, before): above 0
    where the predictor does better than leaving the embedding where it was.
    """
    invariance = nt_xent(invariant_a, invariant_b, weights.invariant_temperature).total
    equivariance = nt_xent(outcome.flatten(0, 1), predicted.flatten(0, 1), weights.equivariant_temperature).total
    with torch.no_grad():
        gain = F.cosine_similarity(outcome, predicted, -1) - F.cosine_similarity(outcome, before[:, None], -1)
    return Loss(
        invariance + weights.equivariance * equivariance,
        {"invariance": invariance.detach(), "equivariance": equivariance.detach(), "gain": gain.mean()},
    )

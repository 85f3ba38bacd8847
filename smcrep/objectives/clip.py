"""CLIP: what two senses hold of one observation is told from what they hold of the others."""

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.objective import ObjectiveWeights, Observed, mean_loss
from smcrep.transition import FUSED, Loss


@dataclass(frozen=True)
class CLIPWeights(ObjectiveWeights):
    """The senses are aligned, each pair of them, in the projected invariant part: view i of a state by one sense with
    view i by the other, against view i of the other states. Nothing is predicted."""

    temperature: float = 0.07
    """Divides the cosines; where the paper's learned one starts."""

    def loss(self, observed: Observed) -> Loss:
        losses = {}
        for (a, za), (b, zb) in combinations(projected_senses(observed, "clip").items(), 2):
            each = [clip(za[:, i], zb[:, i], self.temperature).total for i in range(za.shape[1])]
            total = torch.stack(each).mean()
            losses[f"{a}>{b}"] = Loss(total, {"clip": total.detach()})
        return mean_loss(losses)

    def fused_only(self) -> None:
        return None


def clip(za: Tensor, zb: Tensor, temperature: float) -> Loss:
    """Mean of both cross-entropies of the n x n cosines over ``temperature`` (arXiv:2103.00020, figure 3): row i of za
    against all rows of zb, and row i of zb against all of za, both [n, d]. Constant embeddings give log n."""
    if za.shape != zb.shape or za.ndim != 2:
        raise ValueError(f"clip: za is {tuple(za.shape)} and zb {tuple(zb.shape)}; give two batches [n, d] alike")
    of_a, of_b = clip_terms(F.normalize(za, dim=-1) @ F.normalize(zb, dim=-1).T, temperature)
    total = (of_a.mean() + of_b.mean()) / 2
    return Loss(total, {"clip": total.detach()})


def clip_terms(similarity: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each row [n] and of each column [n] of similarities [n, n], the diagonal being what is right."""
    logits, right = similarity / temperature, torch.arange(len(similarity), device=similarity.device)
    return F.cross_entropy(logits, right, reduction="none"), F.cross_entropy(logits.T, right, reduction="none")


def projected_senses(observed: Observed, name: str) -> dict[str, Tensor]:
    """[b, v, p] of all processes by each sense, the fused embedding left out. ValueError for a single sense, which
    begins with the ``name`` of the objective."""
    own = {sense: z for sense, z in observed.latents().items() if sense != FUSED}
    if len(own) < 2:
        raise ValueError(f"{name}: the model has the sense {', '.join(own)} alone; this objective aligns at least two")
    return {
        sense: observed.processes.gather(observed.project(z[..., : observed.num_invariant])) for sense, z in own.items()
    }

"""Shared and private: a part of each sense holds what the others show too, the rest what it alone shows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.clip import clip, projected_senses
from smcrep.objectives.nt_xent import nt_xent
from smcrep.objectives.objective import ObjectiveWeights, Observed
from smcrep.transition import FUSED, Loss


@dataclass(frozen=True)
class SharedPrivateWeights(ObjectiveWeights):
    """The invariant part of each sense is split: its first numbers are shared, the others private. Sum of

    shared         CLIP's contrast of the shared parts (projected with zeros for the private), view by view, mean over
                   pairs of senses
    private        NT-Xent of both parts of view i and view i + 1, for all i in turn, mean over senses; no gradient
                   reaches the shared part, so the private one learns what tells states apart beyond it
    orthogonality  `soft_orthogonality` of both parts, mean over senses

    with their weights. Aligning what is shared and keeping what is private orthogonal to it is that of Domain
    Separation Networks (arXiv:1608.06019). There reconstruction keeps the private part from emptiness; here a contrast
    within the sense does, as for what is unique in FactorCL (arXiv:2306.05268). The paper has one weight of the
    penalty. With one, private parts took common numbers from the shared ones here, so each part is moved by a weight of
    its own. Nothing is predicted. `smcrep.probes.decodable` shows what is found in which part.
    """

    share: float = 0.5
    """Of the numbers of the invariant part, those that are shared."""
    private: float = 1.0
    """Weight of the private contrast beside the shared one."""
    orthogonality: float = 30.0
    """Weight of the penalty as it moves the private part."""
    orthogonality_of_shared: float = 3.0
    """Weight of the penalty as it moves the shared part; well below the other."""
    shared_temperature: float = 0.07
    """Divides the cosines of the shared contrast; see `CLIPWeights`."""
    private_temperature: float = 0.1
    """Divides the cosines of the private contrast."""

    def loss(self, observed: Observed) -> Loss:
        num_shared = self.num_shared(observed.num_invariant)
        is_shared = torch.arange(observed.num_invariant, device=observed.fused.device) < num_shared

        def shared_alone(z: Tensor) -> Tensor:
            return observed.project(torch.where(is_shared, z, 0))

        def beyond_shared(z: Tensor) -> Tensor:
            return observed.project(torch.where(is_shared, z.detach(), z))

        shared = projected_senses(replace(observed, project=shared_alone), "shared_private")
        private = projected_senses(replace(observed, project=beyond_shared), "shared_private")
        whole = {sense: z[..., : observed.num_invariant] for sense, z in observed.latents().items() if sense != FUSED}
        whole = {sense: observed.processes.gather(z).flatten(0, 1) for sense, z in whole.items()}
        views = range(observed.fused.shape[1])
        terms = {
            f"shared/{a}>{b}": _mean(clip(shared[a][:, i], shared[b][:, i], self.shared_temperature) for i in views)
            for a, b in combinations(shared, 2)
        }
        terms |= {
            f"private/{sense}": _mean(nt_xent(z[:, i - 1], z[:, i], self.private_temperature) for i in views)
            for sense, z in private.items()
        }
        split = {sense: z.split([num_shared, z.shape[1] - num_shared], 1) for sense, z in whole.items()}
        terms |= {f"orthogonality/{sense}": soft_orthogonality(s.detach(), p).total for sense, (s, p) in split.items()}
        of_shared = _mean(soft_orthogonality(s, p.detach()) for s, p in split.values())
        weights = {"shared": 1.0, "private": self.private, "orthogonality": self.orthogonality}
        total = self.orthogonality_of_shared * of_shared
        for group, weight in weights.items():
            own = [term for name, term in terms.items() if name.startswith(f"{group}/")]
            total = total + weight * torch.stack(own).mean()
        return Loss(total, {name: term.detach() for name, term in terms.items()})

    def num_shared(self, num_invariant: int) -> int:
        """The first so many of the invariant part are shared; ValueError where either part would be empty."""
        found = round(self.share * num_invariant)
        if not 0 < found < num_invariant:
            raise ValueError(
                f"shared_private: share is {self.share}, so that {found} of {num_invariant} numbers are shared; leave "
                "at least 1 to each part"
            )
        return found

    def fused_only(self) -> None:
        return None


def soft_orthogonality(shared: Tensor, private: Tensor) -> Loss:
    """|S^T P|^2 / n^2, the squared Frobenius norm, S [n, ds] and P [n, dp] the parts of n observations minus their
    means, each row then of length 1 (the difference loss of arXiv:1608.06019, centred and normalised as in its code;
    the paper sums, its code takes the mean over ds * dp, here neither n nor the widths set the scale).

    From 0 to 1: 0 where the parts are not correlated, about 1 / n where they are independent, and 1 where both have one
    and the same single direction. Only linear dependence is seen. Constant parts give 0.
    """
    s, p = (F.normalize(x - x.mean(0), dim=-1) for x in (shared, private))
    total = (s.T @ p).square().sum() / len(s) ** 2
    return Loss(total, {"soft_orthogonality": total.detach()})


def _mean(losses: Iterable[Loss]) -> Tensor:
    return torch.stack([loss.total for loss in losses]).mean()

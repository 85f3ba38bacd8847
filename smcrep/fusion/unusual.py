"""How unlike all that was seen an observation is: each sense by itself, and given what the other senses say.

Squared Mahalanobis distances from the mean of clean beliefs: of a sense's invariant and equivariant part, of what is
left of each when it is predicted linearly from another sense's (both know the same thing and the same pose), and of all
senses present together. Which thing it is, and how often such things were met, they do not say.
"""

import torch
from torch import Tensor, nn

from smcrep.fusion.scatter import shrunk, whitening
from smcrep.transition import Beliefs

LEAST = 1e-6


class Unusual(nn.Module):
    """Beliefs over m senses, mean [..., m, d], whose first ``invariant_dim`` numbers are the invariant part and whose
    others, if any, the equivariant one. Fitted by `fit`."""

    def __init__(self, num_senses: int, invariant_dim: int, equivariant_dim: int) -> None:
        super().__init__()
        self.num_senses, self.dims = num_senses, tuple(d for d in (invariant_dim, equivariant_dim) if d)
        self.centre: Tensor
        self.register_buffer("centre", torch.zeros(num_senses, sum(self.dims)))
        for part, d in enumerate(self.dims):
            self.register_buffer(f"own_{part}", torch.eye(d).repeat(num_senses, 1, 1))
            self.register_buffer(f"slope_{part}", torch.zeros(num_senses, num_senses, d, d))
            self.register_buffer(f"left_{part}", torch.eye(d).repeat(num_senses, num_senses, 1, 1))
        total = num_senses * invariant_dim
        self.together: Tensor
        self.register_buffer("together", torch.eye(total))

    @property
    def num_readings(self) -> int:
        """Numbers that `forward` gives of each sense."""
        return len(self.dims) * (3 if self.num_senses > 1 else 1) + 1

    def forward(self, beliefs: Beliefs) -> Tensor:
        """[..., m, num_readings]: for each part the log of the mean square of a sense's whitened numbers, and of what
        each other sense that is present leaves of them, mean and least over those (0 where there is none); then whether
        there is any other. 0 where the sense is absent."""
        x, present = self.centred(beliefs), beliefs.present
        eye = torch.eye(self.num_senses, dtype=torch.bool, device=present.device)
        others = present[..., None, :] & present[..., :, None] & ~eye
        some, found, first = others.any(-1), [], 0
        for part, d in enumerate(self.dims):
            own, slope, left = (getattr(self, f"{name}_{part}") for name in ("own", "slope", "left"))
            here = x[..., first : first + d]
            found.append(_log_mean_square(torch.einsum("...md,mde->...me", here, own)))
            if self.num_senses > 1:
                rest = here[..., :, None, :] - torch.einsum("...od,mode->...moe", here, slope)
                across = _log_mean_square(torch.einsum("...mod,mode->...moe", rest, left))
                mean = torch.where(others, across, 0).sum(-1) / others.sum(-1).clamp(min=1)
                least = torch.where(others, across, torch.inf).amin(-1)
                found += [mean, torch.where(some, least, 0)]
            first += d
        readings = torch.stack([*found, some.to(x.dtype)], -1)
        return torch.where(present[..., None], readings, 0)

    def distance(self, beliefs: Beliefs) -> Tensor:
        """[...]: log of the mean square of the invariant parts of all senses present, whitened together. 0 where no
        sense is present."""
        x = self.centred(beliefs)[..., : self.dims[0]].flatten(-2)
        present, found = beliefs.present, x.new_zeros(beliefs.present.shape[:-1])
        for senses in present.flatten(0, -2).unique(dim=0):
            if not senses.any():
                continue
            here, seen = (present == senses).all(-1), senses.repeat_interleave(self.dims[0])
            factor = torch.linalg.cholesky(self.together[seen][:, seen])
            white = torch.linalg.solve_triangular(factor, x[here][:, seen].mT, upper=False)
            found[here] = white.square().mean(0).clamp(min=LEAST).log()
        return found

    def centred(self, beliefs: Beliefs) -> Tensor:
        """Means less what is usual, 0 where a sense is absent."""
        there = beliefs.present[..., None]
        return torch.where(there, torch.where(there, beliefs.mean, 0) - self.centre, 0)

    @torch.no_grad()
    def fit(self, beliefs: Beliefs, shrinkage: float) -> None:
        """From clean beliefs [n], all senses present."""
        mean = beliefs.mean.double()
        self.centre.copy_(mean.mean(0))
        x, first = mean - mean.mean(0), 0
        invariant = x[..., : self.dims[0]].flatten(1)
        self.together.copy_(shrunk(invariant.mT @ invariant / len(x), shrinkage))
        for part, d in enumerate(self.dims):
            own, slope, left = (getattr(self, f"{name}_{part}") for name in ("own", "slope", "left"))
            here = x[..., first : first + d]
            usual = [shrunk(here[:, m].mT @ here[:, m] / len(x), shrinkage) for m in range(self.num_senses)]
            for m in range(self.num_senses):
                own[m].copy_(whitening(usual[m]))
                for o in range(self.num_senses):
                    if o == m:
                        continue
                    gain = torch.linalg.solve(usual[o], here[:, o].mT @ here[:, m] / len(x))
                    rest = here[:, m] - here[:, o] @ gain
                    slope[m, o].copy_(gain)
                    left[m, o].copy_(whitening(shrunk(rest.mT @ rest / len(x), shrinkage)))
            first += d


def _log_mean_square(x: Tensor) -> Tensor:
    return x.square().mean(-1).clamp(min=LEAST).log()

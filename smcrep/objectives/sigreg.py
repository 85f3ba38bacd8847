"""SIGReg (LeJEPA): embeddings are pulled to an isotropic Gaussian, tested along random directions; no negatives."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.objectives.invariance import Invariance, Views
from smcrep.transition import Loss

KNOTS = 17
"""Places where the characteristic functions are compared, equidistant in [0, LAST_KNOT], as in the authors' code."""
LAST_KNOT = 3.0


@dataclass(frozen=True)
class SIGReg(Invariance):
    """LeJEPA's loss: (1 - share) * distance of the views to their mean + share * SIGReg of both views."""

    share: float = 0.02
    """Of SIGReg; it grows with the number of rows, so a share does not carry over to other batches."""
    num_slices: int = 256
    """Random directions, drawn anew in every call; on several processes each draws its own."""

    def loss(self, views: Views) -> Loss:
        directions = random_directions(views.a, self.num_slices, views.generator)
        agreement = (views.a - views.b).square().mean() / 4  # of each view to the mean of both
        gaussian = (sigreg(views.a, directions) + sigreg(views.b, directions)) / 2
        total = (1 - self.share) * agreement + self.share * gaussian
        return Loss(total, {"agreement": agreement.detach(), "sigreg": gaussian.detach()})


def sigreg(z: Tensor, directions: Tensor) -> Tensor:
    """Mean over directions u of the Epps-Pulley statistic of the n numbers z u (arXiv:2511.08544, the sketched
    regularisation with the Epps-Pulley test, as in the authors' code),

        n * integral over t of |mean over rows of exp(i t z u) - exp(-t^2 / 2)|^2 exp(-t^2 / 2) dt,

    by the trapezoidal rule on [0, 3], twice, as the integrand is even.

    z           [n, d].
    directions  [d, s], of unit length.
    """
    t = torch.linspace(0, LAST_KNOT, KNOTS, dtype=z.dtype, device=z.device)
    gaussian = (-t.square() / 2).exp()
    angle = (z @ directions)[..., None] * t
    apart = (angle.cos().mean(0) - gaussian).square() + angle.sin().mean(0).square()
    return 2 * len(z) * torch.trapezoid(apart * gaussian, t, dim=-1).mean()


def random_directions(like: Tensor, num: int, generator: torch.Generator | None) -> Tensor:
    """[d, num] of unit length, uniform on the sphere; of the dtype and device of ``like`` [n, d]. Drawn on the CPU, so
    that a seed gives the same everywhere; without a generator always the same."""
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    drawn = torch.randn(like.shape[-1], num, generator=generator)
    return F.normalize(drawn, dim=0).to(like)

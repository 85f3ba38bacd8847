"""Neural field (Amari 1977) on an irregular graph: merges cues that agree, selects one of cues that do not.

After Forest, Quinton and Lefort (IJCNN 2022), whose kernel and numbers are not public; the constants are ours.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.fusion.bumps import bump_labels, largest_bump
from smcrep.fusion.graph import knn_volumes


@dataclass(frozen=True)
class FieldConstants:
    """Of the field's equation in `field_fuse`. Distances in the units of the graph; potentials have none."""

    dim: int = 1
    """Dimension q of the space that the units lie in."""
    width: float = 0.3
    """Standard deviation of the excitation between units. Cues should be about as wide, and units denser."""
    excitation: float = 1.0
    """Integral of the excitatory kernel."""
    inhibition: float = 3.0
    """Integral of the inhibition, which is the same everywhere; higher selects at smaller disparities."""
    rest: float = -0.3
    """Potential without input; at it no bump holds itself."""
    gain: float = 10.0
    """Slope of the firing rate f(u) = 1 / (1 + exp(-gain u)), times 4."""
    rate: float = 0.2
    """Size of a step over the time constant tau."""
    steps: int = 300
    """Always so many, so that a result depends on its own input alone."""


@dataclass(frozen=True)
class FieldPercept:
    """position   [b, q'] of the largest bump, in the coordinates handed in; zeros where there is none.
    num_peaks  int64 [b]: 0 no bump, 1 a decision, 2 or more undecided.
    mass       [b]: integral over the largest bump of 2 f - 1, the activity above one half.
    activity   [b, n], 0..1.
    change     [b]: what the last step changed at most; large where the field has not settled.
    """

    position: Tensor
    num_peaks: Tensor
    mass: Tensor
    activity: Tensor
    change: Tensor


def field_fuse(
    positions: Tensor,
    distances: Tensor,
    drives: Tensor,
    *,
    volumes: Tensor | None = None,
    constants: FieldConstants | None = None,
) -> FieldPercept:
    """Fixed point, from rest, of tau du_k/dt = -u_k + h + sum_j w(D_kj) q_j f(u_j) + sum_m I_mk.

    w(D) = excitation * N(D; 0, width^2) - inhibition / sum q, with N the Gaussian density in ``dim`` dimensions. The
    cell volumes q_j make the sum an integral: without them a dense region of units would count as a strong one.

    Gradients reach ``drives`` through the fixed point (implicit function theorem), du* = (1 - W f'(u*))^-1 dI, at the
    price of one linear system of n units an item; the position is differentiated within the bump that won.

    positions  [n, q'] coordinates of the units in which a position can be averaged (cosine and sine for an angle).
    distances  [n, n] between units along the graph (`smcrep.fusion.graph.geodesic_distances`).
    drives     [b, m, n] of each sense, such as `gaussian_drives`; 0 where a sense is absent.
    volumes    [n] of the units' cells; default `smcrep.fusion.graph.knn_volumes`.
    """
    c = constants or FieldConstants()
    num_units = len(positions)
    if distances.shape != (num_units, num_units) or drives.ndim != 3 or drives.shape[-1] != num_units:
        raise ValueError(
            f"field_fuse: {num_units} positions, distances {list(distances.shape)} and drives {list(drives.shape)}; "
            f"give distances [{num_units}, {num_units}] and drives [b, m, {num_units}]"
        )
    volumes = knn_volumes(distances, dim=c.dim) if volumes is None else volumes
    weight = kernel(distances, volumes, c) * volumes
    drive = drives.sum(1)
    potential, change = _settle(weight, drive, c)
    activity = torch.sigmoid(c.gain * potential)

    label = bump_labels(activity > 0.5, distances, c.width)
    # What exceeds one half, not all: a unit then joins a bump with weight 0, and the position does not jump.
    mass = (2 * activity - 1).relu() * volumes
    num_peaks, inside = largest_bump(label, mass)
    mass = torch.where(inside, mass, 0)
    total = mass.sum(-1)
    position = mass @ positions / torch.where(num_peaks > 0, total, 1)[:, None]
    return FieldPercept(position, num_peaks, total, activity, change)


def gaussian_drives(distances: Tensor, log_precision: Tensor, *, width: float = 0.4) -> Tensor:
    """Drives [b, m, n] of senses that each believe in one place: gain_m exp(-D^2 / 2 width^2), gains the senses'
    shares of precision.

    Precision is the gain and the width is one for all, as in a population code (Ma et al., Nature Neuroscience 9,
    2006): the sum of such drives has its top at the precision-weighted mean of places nearer to each other than
    ``width``. Were precision the width instead, the vaguer of two distant senses would excite more units, and win.

    distances      [b, m, n] from the place that each sense believes in to the units.
    log_precision  [b, m]; -inf for an absent sense, whose distances are not read.
    """
    present = log_precision > -torch.inf
    some = present.any(-1, keepdim=True)
    share = torch.where(some, torch.where(some, log_precision, 0.0).softmax(-1), 0)
    away = torch.where(present[..., None], distances, 0)
    return share[..., None] * torch.exp(-away.square() / (2 * width**2))


def kernel(distances: Tensor, volumes: Tensor, c: FieldConstants) -> Tensor:
    """w(D) of `field_fuse`, [n, n]: its integral over the space is excitation - inhibition."""
    density = torch.exp(-distances.square() / (2 * c.width**2)) / (math.sqrt(2 * math.pi) * c.width) ** c.dim
    return c.excitation * density - c.inhibition / volumes.sum()


def _settle(weight: Tensor, drive: Tensor, c: FieldConstants) -> tuple[Tensor, Tensor]:
    """Potential [b, n] after the steps, with the gradient of a fixed point, and the last change [b]."""

    def target(potential: Tensor, drive: Tensor) -> Tensor:
        return c.rest + torch.sigmoid(c.gain * potential) @ weight.T + drive

    with torch.no_grad():
        potential = torch.full_like(drive, c.rest)
        step = torch.zeros_like(drive)
        for _ in range(c.steps):
            step = c.rate * (target(potential, drive) - potential)
            potential = potential + step
        change = step.abs().amax(-1)
    if drive.requires_grad:
        rate = torch.sigmoid(c.gain * potential)
        jacobian = weight * (c.gain * rate * (1 - rate))[:, None, :]
        eye = torch.eye(drive.shape[-1], dtype=drive.dtype, device=drive.device)
        again = target(potential, drive)
        potential = potential + torch.linalg.solve(eye - jacobian, (again - again.detach())[..., None])[..., 0]
    return potential, change

"""What happens to points of a cloud: jitter, thinning, outliers, flying points, holes. Clouds are float32 [n, k, 3]
metres in the camera's frame, as `smcrep.senses.points.check` gives them: finite, in front of the camera.

The radius of a cloud is the distance of its farthest point from the mean of its points.
"""

import torch
from torch import Tensor

from smcrep.corruptions.corruption import Corruption
from smcrep.corruptions.draws import direction, normal, per_row, rank, uniform
from smcrep.geometry.points import filled
from smcrep.senses import POINTS

JITTER_STD = 0.4
"""Standard deviation at severity 1, of the radius."""
FEWEST = 16
"""Points that are left at severity 1."""
OUTLIERS = 0.2
"""Share of the points astray at severity 1."""
OUTLIER_RADIUS = 3.0
"""Radius of the ball that they lie in, in that of the cloud."""
FLYING = 0.2
"""Share of the points that fly at severity 1."""
FLYING_M = (0.05, 0.3)
"""How far they lie behind their surface, metres."""
HOLE = 0.75
"""Share of the points that are missing at severity 1."""
NEAREST = 0.1
"""No point comes nearer to the camera's plane than this share of the clean cloud's nearest."""


def radius(points: Tensor) -> Tensor:
    """float32 [n, 1, 1] of clouds [n, k, 3], metres."""
    return (points - points.mean(1, keepdim=True)).norm(dim=-1).amax(1)[:, None, None]


def in_front(moved: Tensor, points: Tensor) -> Tensor:
    """``moved`` with every z at least `NEAREST` times the smallest of ``points``: still seen by the camera."""
    nearest = NEAREST * points[..., 2].amin(1, keepdim=True)
    return torch.cat([moved[..., :2], torch.maximum(moved[..., 2], nearest)[..., None]], -1)


def points_left(severity: Tensor, num_points: int) -> Tensor:
    """int64 [n] of the points of a thinned cloud: round(k (FEWEST / k)^s), evenly by logarithm; k where k < FEWEST."""
    fewest = min(FEWEST, num_points)
    return (num_points * (fewest / num_points) ** severity.float()).round().long()


def jitter(points: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Plus N(0, (JITTER_STD s radius)^2) in every coordinate."""
    change = JITTER_STD * per_row(severity, points) * radius(points)
    return in_front(points + change * normal(points, *points.shape[1:], generator=generator), points)


def thinning(points: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """`points_left` of the points, any of them, and copies of these in place of the others."""
    left = points_left(severity, points.shape[1]).to(points.device)
    return filled(points, rank(points, points.shape[1], generator=generator) >= left[:, None])


def outliers(points: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """round(OUTLIERS s k) of the points lie anywhere in a ball of OUTLIER_RADIUS radii about the mean."""
    k = points.shape[1]
    outward = normal(points, k, 3, generator=generator)
    outward = outward / outward.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    distance = OUTLIER_RADIUS * radius(points) * uniform(points, k, 1, generator=generator) ** (1 / 3)
    anywhere = in_front(points.mean(1, keepdim=True) + distance * outward, points)
    return torch.where(_some(points, OUTLIERS * severity, generator), anywhere, points)


def flying_points(points: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """round(FLYING s k) of the points lie FLYING_M behind their surface on their pixel's ray, as those between an
    object and what is behind it do."""
    low, high = FLYING_M
    behind = low + (high - low) * uniform(points, points.shape[1], 1, generator=generator)
    astray = points * (1 + behind / points[..., 2:])
    return torch.where(_some(points, FLYING * severity, generator), astray, points)


def holes(points: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """The round(HOLE s k) points at one end of the cloud, in a direction drawn for it, are missing: copies of the
    others stand in for them."""
    along = (points * direction(points, 3, generator=generator)[:, None]).sum(-1)
    missing = along.argsort(dim=1).argsort(dim=1) < (HOLE * points.shape[1] * per_row(severity, along)).round()
    return filled(points, missing)


def _some(points: Tensor, share: Tensor, generator: torch.Generator) -> Tensor:
    """bool [n, k, 1]: round(share k) of the points of each cloud, any of them; ``share`` float [n]."""
    order = rank(points, points.shape[1], generator=generator)[..., None]
    return order < (points.shape[1] * per_row(share, points)).round()


KINDS = (
    Corruption(
        "jitter",
        POINTS.name,
        jitter,
        True,
        True,
        f"standard deviation {JITTER_STD:g} of the cloud's radius",
        JITTER_STD,
    ),
    Corruption("thinning", POINTS.name, thinning, False, True, f"{FEWEST} points are left"),
    Corruption(
        "outliers",
        POINTS.name,
        outliers,
        False,
        True,
        f"{OUTLIERS:g} of the points within {OUTLIER_RADIUS:g} radii",
        OUTLIERS,
    ),
    Corruption(
        "flying_points",
        POINTS.name,
        flying_points,
        False,
        False,
        f"{FLYING:g} of the points behind their surface",
        FLYING,
    ),
    Corruption("holes", POINTS.name, holes, False, True, f"{HOLE:g} of the points missing, at one end", HOLE),
)

"""What happens to a cloud as a whole: mis-registration, wrong scale, quantised depth. Clouds are float32 [n, k, 3]
metres in the camera's frame, finite and in front of it."""

import math

import torch
from torch import Tensor

from smcrep.corruptions.cloud_points import in_front, radius
from smcrep.corruptions.corruption import Corruption
from smcrep.corruptions.draws import direction, per_row, uniform
from smcrep.geometry.rotations import rotvec_to_rotation
from smcrep.senses import POINTS

SHIFT = 0.5
"""How far the mean of a mis-registered cloud moves at severity 1, in radii of the cloud."""
TURN_DEGREES = 30.0
"""How far it turns about its mean at severity 1."""
WRONG_SCALE = 1.5
"""Factor at severity 1, or its inverse."""
STEP_M = 0.03
"""Between the depths that are told apart at severity 1, metres."""


def misregistration(points: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Turned by TURN_DEGREES s about an axis through the mean, and shifted by SHIFT s radii; axis and direction are
    drawn for each cloud."""
    s, mean = per_row(severity, points), points.mean(1, keepdim=True)
    axis, towards = (direction(points, 3, generator=generator)[:, None] for _ in range(2))
    rotation = rotvec_to_rotation((math.radians(TURN_DEGREES) * s * axis)[:, 0])
    moved = mean + (points - mean) @ rotation.mT + SHIFT * s * radius(points) * towards
    return in_front(torch.where(s > 0, moved, points), points)


def wrong_scale(points: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Every coordinate times WRONG_SCALE^s or its inverse, either as likely: as with depth in a wrong unit, the
    distance grows with the object."""
    sign = torch.where(uniform(points, 1, 1, generator=generator) < 0.5, -1.0, 1.0)
    return points * WRONG_SCALE ** (sign * per_row(severity, points))


def depth_quantisation(points: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Depths rounded to multiples of STEP_M s, at least one; points stay on their pixels' rays. Draws nothing."""
    step = STEP_M * per_row(severity, points)
    depth = points[..., 2:]
    rounded = torch.maximum((depth / step.clamp(min=1e-12)).round(), torch.ones_like(depth)) * step
    return torch.where(step > 0, points * (rounded / depth), points)


KINDS = (
    Corruption(
        "misregistration", POINTS.name, misregistration, False, False,
        f"shifted by {SHIFT:g} radii, turned by {TURN_DEGREES:g} degrees", SHIFT,
    ),
    Corruption("wrong_scale", POINTS.name, wrong_scale, False, False, f"times {WRONG_SCALE:g} or 1/{WRONG_SCALE:g}"),
    Corruption(
        "depth_quantisation", POINTS.name, depth_quantisation, False, False, f"depth in steps of {STEP_M:g} m", STEP_M
    ),
)  # fmt: skip

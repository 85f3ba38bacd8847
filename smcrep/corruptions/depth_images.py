"""What goes wrong with depth cameras. Images are float32 [n, h, w] metres along z, 0 where nothing was read."""

import torch
from torch import Tensor

from smcrep.corruptions.blobs import blobs
from smcrep.corruptions.corruption import Corruption
from smcrep.corruptions.draws import normal, per_row, uniform
from smcrep.senses import DEPTH

NOISE_STD_M = 0.1
"""Standard deviation of the noise at severity 1, metres."""
STEP_M = 0.1
"""Between the depths that are told apart at severity 1, metres."""
BIAS_M = 0.1
"""Added to every reading, or taken away, at severity 1, metres."""
MISSING = 1.0
"""Share of the pixels that read nothing at severity 1."""
EDGE_M = 0.05
"""What is farther apart than this, in metres, is an edge ..."""
EDGE_WIDTH = 1 / 16
"""... where it is so within this share of the image's height."""
BEHIND_M = 0.2
"""What reads nothing counts at an edge as so far behind the nearest reading, in metres."""
NEAREST_M = 0.001
"""No reading is below: 0 means that there is none."""


def noise(depth: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Every reading plus N(0, (NOISE_STD_M s)^2)."""
    change = NOISE_STD_M * per_row(severity, depth) * normal(depth, *depth.shape[1:], generator=generator)
    return _read(depth + change, depth)


def missing_returns(depth: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Patches that cover MISSING s of the image read nothing."""
    return depth.masked_fill(blobs(depth, MISSING * severity, generator), 0)


def edge_bleeding(depth: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """At edges every reading moves by s of its way to the middle of the nearest and the farthest one in the window, as
    pixels do that see both: objects bleed into what is behind them. Draws nothing."""
    width = 2 * max(1, round(EDGE_WIDTH * depth.shape[1] / 2)) + 1
    farthest = _largest(depth, width)
    nearest = -_largest(torch.where(depth > 0, -depth, -torch.inf), width)
    beside_nothing = _largest((depth <= 0).float(), width) > 0
    farthest = torch.where(beside_nothing, torch.maximum(farthest, nearest + BEHIND_M), farthest)
    edge = (depth > 0) & (farthest - nearest > EDGE_M)
    moved = depth + per_row(severity, depth) * ((nearest + farthest) / 2 - depth)
    return torch.where(edge, moved, depth)


def quantisation(depth: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Readings rounded to multiples of STEP_M s, at least one. Draws nothing."""
    step = STEP_M * per_row(severity, depth)
    rounded = (depth / step.clamp(min=1e-12)).round().clamp(min=1) * step
    return torch.where((step > 0) & (depth > 0), rounded, depth)


def bias(depth: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Every reading plus or minus BIAS_M s, one sign for an image, either as likely."""
    sign = torch.where(uniform(depth, 1, 1, generator=generator) < 0.5, -1.0, 1.0)
    return _read(depth + sign * BIAS_M * per_row(severity, depth), depth)


def _read(changed: Tensor, depth: Tensor) -> Tensor:
    """``changed`` where ``depth`` was read, and still so; 0 elsewhere."""
    changed = torch.where(depth < NEAREST_M, depth, changed.clamp(min=NEAREST_M))
    return torch.where(depth > 0, changed, 0)


def _largest(depth: Tensor, width: int) -> Tensor:
    """[n, h, w]: in a window of ``width`` pixels about each."""
    pool, reach = torch.nn.functional.max_pool2d, width // 2
    down = pool(depth[:, None], (width, 1), stride=1, padding=(reach, 0))
    return pool(down, (1, width), stride=1, padding=(0, reach))[:, 0]


KINDS = (
    Corruption("noise", DEPTH.name, noise, True, True, f"standard deviation of {NOISE_STD_M:g} m", NOISE_STD_M),
    Corruption(
        "missing_returns",
        DEPTH.name,
        missing_returns,
        False,
        True,
        "no pixel reads anything; below 1, patches",
        MISSING,
    ),
    Corruption(
        "edge_bleeding",
        DEPTH.name,
        edge_bleeding,
        False,
        True,
        "readings at edges half way between the sides",
        1.0,
    ),
    Corruption("quantisation", DEPTH.name, quantisation, False, False, f"steps of {STEP_M:g} m", STEP_M),
    Corruption("bias", DEPTH.name, bias, False, False, f"{BIAS_M:g} m nearer or farther", BIAS_M),
)

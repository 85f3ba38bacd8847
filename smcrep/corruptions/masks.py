"""What goes wrong with masks. They are uint8 [n, h, w], 1 on the object."""

import torch
from torch import Tensor

from smcrep.corruptions.blobs import blobs, smallest
from smcrep.corruptions.corruption import Corruption
from smcrep.corruptions.draws import direction, per_row
from smcrep.senses import MASK

GROWN = 1 / 8
"""By how much the object's outline moves out at severity 1, of the image's height."""
SHRUNK = 1 / 8
"""By how much it moves in."""
SHIFTED = 1 / 4
"""How far the mask moves at severity 1, of the image's height."""
REPLACED = 1.0
"""Share of the image in which something else is masked at severity 1."""
CUT = 0.75
"""Share of the object that is missing at severity 1."""


def grown(mask: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Dilated by a square of round(GROWN s h) pixels to each side. Draws nothing."""
    return _dilated(mask, GROWN * mask.shape[1] * severity)


def shrunk(mask: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Eroded by a square of round(SHRUNK s h) pixels to each side; the border of the image erodes nothing. Draws
    nothing."""
    return 1 - _dilated(1 - mask, SHRUNK * mask.shape[1] * severity)


def _dilated(mask: Tensor, reach: Tensor) -> Tensor:
    """By round(reach) pixels; reach float [n]."""
    reach, out = per_row(reach.round(), mask), mask.float()
    for step in range(1, int(reach.max()) + 1 if len(mask) else 0):
        wider = torch.nn.functional.max_pool2d(out[:, None], 3, stride=1, padding=1)[:, 0]
        out = torch.where(reach >= step, wider, out)
    return out.to(mask.dtype)


def shifted(mask: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Moved by SHIFTED s h, to the nearest pixel, in a direction drawn for each mask; beside the image nothing is
    masked."""
    height, width = mask.shape[1:]
    move = SHIFTED * height * severity.to(mask.device).float()[:, None] * direction(mask, 2, generator=generator)
    down, right = move.round().long().unbind(1)
    row = torch.arange(height, device=mask.device) - down[:, None]
    column = torch.arange(width, device=mask.device) - right[:, None]
    inside = ((row >= 0) & (row < height))[:, :, None] & ((column >= 0) & (column < width))[:, None, :]
    number = torch.arange(len(mask), device=mask.device)[:, None, None]
    moved = mask[number, row.clamp(0, height - 1)[:, :, None], column.clamp(0, width - 1)[:, None, :]]
    return torch.where(inside, moved, 0)


def noise_blobs(mask: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """In patches that cover REPLACED s of the image, patches of nothing are masked, over as large a share as the object
    has of the whole image."""
    where = blobs(mask, REPLACED * severity, generator)
    return torch.where(where, blobs(mask, mask.float().mean((1, 2)), generator).to(mask.dtype), mask)


def missing_part(mask: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """round(CUT s pixels) of the object are missing: those farthest in a direction drawn for each mask."""
    height, width = mask.shape[1:]
    towards = direction(mask, 2, generator=generator)[:, :, None, None]
    down, right = torch.arange(height, device=mask.device)[:, None], torch.arange(width, device=mask.device)
    along = torch.where(mask > 0, towards[:, 0] * down + towards[:, 1] * right, torch.inf).flatten(1)
    num = (CUT * severity.to(mask.device) * (mask > 0).sum((1, 2))).round().long()
    return torch.where(smallest(along, num).view(mask.shape), 0, mask)


KINDS = (
    Corruption("grown", MASK.name, grown, False, True, f"outline {GROWN:.3g} of the height farther out", GROWN),
    Corruption("shrunk", MASK.name, shrunk, False, False, f"outline {SHRUNK:.3g} of the height farther in", SHRUNK),
    Corruption("shifted", MASK.name, shifted, False, False, f"shifted by {SHIFTED:g} of the height", SHIFTED),
    Corruption(
        "noise_blobs",
        MASK.name,
        noise_blobs,
        False,
        False,
        "patches of nothing in place of the object",
        REPLACED,
    ),
    Corruption("missing_part", MASK.name, missing_part, False, True, f"{CUT:g} of the object missing, at one end", CUT),
)

"""What light and things in the way do to pictures: occlusion, glare, darkness, colour cast, fog. uint8 [n, h, w, 3]."""

import torch
from torch import Tensor

from smcrep.corruptions.corruption import Corruption
from smcrep.corruptions.draws import per_row, uniform
from smcrep.corruptions.picture_noise import FULL, to_uint8
from smcrep.senses import RGB

OCCLUDED = 0.5
"""Share of the picture that is hidden at severity 1."""
GLARE_WIDTH = 0.3
"""Standard deviation of the glare's Gaussian, of the image's height."""
CAST = 2.0
"""Gain or loss, at severity 1, of the channel that changes most."""
FOG = 0.9
"""Contrast lost at severity 1."""
FOG_LEVEL = 0.8
"""Brightness of the fog, of full scale."""


def occlusion(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """A rectangle of one colour hides OCCLUDED s of the picture, to the rounding of its sides; its place, its colour
    and its shape (height over width 1 / 2 to 2, of those of the picture) are drawn."""
    height, width = rgb.shape[1:3]
    drawn = uniform(rgb, 6, generator=generator)
    share = OCCLUDED * severity.to(rgb.device).float()
    aspect = 2 ** (drawn[:, 0] - 0.5)
    rows = ((share.sqrt() * aspect).clamp(max=1) * height).round()
    columns = (share * height / rows.clamp(min=1) * width).round().clamp(max=width)
    top, left = (drawn[:, 1] * (height - rows)).round(), (drawn[:, 2] * (width - columns)).round()
    inside = _within(top, rows, height)[:, :, None] & _within(left, columns, width)[:, None, :]
    colour = (FULL * drawn[:, 3:]).round().to(torch.uint8)
    return torch.where(inside[..., None], colour[:, None, None, :], rgb)


def _within(first: Tensor, num: Tensor, size: int) -> Tensor:
    """bool [n, size]: places from ``first`` [n] on, ``num`` [n] of them."""
    place = torch.arange(size, device=first.device)
    return (place >= first[:, None]) & (place < (first + num)[:, None])


def glare(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """A light somewhere in the picture: x + s g (white - x), g a Gaussian of GLARE_WIDTH h about it, 1 there."""
    height, width = rgb.shape[1:3]
    middle = uniform(rgb, 2, generator=generator)
    down = torch.arange(height, device=rgb.device) + 0.5 - height * middle[:, :1]
    right = torch.arange(width, device=rgb.device) + 0.5 - width * middle[:, 1:]
    spread = 2 * (GLARE_WIDTH * height) ** 2
    light = torch.exp(-down.square() / spread)[:, :, None] * torch.exp(-right.square() / spread)[:, None, :]
    return _towards(rgb, FULL, per_row(severity, rgb) * light[..., None])


def darkness(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """(1 - s) x: black at severity 1. Draws nothing."""
    return _towards(rgb, 0.0, per_row(severity, rgb))


def fog(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Contrast 1 - FOG s about grey of FOG_LEVEL. Draws nothing."""
    return _towards(rgb, FOG_LEVEL * FULL, FOG * per_row(severity, rgb))


def _towards(rgb: Tensor, level: float, share: Tensor) -> Tensor:
    """x + share (level - x); exact where ``share`` is 0."""
    x = rgb.float()
    return to_uint8(x.add_(share * (level - x)))


def colour_cast(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Each channel times CAST^(s u), u drawn from -1 to 1 and scaled so that the largest |u| of the three is 1."""
    drawn = 2 * uniform(rgb, 3, generator=generator) - 1
    drawn = drawn / drawn.abs().amax(1, keepdim=True).clamp(min=1e-12)
    gain = CAST ** (severity.to(rgb.device).float()[:, None] * drawn)
    return to_uint8(rgb * gain[:, None, None, :])


KINDS = (
    Corruption("occlusion", RGB.name, occlusion, False, True, f"{OCCLUDED:g} of the picture hidden", OCCLUDED),
    Corruption("glare", RGB.name, glare, False, False, "white in the middle of the light", 1.0),
    Corruption("darkness", RGB.name, darkness, False, True, "black", 1.0),
    Corruption(
        "colour_cast", RGB.name, colour_cast, False, True, f"one channel times {CAST:g} or 1/{CAST:g}, the others less"
    ),
    Corruption("fog", RGB.name, fog, False, False, f"{FOG:g} of the contrast lost", FOG),
)

"""What a sensor's electronics do to pictures: noise, dead pixels and rows, coding. Pictures are uint8 [n, h, w, 3]."""

import io

import numpy as np
import torch
from torch import Tensor

from smcrep.corruptions.corruption import Corruption
from smcrep.corruptions.draws import normal, per_row, rank, uniform
from smcrep.senses import RGB

FULL = 255.0
NOISE_STD = 0.4
"""Standard deviation of the noise at severity 1, of full scale; of shot noise in white."""
DEAD_PIXELS = 0.5
"""Share of the pixels that are dead at severity 1."""
DEAD_ROWS = 0.5
"""Share of the rows that are dead at severity 1."""
WORST_QUALITY = 5
"""JPEG's, of 1 to 100, at severity 1."""


def to_uint8(picture: Tensor) -> Tensor:
    """Rounded to the nearest of 0..255, in place."""
    return picture.round_().clamp_(0, FULL).to(torch.uint8)


def noise(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Plus N(0, (NOISE_STD s)^2) of full scale, independent in every channel."""
    change = normal(rgb, *rgb.shape[1:], generator=generator).mul_(NOISE_STD * FULL * per_row(severity, rgb))
    return to_uint8(change.add_(rgb))


def shot_noise(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of photons counted: variance (NOISE_STD s)^2 x for a signal x of full scale, normal for Poisson (white is
    1 / (.4 s)^2 photons, 6 at severity 1)."""
    change = normal(rgb, *rgb.shape[1:], generator=generator).mul_(NOISE_STD * FULL * per_row(severity, rgb))
    return to_uint8(change.mul_((rgb / FULL).sqrt_()).add_(rgb))


def dead_pixels(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Each pixel, by chance DEAD_PIXELS s, reads black or white (salt and pepper), either as likely."""
    drawn = uniform(rgb, *rgb.shape[1:3], 1, generator=generator)
    share = DEAD_PIXELS * per_row(severity, rgb)
    value = torch.where(drawn < share / 2, 0, 255).to(torch.uint8)
    return torch.where(drawn < share, value, rgb)


def dead_rows(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """round(DEAD_ROWS s h) rows, anywhere, read black."""
    height = rgb.shape[1]
    dead = (
        rank(rgb, height, generator=generator)[..., None, None] < (DEAD_ROWS * height * per_row(severity, rgb)).round()
    )
    return rgb.masked_fill(dead, 0)


def jpeg(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Coded and decoded as JPEG by Pillow (torchvision's codecs are deprecated), of quality 100 - (100 - WORST_QUALITY)
    s to the nearest. Draws nothing."""
    from PIL import Image  # in here: other kinds do not need Pillow

    quality = (100 - (100 - WORST_QUALITY) * severity).round().int().tolist()
    out = rgb.clone()
    for row in severity.nonzero().flatten().tolist():  # the codec takes one picture at a time
        file = io.BytesIO()
        Image.fromarray(rgb[row].cpu().numpy()).save(file, "jpeg", quality=quality[row])
        out[row] = torch.from_numpy(np.array(Image.open(file)))
    return out


KINDS = (
    Corruption("noise", RGB.name, noise, True, True, f"standard deviation {NOISE_STD:g} of full scale", NOISE_STD),
    Corruption(
        "shot_noise",
        RGB.name,
        shot_noise,
        True,
        False,
        f"standard deviation {NOISE_STD:g} of full scale in white",
        NOISE_STD,
    ),
    Corruption(
        "dead_pixels", RGB.name, dead_pixels, False, True, f"{DEAD_PIXELS:g} of the pixels black or white", DEAD_PIXELS
    ),
    Corruption("dead_rows", RGB.name, dead_rows, False, False, f"{DEAD_ROWS:g} of the rows black", DEAD_ROWS),
    Corruption("jpeg", RGB.name, jpeg, False, False, f"quality {WORST_QUALITY} of 100"),
)

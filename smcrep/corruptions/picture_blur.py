"""Blur of pictures, by a lens out of focus and by motion. Pictures are uint8 [n, h, w, 3]."""

import math

import torch
from torch import Tensor

from smcrep.corruptions.corruption import Corruption
from smcrep.corruptions.draws import uniform
from smcrep.corruptions.picture_noise import to_uint8
from smcrep.senses import RGB

DEFOCUS_RADIUS = 1 / 12
"""Radius of the disc that a point becomes at severity 1, of the image's height."""
MOTION_LENGTH = 1 / 3
"""Length of the line that a point becomes at severity 1, of the image's height."""
AT_ONCE = 16
"""Pictures whose transforms fit a core's cache."""
FFT_MULTIPLE = 16
"""A transform is fast on sides that are multiples of this."""


def defocus_blur(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Every point becomes a disc of radius DEFOCUS_RADIUS s h, evenly bright. Draws nothing."""
    radius = DEFOCUS_RADIUS * rgb.shape[1] * severity.to(rgb.device).float()[:, None, None]
    down, right = _offsets(math.ceil(DEFOCUS_RADIUS * rgb.shape[1]), rgb.device)
    kernel = (radius + 0.5 - (down.square() + right.square()).sqrt()).clamp(0, 1)
    return _blurred(rgb, severity, kernel)


def motion_blur(rgb: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Every point becomes a line of length MOTION_LENGTH s h through it, in a direction drawn for each picture."""
    length = MOTION_LENGTH * rgb.shape[1] * severity.to(rgb.device).float()[:, None, None]
    angle = math.pi * uniform(rgb, 1, 1, generator=generator)
    down, right = _offsets(math.ceil(MOTION_LENGTH * rgb.shape[1] / 2), rgb.device)
    along = (right * angle.cos() + down * angle.sin()).abs()
    across = (down * angle.cos() - right * angle.sin()).abs()
    return _blurred(rgb, severity, (length / 2 + 0.5 - along).clamp(0, 1) * (1 - across).clamp(min=0))


def _offsets(reach: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixels down [k, 1] and right [k] of the middle of a kernel, from -reach to reach."""
    pixel = torch.arange(-reach, reach + 1, device=device, dtype=torch.float32)
    return pixel[:, None], pixel


def _blurred(rgb: Tensor, severity: Tensor, kernel: Tensor) -> Tensor:
    """Each picture convolved with its kernel [n, k, k], which is normalised here and symmetric about its middle; the
    border is continued by its own pixels. By Fourier transforms: each row has its own kernel."""
    kernel = kernel / kernel.sum((1, 2), keepdim=True)
    rows, out = severity.to(rgb.device).nonzero().flatten(), rgb.clone()
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        out[part] = _convolved(rgb[part], kernel[part])
    return out


def _convolved(rgb: Tensor, kernel: Tensor) -> Tensor:
    reach = kernel.shape[-1] // 2
    channels = torch.nn.functional.pad(rgb.permute(0, 3, 1, 2).float(), (reach,) * 4, mode="replicate")
    height, width = channels.shape[-2:]
    size = (-height % FFT_MULTIPLE + height, -width % FFT_MULTIPLE + width)  # zeros beyond reach nothing that is kept
    spectrum = torch.fft.rfft2(channels, s=size) * torch.fft.rfft2(kernel, s=size)[:, None]
    blurred = torch.fft.irfft2(spectrum, s=size)[..., 2 * reach : height, 2 * reach : width]
    return to_uint8(blurred).permute(0, 2, 3, 1)


KINDS = (
    Corruption(
        "defocus_blur",
        RGB.name,
        defocus_blur,
        False,
        True,
        f"discs of radius {DEFOCUS_RADIUS:.2g} of the height",
        DEFOCUS_RADIUS,
    ),
    Corruption(
        "motion_blur",
        RGB.name,
        motion_blur,
        False,
        False,
        f"lines of length {MOTION_LENGTH:.2g} of the height",
        MOTION_LENGTH,
    ),
)

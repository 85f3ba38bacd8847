"""What goes wrong with views that are no senses of this package: vectors of features, small pictures, sounds.

Each kind's severity 0..1 has the effect that the kind states, as in `smcrep.corruptions`; half of them are in no
training.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from smcrep.corruptions.corruption import Corruption
from smcrep.corruptions.draws import normal, per_row, uniform

BLUR_RADIUS = 2
HUM_HZ = 100.0


def vector_kinds(view: str) -> tuple[Corruption, ...]:
    """Of standardised features [n, f]."""
    return (
        Corruption("noise", view, _noise, True, True, "normal noise of 3 standard deviations", 3.0),
        Corruption("missing", view, _missing, False, True, "90 % of the numbers at their mean"),
        Corruption(
            "offset", view, _offset, False, False, "each number 3 standard deviations up or down, as in all rows"
        ),
        Corruption("flipped", view, _flipped, False, False, "half of the numbers with the other sign"),
    )


def picture_kinds(view: str) -> tuple[Corruption, ...]:
    """Of pictures [n, h, w] from 0 to 1."""
    return (
        Corruption("noise", view, _picture_noise, True, True, "normal noise of .8 of full scale, not clipped", 0.8),
        Corruption("occlusion", view, _occlusion, False, True, "a black square of .8 of the side, anywhere inside"),
        Corruption("blur", view, _blur, False, False, "the mean over 5 x 5 pixels"),
        Corruption("faded", view, _faded, False, False, "no contrast: grey"),
    )


def sound_kinds(view: str, rate_hz: int) -> tuple[Corruption, ...]:
    """Of stretches of sounds [n, k, t] at ``rate_hz``."""

    def hum(sound: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
        angle = 2 * math.pi * HUM_HZ / rate_hz * torch.arange(sound.shape[2])
        phase = 2 * math.pi * uniform(sound, 1, 1, generator=generator)
        wave = torch.stack([torch.sin(k * (angle + phase)) / k for k in range(1, 20, 2)]).sum(0)
        return sound + per_row(severity, sound) * _loudness(sound) * wave

    return (
        Corruption("noise", view, _sound_noise, True, True, "normal noise as loud as the sound", 1.0),
        Corruption("dropout", view, _dropout, False, True, "80 % of the stretches silent, one after the other"),
        Corruption("muffled", view, _muffled, False, False, "nothing above 10 % of the highest frequency"),
        Corruption("hum", view, hum, False, False, f"a square wave of {HUM_HZ:.0f} Hz, about as loud as the sound"),
    )


def _noise(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    return x + 3 * severity[:, None] * normal(x, x.shape[1], generator=generator)


def _missing(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    return torch.where(uniform(x, x.shape[1], generator=generator) < 0.9 * severity[:, None], 0, x)


def _offset(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    return x + 3 * severity[:, None] * normal(x[:1], x.shape[1], generator=generator).sign()


def _flipped(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    return torch.where(uniform(x, x.shape[1], generator=generator) < severity[:, None] / 2, -x, x)


def _picture_noise(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    return x + 0.8 * per_row(severity, x) * normal(x, *x.shape[1:], generator=generator)


def _occlusion(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    inside = []
    for axis, length in enumerate(x.shape[1:]):
        side = (0.8 * length * severity).round()
        first = (uniform(x, generator=generator) * (length - side + 1)).floor()
        at = torch.arange(length)
        span = (at >= first[:, None]) & (at < (first + side)[:, None])
        inside.append(span[:, :, None] if axis == 0 else span[:, None, :])
    return torch.where(inside[0] & inside[1], 0, x)


def _blur(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    blurred = F.avg_pool2d(x[:, None], 2 * BLUR_RADIUS + 1, 1, BLUR_RADIUS)[:, 0]
    return torch.lerp(x, blurred, per_row(severity, x))


def _faded(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    return torch.lerp(x, torch.full_like(x, 0.5), per_row(severity, x))


def _sound_noise(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    return x + per_row(severity, x) * _loudness(x) * normal(x, *x.shape[1:], generator=generator)


def _dropout(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    length = (0.8 * x.shape[1] * severity).round()
    first = (uniform(x, generator=generator) * (x.shape[1] - length + 1)).floor()
    at = torch.arange(x.shape[1])
    return torch.where(((at >= first[:, None]) & (at < (first + length)[:, None]))[..., None], 0, x)


def _muffled(x: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    spectrum = torch.fft.rfft(x)
    share = torch.linspace(0, 1, spectrum.shape[-1])
    kept = torch.where(share <= 1 - 0.9 * per_row(severity, x), spectrum, 0)
    return torch.where(per_row(severity, x) > 0, torch.fft.irfft(kept, x.shape[-1]), x)


def _loudness(x: Tensor) -> Tensor:
    """[n, 1, 1]: root of the mean square."""
    return x.square().mean((1, 2), keepdim=True).sqrt()

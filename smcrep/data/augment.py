"""Image augmentations with recorded parameters, which are the action of a `Transition`.

Order of application, always the same: crop and resize back, flip, brightness, contrast, saturation, hue, grey, blur.
Every step is exact at its identity, so identity parameters return the input bit for bit.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

AUGMENTATION_NAMES = (
    "crop_top", "crop_left", "crop_height", "crop_width", "flip",
    "brightness", "contrast", "saturation", "hue", "grey", "blur",
)  # fmt: skip
"""The order of `Augmentation.vector`."""

AUGMENTATION_DIM = len(AUGMENTATION_NAMES)

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma


@dataclass(frozen=True)
class Augmentation:
    """A batch of augmentations, all parameters float32.

    crop        top, left, height, width as fractions of the image's height and width; identity (0, 0, 1, 1)
    flip        1: mirrored left to right; 0: not
    brightness, contrast, saturation    factors; identity 1
    hue         shift as a fraction of the colour circle, in [-0.5, 0.5]; identity 0
    grey        1: colour removed; 0: kept
    blur        standard deviation of a Gaussian as a fraction of the image's height; identity 0
    """

    crop: Tensor  # [..., 4]
    flip: Tensor  # [...]
    brightness: Tensor  # [...]
    contrast: Tensor  # [...]
    saturation: Tensor  # [...]
    hue: Tensor  # [...]
    grey: Tensor  # [...]
    blur: Tensor  # [...]

    def __getitem__(self, index: object) -> "Augmentation":
        return Augmentation(*(t[index] for t in self._fields()))  # type: ignore[index]

    def to(self, device: torch.device | str) -> "Augmentation":
        return Augmentation(*(t.to(device) for t in self._fields()))

    @classmethod
    def identity(cls, *shape: int) -> "Augmentation":
        """Parameters that leave the image unchanged."""
        return cls.from_vector(torch.tensor([0.0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 0]).expand(*shape, -1).clone())

    def vector(self) -> Tensor:
        """float32 [..., AUGMENTATION_DIM] in the order of AUGMENTATION_NAMES. Lossless: see `from_vector`."""
        crop, *scalars = self._fields()
        return torch.cat([crop, torch.stack(scalars, -1)], -1)

    @classmethod
    def from_vector(cls, vector: Tensor) -> "Augmentation":
        return cls(vector[..., :4], *vector[..., 4:].unbind(-1))

    def _fields(self) -> tuple[Tensor, ...]:
        return (
            self.crop, self.flip, self.brightness, self.contrast, self.saturation, self.hue, self.grey, self.blur,
        )  # fmt: skip


@dataclass(frozen=True)
class AugmentationRanges:
    """What `sample` draws from; the defaults are SimCLR's for CIFAR-10 (arXiv:2002.05709, appendix A and B.9: colour
    strength 0.5), but crops of at least a fifth of the area."""

    area: tuple[float, float] = (0.2, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)  # width over height
    flip_p: float = 0.5
    colour_p: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    grey_p: float = 0.2
    blur_p: float = 0.0
    blur: tuple[float, float] = (0.005, 0.05)

    def __post_init__(self) -> None:
        if not (0 < self.area[0] <= self.area[1] <= 1 and 0 < self.ratio[0] <= self.ratio[1]):
            raise ValueError(f"AugmentationRanges: area {self.area} must lie in (0, 1], ratio {self.ratio} above 0")
        for name in ("flip_p", "colour_p", "grey_p", "blur_p", "brightness", "contrast", "saturation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"AugmentationRanges: {name} is {getattr(self, name)}; give a number in [0, 1]")
        if not 0 <= self.hue <= 0.5 or not 0 < self.blur[0] <= self.blur[1]:
            raise ValueError(f"AugmentationRanges: hue {self.hue} must lie in [0, 0.5], blur {self.blur} above 0")


def sample(
    ranges: AugmentationRanges, shape: tuple[int, ...], size: tuple[int, int], generator: torch.Generator
) -> Augmentation:
    """Augmentations [*shape] for images of ``size`` (height, width) pixels; crops fall on whole pixels."""

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(shape, generator=generator) * (high - low) + low

    def chance(p: float) -> Tensor:
        return (torch.rand(shape, generator=generator) < p).float()

    extent = torch.tensor([*size], dtype=torch.float32)
    aspect = torch.exp(uniform(*torch.tensor(ranges.ratio).log().tolist()) / 2)
    side = uniform(*ranges.area).sqrt()
    window = torch.stack([side / aspect, side * aspect], -1)
    window = torch.minimum((window * extent).round().clamp(min=1), extent)
    corner = torch.stack([uniform(0, 1), uniform(0, 1)], -1)
    corner = torch.minimum((corner * (extent - window + 1)).floor(), extent - window)

    coloured, blurred = chance(ranges.colour_p), chance(ranges.blur_p)
    return Augmentation(
        crop=torch.cat([corner / extent, window / extent], -1),
        flip=chance(ranges.flip_p),
        brightness=1 + coloured * uniform(-ranges.brightness, ranges.brightness),
        contrast=1 + coloured * uniform(-ranges.contrast, ranges.contrast),
        saturation=1 + coloured * uniform(-ranges.saturation, ranges.saturation),
        hue=coloured * uniform(-ranges.hue, ranges.hue),
        grey=chance(ranges.grey_p),
        blur=blurred * uniform(*ranges.blur),
    )


def augment(images: Tensor, augmentation: Augmentation) -> Tensor:
    """uint8 [..., h, w, 3] -> the same shape. The same parameters give the same image, bit for bit."""
    if images.dtype != torch.uint8 or images.shape[-1] != 3 or images.shape[:-3] != augmentation.flip.shape:
        raise ValueError(
            f"augment: images are {images.dtype} {list(images.shape)}, augmentations"
            f" {list(augmentation.flip.shape)}; pass uint8 [..., h, w, 3] with the same leading axes"
        )
    lead, (h, w) = images.shape[:-3], images.shape[-3:-1]
    flat = Augmentation.from_vector(augmentation.vector().reshape(-1, AUGMENTATION_DIM))
    x = images.reshape(-1, h, w, 3).permute(0, 3, 1, 2).float() / 255

    by_row = _resampling(flat.crop[:, 0], flat.crop[:, 2], h)
    by_column = _resampling(flat.crop[:, 1], flat.crop[:, 3], w)
    by_column = torch.where(flat.flip[:, None, None] > 0, by_column.flip(1), by_column)
    x = by_row[:, None] @ x @ by_column.mT[:, None]

    brightness, contrast, saturation, hue, grey = (
        t[:, None, None, None] for t in (flat.brightness, flat.contrast, flat.saturation, flat.hue, flat.grey)
    )
    # Blends are written f x + (1 - f) y and not y + f (x - y), which is not exact at f = 1.
    x = (x * brightness).clamp(0, 1)
    x = (x * contrast + (1 - contrast) * _luma(x).mean((2, 3), keepdim=True)).clamp(0, 1)
    x = (x * saturation + (1 - saturation) * _luma(x)).clamp(0, 1)
    x = torch.where(hue != 0, _shift_hue(x, hue), x)
    x = torch.where(grey > 0, _luma(x), x)
    if (flat.blur > 0).any():
        x = _gaussian(flat.blur * h, h)[:, None] @ x @ _gaussian(flat.blur * h, w).mT[:, None]
    return (x * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).reshape(*lead, h, w, 3)


def _resampling(start: Tensor, extent: Tensor, size: int) -> Tensor:
    """[b, size out, size in]: rows that resize the window to the full size, bilinear with antialias (a triangle as
    wide as the larger pixel, cut at the window). The identity matrix for the full window."""
    first, length = (start * size).round()[:, None, None], (extent * size).round()[:, None, None]
    scale = length / size
    centre = first + (torch.arange(size)[:, None] + 0.5) * scale
    pixel = torch.arange(size) + 0.5
    weight = (1 - (pixel - centre).abs() / scale.clamp(min=1)).clamp(min=0)
    weight = weight * ((pixel > first) & (pixel < first + length))
    return weight / weight.sum(-1, keepdim=True)


def _gaussian(sigma: Tensor, size: int) -> Tensor:
    """[b, size, size]: rows of a Gaussian of ``sigma`` pixels, normalised inside the image; the identity at 0."""
    square = (torch.arange(size)[:, None] - torch.arange(size)).float().square()
    variance = sigma.square()[:, None, None]
    weight = torch.where(variance > 0, torch.exp(-square / (2 * variance.clamp(min=1e-12))), torch.eye(size))
    return weight / weight.sum(-1, keepdim=True)


def _luma(x: Tensor) -> Tensor:
    """[b, 3, h, w] -> [b, 1, h, w]."""
    return GREY[0] * x[:, :1] + GREY[1] * x[:, 1:2] + GREY[2] * x[:, 2:]


def _shift_hue(x: Tensor, shift: Tensor) -> Tensor:
    """Shift the hue of x [b, 3, h, w] by ``shift`` of the circle; saturation and value (HSV) stay."""
    value, chroma = x.amax(1, keepdim=True), x.amax(1, keepdim=True) - x.amin(1, keepdim=True)
    r, g, b = x.split(1, 1)
    safe = chroma.clamp(min=1e-12)
    sextant = torch.where(value == r, (g - b) / safe, torch.where(value == g, 2 + (b - r) / safe, 4 + (r - g) / safe))
    turned = sextant + 6 * shift + torch.tensor([5.0, 3.0, 1.0])[:, None, None]
    k = turned.remainder(6)
    return value - chroma * torch.minimum(k, 4 - k).clamp(0, 1)

"""Identity leaves images unchanged; recorded parameters reproduce them; torchvision and colorsys agree."""

import colorsys
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import functional as tv

from smcrep.data.augment import (
    AUGMENTATION_DIM,
    AUGMENTATION_NAMES,
    Augmentation,
    AugmentationRanges,
    augment,
    sample,
)

EVERYTHING = AugmentationRanges(blur_p=0.7)


def pictures(*shape: int, seed: int = 0) -> Tensor:
    """Noise smoothed once, with both extremes in it."""
    x = torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
    x = (x + x.roll(1, -2) + x.roll(1, -3)) / 3
    x = (x - x.min()) / (x.max() - x.min())
    return (x * 255).round().to(torch.uint8)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def only(**changes: float | tuple[float, ...]) -> Augmentation:
    """One augmentation that changes nothing else."""
    return replace(Augmentation.identity(1), **{n: torch.tensor([v]) for n, v in changes.items()})


@pytest.mark.parametrize("size", [(32, 32), (17, 40), (96, 64)])
def test_identity_augmentation_leaves_image_unchanged(size: tuple[int, int]) -> None:
    x = pictures(4, 2, *size, 3)
    assert torch.equal(augment(x, Augmentation.identity(4, 2)), x)


def test_identity_is_exact_in_a_batch_with_others() -> None:
    x = pictures(6, 32, 32, 3)
    vector = sample(EVERYTHING, (6,), (32, 32), generator()).vector()
    vector[3] = Augmentation.identity().vector()
    assert torch.equal(augment(x, Augmentation.from_vector(vector))[3], x[3])


@pytest.mark.parametrize("size", [(32, 32), (24, 50)])
def test_recorded_parameters_reproduce_the_image(size: tuple[int, int]) -> None:
    x = pictures(16, 3, *size, 3)
    action = sample(EVERYTHING, (16, 3), size, generator())
    once = augment(x, action)
    assert torch.equal(augment(x, Augmentation.from_vector(action.vector())), once)
    assert not torch.equal(once, x)
    one_by_one = torch.stack([augment(x[i], action[i]) for i in range(16)])
    assert (one_by_one.int() - once.int()).abs().max() <= 1  # sums of another order may round the other way


def test_sampling_depends_on_the_generator_alone() -> None:
    first, again = (sample(EVERYTHING, (9,), (32, 32), generator(5)).vector() for _ in range(2))
    torch.rand(7)
    assert torch.equal(first, again)
    assert not torch.equal(first, sample(EVERYTHING, (9,), (32, 32), generator(6)).vector())


def test_vector_has_the_documented_order() -> None:
    names = [f.name for f in fields(Augmentation)]
    action = Augmentation(torch.arange(4.0), *(torch.tensor(float(4 + i)) for i in range(len(names) - 1)))
    assert torch.equal(action.vector(), torch.arange(float(AUGMENTATION_DIM)))
    assert AUGMENTATION_NAMES[4:] == tuple(names[1:])
    assert [n.removeprefix("crop_") for n in AUGMENTATION_NAMES[:4]] == ["top", "left", "height", "width"]
    again = Augmentation.from_vector(action.vector())
    assert all(torch.equal(getattr(again, n), getattr(action, n)) for n in names)
    assert sample(EVERYTHING, (2, 3), (8, 8), generator()).vector().shape == (2, 3, AUGMENTATION_DIM)


def test_samples_cover_their_ranges() -> None:
    n, h, w = 20000, 40, 30
    a = sample(EVERYTHING, (n,), (h, w), generator())
    top, left, height, width = a.crop.unbind(-1)
    assert ((top + height) * h).max() <= h + 1e-4
    assert ((left + width) * w).max() <= w + 1e-4
    pixels = a.crop * torch.tensor([h, w, h, w])
    assert (pixels - pixels.round()).abs().max() < 1e-4
    assert (height * width).min() > 0.15
    assert (height * width).mean().sub(0.58).abs() < 0.03
    assert a.flip.mean().sub(0.5).abs() < 0.02
    assert a.grey.mean().sub(0.2).abs() < 0.02
    assert (a.blur > 0).float().mean().sub(0.7).abs() < 0.02
    for factor in (a.brightness, a.contrast, a.saturation):
        assert factor.min() >= 0.6 - 1e-6
        assert factor.max() <= 1.4 + 1e-6
        assert (factor == 1).float().mean().sub(0.2).abs() < 0.02
        assert factor.std().sub((0.8 * 0.4**2 / 3) ** 0.5).abs() < 0.01
    assert a.hue.abs().max() <= 0.1


def as_float(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2).float() / 255


def assert_close(found: Tensor, expected: Tensor) -> None:
    assert (as_float(found) - expected).abs().max() < 1.01 / 255 / 2 + 1e-4


@pytest.mark.parametrize("window", [(3, 5, 16, 20), (0, 0, 31, 32), (10, 4, 5, 7), (0, 12, 32, 20)])
def test_crop_equals_torchs_antialiased_resize(window: tuple[int, int, int, int]) -> None:
    x = pictures(1, 32, 32, 3)
    i, j, h, w = window
    cropped = as_float(x)[..., i : i + h, j : j + w]
    expected = F.interpolate(cropped, (32, 32), mode="bilinear", antialias=True, align_corners=False)
    assert_close(augment(x, only(crop=tuple(v / 32 for v in window))), expected)


def test_colour_changes_equal_torchvisions() -> None:
    x = pictures(1, 32, 32, 3)
    f = as_float(x)
    assert torch.equal(augment(x, only(flip=1.0)), x.flip(2))
    assert_close(augment(x, only(brightness=1.3)), tv.adjust_brightness(f, 1.3))
    assert_close(augment(x, only(contrast=0.6)), tv.adjust_contrast(f, 0.6))
    assert_close(augment(x, only(saturation=1.4)), tv.adjust_saturation(f, 1.4))
    assert_close(augment(x, only(grey=1.0)), tv.rgb_to_grayscale(f, 3))
    for hue in (0.1, -0.1, 0.5):
        assert_close(augment(x, only(hue=hue)), tv.adjust_hue(f, hue))


def test_hue_equals_colorsys_on_every_sextant() -> None:
    x = torch.tensor([[r, g, b] for r in (0, 90, 255) for g in (0, 90, 255) for b in (0, 90, 255)], dtype=torch.uint8)
    found = augment(x[None, None], only(hue=0.08))[0, 0]
    for before, after in zip(x.tolist(), found.tolist(), strict=True):
        h, s, v = colorsys.rgb_to_hsv(*(c / 255 for c in before))
        expected = colorsys.hsv_to_rgb((h + 0.08) % 1, s, v)
        assert max(abs(a - 255 * e) for a, e in zip(after, expected, strict=True)) <= 0.51


def test_blur_equals_torchvisions_away_from_the_border() -> None:
    x = pictures(1, 48, 48, 3)
    expected = tv.gaussian_blur(as_float(x), [13, 13], [1.5, 1.5])[..., 8:-8, 8:-8]
    assert_close(augment(x, only(blur=1.5 / 48))[:, 8:-8, 8:-8], expected)
    constant = torch.full((1, 20, 20, 3), 77, dtype=torch.uint8)
    assert torch.equal(augment(constant, only(blur=0.1)), constant)  # nothing leaks in at the border


def test_invalid_inputs_are_refused() -> None:
    for wrong in (pictures(2, 8, 8, 3).float(), pictures(3, 8, 8, 3), pictures(2, 3, 8, 8)):
        with pytest.raises(ValueError, match=r"augment: images are .*; pass uint8 \[..., h, w, 3\]"):
            augment(wrong, Augmentation.identity(2))
    changes: tuple[dict[str, Any], ...] = (
        {"area": (0.0, 1.0)},
        {"hue": 0.6},
        {"grey_p": 1.2},
        {"blur": (0.0, 1.0)},
        {"ratio": (2.0, 1.0)},
    )
    for change in changes:
        with pytest.raises(ValueError, match=f"AugmentationRanges: .*{next(iter(change))}"):
            AugmentationRanges(**change)

"""Masks: 0 and 1 alone, and how much of a larger pixel the object fills."""

import pytest
import torch
from torch import Tensor

from smcrep.senses import MASK, MaskSettings
from smcrep.senses.mask import MaskChannels

MASKS = torch.ones(2, 16, 16, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (MASKS[0], r"shape \[16, 16\], expected \(B, H, W\); for one mask pass mask\[None\]"),
        (MASKS[..., None], r"shape \[2, 16, 16, 1\], expected \(B, H, W\); drop the channel axis"),
        (MASKS.float(), "mask is float32, expected bool or uint8; compare with the object's label"),
        (255 * MASKS, "mask holds 255, expected 0 and 1; compare with the object's label"),
        (MASKS[:, :, :7], "16 x 7 pixels.*at least 8 x 8"),
    ],
)
def test_wrong_masks_are_refused_with_the_remedy(mask: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        MASK.check(mask)
    assert "\n" not in str(caught.value)


def test_bool_and_uint8_are_alike() -> None:
    assert torch.equal(MASK.check(MASKS.bool()), MASKS)
    assert torch.equal(MASK.check(MASKS.bool().numpy()), MASKS)


def test_channel_is_the_share_of_a_pixel_that_the_object_fills() -> None:
    of = MaskChannels(MaskSettings(size=8))
    mask = torch.zeros(1, 16, 16, dtype=torch.uint8)
    mask[:, :, :8] = 1  # the left half
    seen = of(mask)
    assert seen.shape == (1, 1, 8, 8)
    assert (seen[..., :3] == 1).all()
    assert (seen[..., -3:] == -1).all()
    torch.testing.assert_close(of(1 - mask), -seen)

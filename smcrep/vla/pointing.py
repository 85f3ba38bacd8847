"""Which of the things in a picture a phrase names: a mask finds what is there, an alignment score of each crop chooses.

Finding and choosing are the callables of `smcrep.vla.skills`: CLIP and CLIPSeg, or what is trained here: a `MaskHead`
on the maps of an encoder and an `Aligner` of its embedding with text. (A composition of ours, as there.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from smcrep.encoders.spatial import resized
from smcrep.models.model import SensorimotorModel
from smcrep.vla.alignment import Aligner
from smcrep.vla.mask_head import MaskHead
from smcrep.vla.picture_maps import PictureMaps
from smcrep.vla.skills import Choose, Find
from smcrep.vla.text import TextEncoder

ANYTHING = "the object"
"""The phrase that stands for whatever may be named."""
MIN_SHARE = 1 / 4096
"""Of a picture's pixels: smaller patches are no thing (16 of 256 x 256)."""
MARGIN = 0.15
"""Of the region's longer side, on each side of it."""
CROP_SIZE = 128
"""Pixels of a side of a crop."""
VISION, TEXT = "vision", "text"


@dataclass(frozen=True, eq=False)
class Pointed:
    """regions bool [r, h, w] of the things that were found; scores [r, t]: how well each fits each phrase."""

    regions: np.ndarray
    scores: Tensor

    def region(self, phrase: int) -> np.ndarray | None:
        """bool [h, w]: the thing that phrase number ``phrase`` names; None where nothing was found."""
        return self.regions[int(self.scores[:, phrase].argmax())] if len(self.regions) else None


def point(
    picture: np.ndarray,
    phrases: Sequence[str],
    choose: Choose,
    find: Find,
    *,
    anything: str = ANYTHING,
    threshold: float = 0.5,
) -> Pointed:
    """picture uint8 [h, w, 3]. Every connected patch of what ``find`` says of ``anything`` is a thing, and ``choose``
    compares its crop with every phrase.

    threshold  probability above which a pixel shows a thing.
    """
    regions = patches(find(picture, anything).numpy() > threshold)
    scores = [choose(crop(picture, region), phrases) for region in regions]
    return Pointed(regions, torch.stack(scores) if scores else torch.zeros(0, len(phrases)))


def patches(found: np.ndarray) -> np.ndarray:
    """bool [h, w] -> [r, h, w]: its connected parts (4 neighbours) of at least `MIN_SHARE` of all pixels."""
    parts, num = ndimage.label(found)  # type: ignore[misc]
    sizes = np.bincount(parts.ravel(), minlength=num + 1)[1:]
    return parts == 1 + np.flatnonzero(sizes >= MIN_SHARE * found.size)[:, None, None]


def crop(picture: np.ndarray, region: np.ndarray, margin: float = MARGIN) -> np.ndarray:
    """uint8 [CROP_SIZE, CROP_SIZE, 3]: the square about a region bool [h, w]; beyond the picture its rim goes on."""
    rows, columns = np.nonzero(region)
    side = max(1, round((1 + 2 * margin) * (1 + max(np.ptp(rows), np.ptp(columns)))))
    first = [(at.min() + at.max() + 1) / 2 - side / 2 for at in (rows, columns)]
    row, column = (
        np.clip(np.floor(start + np.arange(side) + 0.5).astype(int), 0, size - 1)
        for start, size in zip(first, picture.shape, strict=False)
    )
    square = torch.from_numpy(picture[row[:, None], column]).permute(2, 0, 1)[None].float()
    return resized(square, CROP_SIZE)[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8).numpy()


def crop_vectors(model: SensorimotorModel, sense: str, crops: np.ndarray) -> Tensor:
    """uint8 [n, h, w, 3] -> float32 [n, d] of unit length: the embedding of ``sense`` alone, as an `Aligner` takes it.
    The whole of it: its invariant part is by design blind to much of the colour that phrases name."""
    return F.normalize(model.embed({sense: crops}).senses[sense], dim=-1)


def aligned_chooser(model: SensorimotorModel, sense: str, aligner: Aligner, text: TextEncoder) -> Choose:
    """Cosine of the crop's and the phrase's embeddings in the aligner's space, times its scale."""

    @torch.no_grad()
    def choose(picture: np.ndarray, texts: Sequence[str]) -> Tensor:
        z = aligner({VISION: crop_vectors(model, sense, picture[None]), TEXT: text(texts)})
        return aligner.log_scale[0].exp() * (z[VISION] @ z[TEXT].T)[0]

    return choose


def mask_finder(maps: PictureMaps, head: MaskHead, text: TextEncoder) -> Find:
    """The head's probability, resized to the picture."""

    @torch.no_grad()
    def find(picture: np.ndarray, phrase: str) -> Tensor:
        logits = head(maps(torch.from_numpy(picture)[None]), text([phrase])[None])
        return F.interpolate(logits, size=picture.shape[:2], mode="bilinear")[0, 0].sigmoid()

    return find

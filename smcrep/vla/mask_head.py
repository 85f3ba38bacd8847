"""A mask by its name: which places of a picture show what a phrase names.

Every place of a picture has an embedding, and every phrase has one; their product says whether the place shows it
(LSeg, arXiv:2201.03546, has text and pixels meet so). A picture is embedded once for all phrases that are asked.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.encoders.spatial import convolution
from smcrep.transition import Loss

FIRST_BIAS = -3.0
"""Logit of every place at first: a phrase names a small part of a picture."""


class MaskHead(nn.Module):
    """Maps of a picture (`smcrep.vla.picture_maps`) and vectors of phrases -> logits.

    num_channels  of the maps, the finest first.
    text_dim      numbers of a phrase's vector.
    """

    def __init__(self, num_channels: Sequence[int], text_dim: int, dim: int = 48) -> None:
        super().__init__()
        self.dim = dim
        self.into = nn.ModuleList(nn.Sequential(nn.GroupNorm(1, num), nn.Conv2d(num, dim, 1)) for num in num_channels)
        self.mix = nn.ModuleList(nn.Sequential(*convolution(dim, dim, 3), nn.ReLU()) for _ in num_channels)
        self.place = nn.Conv2d(dim, dim, 1)
        # Numbers of a vector of unit length are small, and phrases of one form are alike: unscaled, names come late.
        self.words = nn.Sequential(
            nn.LayerNorm(text_dim), nn.Linear(text_dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)
        )
        self.bias = nn.Parameter(torch.tensor(FIRST_BIAS))

    def embed(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps [b, c_i, s_i, s_i] -> [b, dim, s, s], of the side of the finest: from the deepest upwards each is added
        to what was found below (a feature pyramid, arXiv:1612.03144)."""
        x = torch.zeros(1, device=maps[0].device)
        for m, into, mix in reversed(list(zip(maps, self.into, self.mix, strict=True))):
            below = F.interpolate(x, size=(m.shape[-2], m.shape[-1]), mode="bilinear") if x.ndim == 4 else x
            x = mix(into(m) + below)
        return self.place(x)

    def forward(self, maps: Sequence[Tensor], texts: Tensor) -> Tensor:
        """Maps [b, c_i, s_i, s_i] and texts [b, t, text_dim] -> logits [b, t, s, s]."""
        product = torch.einsum("bdhw,btd->bthw", self.embed(maps), self.words(texts))
        return product / self.dim**0.5 + self.bias


def mask_loss(logits: Tensor, share: Tensor) -> Loss:
    """Binary cross-entropy, mean over places, plus the Dice loss 1 - (2 sum p y + 1) / (sum p + sum y + 1) of each
    mask, mean over masks (arXiv:2107.06278, whose weights are 20 and 1; arXiv:1606.04797 squares p and y below).

    logits [..., s, s]; share of each place that shows the thing, in [0, 1], of the same shape. A mask of nothing has a
    Dice loss that is 0 where nothing is found.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, share)
    p = logits.sigmoid()
    both, either = ((p * share).sum((-2, -1)), (p + share).sum((-2, -1)))
    dice = (1 - (2 * both + 1) / (either + 1)).mean()
    return Loss(ENTROPY_WEIGHT * entropy + dice, {"entropy": entropy.detach(), "dice": dice.detach()})


ENTROPY_WEIGHT = 20.0


def intersection_over_union(found: Tensor, true: Tensor) -> Tensor:
    """[...]: of masks bool [..., h, w]; 1 where both are empty."""
    both, either = (found & true).sum((-2, -1)), (found | true).sum((-2, -1))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)

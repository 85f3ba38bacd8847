"""Feature maps of a whole picture by a model's encoder of pictures, tile by tile, from fine to deep."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.encoders import SpatialEncoder, TwoStreamEncoder
from smcrep.encoders.timm_map import TimmMap
from smcrep.encoders.trunk import dtype_of
from smcrep.models.evaluating import evaluating
from smcrep.models.model import SensorimotorModel

MAX_SIDE = 64
"""Places along a side of the finest map; finer ones are left out (where all are finer, the deepest is averaged)."""


class PictureMaps(nn.Module):
    """Pictures uint8 [b, h, w, 3] of one size -> maps float32 [b, c_i, s_i, s_i] of every depth of the encoder of
    ``sense``, the deepest last.

    An encoder was made for one object that fills its picture; in a picture of many each is small. So the picture is cut
    into ``tiles`` x ``tiles`` parts, each of which the encoder sees by itself, and their maps are put together again.

    num_channels  c_i of each map.
    """

    def __init__(self, model: SensorimotorModel, sense: str, tiles: int = 2) -> None:
        super().__init__()
        if sense not in model.encoders:
            raise ValueError(f"PictureMaps: no sense {sense!r}; this model has {', '.join(model.encoders)}")
        encoder = model.encoders[sense]
        if not isinstance(encoder, SpatialEncoder | TwoStreamEncoder):
            raise ValueError(f"PictureMaps: {sense!r} is no image ({type(encoder).__name__}); choose a sense that is")
        self.encoder, self.tiles = evaluating(encoder), tiles
        self.num_channels = tuple(m.shape[1] for m in self(torch.zeros(1, 8 * tiles, 8 * tiles, 3, dtype=torch.uint8)))

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> list[Tensor]:
        n = self.tiles
        height, width = pictures.shape[1:3]
        if height % n or width % n:
            raise ValueError(
                f"PictureMaps: {height} x {width} pixels cannot be cut into {n} x {n} equal parts; resize the picture"
            )
        rows = pictures.unflatten(1, (n, -1)).unflatten(3, (n, -1))  # [b, n, h / n, n, w / n, 3]
        maps = self._of_tiles(rows.transpose(2, 3).flatten(0, 2))
        whole = [m.unflatten(0, (-1, n, n)).permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3) for m in maps]
        return [m for m in whole if m.shape[-1] <= MAX_SIDE] or [F.adaptive_avg_pool2d(whole[-1], MAX_SIDE)]

    def _of_tiles(self, tiles: Tensor) -> list[Tensor]:
        encoder, backbone = self.encoder, self.encoder.backbone
        x = encoder.channels(tiles).to(dtype_of(encoder.invariant))
        if isinstance(backbone, TimmMap):
            maps = backbone.model.forward_intermediates(x, intermediates_only=True)  # type: ignore[operator]
        else:
            maps = backbone(x)
        return [m.float() for m in maps]

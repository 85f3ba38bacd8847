"""Image encoders that say where and what: one reads the map place by place, the other what is in a few places.

Averaging over the image destroys the pose (retrieval of the true outcome stays at chance where a flattened map
learns, same budget), so "where" comes from an s x s map that a linear layer reads place by place. "What" comes from a
few soft regions, of the first layers too: colours and textures of the object, without its background.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.models.config import NORM_GROUPS, ModelConfig

MAP_SIZE, MIN_MAP_SIZE = 8, 4
REGION_RADII = (0.25, 0.35, 0.5, 1.0)
"""Of the regions at first, as shares of the image's side: on the object, which a camera looks at, and about it."""


def rgb_encoder(config: ModelConfig) -> nn.Module:
    """uint8 [b, h, w, 3], any h and w -> what and where, both float32 [b, trunk_dim]."""
    if config.rgb_encoder == "small":
        return SpatialEncoder(SmallCNN(config.rgb_width, config.rgb_blocks), config, chromaticity=True)
    return SpatialEncoder(TimmMap(config.rgb_encoder, config.rgb_size, frozen_norm=config.rgb_frozen_norm), config)


class SpatialEncoder(nn.Module):
    """Resize, normalise, ``backbone`` ([b, 3 or 6, s, s] -> its maps [b, c, h, w], the deepest last), two trunks.

    chromaticity  three more channels: each colour over the largest of the pixel, which light hardly changes.
    """

    def __init__(self, backbone: nn.Module, config: ModelConfig, *, chromaticity: bool = False) -> None:
        super().__init__()
        self.size, self.chromaticity = config.rgb_size, chromaticity
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", 255 * torch.tensor(config.rgb_mean)[:, None, None], persistent=False)
        self.register_buffer("std", 255 * torch.tensor(config.rgb_std)[:, None, None], persistent=False)
        self.backbone = backbone.to(memory_format=torch.channels_last)  # images arrive so, and it is faster on a CPU
        with torch.no_grad():
            training = backbone.training
            maps = backbone.eval()(torch.zeros(1, 6 if chromaticity else 3, self.size, self.size))
            backbone.train(training)
        self.regions = Regions(maps)
        self.what = _trunk(self.regions.num_features, config.trunk_dim)
        self.where = _trunk(maps[-1].numel(), config.trunk_dim)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        x = rgb.permute(0, 3, 1, 2).float()
        size = (self.size, self.size)
        if len(x) == 0:
            x = x.new_zeros(0, 3, *size)  # interpolate refuses an empty batch
        elif x.shape[-2:] != size:
            x = F.interpolate(x, size=size, mode="bilinear", antialias=True)
        channels = (x - self.mean) / self.std
        if self.chromaticity:
            # Dark pixels have no colour worth a name: 10 of 255 keeps their noise out.
            channels = torch.cat([channels, 4 * (x / (x.amax(1, keepdim=True) + 10) - 0.75)], 1)
        maps = self.backbone(channels)
        return self.what(self.regions(maps)), self.where(maps[-1].flatten(1))


class Regions(nn.Module):
    """Maps [b, c_i, h_i, w_i] -> [b, num_features]: averages of all channels over a few soft regions.

    A region is a softmax over the places of the deepest map, of a score of what is there plus a bias of the place.
    """

    def __init__(self, maps: list[Tensor]) -> None:
        super().__init__()
        height, width = maps[-1].shape[-2:]
        self.num_features = len(REGION_RADII) * sum(m.shape[1] for m in maps)
        self.score = nn.Conv2d(maps[-1].shape[1], len(REGION_RADII), 1)
        row, column = ((torch.arange(n) + 0.5) / n - 0.5 for n in (height, width))
        square = (row[:, None].square() + column.square()).flatten()
        self.place = nn.Parameter(-square / torch.tensor(REGION_RADII)[:, None].square())

    def forward(self, maps: list[Tensor]) -> Tensor:
        share = (self.score(maps[-1]).flatten(2) + self.place).softmax(-1)
        size = (maps[-1].shape[-2], maps[-1].shape[-1])
        seen = torch.cat([m if m.shape[-2:] == size else F.adaptive_avg_pool2d(m, size) for m in maps], 1)
        return torch.einsum("brp,bcp->brc", share, seen.flatten(2)).flatten(1)


class SmallCNN(nn.Module):
    """Three stride-2 convolutions, then ``num_blocks`` residual blocks: 64 x 64 pixels end in an 8 x 8 map, other sizes
    are pooled to one.

    Forward and backward of 144 images on 2 cores: 36 ms with 16 channels first, 92 ms with 32."""

    def __init__(self, width: int = 16, num_blocks: int = 0) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        num_in = 6
        for i, num_out in enumerate((width, 2 * width, 4 * width)):
            kernel = 5 if i == 0 else 3
            self.stages.append(nn.Sequential(*_convolution(num_in, num_out, kernel, stride=2), nn.ReLU()))
            num_in = num_out
        self.blocks = nn.ModuleList(_Block(num_in) for _ in range(num_blocks))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        x = F.adaptive_avg_pool2d(x, MAP_SIZE)
        for block in self.blocks:
            x = block(x)
        return [*maps[:-1], x]


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = _convolution(channels, channels, 3), _convolution(channels, channels, 3)
        self.layers = nn.Sequential(*first, nn.ReLU(), *second)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.layers(x))


def _convolution(num_in: int, num_out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(num_in, num_out, kernel, stride=stride, padding=kernel // 2, bias=False)
    return [convolution, nn.GroupNorm(NORM_GROUPS, num_out)]


class TimmMap(nn.Module):
    """Deepest map of any timm image model that still has 4 x 4 places, averaged to at most 8 x 8; what lies behind it
    is cut off where timm can (a ResNet on 64 pixels ends in 2 x 2, where little of the pose is left).

    frozen_norm  BatchNorm normalises by the statistics it was loaded with in training too: those of our small batches
                 of related images would drift, and make an image's embedding depend on its neighbours in the batch.
    """

    def __init__(self, name: str, size: int, *, frozen_norm: bool = False) -> None:
        super().__init__()
        self.frozen_norm = frozen_norm
        model = timm_model(name, size, num_classes=0)
        if not hasattr(model, "forward_intermediates"):
            raise ValueError(f"rgb_encoder: timm's {name!r} gives no intermediate maps; take another model")
        self.model = model.eval()
        self.index: int | None = None
        with torch.no_grad():
            sides = [min(maps.shape[-2:]) for maps in self._maps(torch.zeros(1, 3, size, size))]
        self.index = max((i for i, side in enumerate(sides) if side >= MIN_MAP_SIZE), default=len(sides) - 1)
        if hasattr(model, "prune_intermediate_layers"):
            model.prune_intermediate_layers([self.index], prune_norm=True, prune_head=True)  # type: ignore[operator]
        self.train()

    def train(self, mode: bool = True) -> "TimmMap":
        super().train(mode)
        if self.frozen_norm:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def _maps(self, x: Tensor) -> list[Tensor]:
        indices = None if self.index is None else [self.index]
        return self.model.forward_intermediates(x, indices, intermediates_only=True)  # type: ignore[operator]

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = self._maps(x)[0]
        return [F.adaptive_avg_pool2d(maps, (min(MAP_SIZE, maps.shape[-2]), min(MAP_SIZE, maps.shape[-1])))]


def _trunk(num_in: int, num_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(num_in, num_out), nn.LayerNorm(num_out), nn.GELU())


def timm_model(name: str, size: int, **options: Any) -> nn.Module:
    """timm's model of that name for images of ``size`` pixels; ``options`` as `timm.create_model` takes them."""
    import timm  # slow to import, and the small CNN does not need it

    if not timm.is_model(name):
        raise ValueError(f"rgb_encoder: timm knows no model {name!r}; take 'small' or a name of timm.list_models()")
    try:
        return timm.create_model(name, img_size=size, **options)
    except TypeError:  # convolutional networks take any size and know no img_size
        return timm.create_model(name, **options)

"""Image encoders with a spatial head: the map is flattened, not averaged.

Averaging over the image destroys the pose (retrieval of the true outcome stays at chance where a flattened map
learns, same budget), so every encoder here ends in an s x s map that a linear layer reads place by place.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.models.config import ModelConfig

MAP_SIZE, MIN_MAP_SIZE = 8, 4
CHANNELS = (16, 32, 64)


def rgb_encoder(config: ModelConfig) -> nn.Module:
    """uint8 [b, h, w, 3], any h and w -> float32 [b, trunk_dim]."""
    backbone = SmallCNN() if config.rgb_encoder == "small" else TimmMap(config.rgb_encoder, config.rgb_size)
    return SpatialEncoder(backbone, config)


class SpatialEncoder(nn.Module):
    """Resize, normalise, ``backbone`` ([b, 3, s, s] -> [b, c, h, w]), flatten, linear."""

    def __init__(self, backbone: nn.Module, config: ModelConfig) -> None:
        super().__init__()
        self.size = config.rgb_size
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", 255 * torch.tensor(config.rgb_mean)[:, None, None], persistent=False)
        self.register_buffer("std", 255 * torch.tensor(config.rgb_std)[:, None, None], persistent=False)
        self.backbone = backbone.to(memory_format=torch.channels_last)  # images arrive so, and it is faster on a CPU
        with torch.no_grad():
            training = backbone.training
            num_features = backbone.eval()(torch.zeros(1, 3, self.size, self.size)).numel()
            backbone.train(training)
        self.head = nn.Sequential(nn.Linear(num_features, config.trunk_dim), nn.LayerNorm(config.trunk_dim), nn.GELU())

    def forward(self, rgb: Tensor) -> Tensor:
        x = rgb.permute(0, 3, 1, 2).float()
        size = (self.size, self.size)
        if len(x) == 0:
            x = x.new_zeros(0, 3, *size)  # interpolate refuses an empty batch
        elif x.shape[-2:] != size:
            x = F.interpolate(x, size=size, mode="bilinear", antialias=True)
        return self.head(self.backbone((x - self.mean) / self.std).flatten(1))


class SmallCNN(nn.Module):
    """Three stride-2 convolutions: 64 x 64 pixels end in an 8 x 8 map, other sizes are pooled to one.

    36 ms forward and backward for 144 images on 2 cores; a fourth convolution on the map takes 47, 32-64-128 channels
    take 92."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        num_in = 3
        for i, num_out in enumerate(CHANNELS):
            kernel = 5 if i == 0 else 3
            layers += [nn.Conv2d(num_in, num_out, kernel, stride=2, padding=kernel // 2, bias=False)]
            layers += [nn.GroupNorm(8, num_out), nn.ReLU(inplace=True)]
            num_in = num_out
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(self.layers(x), MAP_SIZE)


class TimmMap(nn.Module):
    """Deepest map of any timm image model that still has 4 x 4 places, averaged to at most 8 x 8; what lies behind it
    is cut off where timm can (a ResNet on 64 pixels ends in 2 x 2, where little of the pose is left)."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        import timm  # slow to import, and the small CNN does not need it

        if not timm.is_model(name):
            raise ValueError(f"rgb_encoder: timm knows no model {name!r}; take 'small' or a name of timm.list_models()")
        try:
            model = timm.create_model(name, num_classes=0, img_size=size)
        except TypeError:  # convolutional networks take any size and know no img_size
            model = timm.create_model(name, num_classes=0)
        if not hasattr(model, "forward_intermediates"):
            raise ValueError(f"rgb_encoder: timm's {name!r} gives no intermediate maps; take another model")
        self.model = model.eval()
        self.index: int | None = None
        with torch.no_grad():
            sides = [min(maps.shape[-2:]) for maps in self._maps(torch.zeros(1, 3, size, size))]
        self.index = max((i for i, side in enumerate(sides) if side >= MIN_MAP_SIZE), default=len(sides) - 1)
        if hasattr(model, "prune_intermediate_layers"):
            model.prune_intermediate_layers([self.index], prune_norm=True, prune_head=True)  # type: ignore[operator]
        self.model.train()

    def _maps(self, x: Tensor) -> list[Tensor]:
        indices = None if self.index is None else [self.index]
        return self.model.forward_intermediates(x, indices, intermediates_only=True)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        maps = self._maps(x)[0]
        return F.adaptive_avg_pool2d(maps, (min(MAP_SIZE, maps.shape[-2]), min(MAP_SIZE, maps.shape[-1])))

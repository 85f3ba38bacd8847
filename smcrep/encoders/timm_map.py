"""Any timm image model as a spatial backbone."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_MAP_SIZE, MIN_MAP_SIZE = 8, 4


class TimmMap(nn.Module):
    """Deepest map of any timm image model that still has 4 x 4 places, averaged to at most 8 x 8; what lies behind it
    is cut off where timm can (a ResNet on 64 pixels ends in 2 x 2, where little of the pose is left).

    frozen_norm  BatchNorm normalises by the statistics it was loaded with in training too: those of our small batches
                 of related images would drift, and make an image's embedding depend on its neighbours in the batch.
    """

    def __init__(self, name: str, size: int, *, frozen_norm: bool = False) -> None:
        super().__init__()
        self.name, self.size, self.frozen_norm = name, size, frozen_norm
        try:
            model = timm_model(name, size, num_classes=0)
        except (AssertionError, AttributeError, RuntimeError) as error:
            raise _unfit(name, size, error) from None
        if not hasattr(model, "forward_intermediates"):
            raise ValueError(f"image encoder: timm's {name!r} gives no intermediate maps; take another model")
        for module in model.modules():
            if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1 and module.stride[0] > 1:
                module.__class__ = _in_float32(module.__class__)
        self.model = model.eval()
        self.index: int | None = None
        try:
            with torch.no_grad():
                sides = [min(maps.shape[-2:]) for maps in self._maps(torch.zeros(1, 3, size, size))]
        except (AssertionError, AttributeError, RuntimeError) as error:
            raise _unfit(name, size, error) from None
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
        return self.model.forward_intermediates(x, indices=indices, intermediates_only=True)  # type: ignore[operator]

    def forward(self, x: Tensor) -> list[Tensor]:
        return [at_most(self._maps(x)[0], MAX_MAP_SIZE)]


def at_most(maps: Tensor, size: int) -> Tensor:
    """Maps [b, c, h, w] averaged to at most ``size`` places along each side."""
    return F.adaptive_avg_pool2d(maps, (min(size, maps.shape[-2]), min(size, maps.shape[-1])))


def frozen_names(model: nn.Module, num_groups: int) -> set[str]:
    """Parameters of the first ``num_groups`` of timm's groups of layers (0: the stem, then stage by stage)."""
    from timm.models import group_parameters

    groups = group_parameters(model, model.group_matcher(coarse=True))  # type: ignore[operator]
    return {name for group in sorted(groups)[:num_groups] for name in groups[group]}


def _unfit(name: str, size: int, error: Exception) -> ValueError:
    import timm

    given = timm.get_pretrained_cfg(name, allow_unregistered=True)
    own = f"{given.input_size[-1]} pixels, for which it was made, " if given and given.input_size else ""
    reason = " ".join(str(error).split()) or type(error).__name__
    return ValueError(
        f"image encoder: timm's {name!r} gives no maps of images of {size} pixels ({reason}); "
        f"take {own}or another model"
    )


def timm_model(name: str, size: int, **options: Any) -> nn.Module:
    """timm's model of that name for images of ``size`` pixels; ``options`` as `timm.create_model` takes them."""
    import timm  # slow to import, and the small CNN does not need it

    if not timm.is_model(name):
        raise ValueError(f"image encoder: timm knows no model {name!r}; take 'small' or a name of timm.list_models()")
    try:
        return timm.create_model(name, img_size=size, **options)
    except TypeError:  # convolutional networks take any size and know no img_size
        return timm.create_model(name, **options)


def _in_float32(kind: type[nn.Conv2d]) -> type[nn.Conv2d]:
    """The same convolution, in float32 where a CPU computes in bfloat16: torch 2.14 takes 20 times as long for the
    gradient of a strided depthwise convolution in it."""

    class InFloat32(kind):
        def forward(self, input: Tensor) -> Tensor:
            if not (input.device.type == "cpu" and torch.is_autocast_enabled("cpu")):
                return super().forward(input)
            with torch.autocast("cpu", enabled=False):
                return super().forward(input.float())

    return InFloat32

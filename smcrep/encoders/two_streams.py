"""Two streams: recognise by a pretrained backbone, predict by a map that is free to learn.

A backbone that was trained to tell kinds apart gives up the pose in its last stages, and one that learns the pose gives
up what it was trained for. So the two parts share its frozen stages alone, which neither can change.
"""

import torch
from torch import Tensor, nn

from smcrep.encoders.spatial import MAP_SIZE, Block, Regions, convolution
from smcrep.encoders.staged import StagedMap
from smcrep.encoders.timm_map import at_most
from smcrep.encoders.trunk import dtype_of, trunk


class TwoStreamEncoder(nn.Module):
    """Raw images [b, ...] -> invariant and equivariant features, both float32 [b, trunk_dim].

    channels    raw images -> float32 [b, 3, s, s] for the backbone, with ``num_channels`` and ``size``.
    backbone    its deepest map gives the invariant features, by `spatial.Regions`.
    fine        raw images -> float32 [b, c, s, s] for ``small``.
    small       -> its maps, the deepest last, [b, small_dim] once flattened; None: not.
    num_middle  channels of a map that is made of where the backbone's frozen stages end; 0: none.

    The equivariant features are read place by place from ``small``'s map and that of the middle, or one of them.
    """

    def __init__(
        self,
        channels: nn.Module,
        backbone: StagedMap,
        trunk_dim: int,
        *,
        fine: nn.Module | None = None,
        small: nn.Module | None = None,
        small_dim: int = 0,
        num_middle: int = 0,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.backbone = backbone.to(memory_format=torch.channels_last)
        self.fine = fine
        self.small = small.to(memory_format=torch.channels_last) if small else None
        self.middle: nn.Module | None = None
        num_places = small_dim
        with torch.no_grad():
            training, size = backbone.training, backbone.size
            backbone.eval()
            example = torch.zeros(1, 3, size, size)
            if num_middle:
                frozen = backbone.frozen(example)
                self.middle = Middle(frozen.shape[1], num_middle)
                num_places += self.middle(frozen).numel()
            self.regions = Regions(backbone(example))
            backbone.train(training)
        self.invariant = trunk(self.regions.num_features, trunk_dim)
        self.equivariant = trunk(num_places, trunk_dim)

    @property
    def has_frozen(self) -> bool:
        return self.backbone.cut is not None

    def frozen(self, images: Tensor) -> Tensor:
        """Raw images -> what the frozen stages give, [b, c, h, w]: all that both streams share. Without frozen stages,
        the images as the backbone takes them."""
        return self.backbone.frozen(self.channels(images).to(dtype_of(self.invariant)))

    def forward(self, images: Tensor, frozen: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """frozen: what `frozen` gave for these images or, in training, for them before they were augmented."""
        dtype, places = dtype_of(self.invariant), []
        shared = self.frozen(images) if frozen is None else frozen.to(dtype)
        maps = self.backbone.rest(shared)
        if self.fine and self.small:
            places.append(self.small(self.fine(images).to(dtype))[-1].flatten(1))
        if self.middle:
            places.append(self.middle(shared).flatten(1))
        return self.invariant(self.regions(maps)), self.equivariant(torch.cat(places, 1))


class Middle(nn.Sequential):
    """Maps [b, num_in, h, w] -> [b, num_out, at most 8, at most 8], each place with its neighbours."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__(*convolution(num_in, num_out, 1), nn.ReLU(), Block(num_out))

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(at_most(input, MAP_SIZE))

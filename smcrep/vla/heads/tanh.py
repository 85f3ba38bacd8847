"""The plain head: one network, one chunk, squashed."""

import torch
from torch import Tensor, nn

from smcrep.vla.heads.head import ActionHead, HeadSizes, pooled, unpadded_mean


class TanhHead(ActionHead):
    """tanh(MLP(mean of the context)), squared error: the mean of what demonstrators do, which may be what none does."""

    def __init__(self, sizes: HeadSizes) -> None:
        super().__init__(sizes)
        width = sizes.width
        self.layers = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, sizes.horizon * sizes.num_actions), nn.Tanh()
        )

    def loss(
        self,
        context: Tensor,
        visible: Tensor,
        actions: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return unpadded_mean((self.act(context, visible) - actions).square(), is_pad)

    def act(self, context: Tensor, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self.layers(pooled(context, visible)).unflatten(-1, (self.sizes.horizon, -1))

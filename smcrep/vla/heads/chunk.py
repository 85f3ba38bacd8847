"""The chunked head, of ACT's type: a learned query for each step of the chunk reads the context."""

import torch
from torch import Tensor, nn

from smcrep.fusion.baselines.latents import QFormerLayer
from smcrep.vla.heads.head import ActionHead, HeadSizes, unpadded_mean


class ChunkHead(ActionHead):
    """Queries attend to each other and to the context; absolute error, as ACT (arXiv:2304.13705, alg. 1), whose
    variational encoder of the demonstrator's style is left out (LeRobot's ``use_vae=false``)."""

    def __init__(self, sizes: HeadSizes) -> None:
        super().__init__(sizes)
        self.queries = nn.Parameter(torch.randn(sizes.horizon, sizes.width) / sizes.width**0.5)
        self.layers = nn.ModuleList(QFormerLayer(sizes.width, sizes.heads) for _ in range(sizes.num_layers))
        self.out = nn.Sequential(nn.LayerNorm(sizes.width), nn.Linear(sizes.width, sizes.num_actions))

    def loss(
        self,
        context: Tensor,
        visible: Tensor,
        actions: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return unpadded_mean((self.act(context, visible) - actions).abs(), is_pad)

    def act(self, context: Tensor, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        x = self.queries.expand(len(context), -1, -1)
        for layer in self.layers:
            x = layer(x, context, visible[:, None])
        return self.out(x)

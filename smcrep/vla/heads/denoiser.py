"""The network of heads that start from noise: a noisy chunk and how far it is from an action -> what to take off."""

import torch
from torch import Tensor, nn

from smcrep.fusion.baselines.latents import QFormerLayer
from smcrep.vla.heads.head import HeadSizes

SHORTEST = 4e-3
"""Period of the fastest wave that tells the time, as pi0 has it (openpi, `posemb_sincos`)."""
LONGEST = 4.0
"""Of the slowest."""


class Denoiser(nn.Module):
    """noisy [b, h, a], time [b] in [0, 1], context [b, s, w], visible [b, s] -> [b, h, a].

    A token a step, which knows its place and the time; they attend to each other and to the context.
    """

    def __init__(self, sizes: HeadSizes) -> None:
        super().__init__()
        width = sizes.width
        self.read = nn.Linear(sizes.num_actions, width)
        self.place = nn.Parameter(torch.randn(sizes.horizon, width) / width**0.5)
        self.time = nn.Sequential(nn.Linear(2 * (width // 2), width), nn.GELU(), nn.Linear(width, width))
        self.layers = nn.ModuleList(QFormerLayer(width, sizes.heads) for _ in range(sizes.num_layers))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, sizes.num_actions))
        self.num_waves = width // 2

    def forward(self, noisy: Tensor, time: Tensor, context: Tensor, visible: Tensor) -> Tensor:
        x = self.read(noisy) + self.place + self.time(waves(time, self.num_waves))[:, None]
        for layer in self.layers:
            x = layer(x, context, visible[:, None])
        return self.out(x)


def waves(time: Tensor, num: int) -> Tensor:
    """[b] -> [b, 2 num]: sines and cosines, their periods evenly in logarithm from the shortest to the longest."""
    share = torch.arange(num, device=time.device) / max(num - 1, 1)
    angle = 2 * torch.pi * time[:, None] / (SHORTEST * (LONGEST / SHORTEST) ** share)
    return torch.cat([angle.sin(), angle.cos()], -1)

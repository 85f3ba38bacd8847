"""Learned queries that read the senses: Perceiver resampler and Q-Former."""

import torch
from torch import Tensor, nn

from smcrep.fusion.baselines.attention import Attention, Block
from smcrep.fusion.baselines.per_sense import Tokens
from smcrep.fusion.method import FitSettings
from smcrep.transition import Beliefs


class PerceiverResampler(nn.Module):
    """Latents attend to the tokens of the senses *and* to themselves, ``num_layers`` times (Flamingo, arXiv:2204.14198,
    fig. 5: keys and values are [x, latents]; the type is Perceiver's, arXiv:2103.03206). Latents flattened through a
    linear layer: [..., width]. Absent senses are hidden.

    Trap: a resampler shortens long sequences; with a few tokens it is a transformer with more parameters.
    """

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        width = settings.width
        self.tokens = Tokens(num_senses, dim, width, settings.num_tokens)
        self.latents = nn.Parameter(torch.randn(settings.num_latents, width) / width**0.5)
        self.blocks = nn.ModuleList(Block(width, settings.heads) for _ in range(settings.num_layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(settings.num_latents * width, width)

    def forward(self, beliefs: Beliefs) -> Tensor:
        tokens, present = self.tokens(beliefs)
        x = self.latents.expand(*tokens.shape[:-2], -1, -1)
        themselves = torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device)
        visible = torch.cat([present, themselves], -1)[..., None, :]
        for block in self.blocks:
            x = block(x, torch.cat([tokens, x], -2), visible)
        return self.out(self.norm(x).flatten(-2))


class QFormerLayer(nn.Module):
    """Self-attention among the queries, cross-attention to ``context``, MLP; each adds to what it read, norms first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm_x = nn.LayerNorm(width)
        self.among = Attention(width, heads)
        self.across = Block(width, heads)

    def forward(self, x: Tensor, context: Tensor, visible: Tensor) -> Tensor:
        own = self.norm_x(x)
        everyone = torch.ones(1, x.shape[-2], dtype=torch.bool, device=x.device)
        return self.across(x + self.among(own, own, everyone), context, visible)


class QFormer(nn.Module):
    """Learned queries that in each of ``num_layers`` attend to each other, then to the tokens of the senses (BLIP-2,
    arXiv:2301.12597, sec. 3.1; without text and without its pretraining): queries flattened through a linear layer:
    [..., width]. Absent senses are hidden; a learned token that is always visible stands for *nothing there*.

    Trap: queries may all come to read the same; nothing here keeps them apart.
    """

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        width = settings.width
        self.tokens = Tokens(num_senses, dim, width, settings.num_tokens)
        self.nothing = nn.Parameter(torch.randn(width) / width**0.5)
        self.queries = nn.Parameter(torch.randn(settings.num_latents, width) / width**0.5)
        self.layers = nn.ModuleList(QFormerLayer(width, settings.heads) for _ in range(settings.num_layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(settings.num_latents * width, width)

    def forward(self, beliefs: Beliefs) -> Tensor:
        tokens, present = self.tokens(beliefs)
        x = self.queries.expand(*tokens.shape[:-2], -1, -1)
        context = torch.cat([self.nothing.expand(*tokens.shape[:-2], 1, -1), tokens], -2)
        visible = torch.cat([torch.ones_like(present[..., :1]), present], -1)[..., None, :]
        for layer in self.layers:
            x = layer(x, context, visible)
        return self.out(self.norm(x).flatten(-2))

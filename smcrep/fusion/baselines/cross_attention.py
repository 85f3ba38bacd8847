"""Each sense attends to the others."""

import torch
from torch import Tensor, nn

from smcrep.fusion.baselines.attention import Block
from smcrep.fusion.baselines.per_sense import Tokens
from smcrep.fusion.method import FitSettings, mean_over_present
from smcrep.transition import Beliefs


class CrossAttention(nn.Module):
    """Tokens of each sense are queries, those of the *other* senses keys and values, ``num_layers`` times (crossmodal
    attention of MulT, arXiv:1906.00295, eq. 1; its weights are of each pair, ours are shared by all pairs); mean over
    the tokens of senses present, then a linear layer: [..., width]. A learned token that is always visible stands
    for *nothing there*, so a sense alone has something to attend to.

    Trap: with one key the softmax is 1 whatever that key says; the learned token makes it two.
    """

    others: Tensor

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        width = settings.width
        self.tokens = Tokens(num_senses, dim, width, settings.num_tokens)
        self.nothing = nn.Parameter(torch.randn(width) / width**0.5)
        self.blocks = nn.ModuleList(Block(width, settings.heads) for _ in range(settings.num_layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, width)
        sense = torch.arange(num_senses).repeat_interleave(settings.num_tokens)
        self.register_buffer("others", sense[:, None] != sense, persistent=False)

    def forward(self, beliefs: Beliefs) -> Tensor:
        tokens, present = self.tokens(beliefs)
        nothing = self.nothing.expand(*tokens.shape[:-2], 1, -1)
        visible = torch.cat([present[..., None, :] & self.others, torch.ones_like(present)[..., None]], -1)
        for block in self.blocks:
            tokens = block(tokens, torch.cat([tokens, nothing], -2), visible)
        return self.out(mean_over_present(self.norm(tokens), present))

"""Transformers over the tokens of the senses: absent ones hidden, or replaced by learned tokens (SimBaMM type)."""

import torch
from torch import Tensor, nn

from smcrep.fusion.baselines.attention import Block
from smcrep.fusion.baselines.per_sense import Tokens
from smcrep.fusion.method import FitSettings
from smcrep.transition import Beliefs


class ModalityTransformer(nn.Module):
    """A class token and the tokens of the senses, told apart by what each sense's projection adds (modality type
    embeddings as in ViLT, arXiv:2102.03334, eq. 1), through ``num_layers`` blocks of self-attention; the class token is
    read through a linear layer: [..., width]. Absent senses are hidden from attention.

    Trap: the norm of an embedding, which often says how noisy it is, is lost in the first LayerNorm up to the bias.
    """

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        width = settings.width
        self.tokens = Tokens(num_senses, dim, width, settings.num_tokens)
        self.cls = nn.Parameter(torch.randn(width) / width**0.5)
        self.blocks = nn.ModuleList(Block(width, settings.heads) for _ in range(settings.num_layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, beliefs: Beliefs) -> Tensor:
        tokens, present = self.tokens(beliefs)
        x = torch.cat([self.cls.expand(*tokens.shape[:-2], 1, -1), tokens], -2)
        visible = torch.cat([torch.ones_like(present[..., :1]), present], -1)[..., None, :]
        for block in self.blocks:
            x = block(x, x, visible)
        return self.out(self.norm(x[..., 0, :]))


class LateFusionTransformer(nn.Module):
    """The tuned late-fusion transformer, after SimBaMM (arXiv:2512.22991: 19 methods on nine sets, none of which
    reliably beats it): a projection of each sense into a shared space, a transformer over the senses, a readout that is
    the mean over the tokens or a class token: [..., width].

    An absent sense is a learned token of its own; together with the dropout of senses in `fit` the network learns what
    that token means. Beyond SimBaMM, whose text leaves absent senses out of the sequence (`ModalityTransformer` does).

    Trap: dropout of senses protects up to the share dropped in training, not beyond (arXiv:2605.15235).
    """

    def __init__(self, num_senses: int, dim: int, settings: FitSettings) -> None:
        super().__init__()
        width = settings.width
        self.read_cls = settings.readout == "cls"
        self.tokens = Tokens(num_senses, dim, width, settings.num_tokens)
        self.absent = nn.Parameter(torch.randn(num_senses * settings.num_tokens, width) / width**0.5)
        self.cls = nn.Parameter(torch.randn(width) / width**0.5)
        self.blocks = nn.ModuleList(Block(width, settings.heads) for _ in range(settings.num_layers))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, beliefs: Beliefs) -> Tensor:
        tokens, present = self.tokens(beliefs)
        tokens = torch.where(present[..., None], tokens, self.absent)
        x = torch.cat([self.cls.expand(*tokens.shape[:-2], 1, -1), tokens], -2)
        everything = torch.ones(1, x.shape[-2], dtype=torch.bool, device=x.device)
        for block in self.blocks:
            x = block(x, x, everything)
        x = self.norm(x)
        return self.out(x[..., 0, :] if self.read_cls else x[..., 1:, :].mean(-2))

"""A policy: sources of whatever sizes fused into tokens, and a head that reads them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smcrep.fusion.baselines.attention import Attention, Block
from smcrep.transition import Batch
from smcrep.vla.heads import HEADS, HeadSizes


@dataclass(frozen=True)
class Sources(Batch):
    """What a policy reads, by names of its own choice: embeddings of senses or fused, of language, proprioception.

    data     name -> [b, d] or tokens [b, t, d].
    present  name -> bool [b]; a name that is left out is always present. What stands in absent data reaches nothing.
    """

    data: dict[str, Tensor]
    present: dict[str, Tensor]


class SourceTokens(nn.Module):
    """`Sources` -> tokens [b, s, w], visible bool [b, s]: each source through a linear layer of its own, whose bias
    tells them apart. ``num_numbers``: name -> d; the order is that of the mapping."""

    def __init__(self, num_numbers: Mapping[str, int], width: int) -> None:
        super().__init__()
        if not num_numbers:
            raise ValueError("policy: no source; give name -> how many numbers it has")
        self.names = tuple(num_numbers)
        self.layers = nn.ModuleList(nn.Linear(d, width) for d in num_numbers.values())

    def forward(self, sources: Sources) -> tuple[Tensor, Tensor]:
        given = {n: self._of(n, layer, sources) for n, layer in zip(self.names, self.layers, strict=True)}
        tokens, visible = zip(*given.values(), strict=True)
        return torch.cat(tokens, 1), torch.cat(visible, 1)

    def _of(self, name: str, layer: nn.Module, sources: Sources) -> tuple[Tensor, Tensor]:
        if name not in sources.data:
            raise ValueError(f"policy: source {name!r} is missing; give its data, or zeros and present=False")
        x = sources.data[name]
        x = x[:, None] if x.ndim == 2 else x
        present = sources.present.get(name, torch.ones(len(x), dtype=torch.bool, device=x.device))
        tokens = layer(torch.where(present[:, None, None], x, 0))
        visible = present[:, None].expand(-1, x.shape[1])
        return torch.where(visible[..., None], tokens, 0), visible


class EarlyFusion(nn.Module):
    """All tokens side by side (zeros where absent) and which are there, through one network: one token [b, 1, w].
    ``num_tokens`` of all sources together is fixed."""

    def __init__(self, width: int, num_tokens: int, num_layers: int, heads: int) -> None:
        super().__init__()
        self.num_tokens = num_tokens
        self.layers = nn.Sequential(
            nn.Linear(num_tokens * (width + 1), 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        if tokens.shape[1] != self.num_tokens:
            raise ValueError(
                f"policy: {tokens.shape[1]} tokens, early fusion was built for {self.num_tokens}; give as many, or "
                "take attention or transformer"
            )
        x = torch.cat([tokens, visible[..., None].to(tokens.dtype)], -1).flatten(1)
        return self.layers(x)[:, None], torch.ones_like(visible[:, :1])


class AttentionFusion(nn.Module):
    """A learned query attends to the tokens and to a learned one that stands for *nothing there*: one token."""

    def __init__(self, width: int, num_tokens: int, num_layers: int, heads: int) -> None:
        super().__init__()
        self.query, self.nothing = (nn.Parameter(torch.randn(1, 1, width) / width**0.5) for _ in range(2))
        self.norm, self.attention = nn.LayerNorm(width), Attention(width, heads)

    def forward(self, tokens: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        context, everyone = _with(self.nothing, tokens, visible)
        query = self.query.expand(len(tokens), -1, -1)
        return self.attention(query, self.norm(context), everyone[:, None]), everyone[:, :1]


class TransformerFusion(nn.Module):
    """Tokens and a learned one attend to each other, ``num_layers`` times: all of them [b, 1 + s, w]."""

    def __init__(self, width: int, num_tokens: int, num_layers: int, heads: int) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.randn(1, 1, width) / width**0.5)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(num_layers))

    def forward(self, tokens: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        x, everyone = _with(self.nothing, tokens, visible)
        for block in self.blocks:
            x = block(x, x, everyone[:, None])
        return x, everyone


def _with(first: Tensor, tokens: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """``first`` [1, 1, w] before the tokens, always visible."""
    everyone = torch.cat([torch.ones_like(visible[:, :1]), visible], 1)
    return torch.cat([first.expand(len(tokens), -1, -1), tokens], 1), everyone


FUSIONS: dict[str, Callable[[int, int, int, int], nn.Module]] = {
    "early": EarlyFusion,
    "attention": AttentionFusion,
    "transformer": TransformerFusion,
}
"""By name: (width, num_tokens, num_layers, heads) -> module: tokens [b, s, w], visible [b, s] -> context, visible."""


class Policy(nn.Module):
    """Sources -> chunk of actions, in the action's own units.

    num_numbers  name of each source -> how many numbers it (or each of its tokens) has.
    low, high    [a] what the head sees as -1 and 1: the range of the demonstrations (`ActionBins.fit`).
    num_tokens   of all sources together; None: one each. Early fusion alone minds.
    """

    def __init__(
        self,
        num_numbers: Mapping[str, int],
        low: Tensor,
        high: Tensor,
        *,
        horizon: int,
        fusion: str = "transformer",
        head: str = "chunk",
        width: int = 64,
        num_tokens: int | None = None,
    ) -> None:
        super().__init__()
        if fusion not in FUSIONS or head not in HEADS:
            raise ValueError(
                f"policy: fusion {fusion!r}, head {head!r}; choose of {', '.join(FUSIONS)} and of {', '.join(HEADS)}"
            )
        if low.shape != high.shape or low.ndim != 1 or not (low < high).all():
            raise ValueError("policy: low and high must be two vectors alike, low below high; see ActionBins.fit")
        sizes = HeadSizes(width, horizon, len(low))
        self.tokens = SourceTokens(num_numbers, width)
        self.fusion = FUSIONS[fusion](width, num_tokens or len(num_numbers), sizes.num_layers, sizes.heads)
        self.head = HEADS[head](sizes)
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("low", low.float())
        self.register_buffer("high", high.float())

    def loss(
        self, sources: Sources, actions: Tensor, is_pad: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """[] of demonstrated chunks [b, h, a], in the action's units; is_pad bool [b, h]. Actions beyond the range
        count as its end."""
        scaled = (2 * (actions - self.low) / (self.high - self.low) - 1).clamp(-1, 1)
        scaled = torch.where(is_pad[..., None], 0, scaled)  # no layer reads what stands in padding
        context, visible = self.fusion(*self.tokens(sources))
        return self.head.loss(context, visible, scaled, is_pad, generator)

    def act(self, sources: Sources, generator: torch.Generator | None = None) -> Tensor:
        """The chunk [b, h, a] to execute, within the range."""
        context, visible = self.fusion(*self.tokens(sources))
        scaled = self.head.act(context, visible, generator).clamp(-1, 1)
        return self.low + (scaled + 1) / 2 * (self.high - self.low)

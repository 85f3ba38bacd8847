"""The token decoder: actions as RT-2's bins, one after the other, each reading the context and those before it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.fusion.baselines.attention import Attention, Block
from smcrep.vla.bins import ActionBins
from smcrep.vla.heads.head import ActionHead, HeadSizes, unpadded_mean


class CausalLayer(nn.Module):
    """Self-attention to what came before, cross-attention to the context, MLP; norms first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.before = Attention(width, heads)
        self.across = Block(width, heads)

    def forward(self, x: Tensor, context: Tensor, visible: Tensor) -> Tensor:
        own, num = self.norm(x), x.shape[-2]
        earlier = torch.ones(num, num, dtype=torch.bool, device=x.device).tril()
        return self.across(x + self.before(own, own, earlier), context, visible)


class TokenHead(ActionHead):
    """h a tokens of 256 bins on [-1, 1], step by step and number by number; cross-entropy in nats a token."""

    def __init__(self, sizes: HeadSizes) -> None:
        super().__init__(sizes)
        self.bins = ActionBins((-1.0,) * sizes.num_actions, (1.0,) * sizes.num_actions)
        self.start = self.bins.num_bins  # one more token, which stands before the first
        self.embed = nn.Embedding(self.bins.num_bins + 1, sizes.width)
        self.place = nn.Parameter(torch.randn(sizes.horizon * sizes.num_actions, sizes.width) / sizes.width**0.5)
        self.layers = nn.ModuleList(CausalLayer(sizes.width, sizes.heads) for _ in range(sizes.num_layers))
        self.out = nn.Sequential(nn.LayerNorm(sizes.width), nn.Linear(sizes.width, self.bins.num_bins))

    def logits(self, context: Tensor, visible: Tensor, tokens: Tensor) -> Tensor:
        """tokens int64 [b, n], those so far -> [b, n + 1, num_bins] of each of them and of the next."""
        start = (
            torch.full_like(tokens[:, :1], self.start)
            if tokens.shape[1]
            else tokens.new_full((len(tokens), 1), self.start)
        )
        given = torch.cat([start, tokens], 1)[:, : len(self.place)]
        x = self.embed(given) + self.place[: given.shape[1]]
        for layer in self.layers:
            x = layer(x, context, visible[:, None])
        return self.out(x)

    def loss(
        self,
        context: Tensor,
        visible: Tensor,
        actions: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        tokens = self.bins.encode(actions)
        logits = self.logits(context, visible, tokens.flatten(1)[:, :-1])
        error = F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
        return unpadded_mean(error.view(tokens.shape), is_pad)

    @torch.no_grad()
    def act(self, context: Tensor, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        tokens = torch.zeros(len(context), 0, dtype=torch.long, device=context.device)
        for _ in range(len(self.place)):
            logits = self.logits(context, visible, tokens)[:, -1]
            if generator is None:
                drawn = logits.argmax(-1, keepdim=True)
            else:
                drawn = torch.multinomial(logits.softmax(-1).cpu(), 1, generator=generator).to(tokens.device)
            tokens = torch.cat([tokens, drawn], 1)
        return self.bins.decode(tokens.unflatten(1, (self.sizes.horizon, -1)))

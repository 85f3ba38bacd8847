"""Prefix tuning (arXiv:2101.00190, sec. 4) of timm's transformers: keys and values that are learned stand before those
of the tokens, 2 k d numbers a layer. peft's own is for language models alone."""

import torch
from timm.layers.attention import Attention
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.vla.finetuning.chosen import chosen


class PrefixAttention(nn.Module):
    """Attention of timm to its tokens and to ``num`` learned keys and values of each head. The prefix itself is
    learned, not a network that makes it (the paper's reparametrisation)."""

    def __init__(self, attention: Attention, num: int) -> None:
        super().__init__()
        if getattr(attention, "gate", None) is not None:
            raise ValueError("prefix: gated attention is not known here; take LoRA or adapters")
        self.attention = attention
        shape = attention.num_heads, num, attention.head_dim
        weight = attention.qkv.weight
        self.key, self.value = (nn.Parameter(0.02 * torch.randn(shape).to(weight)) for _ in range(2))

    def forward(self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
        """As timm's; masks are refused: they do not know the prefix."""
        if attn_mask is not None or is_causal:
            raise ValueError("prefix: attention with a mask is not known here; take LoRA or adapters")
        own = self.attention
        qkv = own.qkv(x).unflatten(-1, (3, own.num_heads, own.head_dim)).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        q, k = own.q_norm(q), own.k_norm(k)
        k, v = (torch.cat([p.expand(len(x), -1, -1, -1), y], 2) for p, y in ((self.key, k), (self.value, v)))
        seen = F.scaled_dot_product_attention(q, k, v, scale=own.scale)
        return own.proj_drop(own.proj(own.norm(seen.transpose(1, 2).flatten(2))))


def add_prefixes(model: nn.Module, *, num: int = 10, pattern: str = ".*") -> list[str]:
    """A prefix in every attention of timm's whose name the regular expression matches; they alone learn. Changed in
    place; the names are returned."""
    names = chosen(model, pattern, Attention)
    model.requires_grad_(False)
    for name in names:
        attention = model.get_submodule(name)
        assert isinstance(attention, Attention)
        model.set_submodule(name, PrefixAttention(attention, num))
    return names

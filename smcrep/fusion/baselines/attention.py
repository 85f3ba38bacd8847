"""A block of attention, as transformers have it."""

from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """softmax(Q K' / sqrt(e)) V over heads of e = w / heads numbers (arXiv:1706.03762, eq. 1).

    queries [..., q, w], context [..., s, w], visible bool [..., q or 1, s]: which of the context each query attends
    to, at least one -> [..., q, w].
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, queries: Tensor, context: Tensor, visible: Tensor) -> Tensor:
        key, value = self.key_value(context).chunk(2, -1)
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(-2, -3) for x in (self.query(queries), key, value))
        attended = F.scaled_dot_product_attention(q, k, v, visible[..., None, :, :])
        return self.out(attended.transpose(-2, -3).flatten(-2))


class Block(nn.Module):
    """x + attention(norm x, norm context), then x + MLP(norm x): norms first (arXiv:2002.04745), no dropout. With
    ``context`` = ``x`` it is self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm_x, self.norm_context, self.norm_mlp = (nn.LayerNorm(width) for _ in range(3))
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, context: Tensor, visible: Tensor) -> Tensor:
        x = x + self.attention(self.norm_x(x), self.norm_context(context), visible)
        return x + self.mlp(self.norm_mlp(x))

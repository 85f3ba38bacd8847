"""Point transformer (Zhao et al., arXiv:2012.09164) in plain torch: attention with a weight for each channel among the
nearest points, on all points and on some that are spread over the cloud."""

import torch
from torch import Tensor, nn

from smcrep.encoders.dgcnn import nearest_neighbours, rows_at
from smcrep.encoders.pointnet2 import spread
from smcrep.geometry.points import repeated

NUM_NEIGHBOURS = 16
NUM_FEW = 64


class VectorAttention(nn.Module):
    """x_i + sum_j softmax_j(g(W_q x_i - W_k x_j + d_ij)) * (W_v x_j + d_ij) with d_ij = t(p_i - p_j), over the
    neighbours j of point i; channel by channel (eq. 3 and 4 of the paper)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.query, self.key, self.value = (nn.Linear(dim, dim, bias=False) for _ in range(3))
        self.place = nn.Sequential(nn.Linear(3, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.weight = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))

    def forward(self, points: Tensor, x: Tensor, neighbours: Tensor) -> Tensor:
        """points [b, n, 3], x [b, n, dim], neighbours int64 [b, n, k]: one that is there again counts once."""
        h = self.norm(x)
        place = self.place(points[:, :, None] - rows_at(points, neighbours))
        score = self.weight(self.query(h)[:, :, None] - rows_at(self.key(h), neighbours) + place)
        again = torch.zeros_like(neighbours, dtype=torch.bool)
        again[..., 1:] = neighbours[..., 1:] == neighbours[..., :1]
        share = score.masked_fill(again[..., None], -torch.inf).softmax(2)
        return x + (share * (rows_at(self.value(h), neighbours) + place)).sum(2)


class PointTransformer(nn.Module):
    """Attention among all points, the maximum around each of 64 that are spread over the cloud, attention among those,
    and the maximum over their features and places. Copies of a point change nothing."""

    num_features = 256

    def __init__(self) -> None:
        super().__init__()
        self.first, self.down = nn.Linear(3, 32), nn.Linear(32, 64)
        self.fine, self.coarse = VectorAttention(32), VectorAttention(64)
        self.last = nn.Linear(64 + 3, self.num_features)

    def forward(self, points: Tensor) -> Tensor:
        again = repeated(points.detach())
        x = self.fine(points, self.first(points), nearest_neighbours(points.detach(), NUM_NEIGHBOURS, again))
        few = spread(points, NUM_FEW)
        near = nearest_neighbours(points.detach(), NUM_NEIGHBOURS, again, queries=few.detach())
        x = torch.relu(self.down(rows_at(x, near)).amax(2))
        close = nearest_neighbours(few.detach(), NUM_NEIGHBOURS, repeated(few.detach()))
        x = self.coarse(few, x, close)
        return torch.relu(self.last(torch.cat([x, few], -1)).max(-2).values)

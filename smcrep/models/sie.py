"""The predictor of SIE: a matrix linear in the quaternion of the rotation."""

import torch
from torch import Tensor, nn


class SIE(nn.Module):
    """z' = (sum over k of q_k W_k) z, q the quaternion (x, y, z, w) of the rotation, without biases (arXiv:2302.10283,
    section 4.2). Linear in q, so that no rotation can be ignored; W(identity) = I is learned, and starts as it.

    q and -q are one rotation and would give opposite predictions: here w >= 0, which theirs does not see to. What is no
    rotation (translation, physics) it is not told.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        weight = torch.randn(4, dim, dim) * 0.1 / dim**0.5
        weight[3] = torch.eye(dim)
        self.weight = nn.Parameter(weight)

    def forward(self, z: Tensor, rotation: Tensor | None, condition: Tensor) -> Tensor:
        import roma  # brings torch's compiler in, which takes as long to import as torch

        if rotation is None:
            raise ValueError("sie predictor: the action carries no rotation (an image augmentation?); take 'mlp'")
        q = roma.rotmat_to_unitquat(rotation.to(z.dtype))
        q = torch.where(q[..., 3:] < 0, -q, q)
        return torch.einsum("...k,kij,...j->...i", q, self.weight, z)

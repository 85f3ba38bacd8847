"""Predictors: where the equivariant part of the latent goes under an action.

Each maps z [..., de], rotation [..., 3, 3] (None where the action is no motion) and condition [..., c] to [..., de].
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.models.sie import SIE

RANK = 8


@dataclass(frozen=True)
class Sizes:
    """dim: of the equivariant part, 3 v + 9 t; condition_dim: of the encoded action; hidden: width of layers;
    num_tensors: t."""

    dim: int
    condition_dim: int
    hidden: int
    num_tensors: int


def rotate(z: Tensor, rotation: Tensor | None, num_tensors: int = 0) -> Tensor:
    """z [..., 3 v + 9 t] read as v vectors in R^3, each becoming R x, and ``num_tensors`` = t tensors of rank 2 (3 x 3,
    row by row), each becoming R X R^T: a representation of SO(3), rho(R S) = rho(R) rho(S).

    A vector sees a turn by 180 degrees about itself as none, and cannot say of a shape whose two ends look alike how it
    lies; a tensor (of degrees 0, 1 and 2, as the moments of inertia) can.
    """
    if rotation is None:
        raise ValueError(
            "group predictor: the action carries no rotation (an image augmentation?); "
            "take predictor 'mlp', 'hypernetwork' or 'equimod'"
        )
    right = rotation.mT.to(z.dtype)  # rows are vectors, so R x is x @ R^T
    num_vectors = z.shape[-1] // 3 - 3 * num_tensors
    vectors, tensors = z.unflatten(-1, (-1, 3)).split([num_vectors, 3 * num_tensors], -2)
    vectors = vectors @ right
    if not num_tensors:
        return vectors.flatten(-2)
    for _ in range(2):  # X -> (X R^T)^T, twice
        tensors = (tensors @ right).unflatten(-2, (-1, 3)).mT.flatten(-3, -2)
    return torch.cat([vectors, tensors], -2).flatten(-2)


class Group(nn.Module):
    """z' = rho(R) z. Nothing is learned; identity, inverse and composition hold exactly."""

    def __init__(self, num_tensors: int) -> None:
        super().__init__()
        self.num_tensors = num_tensors

    def forward(self, z: Tensor, rotation: Tensor | None, condition: Tensor) -> Tensor:
        return rotate(z, rotation, self.num_tensors)


class GroupResidual(nn.Module):
    """z' = rho(R) z + MLP[rho(R) z, condition], brought to the length of z: starts next to the group action, and learns
    what a rotation does not say (translation, perspective, what comes into view, what a push does). It moves on the
    sphere where latents lie, so a prediction can be acted on again."""

    def __init__(self, dim: int, condition_dim: int, hidden: int, num_tensors: int) -> None:
        super().__init__()
        self.num_tensors = num_tensors
        self.residual = _mlp(dim + condition_dim, hidden, dim)

    def forward(self, z: Tensor, rotation: Tensor | None, condition: Tensor) -> Tensor:
        turned = rotate(z, rotation, self.num_tensors)
        moved = turned + self.residual(torch.cat([turned, condition], -1))
        return F.normalize(moved, dim=-1) * z.norm(dim=-1, keepdim=True)


class ResidualMLP(nn.Module):
    """z' = z + MLP[z, condition]; what the action does is all learned."""

    def __init__(self, dim: int, condition_dim: int, hidden: int) -> None:
        super().__init__()
        self.residual = _mlp(dim + condition_dim, hidden, dim)

    def forward(self, z: Tensor, rotation: Tensor | None, condition: Tensor) -> Tensor:
        return z + self.residual(torch.cat([z, condition], -1))


class Hypernetwork(nn.Module):
    """z' = (I + U(c) V(c)^T) z: the condition makes a matrix, of rank 8 beside the identity.

    SIE (arXiv:2302.10283) makes the whole matrix, linearly in the quaternion, without the identity: `models.sie`.
    """

    def __init__(self, dim: int, condition_dim: int) -> None:
        super().__init__()
        self.left = nn.Linear(condition_dim, dim * RANK)
        self.right = nn.Linear(condition_dim, dim * RANK)
        with torch.no_grad():
            self.left.weight.mul_(0.1)  # starts near the identity
            self.left.bias.zero_()

    def forward(self, z: Tensor, rotation: Tensor | None, condition: Tensor) -> Tensor:
        u = self.left(condition).unflatten(-1, (-1, RANK))
        v = self.right(condition).unflatten(-1, (-1, RANK))
        return z + (u @ (v.mT @ z[..., None]))[..., 0]


class EquiMod(nn.Module):
    """z' = W [z, condition], one linear layer: the predictor of EquiMod (arXiv:2211.01244), without its BatchNorm
    (our outcomes are compared by cosine, and a batch must equal its items)."""

    def __init__(self, dim: int, condition_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim + condition_dim, dim, bias=False)

    def forward(self, z: Tensor, rotation: Tensor | None, condition: Tensor) -> Tensor:
        return self.linear(torch.cat([z, condition], -1))


def _mlp(num_in: int, hidden: int, num_out: int) -> nn.Sequential:
    layers = nn.Sequential(nn.Linear(num_in, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU())
    last = nn.Linear(hidden, num_out)
    with torch.no_grad():
        last.weight.mul_(0.1)  # small, so that training starts from what the action says; not zero, so all of it learns
        last.bias.zero_()
    return layers.append(last)


PREDICTORS: dict[str, Callable[[Sizes], nn.Module]] = {
    "group_residual": lambda sizes: GroupResidual(sizes.dim, sizes.condition_dim, sizes.hidden, sizes.num_tensors),
    "group": lambda sizes: Group(sizes.num_tensors),
    "mlp": lambda sizes: ResidualMLP(sizes.dim, sizes.condition_dim, sizes.hidden),
    "hypernetwork": lambda sizes: Hypernetwork(sizes.dim, sizes.condition_dim),
    "equimod": lambda sizes: EquiMod(sizes.dim, sizes.condition_dim),
    "sie": lambda sizes: SIE(sizes.dim),
}
"""By the name that `ModelConfig.predictor` gives; add your own before the configuration is made."""

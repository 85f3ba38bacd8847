"""How far a predicted motion is from the laws of a rigid body: a residual to minimise beside a loss of data."""

from collections.abc import Callable

import torch
from torch import Tensor


def newton_euler(
    acceleration: Tensor,
    angular_velocity: Tensor,
    angular_acceleration: Tensor,
    force_n: Tensor,
    torque_nm: Tensor,
    *,
    mass_kg: Tensor,
    inertia_kgm2: Tensor,
) -> Tensor:
    """[..., 6]: m a - f, and I dw/dt + w x (I w) - tau (Newton's and Euler's equations); 0 on a true motion.

    acceleration          [..., 3] m/s^2 of the centre of mass, in the world's frame.
    force_n               [..., 3], in the world's frame, weight included.
    angular_velocity      [..., 3] rad/s, in the body's frame; angular_acceleration is its derivative there.
    torque_nm             [..., 3] about the centre of mass, in the body's frame.
    mass_kg               [...].
    inertia_kgm2          [..., 3, 3] about the centre of mass, in the body's frame.
    """
    momentum = (inertia_kgm2 @ angular_velocity[..., None])[..., 0]
    change = (inertia_kgm2 @ angular_acceleration[..., None])[..., 0]
    linear = mass_kg[..., None] * acceleration - force_n
    return torch.cat([linear, change + torch.linalg.cross(angular_velocity, momentum) - torque_nm], -1)


def time_derivative(of: Callable[[Tensor], Tensor], order: int = 1) -> Callable[[Tensor], Tensor]:
    """t [n] in seconds -> the derivative of ``order`` of a motion t [n] -> [n, d], row by row; differentiable in the
    parameters of the motion."""

    def at(t: Tensor) -> Tensor:
        t = t if t.requires_grad else t.detach().requires_grad_()
        return torch.stack([_slope(column, t) for column in of(t).unbind(-1)], -1)

    return at if order == 1 else time_derivative(at, order - 1)


def _slope(x: Tensor, t: Tensor) -> Tensor:
    if not x.requires_grad:  # a slope that does not change
        return torch.zeros_like(t)
    return torch.autograd.grad(x.sum(), t, create_graph=True, materialize_grads=True)[0]

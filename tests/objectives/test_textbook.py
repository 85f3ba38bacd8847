"""Kendall's weights, conflict of gradients and the laws of a rigid body, against closed forms."""

import math

import pytest
import torch

from smcrep.objectives.gradient_conflict import gradient_cosine
from smcrep.objectives.kendall import kendall
from smcrep.objectives.rigid_body import newton_euler, time_derivative


def test_kendall_is_half_the_weighted_losses_and_their_log_variances() -> None:
    losses, s = torch.tensor([2.0, 8.0]), torch.tensor([0.0, math.log(4)])
    assert float(kendall(losses, s)) == pytest.approx((2 / 1 + 0 + 8 / 4 + math.log(4)) / 2)


def test_kendall_differs_from_a_gaussian_likelihood_by_its_constant() -> None:
    error, sigma = torch.tensor([0.3, -2.0]), torch.tensor([0.5, 3.0])
    likelihood = torch.distributions.Normal(0.0, sigma).log_prob(error).sum()
    found = kendall(error.square(), sigma.square().log())
    assert float(found) == pytest.approx(-float(likelihood) - math.log(2 * math.pi), rel=1e-5)


def test_kendall_divides_each_gradient_by_its_loss_at_the_minimum() -> None:
    losses = torch.tensor([0.1, 5.0], dtype=torch.float64)
    s = losses.log().requires_grad_()
    (gradient,) = torch.autograd.grad(kendall(losses, s), s)
    assert gradient.tolist() == pytest.approx([0, 0])
    assert torch.autograd.gradcheck(kendall, (losses.clone().requires_grad_(), s))
    leaf = losses.clone().requires_grad_()
    (weights,) = torch.autograd.grad(kendall(leaf, s.detach()), leaf)
    assert weights.tolist() == pytest.approx([0.5 / 0.1, 0.5 / 5])


def test_gradients_at_known_angles() -> None:
    """|w - a|^2 at w = 0 has gradient -2a: the cosine is that of the targets, whatever the scale of the losses."""
    w, other = torch.zeros(2, requires_grad=True), torch.ones(1, requires_grad=True)

    def pull(x: float, y: float) -> torch.Tensor:
        return (w - torch.tensor([x, y])).square().sum()

    assert gradient_cosine(pull(1, 0), 7 * pull(0, 2), [w]) == pytest.approx(0)
    assert gradient_cosine(pull(1, 0), pull(-1, math.sqrt(3)), [w]) == pytest.approx(-0.5)
    assert gradient_cosine(pull(1, 0), pull(3, 0), [w]) == pytest.approx(1)
    # (-2, 0, 0) and (-2, 0, 1): a parameter that one loss does not enter counts as 0 in it
    assert gradient_cosine(pull(1, 0), pull(1, 0) + other.sum(), [w, other]) == pytest.approx(2 / math.sqrt(5))


GRAVITY = torch.tensor([0.0, 0, -9.81], dtype=torch.float64)
T = torch.linspace(0, 1.5, 7, dtype=torch.float64)


def throw(t: torch.Tensor) -> torch.Tensor:
    """A stone thrown at (2, 0, 5) m/s under gravity."""
    return torch.stack([2 * t, 0 * t, 5 * t - 9.81 / 2 * t**2], -1)


def spinning(t: torch.Tensor, *, rate: float = 3.0) -> torch.Tensor:
    """Free symmetric top of moments (1, 1, 2): its axis of rotation goes round at (2 - 1) / 1 times the spin."""
    return torch.stack([0.7 * torch.cos(rate * t), 0.7 * torch.sin(rate * t), 3 + 0 * t], -1)


def residual(motion=throw, spin=spinning, *, mass: float = 0.4, force=0.4 * GRAVITY) -> torch.Tensor:
    zero = torch.zeros(len(T), 3, dtype=torch.float64)
    return newton_euler(
        time_derivative(motion, 2)(T),
        spin(T),
        time_derivative(spin)(T),
        force.expand(len(T), 3),
        zero,
        mass_kg=torch.full((len(T),), mass, dtype=torch.float64),
        inertia_kgm2=torch.diag(torch.tensor([1.0, 1, 2], dtype=torch.float64)),
    )


def test_a_true_motion_has_no_residual() -> None:
    assert residual().shape == (7, 6)
    assert residual().abs().max() < 1e-12


def test_wrong_mass_force_or_spin_leave_what_they_should() -> None:
    heavier = residual(mass=0.5)
    assert heavier[:, 2].tolist() == pytest.approx([-0.1 * 9.81] * 7)
    upward = residual(force=-0.4 * GRAVITY)
    assert upward[:, 2].tolist() == pytest.approx([-2 * 0.4 * 9.81] * 7)
    backward = residual(spin=lambda t: spinning(t, rate=-3.0)).detach()  # the inverse sense of the precession
    assert float(backward[0, 4]) == pytest.approx(2 * 0.7 * -3.0)
    assert backward[:, :3].abs().max() < 1e-12


def test_residual_teaches_gravity() -> None:
    g = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)

    def learned(t: torch.Tensor) -> torch.Tensor:
        return torch.stack([2 * t, 0 * t, 5 * t - g / 2 * t**2], -1)

    for _ in range(60):
        (gradient,) = torch.autograd.grad(residual(learned).square().mean(), g)
        g.data -= 15 * gradient
    assert float(g.detach()) == pytest.approx(9.81, abs=1e-3)

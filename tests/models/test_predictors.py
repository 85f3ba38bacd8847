"""A group predictor is a representation of SO(3); the others learn what they are for."""

import pytest
import roma
import torch
from torch import Tensor, nn

from smcrep.models.predictors import PREDICTORS, Sizes, rotate


def rotations(*shape: int, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return roma.rotvec_to_rotmat(2 * torch.randn(*shape, 3, generator=g, dtype=torch.float64))


def build(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return PREDICTORS[name](Sizes(dim=12, condition_dim=5, hidden=16, num_tensors=1)).double()


def zeroed_residual() -> nn.Module:
    p = build("group_residual")
    with torch.no_grad():
        for parameter in p.residual[-1].parameters():  # type: ignore[index,union-attr]
            parameter.zero_()
    return p


Z = torch.randn(20, 12, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
C = torch.randn(20, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


@pytest.mark.parametrize("make", [lambda: build("group"), zeroed_residual], ids=["group", "group_residual, zeroed"])
class TestRepresentation:
    def test_identity(self, make) -> None:
        torch.testing.assert_close(make()(Z, torch.eye(3, dtype=torch.float64).expand(20, 3, 3), C), Z)

    def test_inverse(self, make) -> None:
        p, r = make(), rotations(20)
        torch.testing.assert_close(p(p(Z, r, C), r.mT, C), Z, atol=1e-12, rtol=0)

    def test_composition_in_the_right_order(self, make) -> None:
        p, r, s = make(), rotations(20), rotations(20, seed=1)
        assert (r @ s - s @ r).abs().amax((1, 2)).min() > 0.1  # none of the pairs commutes
        torch.testing.assert_close(p(p(Z, s, C), r, C), p(Z, r @ s, C), atol=1e-12, rtol=0)
        assert (p(p(Z, s, C), r, C) - p(Z, s @ r, C)).abs().max() > 0.1

    def test_norm_is_kept(self, make) -> None:
        torch.testing.assert_close(make()(Z, rotations(20), C).norm(dim=-1), Z.norm(dim=-1))


def test_rotate_moves_three_numbers_after_another_as_one_column_vector() -> None:
    """The convention, by a loop: number 3 v + i is coordinate i of vector v, and R acts from the left."""
    r, out = rotations(1)[0], []
    for v in range(4):
        for i in range(3):
            out.append(sum(r[i, j] * Z[0, 3 * v + j] for j in range(3)))
    torch.testing.assert_close(rotate(Z[0], r), torch.stack(out))  # type: ignore[arg-type]


def test_rotate_turns_both_axes_of_a_tensor() -> None:
    """The convention, by a loop: number 3 + 3 a + b is entry (a, b) of the tensor behind one vector; X -> R X R^T."""
    r, x = rotations(1)[0], Z[0, 3:]
    out = [
        sum(r[a, c] * x[3 * c + d] * r[b, d] for c in range(3) for d in range(3)) for a in range(3) for b in range(3)
    ]
    turned = rotate(Z[0], r, num_tensors=1)
    torch.testing.assert_close(turned[3:], torch.stack(out))  # type: ignore[arg-type]
    torch.testing.assert_close(turned[:3], r @ Z[0, :3])


def test_tensor_shows_a_half_turn_about_an_axis_and_a_vector_along_it_does_not() -> None:
    half_turn = roma.rotvec_to_rotmat(torch.tensor([0.0, 0.0, torch.pi], dtype=torch.float64))
    along = torch.tensor([0.0, 0.0, 2.0], dtype=torch.float64)
    tilted = torch.zeros(3, 3, dtype=torch.float64)
    tilted[0, 2] = tilted[2, 0] = 1  # a rod's inertia, tilted in the plane of x and z
    out = rotate(torch.cat([along, tilted.flatten()]), half_turn, num_tensors=1)
    torch.testing.assert_close(out[:3], along)
    torch.testing.assert_close(out[3:], -tilted.flatten())


@pytest.mark.parametrize("name", PREDICTORS)
def test_leading_axes_and_single_queries(name: str) -> None:
    p, r = build(name), rotations(4, 5)
    z, c = Z.view(4, 5, 12), C.view(4, 5, 5)
    out = p(z, r, c)
    assert out.shape == (4, 5, 12)
    torch.testing.assert_close(out[2, 3], p(z[2, 3], r[2, 3], c[2, 3]))


@pytest.mark.parametrize("name", ["group", "group_residual"])
def test_group_predictors_refuse_an_action_without_rotation(name: str) -> None:
    with pytest.raises(ValueError, match=r"carries no rotation.*'mlp', 'hypernetwork' or 'equimod'"):
        build(name)(Z, None, C)


@pytest.mark.parametrize("name", ["mlp", "hypernetwork", "equimod"])
def test_other_predictors_need_no_rotation(name: str) -> None:
    assert build(name)(Z, None, C).shape == Z.shape


@pytest.mark.parametrize("name", ["group_residual", "mlp", "hypernetwork"])
def test_residual_predictors_start_near_the_action_of_the_group_or_the_identity(name: str) -> None:
    r = rotations(20)
    start = rotate(Z, r, 1) if name == "group_residual" else Z
    out = build(name)(Z, r, C)
    near = 0.5 if name == "hypernetwork" else 0.02
    assert 0 < (out - start).norm() < near * start.norm()


@pytest.mark.parametrize(("name", "layer"), [("group_residual", "residual.4"), ("mlp", "residual.4")])
def test_a_residual_starts_without_an_offset(name: str, layer: str) -> None:
    """One that all latents shared would be learned away first."""
    last = build(name).get_submodule(layer)
    assert isinstance(last, nn.Linear)
    assert not last.bias.any()


@pytest.mark.parametrize("name", ["group_residual", "mlp", "hypernetwork", "equimod"])
def test_every_weight_learns(name: str) -> None:
    p = build(name)
    (p(Z, rotations(20), C) * torch.linspace(0, 1, 12)).square().sum().backward()  # their length alone is given
    for key, parameter in p.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


def test_group_residual_moves_on_the_sphere() -> None:
    """So that a prediction can be acted on again: its length is that of the latent it starts from."""
    p, r = build("group_residual"), rotations(20)
    scale = torch.linspace(0.1, 3, 20, dtype=Z.dtype)[:, None]
    out = p(scale * Z, r, C)
    torch.testing.assert_close(out.norm(dim=-1), (scale * Z).norm(dim=-1))
    assert (torch.cosine_similarity(out, rotate(scale * Z, r, 1)) < 1 - 1e-6).any()


def test_group_residual_reads_where_the_rotation_led_and_not_where_it_began() -> None:
    """It corrects the turned latent by what it knows of the turned latent: given that and no rotation, it says the
    same."""
    p, r = build("group_residual"), rotations(20)
    still = torch.eye(3, dtype=torch.float64).expand(20, 3, 3)
    torch.testing.assert_close(p(Z, r, C), p(rotate(Z, r, 1), still, C))
    assert (p(Z, r, C) - p(Z, r, C.flip(0))).norm() > 1e-3  # and the condition too


def test_equimod_is_linear_in_latent_and_condition_together() -> None:
    p = build("equimod")
    torch.testing.assert_close(p(2 * Z + Z.flip(0), None, 2 * C + C.flip(0)), 2 * p(Z, None, C) + p(Z, None, C).flip(0))


def test_hypernetwork_is_linear_in_the_latent_and_not_in_the_condition() -> None:
    p = build("hypernetwork")
    torch.testing.assert_close(p(2 * Z + Z.flip(0), None, C), 2 * p(Z, None, C) + p(Z.flip(0), None, C))
    assert (p(Z, None, 2 * C) - 2 * p(Z, None, C)).abs().max() > 0.1


@pytest.mark.parametrize("name", ["mlp", "hypernetwork"])
def test_a_learned_predictor_can_learn_a_planted_condition(name: str) -> None:
    """The outcome is the latent turned by an angle that only the condition holds; the identity explains nothing."""
    torch.manual_seed(0)
    p = PREDICTORS[name](Sizes(dim=6, condition_dim=2, hidden=64, num_tensors=0))
    angle = torch.rand(256) * 2 - 1
    r = roma.rotvec_to_rotmat(torch.stack([torch.zeros(256), torch.zeros(256), 2 * angle], -1))
    z = torch.randn(256, 6)
    target, c = rotate(z, r), torch.stack([(2 * angle).sin(), (2 * angle).cos()], -1)
    optimiser = torch.optim.Adam(p.parameters(), 1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        loss = (p(z, None, c) - target).square().mean()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1 * (z - target).square().mean().item()

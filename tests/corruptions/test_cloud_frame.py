"""Known effects on a cloud as a whole."""

import pytest
import torch

from smcrep.corruptions.cloud_frame import depth_quantisation, misregistration, wrong_scale
from smcrep.geometry.rotations import geodesic_degrees
from tests.corruptions.samples import clouds, generator, severities


@pytest.mark.parametrize("severity", [0.3, 1.0])
def test_misregistration_is_a_rigid_motion_of_the_stated_shift_and_turn(severity: float) -> None:
    data = clouds(40) + torch.tensor([0, 0, 1.0])
    out = misregistration(data, severities(40, severity), generator())
    mean, moved = data.mean(1, keepdim=True), out.mean(1, keepdim=True)
    own = (data - mean).norm(dim=-1).amax(1)
    torch.testing.assert_close((moved - mean).norm(dim=-1)[:, 0], 0.5 * severity * own)
    # Kabsch: the rotation between the centred clouds, by the singular vectors of their covariance.
    u, _, v = torch.linalg.svd((out - moved).double().mT @ (data - mean).double())
    rotation = u @ v
    torch.testing.assert_close((data - mean).double() @ rotation.mT, (out - moved).double(), atol=1e-6, rtol=0)
    turn = geodesic_degrees(rotation, torch.eye(3, dtype=rotation.dtype).expand_as(rotation))
    assert turn.tolist() == pytest.approx([30 * severity] * 40, abs=0.01)
    towards = torch.nn.functional.normalize((moved - mean)[:, 0], dim=-1)
    assert towards.mean(0).norm() < 0.5  # anywhere


def test_scale_is_about_the_camera_up_or_down_as_often() -> None:
    data = clouds(300)
    for severity, factor in ((1.0, 1.5), (0.5, 1.5**0.5)):
        ratio = (wrong_scale(data, severities(300, severity), generator()) / data).mean((1, 2))
        up = ratio > 1
        torch.testing.assert_close(ratio, torch.where(up, factor, 1 / factor))
        assert 0.4 < up.double().mean() < 0.6


def test_depths_are_multiples_of_the_step_and_points_stay_on_their_rays() -> None:
    data = clouds()
    out = depth_quantisation(data, severities(5, 0.5), generator())
    steps = out[..., 2] / 0.015
    torch.testing.assert_close(steps, steps.round(), atol=1e-4, rtol=0)
    assert (out[..., 2] - data[..., 2]).abs().max() <= 0.0075 + 1e-6
    torch.testing.assert_close(out / out[..., 2:], data / data[..., 2:])


def test_what_is_nearer_than_half_a_step_reads_one_step() -> None:
    near = torch.tensor([[[0.001, 0.002, 0.01]]])
    torch.testing.assert_close(
        depth_quantisation(near, severities(1, 1), generator()), torch.tensor([[[0.003, 0.006, 0.03]]])
    )

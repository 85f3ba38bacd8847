"""Typed actions: the motion that each commands, and its camera coordinates, on cases computed by hand."""

import numpy as np
import pytest
import torch

from smcrep.geometry.action import KINDS, apply
from smcrep.worlds.dynamics.actions import Hold, LiftAndDrop, Look, Push, Turn, motion_world, to_camera
from smcrep.worlds.rendering.camera import Camera, look_at
from tests.worlds.scenes import camera, random_rotation

QUARTER = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # about z: x goes to y


def moved(motion: np.ndarray, x: np.ndarray) -> np.ndarray:
    return motion[:3, :3] @ x + motion[:3, 3]


def test_turn_equals_its_definition() -> None:
    rng = np.random.default_rng(0)
    rotation, translation, grasp, x = random_rotation(rng), *rng.normal(size=(3, 3))
    want = rotation @ (x - grasp) + grasp + translation
    np.testing.assert_allclose(moved(motion_world(Turn(rotation, translation, grasp)), x), want, atol=1e-12)


def test_lift_turns_about_the_centre_and_raises_it() -> None:
    motion = motion_world(LiftAndDrop(0.1, QUARTER, np.array([1.0, 2.0, 3.0])))
    np.testing.assert_allclose(moved(motion, np.array([1.0, 2.0, 3.0])), [1, 2, 3.1], atol=1e-12)
    np.testing.assert_allclose(moved(motion, np.array([2.0, 2.0, 3.0])), [1, 3, 3.1], atol=1e-12)


def test_hold_push_and_look_command_the_identity() -> None:
    for action in (Hold(1.0), Push(np.ones(3), np.array([1.0, 0, 0]), 1.0, 0.1), Look(np.eye(4), np.zeros(3))):
        np.testing.assert_array_equal(motion_world(action), np.eye(4))


def test_camera_coordinates_equal_those_computed_by_hand() -> None:
    """A camera at x = 1 that looks at the origin: its right is world +y, its down is world -z, ahead is world -x."""
    front = camera(eye=(1.0, 0.0, 0.0))
    actions = [
        Hold(0.5),
        Turn(QUARTER, np.zeros(3), np.array([0.1, 0.2, 0.3]), 0.7),
        Push(np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.0, 1.0]), 2.0, 0.1),
        LiftAndDrop(0.1, np.eye(3), np.array([0.1, 0.2, 0.3])),
        Look(look_at((2.0, 0.0, 0.0), (0.0, 0.0, 0.0)), np.array([0.1, 0.2, 0.3])),
    ]
    batch = to_camera(actions, front)
    assert [KINDS[k] for k in batch.kind] == list(KINDS)
    contact = torch.tensor([0.2, -0.3, 0.9])
    torch.testing.assert_close(batch.contact[1:], contact.expand(4, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(batch.force[2], torch.tensor([0.0, -2.0, 0.0]), atol=1e-6, rtol=0)
    assert batch.force.abs().sum() == 2
    torch.testing.assert_close(batch.duration, torch.tensor([0.5, 0.7, 0.1, 0.0, 0.0]))
    torch.testing.assert_close(batch.motion[[0, 2]], torch.eye(4).expand(2, 4, 4))
    # World x goes to y: what was nearest to the camera (x = 1, behind its pinhole at z = 0) goes to its right.
    nearer = torch.tensor([0.0, 0.0, 0.5])  # world (0.5, 0, 0), off the grasp by (0.4, -0.2, -0.3)
    torch.testing.assert_close(apply(batch.motion[1], nearer), torch.tensor([0.6, 0.0, 0.7]), atol=1e-6, rtol=0)
    torch.testing.assert_close(apply(batch.motion[3], nearer), torch.tensor([0.0, -0.1, 0.5]), atol=1e-6, rtol=0)
    # The camera steps back by 1 m: everything is 1 m farther.
    torch.testing.assert_close(apply(batch.motion[4], nearer), torch.tensor([0.0, 0.0, 1.5]), atol=1e-6, rtol=0)


def test_hold_is_the_identity_action() -> None:
    assert to_camera([Hold()], camera()).vector()[0, 14:].abs().sum() == 0


def test_inverse_in_camera_coordinates_undoes_a_turn() -> None:
    rng = np.random.default_rng(1)
    for _ in range(8):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = random_rotation(rng), rng.normal(size=3)
        eye = Camera(pose, 40.0, 8, 8)
        rotation, translation, grasp = random_rotation(rng), *rng.normal(size=(2, 3))
        there = to_camera([Turn(rotation, translation, grasp)], eye)
        back = to_camera([Turn(rotation.T, -translation, grasp + translation)], eye)
        torch.testing.assert_close(there.inverse().motion, back.motion, atol=1e-5, rtol=0)
        torch.testing.assert_close(there.inverse().contact, back.contact, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Turn(2 * np.eye(3), np.zeros(3), np.zeros(3)), "orthonormal"),
        (lambda: Turn(np.diag([1.0, 1.0, -1.0]), np.zeros(3), np.zeros(3)), "determinant"),
        (lambda: Turn(np.eye(4), np.zeros(3), np.zeros(3)), "3x3"),
        (lambda: Turn(np.eye(3), np.zeros(2), np.zeros(3)), "Turn: translation"),
        (lambda: Push(np.zeros(3), np.ones(3), 1.0, 1.0), "unit vector"),
        (lambda: Push(np.zeros(3), np.array([np.nan, 0, 0]), 1.0, 1.0), "Push: direction"),
        (lambda: Push(np.zeros(3), np.array([1.0, 0, 0]), -1.0, 1.0), "force_n is -1"),
        (lambda: LiftAndDrop(-0.1, np.eye(3), np.zeros(3)), "height_m is -0.1"),
        (lambda: Look(np.eye(3), np.zeros(3)), "4x4"),
        (lambda: Hold(float("inf")), "Hold: duration_s"),
    ],
)
def test_invalid_actions_are_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_action_copies_its_arrays() -> None:
    direction = np.array([1.0, 0.0, 0.0])
    push = Push(np.zeros(3), direction, 1.0, 0.1)
    direction[0] = 7
    assert push.direction[0] == 1

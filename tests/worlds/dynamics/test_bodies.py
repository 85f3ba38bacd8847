"""The model of a branch against closed forms: inertia of a box, the finger's rail; what is kept of it."""

import gc
import weakref

import mujoco
import numpy as np
import pytest

import smcrep.worlds.dynamics.bodies as bodies_module
from smcrep.geometry.physics import Physics
from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.dynamics.bodies import FINGER_RADIUS_M, Bodies, _Kept, bodies_of
from tests.worlds.scenes import box, pose, random_rotation

BRICK = box(0.02, 0.03, 0.05)
HALF = np.array([0.02, 0.03, 0.05])


def mass_matrix(m: mujoco.MjModel, rotation: np.ndarray) -> np.ndarray:
    """[6, 6] of the first body at that orientation, by MuJoCo's inverse dynamics (it goes round the matrix itself)."""
    data = mujoco.MjData(m)
    mujoco.mju_mat2Quat(data.qpos[3:7], rotation.ravel())
    m.opt.gravity[:] = 0
    columns = []
    for i in range(6):
        data.qacc[:] = 0
        data.qacc[i] = 1
        mujoco.mj_fwdPosition(m, data)
        mujoco.mj_fwdVelocity(m, data)
        force = np.zeros(m.nv)
        mujoco.mj_rne(m, data, 1, force)
        columns.append(force[:6])
    full = np.zeros((m.nv, m.nv))
    mujoco.mj_fullM(m, data, full)
    np.testing.assert_allclose(full[:6, :6], np.stack(columns, 1), atol=1e-12)
    return full[:6, :6]


def prepared(physics: Physics, push: Push | None = None, T=None) -> mujoco.MjModel:
    bodies = Bodies((BRICK,))
    bodies.prepare([physics], push, (pose() if T is None else T)[None], 0.0)
    return bodies.model


def test_inertia_equals_that_of_a_box_of_the_given_mass() -> None:
    squares = HALF**2
    moments = 0.7 / 3 * (squares.sum() - squares)
    want = np.diag([0.7] * 3 + list(moments))
    np.testing.assert_allclose(mass_matrix(prepared(Physics(mass_kg=0.7)), np.eye(3)), want, atol=1e-7)


def test_offset_centre_of_mass_couples_rotation_and_translation() -> None:
    """M of a body about an origin off its centre of mass c: [[m 1, -m R [c]], [., I + m (c² 1 - c cᵀ)]] (rotation in
    the body's frame). A model that MuJoCo compiled as centred would give a diagonal one."""
    physics = Physics(mass_kg=0.7, com_offset=(0.5, -0.3, 0.2))
    rotation = random_rotation(np.random.default_rng(0))
    c = np.array(physics.com_offset) * HALF
    cross = np.array([[0, -c[2], c[1]], [c[2], 0, -c[0]], [-c[1], c[0], 0]])
    inertia = np.diag(0.7 / 3 * ((HALF**2).sum() - HALF**2)) - 0.7 * cross @ cross
    want = np.block([[0.7 * np.eye(3), -0.7 * rotation @ cross], [0.7 * cross @ rotation.T, inertia]])
    np.testing.assert_allclose(mass_matrix(prepared(physics), rotation), want, atol=1e-7)


def test_finger_starts_clear_of_the_hull_on_its_rail() -> None:
    """A contact within the body too (a hollow of the mesh): the finger comes from outside."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        T = pose(*rng.normal(size=3), rotation=random_rotation(rng))
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        contact = T[:3, 3] + 0.01 * rng.normal(size=3)
        m = prepared(Physics(), Push(contact, direction, 1.0, 0.1), T)
        centre = m.body_pos[2]
        np.testing.assert_allclose(np.cross(contact - centre, direction), 0, atol=1e-9)
        assert (contact - centre) @ direction > 0
        outside = np.maximum(np.abs(T[:3, :3].T @ (centre - T[:3, 3])) - HALF, 0)
        assert FINGER_RADIUS_M < np.linalg.norm(outside) < FINGER_RADIUS_M * 3
        axis = np.zeros(3)
        mujoco.mju_rotVecQuat(axis, np.array([1.0, 0, 0]), m.body_quat[2])
        np.testing.assert_allclose(axis, direction, atol=1e-9)


def test_finger_can_push_along_minus_x() -> None:
    m = prepared(Physics(), Push(np.zeros(3), np.array([-1.0, 0, 0]), 1.0, 0.1))
    axis = np.zeros(3)
    mujoco.mju_rotVecQuat(axis, np.array([1.0, 0, 0]), m.body_quat[2])
    np.testing.assert_allclose(axis, [-1, 0, 0], atol=1e-12)


def test_what_a_thread_keeps_is_bounded_by_bytes_and_dies_with_its_objects() -> None:
    """Models of twelve pairs at 3 MB each do not fit into 8 MB; and no object lives on for the sake of its model."""
    things = [box(0.02, 0.03, 0.02 + 0.001 * i) for i in range(12)]
    kept = _Kept()
    kept.bodies.max_bytes = 8 << 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies_module, "_KEPT", kept)
        first = bodies_of((things[0], BRICK))
        assert bodies_of((things[0], BRICK)) is first
        assert first.nbytes > 2 << 20
        for thing in things:
            assert bodies_of((thing, BRICK)).num_objects == 2
            assert kept.bodies.num_bytes <= 8 << 20
        assert bodies_of((things[0], BRICK)) is not first
        alive = weakref.ref(things[5])
        del things, thing
        gc.collect()
        assert alive() is None

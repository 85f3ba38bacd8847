"""Rigid-body simulation by MuJoCo: objects on the table z = 0, many branches of a state in one rollout."""

# pyright: reportAttributeAccessIssue=false
# (MuJoCo's names come from a compiled module without stubs.)

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import mujoco
import numpy as np
from mujoco import rollout

from smcrep.geometry.physics import Physics
from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.dynamics.bodies import FINGER_SPEED, TIMESTEP_S, branch_model
from smcrep.worlds.objects.model import ObjectModel

MAX_OVERLAP_M = 0.005  # two bodies that begin deeper in each other fly apart
MAX_SPEED = 20.0  # m/s


class UnstableSimulation(RuntimeError):
    """The simulation of ``branches`` (indices) is unreliable; draw other actions for them."""

    def __init__(self, message: str, branches: Sequence[int]) -> None:
        super().__init__(message)
        self.branches = tuple(branches)


def simulate(
    objects: tuple[ObjectModel, ...],
    starts: np.ndarray,
    physics: Sequence[Sequence[Physics]],
    pushes: Sequence[Push | None],
    horizons_s: Sequence[float],
) -> np.ndarray:
    """Poses T_world_object float64 [k, o, 4, 4] in which k branches end: branch i starts at rest in ``starts[i]``
    [o, 4, 4] with ``physics[i]`` of its o objects, and is pushed (or not) and left alone for ``horizons_s[i]``.

    A branch does not depend on the others, to the bit. Raises UnstableSimulation where a branch starts with overlapping
    bodies, or MuJoCo warns (it then stops that branch), or an object runs away.
    """
    paths = trajectories(objects, starts, physics, pushes, horizons_s)
    return np.stack([_poses(path[-1], len(objects)) for path in paths])


def trajectories(
    objects: tuple[ObjectModel, ...],
    starts: np.ndarray,
    physics: Sequence[Sequence[Physics]],
    pushes: Sequence[Push | None],
    horizons_s: Sequence[float],
) -> list[np.ndarray]:
    """Every step of `simulate`: MuJoCo's full state (time, positions, velocities) of branch i after each step, float64
    [num_steps_i, 1 + nq + nv]; positions are 7 numbers an object (metres, then the quaternion, w first), then the
    finger's position on its rail; velocities 6 an object (linear world, angular object frame), then the finger's."""
    models = [branch_model(objects, p, push, T[0]) for p, push, T in zip(physics, pushes, starts, strict=True)]
    data = mujoco.MjData(models[0])
    state = np.zeros((len(models), 1 + models[0].nq + models[0].nv))
    for i in range(len(objects)):
        state[:, 1 + 7 * i : 4 + 7 * i] = starts[:, i, :3, 3]
        state[:, 4 + 7 * i : 8 + 7 * i] = [_quaternion(T) for T in starts[:, i, :3, :3]]
    steps = np.array([max(1, round(horizon / TIMESTEP_S)) for horizon in horizons_s])
    control = np.zeros((len(models), steps.max(), 1))
    for i, push in enumerate(pushes):
        if push is not None:
            control[i] = -FINGER_SPEED
            control[i, : round(push.duration_s / TIMESTEP_S)] = FINGER_SPEED
    with _without_log_file():
        overlaps = [_overlap(objects, model, data, start) for model, start in zip(models, state, strict=True)]
        path = np.asarray(rollout.rollout(models, [data], state, control)[0])
    paths = [path[i, :n] for i, n in enumerate(steps)]
    wrong = {i: why for i, path in enumerate(paths) if (why := overlaps[i] or _trouble(path, len(objects)))}
    if wrong:
        names = ", ".join(o.name for o in objects)
        reasons = "; ".join(f"branch {i}{_described(pushes[i])}: {why}" for i, why in wrong.items())
        raise UnstableSimulation(f"simulation of {names} is unstable ({reasons}); draw these anew", list(wrong))
    return paths


def _overlap(objects: tuple[ObjectModel, ...], model: mujoco.MjModel, data: mujoco.MjData, start: np.ndarray) -> str:
    """Which bodies begin inside each other; empty where none do."""
    mujoco.mj_setState(model, data, start, mujoco.mjtState.mjSTATE_FULLPHYSICS)
    mujoco.mj_fwdPosition(model, data)
    depth = -data.contact.dist
    if not len(depth) or depth.max() < MAX_OVERLAP_M:
        return ""
    first, second = ("table" if g == 0 else objects[g - 1].name for g in data.contact.geom[depth.argmax()])
    return f"{first} and {second} begin {1000 * depth.max():.0f} mm inside each other"


def _trouble(path: np.ndarray, num_objects: int) -> str:
    """Why a trajectory is unreliable; empty where it is reliable."""
    # After a warning MuJoCo resets the clock, and the rollout repeats that state to its end.
    if not np.isfinite(path).all() or abs(path[-1, 0] - len(path) * TIMESTEP_S) > TIMESTEP_S / 2:
        return "MuJoCo met a NaN or a huge value, or ran out of memory for contacts"
    velocities = path[:, 1 + 7 * num_objects + 1 :][:, : 6 * num_objects]
    speed = np.linalg.norm(velocities.reshape(len(path), num_objects, 6)[..., :3], axis=-1).max()
    return f"an object reaches {speed:.0f} m/s" if speed > MAX_SPEED else ""


def _described(push: Push | None) -> str:
    return "" if push is None else f", push of {push.force_n:g} N for {push.duration_s:g} s"


@contextmanager
def _without_log_file() -> Iterator[None]:
    """MuJoCo writes each warning to MUJOCO_LOG.TXT in the working folder; the exception reports it instead."""
    handler = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda _: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(handler)


def _quaternion(rotation: np.ndarray) -> np.ndarray:
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, np.ascontiguousarray(rotation).ravel())
    return quaternion


def _poses(state: np.ndarray, num_objects: int) -> np.ndarray:
    poses = np.tile(np.eye(4), (num_objects, 1, 1))
    for i in range(num_objects):
        poses[i, :3, 3] = state[1 + 7 * i : 4 + 7 * i]
        rotation = np.zeros(9)
        quaternion = state[4 + 7 * i : 8 + 7 * i]
        mujoco.mju_quat2Mat(rotation, quaternion / np.linalg.norm(quaternion))
        poses[i, :3, :3] = rotation.reshape(3, 3)
    return poses

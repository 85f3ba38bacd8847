"""Rigid-body simulation by MuJoCo: objects on the table z = 0, branches of a state one after the other."""

# pyright: reportAttributeAccessIssue=false
# (MuJoCo's names come from a compiled module without stubs.)

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import mujoco
import numpy as np

from smcrep.geometry.physics import Physics
from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.dynamics.bodies import Bodies, bodies_of
from smcrep.worlds.dynamics.stepping import DEFAULT, Stepping
from smcrep.worlds.objects.model import ObjectModel

MAX_OVERLAP_M = 0.005  # two bodies that begin deeper in each other fly apart
MAX_SPEED = 20.0  # m/s
STEPS_AT_ONCE = 20  # between two looks at whether all rests


class UnstableSimulation(RuntimeError):
    """The simulation of ``branches`` (indices) is unreliable; draw other actions for them."""

    def __init__(self, message: str, branches: Sequence[int]) -> None:
        super().__init__(message)
        self.branches = tuple(branches)


class _Unstable(Exception):
    """Why one branch is unreliable."""


def simulate(
    objects: tuple[ObjectModel, ...],
    starts: np.ndarray,
    physics: Sequence[Sequence[Physics]],
    pushes: Sequence[Push | None],
    horizons_s: Sequence[float],
    stepping: Stepping = DEFAULT,
) -> np.ndarray:
    """Poses T_world_object float64 [k, o, 4, 4] in which k branches end: branch i starts at rest in ``starts[i]``
    [o, 4, 4] with ``physics[i]`` of its o objects, and is pushed (or not) and left alone for ``horizons_s[i]``, or
    until all rests.

    A branch does not depend on the others, to the bit. Raises UnstableSimulation where a branch starts with overlapping
    bodies, or MuJoCo warns, or an object runs away.
    """
    bodies, ends, wrong = bodies_of(objects), np.tile(np.eye(4), (len(starts), len(objects), 1, 1)), dict[int, str]()
    with _without_log_file():
        for i, branch in enumerate(zip(starts, physics, pushes, horizons_s, strict=True)):
            try:
                for _ in _advanced(objects, bodies, *branch, stepping, STEPS_AT_ONCE):
                    pass
                ends[i] = _poses(bodies)
            except _Unstable as why:
                wrong[i] = str(why)
    if wrong:
        names = ", ".join(o.name for o in objects)
        reasons = "; ".join(f"branch {i}{_described(pushes[i])}: {why}" for i, why in wrong.items())
        raise UnstableSimulation(f"simulation of {names} is unstable ({reasons}); draw these anew", list(wrong))
    return ends


def trajectory(
    objects: tuple[ObjectModel, ...],
    start: np.ndarray,
    physics: Sequence[Physics],
    push: Push | None,
    horizon_s: float,
    stepping: Stepping = DEFAULT,
) -> dict[str, np.ndarray]:
    """One branch of `simulate` after each of its t steps: "time" [t] s, "poses" [t, o, 4, 4], "velocity" [t, o, 6]
    (linear m/s in the world, of the object's origin; angular 1/s in the object's frame)."""
    bodies, rows = bodies_of(objects), []
    root = math.sqrt(bodies.scale)
    with _without_log_file():
        for _ in _advanced(objects, bodies, start, physics, push, horizon_s, stepping, 1):
            velocity = bodies.data.qvel[:-1].reshape(-1, 2, 3) * np.array([[1 / root], [root]])
            rows.append((bodies.data.time / root, _poses(bodies), velocity.reshape(-1, 6)))
    return dict(zip(("time", "poses", "velocity"), map(np.array, zip(*rows, strict=True)), strict=True))


def _advanced(
    objects: tuple[ObjectModel, ...],
    bodies: Bodies,
    start: np.ndarray,
    physics: Sequence[Physics],
    push: Push | None,
    horizon_s: float,
    stepping: Stepping,
    at_once: int,
) -> Iterator[None]:
    """Simulates one branch in ``bodies``, whose data hold its state at each yield, ``at_once`` steps apart. Raises
    _Unstable."""
    model, data, num_objects = bodies.model, bodies.data, len(objects)
    bodies.prepare(physics, push, start, stepping.rest_speed)
    _check_overlap(objects, bodies)
    pressed_s = 0.0 if push is None or push.force_n == 0 else push.duration_s
    alone_step_s = stepping.slide_step_s if pressed_s else stepping.drop_step_s
    linear = data.qvel[:-1].reshape(num_objects, 2, 3)[:, 0]  # a view: it follows the simulation
    before_s = 0.0
    for seconds, longest_s, press in (
        (pressed_s, stepping.push_step_s, True),
        (horizon_s - pressed_s, alone_step_s, False),
    ):
        seconds *= math.sqrt(bodies.scale)
        left = math.ceil(seconds / longest_s - 1e-9)
        if left == 0:
            continue
        step_s = seconds / left
        bodies.set_step(step_s, press=press)
        _shift(bodies, data.qpos, step_s - before_s)
        before_s = step_s
        while left:
            count = min(left, at_once)
            mujoco.mj_step(model, data, nstep=count)
            left -= count
            fastest = math.sqrt(np.einsum("oi,oi->o", linear, linear).max() / bodies.scale)
            if fastest > MAX_SPEED:
                raise _Unstable(f"an object reaches {fastest:.0f} m/s")
            yield
            if not press and stepping.rest_speed and data.ntree_awake == 1:  # the finger, which never sleeps
                break
    if data.warning.number.any():  # MuJoCo then sets everything back, and goes on
        raise _Unstable("MuJoCo met a NaN or a huge value, or ran out of memory for contacts")


def _shift(bodies: Bodies, positions: np.ndarray, more_s: float) -> None:
    """Moves ``positions`` in place by half of ``more_s`` at the present velocity.

    MuJoCo's steps, first the velocity and then the position with it, are those of the leapfrog with positions that are
    half a step ahead. With this at every change of the step, distances are right to its second order: a body that
    starts at 1 m/s would else slide 1 mm too short at steps of 2 ms.
    """
    mujoco.mj_integratePos(bodies.model, positions, bodies.data.qvel, more_s / 2)


def _check_overlap(objects: tuple[ObjectModel, ...], bodies: Bodies) -> None:
    """Raises where bodies begin inside each other, naming them."""
    data = bodies.data
    mujoco.mj_fwdPosition(bodies.model, data)
    depth = -data.contact.dist
    if len(depth) and depth.max() >= MAX_OVERLAP_M:
        first, second = ("table" if g == 0 else objects[g - 1].name for g in data.contact.geom[depth.argmax()])
        deep_mm = 1000 * depth.max() / bodies.scale
        shown = f"{deep_mm:.0f}" if deep_mm >= 1 else f"{deep_mm:.2g}"
        raise _Unstable(f"{first} and {second} begin {shown} mm inside each other")


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


def _poses(bodies: Bodies) -> np.ndarray:
    """T_world_object [o, 4, 4], metres, at the time of MuJoCo's velocities."""
    positions = bodies.data.qpos.copy()
    _shift(bodies, positions, -bodies.model.opt.timestep)
    poses = np.tile(np.eye(4), (bodies.num_objects, 1, 1))
    for pose, numbers in zip(poses, positions[:-1].reshape(-1, 7), strict=True):
        pose[:3, 3] = numbers[:3] / bodies.scale
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, numbers[3:] / np.linalg.norm(numbers[3:]))
        pose[:3, :3] = rotation.reshape(3, 3)
    return poses

"""A state of the world and its exact counterfactual outcomes: of k actions, or of k physics, from the same state."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from smcrep.geometry.physics import Physics
from smcrep.geometry.rotations import chordal_distance
from smcrep.worlds.dynamics import mechanics
from smcrep.worlds.dynamics.actions import Hold, LiftAndDrop, Look, Push, Turn, WorldAction, motion_world
from smcrep.worlds.dynamics.bodies import GRAVITY
from smcrep.worlds.dynamics.stepping import DEFAULT, Stepping
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.camera import Camera

SETTLE_S = 1.0  # simulated after an action, until objects rest
STILL_M = 1e-4
MAX_ROUNDS = 12
CLEARANCE_M = 0.0005  # above the table when an object is put down


@dataclass(frozen=True, eq=False)
class State:
    """Objects, their poses and physics, and the camera. World frame: z up, metres, table at z = 0.

    objects  ``objects[0]`` is acted on, the others are clutter
    poses    float64 [o, 4, 4], T_world_object
    support  "table": gravity, friction, contact (MuJoCo). "hand": a fixture holds each object in its pose, without
             gravity, so that a turn is exact kinematics.
    stepping how finely physics is simulated
    """

    objects: tuple[ObjectModel, ...]
    poses: np.ndarray
    physics: tuple[Physics, ...]
    camera: Camera
    support: str
    stepping: Stepping = DEFAULT

    def __post_init__(self) -> None:
        count = len(self.objects)
        if count == 0 or len(self.physics) != count or self.poses.shape != (count, 4, 4):
            raise ValueError(
                f"State: {count} objects, {len(self.physics)} physics, poses {self.poses.shape}; "
                "give at least one object, and one physics and one 4x4 pose for each"
            )
        if not np.isfinite(self.poses).all():
            raise ValueError("State: poses are not finite; give rigid motions in metres")
        if self.support not in ("table", "hand"):
            raise ValueError(f"State: support is {self.support!r}; give 'table' or 'hand'")


def settle(state: State) -> State:
    """The state at rest: on the table after rounds of SETTLE_S, each begun at rest, until one moves no object by more
    than STILL_M; unchanged in the hand. Raises `mechanics.UnstableSimulation` where that takes more than MAX_ROUNDS."""
    # Restitution acts in the first round alone: with it, hulls of many corners jitter for ever.
    if state.support == "hand":
        return state
    radii = np.array([obj.diameter / 2 for obj in state.objects])
    physics, stepping = state.physics, replace(state.stepping, drop_step_s=state.stepping.slide_step_s)
    for _ in range(MAX_ROUNDS):
        before = state.poses
        poses = mechanics.simulate(state.objects, before[None], [physics], [None], [SETTLE_S], stepping)[0]
        state = replace(state, poses=poses)
        turned = chordal_distance(poses[:, :3, :3], before[:, :3, :3]) * radii
        if max(np.linalg.norm(poses[:, :3, 3] - before[:, :3, 3], axis=1).max(), turned.max()) < STILL_M:
            return state
        physics = tuple(replace(p, restitution=0.0) for p in state.physics)
    names = ", ".join(obj.name for obj in state.objects)
    raise mechanics.UnstableSimulation(
        f"settle: {names} still moves after {MAX_ROUNDS * SETTLE_S:g} s; draw another pose", [0]
    )


def branch(
    state: State, actions: WorldAction | Sequence[WorldAction], physics: Sequence[Physics] | None = None
) -> list[State]:
    """k outcomes of one state: of k actions, or of one action under k physics of ``objects[0]``.

    Nothing else differs between them. An outcome is the same to the bit on repetition, whatever the other branches of
    the call. On the table an action is followed by SETTLE_S of rest; a look takes no time. Raises ValueError for a push
    or a drop in the hand, and `mechanics.UnstableSimulation`, which lists the branches to draw again.
    """
    if physics is not None:
        if isinstance(actions, Sequence):
            raise ValueError(f"branch: {len(actions)} actions and {len(physics)} physics; give one action with physics")
        actions = [actions] * len(physics)
        starts = [replace(state, physics=(p, *state.physics[1:])) for p in physics]
    else:
        actions = list(actions) if isinstance(actions, Sequence) else [actions]
        starts = [state] * len(actions)
    outcomes = [_moved(start, action) for start, action in zip(starts, actions, strict=True)]
    simulated = [i for i, a in enumerate(actions) if state.support == "table" and not isinstance(a, Look)]
    if simulated:
        try:
            poses = mechanics.simulate(
                state.objects,
                np.stack([outcomes[i].poses for i in simulated]),
                [outcomes[i].physics for i in simulated],
                [a if isinstance(a := actions[i], Push) else None for i in simulated],
                [_duration_s(actions[i]) + SETTLE_S for i in simulated],
                state.stepping,
            )
        except mechanics.UnstableSimulation as error:
            wrong = [simulated[i] for i in error.branches]
            kinds = sorted({type(actions[i]).__name__ for i in wrong})
            raise mechanics.UnstableSimulation(f"{', '.join(kinds)}: {error}", wrong) from error
        for i, pose in zip(simulated, poses, strict=True):
            outcomes[i] = replace(outcomes[i], poses=pose)
    return outcomes


def _moved(state: State, action: WorldAction) -> State:
    """The state after the kinematics of the action, before physics."""
    match action:
        case Look():
            return replace(state, camera=replace(state.camera, T_world_camera=action.T_world_camera))
        case Turn() | LiftAndDrop() if state.support == "table" or isinstance(action, Turn):
            pose = motion_world(action) @ state.poses[0]
            if state.support == "table":
                lowest = float((state.objects[0].hull @ pose[2, :3]).min() + pose[2, 3])
                put_down = isinstance(action, Turn) or lowest < CLEARANCE_M
                pose[2, 3] += CLEARANCE_M - lowest if put_down else 0.0
            return replace(state, poses=np.concatenate([pose[None], state.poses[1:]]))
        case Hold():
            return state
        case Push() if state.support == "table":
            return state
    raise ValueError(f"branch: {type(action).__name__} of an object held in the hand; give a state on the table")


def _duration_s(action: WorldAction) -> float:
    match action:
        case Hold() | Turn() | Push():
            return action.duration_s
        case LiftAndDrop():
            return math.sqrt(2 * action.height_m / GRAVITY)  # the fall
        case Look():
            return 0.0

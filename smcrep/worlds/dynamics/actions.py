"""Typed actions in world coordinates (z up, SI units), and their conversion to the `geometry.Action` that a model is
conditioned on (coordinates of the camera before the action)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from smcrep.geometry.action import KINDS, Action
from smcrep.geometry.rotations import determinant
from smcrep.worlds.rendering.camera import Camera

IDENTITY, STILL = np.eye(3), np.eye(4)  # np.eye itself takes as long as a product of two matrices


def _check_rotation(where: str, rotation: np.ndarray) -> np.ndarray:
    rotation = np.array(rotation, np.float64)
    if rotation.shape != (3, 3) or not np.isfinite(rotation).all():
        raise ValueError(f"{where}: rotation has shape {rotation.shape}; give a finite 3x3 matrix")
    if np.abs(rotation @ rotation.T - IDENTITY).max() > 1e-5 or determinant(rotation) < 0:
        raise ValueError(f"{where}: not a rotation; give an orthonormal matrix with determinant +1")
    return rotation


def _check_vector(where: str, vector: np.ndarray) -> np.ndarray:
    vector = np.array(vector, np.float64)
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise ValueError(f"{where} is {vector}; give three finite numbers")
    return vector


def _check_number(where: str, number: float) -> float:
    if not (np.isfinite(number) and number >= 0):
        raise ValueError(f"{where} is {number}; give a finite number of at least 0")
    return float(number)


def _set(action: object, **values: object) -> None:
    """Replaces fields by checked copies (the dataclasses are frozen)."""
    for name, value in values.items():
        object.__setattr__(action, name, value)


@dataclass(frozen=True, eq=False)
class Hold:
    """Nothing is done for ``duration_s``."""

    duration_s: float = 0.0

    def __post_init__(self) -> None:
        _set(self, duration_s=_check_number("Hold: duration_s", self.duration_s))


@dataclass(frozen=True, eq=False)
class Turn:
    """Grasp, move rigidly, release: the object's point x goes to ``rotation @ (x - grasp) + grasp + translation``."""

    rotation: np.ndarray  # [3, 3]
    translation: np.ndarray  # [3] m
    grasp: np.ndarray  # [3] m
    duration_s: float = 0.0

    def __post_init__(self) -> None:
        _set(
            self,
            rotation=_check_rotation("Turn", self.rotation),
            translation=_check_vector("Turn: translation", self.translation),
            grasp=_check_vector("Turn: grasp", self.grasp),
            duration_s=_check_number("Turn: duration_s", self.duration_s),
        )


@dataclass(frozen=True, eq=False)
class Push:
    """A finger on a straight rail presses at ``contact`` along ``direction`` with ``force_n`` for ``duration_s``."""

    contact: np.ndarray  # [3] m, on the surface
    direction: np.ndarray  # [3] unit
    force_n: float
    duration_s: float

    def __post_init__(self) -> None:
        direction = _check_vector("Push: direction", self.direction)
        if abs(np.linalg.norm(direction) - 1) > 1e-5:
            raise ValueError(f"Push: direction has length {np.linalg.norm(direction):.3g}; give a unit vector")
        _set(
            self,
            contact=_check_vector("Push: contact", self.contact),
            direction=direction,
            force_n=_check_number("Push: force_n", self.force_n),
            duration_s=_check_number("Push: duration_s", self.duration_s),
        )


@dataclass(frozen=True, eq=False)
class LiftAndDrop:
    """Raise by ``height_m``, rotate about ``centre`` (the object's own: ``state.poses[0, :3, 3]``), let go."""

    height_m: float
    rotation: np.ndarray  # [3, 3]
    centre: np.ndarray  # [3] m; without it the commanded motion would be known only up to a translation

    def __post_init__(self) -> None:
        _set(
            self,
            height_m=_check_number("LiftAndDrop: height_m", self.height_m),
            rotation=_check_rotation("LiftAndDrop", self.rotation),
            centre=_check_vector("LiftAndDrop: centre", self.centre),
        )


@dataclass(frozen=True, eq=False)
class Look:
    """The camera goes to ``T_world_camera``, looking at ``fixation``; objects do not move."""

    T_world_camera: np.ndarray  # [4, 4] after
    fixation: np.ndarray  # [3] m

    def __post_init__(self) -> None:
        pose = np.array(self.T_world_camera, np.float64)
        if pose.shape != (4, 4):
            raise ValueError(f"Look: T_world_camera has shape {pose.shape}; give a 4x4 rigid motion")
        _check_rotation("Look: T_world_camera", pose[:3, :3])
        _check_vector("Look: T_world_camera's translation", pose[:3, 3])
        _set(self, T_world_camera=pose, fixation=_check_vector("Look: fixation", self.fixation))


WorldAction = Hold | Turn | Push | LiftAndDrop | Look


def motion_world(action: WorldAction) -> np.ndarray:
    """float64 [4, 4]: the rigid motion commanded to the object, in world coordinates. Identity for hold, push (its
    effect is left to physics) and look (the camera moves, not the object)."""
    motion = STILL.copy()
    match action:
        case Turn(rotation=rotation, translation=translation, grasp=pivot):
            motion[:3, :3], motion[:3, 3] = rotation, pivot + translation - rotation @ pivot
        case LiftAndDrop(height_m=height_m, rotation=rotation, centre=pivot):
            motion[:3, :3], motion[:3, 3] = rotation, pivot - rotation @ pivot
            motion[2, 3] += height_m
    return motion


def to_camera(actions: Sequence[WorldAction], camera: Camera) -> Action:
    """The actions [k] in coordinates of ``camera``, the one before the action.

    A point at x before is at ``motion @ [x, 1]`` after, each in the coordinates of the camera that observes it:
    T_camera_world @ motion_world @ T_world_camera where the object moves, and T_after_world @ T_world_before for look.
    """
    T_camera_world = camera.T_camera_world
    motions = T_camera_world @ np.stack([motion_world(action) for action in actions]) @ camera.T_world_camera
    contacts, forces, durations = (np.zeros((len(actions), *shape)) for shape in ((3,), (3,), ()))
    kinds = []
    for i, action in enumerate(actions):
        match action:
            case Hold():
                kind, touched, durations[i] = "hold", camera.T_world_camera[:3, 3], action.duration_s
                motions[i] = np.eye(4)
            case Turn():
                kind, touched, durations[i] = "turn", action.grasp, action.duration_s
            case Push():
                kind, touched, durations[i] = "push", action.contact, action.duration_s
                forces[i] = T_camera_world[:3, :3] @ (action.force_n * action.direction)
                motions[i] = np.eye(4)
            case LiftAndDrop():
                kind, touched = "lift_and_drop", action.centre
            case Look():
                kind, touched = "look", action.fixation
                motions[i] = np.linalg.inv(action.T_world_camera) @ camera.T_world_camera
        kinds.append(KINDS.index(kind))
        contacts[i] = T_camera_world[:3, :3] @ touched + T_camera_world[:3, 3]

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32))

    return Action(torch.tensor(kinds), tensor(motions), tensor(contacts), tensor(forces), tensor(durations))

"""The distribution of states and actions.

Poses of one state before and after a `turn` are independent draws from one distribution. So the outcomes of k actions
are exchangeable, and only the action tells which is which.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from smcrep.geometry.physics import PHYSICS_DIM, Physics
from smcrep.geometry.rotations import axis_rotation, euler_to_rotation, quaternion_to_rotation
from smcrep.worlds.dynamics.actions import STILL, Hold, LiftAndDrop, Look, Push, Turn, WorldAction
from smcrep.worlds.dynamics.bodies import hull_of
from smcrep.worlds.dynamics.contact import square_contact
from smcrep.worlds.dynamics.stepping import DEFAULT, Stepping
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.rendering.camera import Camera
from smcrep.worlds.rendering.environments import Environment
from smcrep.worlds.world import State, settle

Floats = NDArray[np.float64]

HAND_KINDS = ("turn", "look", "hold")
PHYSICS_BOUNDS = {"mass_kg": (0, np.inf), "friction": (0, np.inf), "restitution": (-1e-9, 1), "com_offset": (-1, 1)}
"""Open intervals that the ranges of `Policy` must lie in."""
GRASP = 0.05
"""Standard deviation of the grasp about the centre of the box, per axis, in diameters; it hides the exact pose."""
CLEARANCE_M = 0.002
STANDOFF = 2.0
"""Diameters of the object that the image fits where it will be pushed or dropped; otherwise one."""


@dataclass(frozen=True)
class Policy:
    """What is drawn for a state, what is done to its object, and under which physics."""

    kinds: Mapping[str, float] = field(default_factory=lambda: {"turn": 1.0})
    """Weight of each kind of action; all k actions of a state share one kind."""
    support: Literal["hand", "table"] = "hand"
    """"hand": a fixture holds the object at the world's origin; "table": it has settled on the table."""
    max_angle_deg: float | Literal["so3"] = 60.0
    """Each of three Euler angles is uniform within plus or minus this; "so3": orientations uniform on SO(3)."""
    translation: float = 0.08
    """Each coordinate of the object's position is uniform within plus or minus this, in diameters of the object."""
    push_force_n: tuple[float, float] = (2.0, 10.0)
    """Range of the force of a push in newtons, uniform, independent of the object's physics."""
    push_duration_s: tuple[float, float] = (0.02, 0.04)
    """Range of the duration of a push in seconds, uniform."""
    push_height: tuple[float, float] = (-0.1, 0.1)
    """Range of the contact above mid height, in heights of the object as it lies."""
    push_angle_deg: float = 20.0
    """A push is horizontal, within plus or minus this of the line from the contact to the hull's centroid."""
    push_square_deg: float = 90.0
    """Sides qualify whose angle between push and normal exceeds the best side's by at most this; 90: any side."""
    lift_m: tuple[float, float] = (0.02, 0.1)
    """Range of the height that an object is lifted to and dropped from, in metres, uniform."""
    num_branches: int = 8
    """Outcomes of one state; in a run data.num_branches replaces it."""
    branch_over: Literal["action", "physics", "either"] = "action"
    """"action": k actions under one physics; "physics": one action under k physics; "either": one of both by state."""
    physics_samples: Literal["latin", "slide"] = "latin"
    """How the k physics of a state are drawn: a Latin hypercube, or spread by the distance that a push slides."""
    vary_physics: bool = False
    """Physics are drawn anew for each state, independently of the appearance; False keeps the object's own."""
    mass_kg: tuple[float, float] = (0.05, 1.0)
    """Range of masses in kilograms, log-uniform."""
    friction: tuple[float, float] = (0.2, 1.0)
    """Range of friction coefficients, uniform."""
    restitution: tuple[float, float] = (0.0, 0.5)
    """Range of restitutions, uniform; a range of two equal numbers fixes one."""
    com_offset: tuple[float, float] = (-0.2, 0.2)
    """Range of the centre of mass along each axis, in half extents of the object, uniform."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(SAMPLERS))
        if unknown or not self.kinds:
            raise ValueError(f"Policy: kinds has {unknown or 'no entry'}; choose from {', '.join(SAMPLERS)}")
        if min(self.kinds.values()) < 0 or not 0 < sum(self.kinds.values()) < np.inf:
            raise ValueError(f"Policy: weights of kinds are {dict(self.kinds)}; give none below 0 and one above 0")
        if self.support not in ("hand", "table"):
            raise ValueError(f"Policy: support is {self.support!r}; choose 'hand' or 'table'")
        heavy = sorted(set(self.kinds) - set(HAND_KINDS))
        if self.support == "hand" and heavy:
            raise ValueError(f"Policy: {heavy} need gravity; set support='table' or leave them out of kinds")
        if self.support == "table" and "turn" in self.kinds:
            raise ValueError(
                "Policy: a turn released above a table settles, so turns from one outcome to another do not compose; "
                "use lift_and_drop on a table, or support='hand'"
            )
        if self.branch_over not in ("action", "physics", "either"):
            raise ValueError(f"Policy: branch_over is {self.branch_over!r}; choose 'action', 'physics' or 'either'")
        if self.branch_over != "action" and not (set(self.kinds) <= {"push", "lift_and_drop"} and self.vary_physics):
            raise ValueError(
                f"Policy: branch_over={self.branch_over!r} needs outcomes that depend on physics; "
                "set kinds to push or lift_and_drop, support='table' and vary_physics=True"
            )
        for name, (least, most) in PHYSICS_BOUNDS.items():
            low, high = getattr(self, name)
            if not least < low <= high < most:
                raise ValueError(
                    f"Policy: {name} is {(low, high)}; give a range from low to high, between {least} and {most}"
                )
        if self.physics_samples not in ("latin", "slide"):
            raise ValueError(f"Policy: physics_samples is {self.physics_samples!r}; choose 'latin' or 'slide'")
        for name in ("push_angle_deg", "push_square_deg"):
            if not 0 <= getattr(self, name) <= 90:
                raise ValueError(f"Policy: {name} is {getattr(self, name)}; give 0 to 90 degrees")
        low, high = self.push_height
        if not -0.5 < low <= high < 0.5:
            raise ValueError(f"Policy: push_height is {(low, high)}; give a range from low to high within -0.5 and 0.5")
        if self.num_branches < 1:
            raise ValueError(f"Policy: num_branches is {self.num_branches}; give at least 1 (2 or more to learn from)")
        if self.max_angle_deg != "so3" and not (
            isinstance(self.max_angle_deg, float | int) and self.max_angle_deg >= 0
        ):
            raise ValueError(f"Policy: max_angle_deg is {self.max_angle_deg!r}; give degrees of at least 0, or 'so3'")


def sample_rotation(policy: Policy, rng: np.random.Generator) -> Floats:
    """float64 [3, 3] R_world_object = Rz Ry Rx of iid Euler angles, or uniform on SO(3)."""
    if policy.max_angle_deg == "so3":
        quaternion = rng.standard_normal(4)
        return quaternion_to_rotation(quaternion / np.linalg.norm(quaternion))
    return euler_to_rotation(np.radians(rng.uniform(-1, 1, 3) * policy.max_angle_deg))


def sample_pose(policy: Policy, object: ObjectModel, rng: np.random.Generator) -> Floats:
    """float64 [4, 4] T_world_object: about the world's origin in the hand; just above the table on the table."""
    pose = STILL.copy()
    pose[:3, :3] = sample_rotation(policy, rng)
    pose[:3, 3] = rng.uniform(-1, 1, 3) * policy.translation * object.diameter
    if policy.support == "table":
        pose[2, 3] = CLEARANCE_M - float((object.hull @ pose[2, :3]).min())
    return pose


def sample_physics(policy: Policy, rng: np.random.Generator) -> Physics:
    """Mass log-uniform, the rest uniform (the centre of mass along each axis), within the ranges of ``policy``. By
    default mass spans a factor of 20, and friction runs from ice to rubber."""
    return _physics(policy, rng.random(PHYSICS_DIM))


def sample_branch_physics(policy: Policy, k: int, rng: np.random.Generator) -> list[Physics]:
    """k physics samples for the branches of one state, in random order (the order reveals nothing).

    "latin"  each is distributed as `sample_physics`, together they are a Latin hypercube: of each parameter one sample
             lies in every k-th of its range. So the samples of a state differ, as iid draws often do not.
    "slide"  the same, but mass m and friction mu are such that log 1 / (m^2 mu) lies once in every k-th of its range:
             pushed with an impulse J an object starts at J / m and slides (J / m)^2 / (2 g mu), so consecutive outcomes
             differ by about the same factor.
    """
    u = (rng.permuted(np.tile(np.arange(k), (PHYSICS_DIM, 1)), axis=1).T + rng.random((k, PHYSICS_DIM))) / k
    samples = [_physics(policy, row) for row in u]
    if policy.physics_samples == "latin":
        return samples
    (light, heavy), (slippery, rough) = np.log(policy.mass_kg), np.log(policy.friction)
    found = []
    for sample, share in zip(samples, u[:, 0], strict=True):
        resistance = 2 * light + slippery + share * (2 * (heavy - light) + rough - slippery)  # log m^2 mu
        low, high = max(slippery, resistance - 2 * heavy), min(rough, resistance - 2 * light)
        log_friction = low + (high - low) * rng.random()
        mass = np.exp(np.clip((resistance - log_friction) / 2, light, heavy))
        found.append(replace(sample, mass_kg=float(mass), friction=float(np.exp(log_friction))))
    return found


def _physics(policy: Policy, u: Floats) -> Physics:
    """From numbers [PHYSICS_DIM] in [0, 1), in the order of PHYSICS_NAMES."""
    ranges = (np.log(policy.mass_kg), policy.friction, policy.restitution, *[policy.com_offset] * 3)
    drawn = [float(low + (high - low) * x) for (low, high), x in zip(ranges, u, strict=True)]
    log_mass, friction, restitution, x, y, z = drawn
    return Physics(float(np.exp(log_mass)), friction, restitution, (x, y, z))


def sample_state(
    policy: Policy,
    object: ObjectModel,
    environment: Environment,
    rng: np.random.Generator,
    *,
    image_size: int = 64,
    others: Sequence[ObjectModel] = (),
    stepping: Stepping = DEFAULT,
) -> State:
    """A state at rest, seen by a camera of ``environment``; its clutter is drawn from ``others``.

    Raises what `world.settle` raises where the table's physics does not come to rest.
    """
    clutter = [others[i] for i in rng.integers(len(others), size=environment.num_clutter(rng))] if len(others) else []
    poses = [sample_pose(policy, object, rng), *(_beside(policy, object, other, rng) for other in clutter)]
    own = sample_physics(policy, rng) if policy.vary_physics else object.physics
    camera = _sample_camera(policy, object, environment, image_size, rng)
    physics = (own, *(other.physics for other in clutter))
    state = State((object, *clutter), np.stack(poses), physics, camera, policy.support, stepping)
    return settle(state) if policy.support == "table" else state


def sample_actions(
    policy: Policy, state: State, k: int, rng: np.random.Generator, *, environment: Environment
) -> list[WorldAction]:
    """k independent actions of one kind, drawn by weight; a look goes to another camera of ``environment``."""
    weights = np.array(list(policy.kinds.values()), np.float64)
    kind = list(policy.kinds)[rng.choice(len(weights), p=weights / weights.sum())]
    return [SAMPLERS[kind](policy, state, environment, rng) for _ in range(k)]


def _fixation(support: str, object: ObjectModel) -> Floats:
    """[3]: the point that cameras look at. It does not depend on the pose, so poses before and after look alike."""
    return np.array([0.0, 0.0, object.diameter / 4 if support == "table" else 0.0])


def _sample_camera(
    policy: Policy, object: ObjectModel, environment: Environment, image_size: int, rng: np.random.Generator
) -> Camera:
    stays = set(policy.kinds) <= set(HAND_KINDS)
    extent_m = object.diameter * (1.0 if stays else STANDOFF)
    return environment.sample_camera(rng, _fixation(policy.support, object), extent_m, image_size)


def _beside(policy: Policy, object: ObjectModel, other: ObjectModel, rng: np.random.Generator) -> Floats:
    """A pose of ``other``, upright with any heading, on a ring wide enough for both to rotate without contact."""
    heading, azimuth = rng.uniform(0, 2 * np.pi, 2)
    radius = (object.diameter + other.diameter) / 2 * rng.uniform(1.05, 1.6) + 2 * policy.translation * object.diameter
    pose = np.eye(4)
    pose[:3, :3] = axis_rotation("z", heading)
    pose[:2, 3] = radius * np.cos(azimuth), radius * np.sin(azimuth)
    if policy.support == "table":
        pose[2, 3] = other.half_extents[2] + CLEARANCE_M
    return pose


def _sample_hold(policy: Policy, state: State, environment: Environment, rng: np.random.Generator) -> Hold:
    return Hold()


def _sample_turn(policy: Policy, state: State, environment: Environment, rng: np.random.Generator) -> Turn:
    """From the pose of the object to another draw from its distribution; the grasp is near the centre."""
    source, target = state.poses[0], sample_pose(policy, state.objects[0], rng)
    grasp = source[:3, 3] + GRASP * state.objects[0].diameter * rng.standard_normal(3)
    rotation = target[:3, :3] @ source[:3, :3].T
    return Turn(rotation, target[:3, 3] - grasp - rotation @ (source[:3, 3] - grasp), grasp)


def _sample_push(policy: Policy, state: State, environment: Environment, rng: np.random.Generator) -> Push:
    """Towards the centroid of the hull, with height, side and angle drawn as ``policy`` says."""
    hull, pose = hull_of(state.objects[0]), state.poses[0]
    points, centroid = (x @ pose[:3, :3].T + pose[:3, 3] for x in (hull.points, hull.centroid))
    height = rng.uniform(*policy.push_height)
    contact, azimuth = square_contact(points, hull.planes_at(pose), centroid, height, policy.push_square_deg, rng)
    angle = azimuth + np.radians(rng.uniform(-1, 1) * policy.push_angle_deg)
    force_n, duration_s = rng.uniform(*policy.push_force_n), rng.uniform(*policy.push_duration_s)
    return Push(contact, -np.array([np.cos(angle), np.sin(angle), 0.0]), float(force_n), float(duration_s))


def _sample_lift(policy: Policy, state: State, environment: Environment, rng: np.random.Generator) -> LiftAndDrop:
    """Rotated in the air to another draw from the distribution of its orientation."""
    rotation = sample_rotation(policy, rng) @ state.poses[0, :3, :3].T
    return LiftAndDrop(float(rng.uniform(*policy.lift_m)), rotation, state.poses[0, :3, 3])


def _sample_look(policy: Policy, state: State, environment: Environment, rng: np.random.Generator) -> Look:
    """To another draw of the camera, except that the focal length stays: the distance is scaled to compensate."""
    object = state.objects[0]
    fixation = _fixation(state.support, object)
    drawn = _sample_camera(policy, object, environment, state.camera.height, rng)
    T_world_camera = drawn.T_world_camera.copy()
    T_world_camera[:3, 3] = fixation + (T_world_camera[:3, 3] - fixation) * state.camera.focal_px / drawn.focal_px
    return Look(T_world_camera, fixation)


SAMPLERS: dict[str, Callable[[Policy, State, Environment, np.random.Generator], WorldAction]] = {
    "hold": _sample_hold,
    "turn": _sample_turn,
    "push": _sample_push,
    "lift_and_drop": _sample_lift,
    "look": _sample_look,
}

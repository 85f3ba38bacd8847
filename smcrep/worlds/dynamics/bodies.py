"""The MuJoCo model of one branch: table, convex hulls with their physics, and the finger that pushes.

One model is compiled for each tuple of objects; a branch copies it and changes its numbers (mass, friction, the rail of
the finger ...), without another compilation.
"""

# pyright: reportAttributeAccessIssue=false
# (MuJoCo's names come from a compiled module without stubs.)

import copy
from collections.abc import Sequence
from functools import lru_cache

import mujoco
import numpy as np
from scipy.spatial import ConvexHull

from smcrep.geometry.physics import Physics
from smcrep.geometry.rotations import quaternion_from_x
from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.objects.model import ObjectModel

TIMESTEP_S = 0.001
GRAVITY = 9.81  # m/s²
CONTACT_RATE = 200.0  # 1/s: a contact lasts pi / rate = 16 steps; at rest a body sinks g / rate² = 0.25 mm
FINGER_MASS_KG = 0.05
FINGER_RADIUS_M = 0.005
FINGER_SPEED = 1.0  # m/s: the finger presses with its full force as long as it is slower than 0.9 of this
FINGER_GAP_M = 0.00005
TABLE, ACTED_ON, CLUTTER, FINGER = 1, 2, 4, 8  # collision bits


@lru_cache(maxsize=512)
def hull_inertia(obj: ObjectModel) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Of the convex hull at density 1: mass, centroid [3], principal axes (quaternion [4]), principal moments [3]."""
    spec = mujoco.MjSpec()
    _add_body(spec, obj)
    model = _compile(spec, (obj,))
    return (
        float(model.body_mass[1]),
        model.body_ipos[1].copy(),
        model.body_iquat[1].copy(),
        model.body_inertia[1].copy(),
    )


@lru_cache(maxsize=128)
def compiled(objects: tuple[ObjectModel, ...]) -> mujoco.MjModel:
    """Table, objects and finger, with numbers that `branch_model` replaces."""
    spec = mujoco.MjSpec()
    spec.option.timestep = TIMESTEP_S
    spec.option.gravity = [0, 0, -GRAVITY]
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC  # a pyramid's friction depends on the direction
    plane = mujoco.mjtGeom.mjGEOM_PLANE
    spec.worldbody.add_geom(type=plane, size=[0, 0, 1], contype=TABLE, conaffinity=0, friction=[0, 0, 0])
    for i, obj in enumerate(objects):
        bit = ACTED_ON if i == 0 else CLUTTER
        body = _add_body(spec, obj, contype=bit, conaffinity=TABLE | ACTED_ON | CLUTTER | (FINGER if i == 0 else 0))
        # At compile time MuJoCo decides on short cuts for bodies whose centre of mass is their origin: compile with
        # another centre, so that a branch may move it.
        body.explicitinertial = True
        body.mass, body.ipos, body.inertia = 1.0, [0.011, 0.012, 0.013], [0.01, 0.011, 0.012]
        body.iquat = [0.5, 0.5, 0.5, 0.5]
    finger = spec.worldbody.add_body(gravcomp=1, mass=FINGER_MASS_KG, inertia=[1e-5] * 3, explicitinertial=True)
    joint = finger.add_joint(name="rail", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[1, 0, 0])
    rate = 2 * CONTACT_RATE  # stiffer than the table: MuJoCo's stiffness is per kilogram, and the finger is light
    finger.add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[FINGER_RADIUS_M, 0, 0],
        contype=FINGER,
        conaffinity=0,
        priority=1,  # its contact parameters hold: no friction, no bounce
        friction=[0, 0, 0],
        solref=[-(rate**2), -2 * rate],
    )
    servo = spec.add_actuator(target=joint.name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    servo.biastype, servo.forcelimited = mujoco.mjtBias.mjBIAS_AFFINE, True
    servo.forcerange = [-1, 1]
    return _compile(spec, objects)


def branch_model(
    objects: tuple[ObjectModel, ...], physics: Sequence[Physics], push: Push | None, T_world_object: np.ndarray
) -> mujoco.MjModel:
    """A copy of the compiled model with one branch's physics, and its finger before ``objects[0]``.

    The friction of a contact is the larger and its restitution the smaller of the two bodies' (the table has neither
    of its own). The inertia is the convex hull's, scaled to the mass, about the centre of mass wherever
    `Physics.com_offset` puts that.
    """
    model = copy.copy(compiled(objects))
    for i, (obj, p) in enumerate(zip(objects, physics, strict=True)):
        mass, centroid, axes, moments = hull_inertia(obj)
        body, geom = i + 1, i + 1
        model.body_mass[body] = p.mass_kg
        model.body_inertia[body] = moments * (p.mass_kg / mass)
        model.body_ipos[body] = centroid + np.array(p.com_offset) * obj.half_extents
        model.body_iquat[body] = axes
        model.geom_friction[geom, 0] = p.friction
        damping = min(2 * damping_ratio(p.restitution) * CONTACT_RATE, 1 / TIMESTEP_S)  # above, it overshoots
        model.geom_solref[geom] = -(CONTACT_RATE**2), -damping
    model.geom_solimp[:, :2] = 0.95  # constant, else the spring is not linear
    finger = len(objects) + 1
    if push is None or push.force_n == 0:
        model.geom_contype[finger] = 0
    else:
        model.body_pos[finger] = _finger_start(objects[0], push, T_world_object)
        model.body_quat[finger] = quaternion_from_x(push.direction)
        # Heavier above 20 N: one step of the full force must not take it far beyond its speed.
        model.body_mass[finger] = max(FINGER_MASS_KG, push.force_n * TIMESTEP_S / (0.4 * FINGER_SPEED))
        gain = 10 * push.force_n / FINGER_SPEED  # full force up to 0.9 of the finger's speed
        model.actuator_gainprm[0, 0], model.actuator_biasprm[0, 2] = gain, -gain
        model.actuator_forcerange[0] = -push.force_n, push.force_n
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


def damping_ratio(restitution: float) -> float:
    """Damping ratio of a linear spring and damper that can only push, so that a body leaves with ``restitution`` times
    the speed that it came with (Schwager and Pöschel, Granular Matter 9, 2007, eq. 20-22, inverted on a table).

    Gravity acts during the contact as well, so that what is measured at 1 m/s is lower by up to 0.1 for restitutions
    below 0.3 (a body of restitution 0.1 stays on the table), and by 0.02 above 0.4.
    """
    return float(np.interp(-restitution, -_RESTITUTIONS, _RATIOS))


def _restitution(ratio: np.ndarray) -> np.ndarray:
    root = np.sqrt(np.abs(1 - ratio**2))
    under = np.arctan2(2 * ratio * root, 2 * ratio**2 - 1)
    over = np.log((ratio + root) / np.maximum(ratio - root, 1e-300))
    return np.exp(-ratio / root * np.where(ratio < 1, under, over))


_RATIOS = np.concatenate([np.linspace(1e-4, 0.999, 500), np.linspace(1.001, 6, 500)])
_RESTITUTIONS = _restitution(_RATIOS)


def _add_body(spec: mujoco.MjSpec, obj: ObjectModel, **collision: int) -> mujoco.MjsBody:
    name = f"hull{len(spec.meshes)}"
    spec.add_mesh(
        name=name, uservert=obj.hull.astype(np.float32).ravel(), inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
    )
    body = spec.worldbody.add_body()
    body.add_freejoint()
    friction = [0.5, 0.005, 0.001]  # sliding is replaced; torsional and rolling, metres, bring a ball to rest in time
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, density=1.0, condim=6, friction=friction, **collision)
    return body


def _compile(spec: mujoco.MjSpec, objects: tuple[ObjectModel, ...]) -> mujoco.MjModel:
    try:
        return spec.compile()
    except ValueError as error:
        reason = str(error).splitlines()[0].removeprefix("Error: ")
        names = ", ".join(o.name for o in objects)
        raise ValueError(f"physics: MuJoCo cannot make a body of {names}: {reason}; repair or skip the mesh") from error


def _finger_start(obj: ObjectModel, push: Push, T_world_object: np.ndarray) -> np.ndarray:
    """Centre of the finger, [3] world: on the rail through the contact, just clear of the convex hull (a contact in a
    hollow of the mesh lies inside its hull)."""
    rotation, position = T_world_object[:3, :3], T_world_object[:3, 3]
    planes = ConvexHull(obj.hull.astype(np.float64)).equations  # outward normal, offset: inside is n x + offset <= 0
    height = planes[:, :3] @ (rotation.T @ (push.contact - position)) + planes[:, 3]
    approach = -planes[:, :3] @ (rotation.T @ push.direction)  # clearance gained per metre of backing off
    ahead = approach > 1e-9
    back_off = (FINGER_RADIUS_M + FINGER_GAP_M - height[ahead]) / approach[ahead]
    return push.contact - max(back_off.min(), 0.0) * push.direction

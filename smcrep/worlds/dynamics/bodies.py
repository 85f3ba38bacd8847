"""MuJoCo's model of a tuple of objects: table, convex hulls with their physics, and the finger that pushes.

One model is compiled for each tuple; a branch changes its numbers (mass, friction, the rail of the finger ...), without
another compilation.

Small and thin objects are simulated larger, in units in which nothing else changes: with lengths times s, times and
speeds times the root of s, and the same masses and forces, gravity stays what it is and every body moves alike (Froude
scaling). So a contact yields by the same share of a resistor of 1 mm as of one of 20 mm, and the finger that pushes it
is as much smaller and slower.
"""

# pyright: reportAttributeAccessIssue=false
# (MuJoCo's names come from a compiled module without stubs.)

import threading
import weakref
from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from smcrep.geometry.physics import Physics
from smcrep.geometry.rotations import quaternion_from_x
from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.dynamics.hulls import Hull, hull
from smcrep.worlds.dynamics.restitution import damping_ratio
from smcrep.worlds.objects.cache import ByteCache
from smcrep.worlds.objects.model import ObjectModel

Floats = NDArray[np.float64]

GRAVITY = 9.81  # m/s²
CONTACT_RATE = 200.0  # 1/s: a contact lasts pi / rate = 16 ms; at rest a body sinks g / rate² = 0.25 mm
FINGER_MASS_KG = 0.05
FINGER_RADIUS_M = 0.005
FINGER_SPEED = 1.0  # m/s: the finger presses with its full force as long as it is slower than 0.9 of this
FINGER_GAP_M = 0.00005
TABLE, ACTED_ON, CLUTTER, FINGER = 1, 2, 4, 8  # collision bits

SMALLEST_DIAMETER_M = 0.02
SMALLEST_THICKNESS_M = 0.002
"""What is smaller is simulated as large as this ..."""
LARGEST_SCALED_M = 0.5
"""... but nothing thin larger than this."""
ARENA_BYTES = 1 << 20
"""MuJoCo's memory for contacts, for each body: some 100 contacts."""
MAX_CACHED_BYTES = 1 << 27
"""Of the models and hulls that a thread keeps: some 50 models of one object, or 30,000 hulls."""


class Bodies:
    """The model and data of one tuple of objects, in scaled units (``scale``: lengths over metres, the one of the
    object acted on). `prepare` gives it the numbers of a branch; a thread has its own."""

    def __init__(self, objects: tuple[ObjectModel, ...]) -> None:
        hulls = [hull_of(obj) for obj in objects]
        self.scale = _scale(objects[0], hulls[0])
        self.model = _compiled(objects, hulls, self.scale)
        self.data = mujoco.MjData(self.model)
        self.num_objects = len(objects)
        self._acted_on = hulls[0]
        self._half_extents = self.scale * np.stack([obj.half_extents for obj in objects])
        self._centroids = self.scale * np.stack([each.centroid for each in hulls])
        self._moments = self.scale**2 * np.stack([each.moments for each in hulls])
        self.model.body_iquat[1 : 1 + len(objects)] = [_quaternion(each.axes) for each in hulls]

    @property
    def nbytes(self) -> int:
        return self.model.nbuffer + self.data.nbuffer + self.data.narena

    def prepare(self, physics: Sequence[Physics], push: Push | None, poses: Floats, rest_speed: float) -> None:
        """A branch's physics [o], its finger before ``objects[0]``, and the objects at rest in ``poses`` [o, 4, 4]
        (metres). What is slower than ``rest_speed`` (scaled m/s) for 10 steps falls asleep; 0: never.

        The friction of a contact is the larger and its restitution the smaller of the two bodies' (the table has
        neither of its own). The inertia is the convex hull's, scaled to the mass, about the centre of mass wherever
        `Physics.com_offset` puts that.
        """
        model, data, own = self.model, self.data, slice(1, 1 + self.num_objects)  # body and geom 0 are the table's
        masses = np.array([p.mass_kg for p in physics])
        model.body_mass[own] = masses
        model.body_inertia[own] = masses[:, None] * self._moments
        model.body_ipos[own] = self._centroids + np.array([p.com_offset for p in physics]) * self._half_extents
        model.geom_friction[own, 0] = [p.friction for p in physics]
        self._damping = np.array([2 * CONTACT_RATE * damping_ratio(p.restitution) for p in physics])
        self._aim(push, poses[0])
        model.opt.sleep_tolerance = rest_speed  # before `mj_resetData`, which places what never moves
        model.opt.enableflags = int(mujoco.mjtEnableBit.mjENBL_SLEEP) if rest_speed else 0
        model.geom_contype[-1] = FINGER  # `mj_setConst` notes which bodies can touch at all
        mujoco.mj_setConst(model, data)
        mujoco.mj_resetData(model, data)
        model.geom_contype[-1] = 0  # until `set_step`
        for i, pose in enumerate(poses):
            data.qpos[7 * i : 7 * i + 3] = self.scale * pose[:3, 3]
            data.qpos[7 * i + 3 : 7 * i + 7] = _quaternion(pose[:3, :3])

    def set_step(self, step_s: float, *, press: bool) -> None:
        """The step from now on, scaled seconds, and whether the finger presses; else nothing touches it."""
        model, data = self.model, self.data
        model.opt.timestep = step_s
        damping = np.minimum(self._damping, 1 / step_s)  # above, a step overshoots
        model.geom_solref[1 : 1 + self.num_objects, 1] = -damping
        model.geom_contype[-1] = FINGER if press else 0
        data.ctrl[0] = FINGER_SPEED if press else 0.0
        if not press:
            data.qvel[-1] = 0.0
        # The servo of the finger is stiff; without it the two integrators are one, and Euler's is the faster.
        kind = mujoco.mjtIntegrator
        model.opt.integrator = kind.mjINT_IMPLICITFAST if press else kind.mjINT_EULER

    def _aim(self, push: Push | None, T_world_object: Floats) -> None:
        model, finger = self.model, self.num_objects + 1
        force_n = 0.0 if push is None else push.force_n
        model.body_pos[finger] = 0.0 if push is None else self._finger_start(push, T_world_object)
        model.body_quat[finger] = (1.0, 0, 0, 0) if push is None else quaternion_from_x(push.direction)
        # Heavier above 20 N: one millisecond of the full force must not take it far beyond its speed.
        model.body_mass[finger] = max(FINGER_MASS_KG, force_n * 0.001 / (0.4 * FINGER_SPEED))
        gain = 10 * force_n / FINGER_SPEED  # full force up to 0.9 of the finger's speed
        model.actuator_gainprm[0, 0], model.actuator_biasprm[0, 2] = gain, -gain
        model.actuator_forcerange[0] = -force_n, force_n

    def _finger_start(self, push: Push, T_world_object: Floats) -> Floats:
        """Centre of the finger, [3] world, scaled: on the rail through the contact, just clear of the convex hull (a
        contact in a hollow of the mesh lies inside its hull)."""
        planes = self._acted_on.planes_at(T_world_object)
        height = self.scale * (planes[:, :3] @ push.contact + planes[:, 3])
        approach = -planes[:, :3] @ push.direction  # clearance gained per metre of backing off
        ahead = approach > 1e-9
        back_off = (FINGER_RADIUS_M + FINGER_GAP_M - height[ahead]) / approach[ahead]
        return self.scale * push.contact - max(back_off.min(), 0.0) * push.direction


class _Kept(threading.local):
    """What a thread keeps. Keys are weak references: an object that nobody else has stays for no model's sake."""

    def __init__(self) -> None:
        self.bodies = ByteCache[Bodies](MAX_CACHED_BYTES, lambda each: each.nbytes)
        self.hulls = ByteCache[Hull](MAX_CACHED_BYTES, lambda each: each.nbytes)


_KEPT = _Kept()


def bodies_of(objects: tuple[ObjectModel, ...]) -> Bodies:
    """The bodies of ``objects``, kept by this thread for the next call. ValueError where one cannot be a body."""
    return _KEPT.bodies.get(tuple(map(weakref.ref, objects)), lambda: Bodies(objects))


def hull_of(obj: ObjectModel) -> Hull:
    """`hulls.hull`, kept by this thread for the next call."""
    return _KEPT.hulls.get(weakref.ref(obj), lambda: hull(obj))


def _scale(obj: ObjectModel, of: Hull) -> float:
    thin = min(SMALLEST_THICKNESS_M / of.thickness, LARGEST_SCALED_M / obj.diameter)
    return max(1.0, SMALLEST_DIAMETER_M / obj.diameter, thin)


def _compiled(objects: tuple[ObjectModel, ...], hulls: Sequence[Hull], scale: float) -> mujoco.MjModel:
    """Table, objects and finger, with numbers that `Bodies` replaces."""
    spec = mujoco.MjSpec()
    spec.memory = ARENA_BYTES * (1 + len(objects))
    spec.option.gravity = [0, 0, -GRAVITY]
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC  # a pyramid's friction depends on the direction
    plane = mujoco.mjtGeom.mjGEOM_PLANE
    spec.worldbody.add_geom(type=plane, size=[0, 0, 1], contype=TABLE, conaffinity=0, friction=[0, 0, 0])
    for i, each in enumerate(hulls):
        _add_object(spec, scale * each.points, first=i == 0)
    _add_finger(spec)
    try:
        model = spec.compile()
    except ValueError as error:
        reason = str(error).splitlines()[0].removeprefix("Error: ")
        names = ", ".join(o.name for o in objects)
        raise ValueError(f"physics: MuJoCo cannot make a body of {names}: {reason}; repair or skip the mesh") from error
    # Both negative from the start: MuJoCo takes a mixed pair for a mistake, which it notes in a file where it runs.
    model.geom_solref[1 : 1 + len(hulls)] = -(CONTACT_RATE**2), -2 * CONTACT_RATE
    model.geom_solimp[:, :2] = 0.95  # constant, else the spring is not linear
    return model


def _add_object(spec: mujoco.MjSpec, points: Floats, *, first: bool) -> None:
    name = f"hull{len(spec.meshes)}"
    # Its own inertia is not used; of a shell's nothing is too thin for MuJoCo.
    shell = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
    spec.add_mesh(name=name, uservert=points.astype(np.float32).ravel(), inertia=shell)
    body = spec.worldbody.add_body()
    body.add_freejoint()
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH,
        meshname=name,
        condim=6,
        friction=[
            0.5,
            0.005,
            0.001,
        ],  # sliding is replaced; torsional and rolling, metres, bring a ball to rest in time
        contype=ACTED_ON if first else CLUTTER,
        conaffinity=TABLE | ACTED_ON | CLUTTER | (FINGER if first else 0),
    )
    # At compile time MuJoCo decides on short cuts for bodies whose centre of mass is their origin: compile with
    # another centre, so that a branch may move it.
    body.explicitinertial = True
    body.mass, body.ipos, body.inertia = 1.0, [0.011, 0.012, 0.013], [0.01, 0.011, 0.012]
    body.iquat = [0.5, 0.5, 0.5, 0.5]


def _add_finger(spec: mujoco.MjSpec) -> None:
    finger = spec.worldbody.add_body(gravcomp=1, mass=FINGER_MASS_KG, inertia=[1e-5] * 3, explicitinertial=True)
    joint = finger.add_joint(name="rail", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=[1, 0, 0])
    rate = 2 * CONTACT_RATE  # stiffer than the table: MuJoCo's stiffness is per kilogram, and the finger is light
    finger.add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[FINGER_RADIUS_M, 0, 0],
        contype=FINGER,
        conaffinity=0,
        priority=1,  # its contact parameters hold: no friction, no bounce
        condim=1,
        solref=[-(rate**2), -2 * rate],
    )
    servo = spec.add_actuator(target=joint.name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    servo.biastype, servo.forcelimited = mujoco.mjtBias.mjBIAS_AFFINE, True
    servo.forcerange = [-1, 1]


def _quaternion(rotation: Floats) -> Floats:
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, np.ascontiguousarray(rotation, np.float64).ravel())
    return quaternion

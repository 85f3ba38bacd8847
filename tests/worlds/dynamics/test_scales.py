"""Needles, wires, coins, paper, dust and beams move as larger things do: similarity, and closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from smcrep.geometry.physics import Physics
from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.dynamics.bodies import FINGER_MASS_KG, FINGER_RADIUS_M, GRAVITY, SMALLEST_DIAMETER_M, bodies_of
from smcrep.worlds.dynamics.mechanics import simulate, trajectory
from smcrep.worlds.objects.model import ObjectModel
from smcrep.worlds.policy import Policy, sample_actions, sample_state
from smcrep.worlds.rendering.environments import ENVIRONMENTS
from smcrep.worlds.world import branch
from tests.worlds.scenes import box, pose

AHEAD = np.array([1.0, 0.0, 0.0])
KINDS = {
    "needle": (0.02, 0.00035, 0.00035),
    "resistor": (0.0005, 0.00015, 0.00015),
    "pin": (0.015, 0.0003, 0.0003),
    "wire": (0.5, 0.0005, 0.0005),
    "coin": (0.012, 0.012, 0.0008),
    "paper": (0.15, 0.1, 0.00005),
    "dust": (0.00005, 0.00005, 0.00005),
    "flake": (0.00005, 0.00005, 0.000001),
    "beam": (1.5, 0.2, 0.1),
    "rod of 10,000:1": (0.5, 0.00005, 0.00005),
}
"""Half extents, metres."""


@pytest.mark.situation("needle, wire and 1 mm part pushed")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_thing_comes_to_rest_and_is_pushed(kind: str) -> None:
    half, rng, studio = np.array(KINDS[kind]), np.random.default_rng(0), ENVIRONMENTS["studio"]
    thing = replace(box(*half), name=kind)
    policy = Policy({"push": 1.0}, "table", max_angle_deg=5.0)
    state = sample_state(policy, thing, studio, rng)
    corners = state.objects[0].hull @ state.poses[0, :3, :3].T + state.poses[0, :3, 3]
    assert abs(corners[:, 2].min()) < 0.2 * max(half.min(), 0.002)  # on the table, at most so deep in it
    for after in branch(state, sample_actions(policy, state, 4, rng, environment=studio)):
        moved = np.linalg.norm(after.poses[0, :2, 3] - state.poses[0, :2, 3])
        assert 1e-4 * thing.diameter < moved < 100 * thing.diameter


def pushed(thing: ObjectModel, half: np.ndarray, force_n: float, duration_s: float, rest_s: float) -> np.ndarray:
    """[4, 4] after a push along x, off its middle, of ``thing`` that lies flat."""
    push = Push(np.array([-half[0], 0.3 * half[1], half[2]]), AHEAD, force_n, duration_s)
    start = pose(z=half[2])[None, None]
    return simulate((thing,), start, [[Physics(friction=0.3)]], [push], [duration_s + rest_s])[0, 0]


def test_a_thing_ten_times_as_small_moves_alike() -> None:
    """Froude: lengths by s, times by the root of s, the same masses and forces: the same turn, and s times the way."""
    half = np.array([0.0005, 0.0004, 0.0003])
    small = pushed(box(*half), half, 2.5, 0.01, 0.2)
    large = pushed(box(*10 * half), 10 * half, 2.5, 0.01 * 10**0.5, 0.2 * 10**0.5)
    assert 2 * np.linalg.norm(10 * half) < SMALLEST_DIAMETER_M  # both are simulated at one size
    np.testing.assert_allclose(10 * small[:3, 3], large[:3, 3], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(small[:3, :3], large[:3, :3], atol=1e-3)
    assert small[0, 3] > half[0]
    assert small[0, 0] < 0.999  # it has turned


def test_things_of_ordinary_size_are_simulated_as_they_are() -> None:
    assert bodies_of((box(0.04, 0.05, 0.03),)).scale == 1
    assert bodies_of((box(1.5, 0.2, 0.1),)).scale == 1
    assert bodies_of((box(*KINDS["needle"]),)).scale > 1


@pytest.mark.parametrize("half_m", [0.0002, 0.002, 0.02])
def test_falls_and_slides_follow_the_closed_forms_at_every_size(half_m: float) -> None:
    """g t² / 2; and under friction mu from the speed v where the finger lets go: v² / (2 mu g)."""
    cube = box(half_m, half_m, half_m)
    fall = trajectory((cube,), pose(z=20 * half_m)[None], [Physics()], None, 0.9 * np.sqrt(2 * 19 * half_m / GRAVITY))
    np.testing.assert_allclose(fall["poses"][-1, 0, 2, 3], 20 * half_m - GRAVITY * fall["time"][-1] ** 2 / 2, rtol=1e-6)
    np.testing.assert_allclose(fall["velocity"][-1, 0, 2], -GRAVITY * fall["time"][-1], rtol=1e-6)
    root = np.sqrt(bodies_of((cube,)).scale)
    mass, friction, force, duration = 0.5, 0.5, 4.0, 0.1 / root
    push = Push(np.array([-half_m, 0.0, 0.6 * half_m]), AHEAD, force, duration)
    path = trajectory((cube,), pose(z=half_m)[None], [Physics(mass, friction)], push, duration + 1 / root)
    speed = path["velocity"][:, 0, 0]
    last = int(np.searchsorted(path["time"], duration + 1e-9))  # the finger lets go
    assert speed[last] == pytest.approx(
        (force - friction * mass * GRAVITY) / (mass + FINGER_MASS_KG) * duration, rel=0.15
    )
    slid = path["poses"][-1, 0, 0, 3] - path["poses"][last, 0, 0, 3]
    assert slid == pytest.approx(speed[last] ** 2 / (2 * friction * GRAVITY), rel=0.1)
    assert FINGER_RADIUS_M < 0.01  # smaller than what it pushes, as the cube is in simulated units

"""The faster steps keep where pushes end; impulses are not rounded to steps; rest ends a branch and changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

from smcrep.geometry.physics import Physics
from smcrep.geometry.rotations import angle_degrees
from smcrep.pretraining.recipes import PUSH
from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.dynamics.mechanics import simulate, trajectory
from smcrep.worlds.dynamics.stepping import DEFAULT, REFERENCE, Stepping
from smcrep.worlds.objects.families import procedural_set
from smcrep.worlds.policy import sample_actions, sample_branch_physics, sample_state
from smcrep.worlds.rendering.environments import ENVIRONMENTS
from tests.worlds.scenes import box, pose

FINE = Stepping(0.0001, 0.0001, 0.0001, rest_speed=0.0)
BRICK, AHEAD = box(0.04, 0.05, 0.03), np.array([1.0, 0.0, 0.0])


def slid(duration_s: float, stepping: Stepping = DEFAULT) -> float:
    push = Push(np.array([-0.04, 0.0, 0.02]), AHEAD, 4.0, duration_s)
    end = simulate((BRICK,), pose(z=0.03)[None, None], [[Physics(friction=0.1)]], [push], [duration_s + 1.0], stepping)
    return end[0, 0, 0, 3]


def ends(states: list, stepping: Stepping) -> np.ndarray:
    """[n, 4, 4] of the objects that are pushed, two pushes a state."""
    found = [
        simulate(s.objects, np.stack([s.poses] * 2), physics, pushes, [p.duration_s + 1.0 for p in pushes], stepping)
        for s, pushes, physics in states
    ]
    return np.concatenate([each[:, 0] for each in found])


@pytest.fixture(scope="module")
def pushes() -> tuple[list, np.ndarray]:
    """Pushes of the recipe, and where the finest steps end them."""
    studio, rng, states = ENVIRONMENTS["studio"], np.random.default_rng(0), []
    for thing in procedural_set(8, 3):
        state = sample_state(PUSH, thing, studio, rng)
        drawn = sample_actions(PUSH, state, 2, rng, environment=studio)
        states.append((state, drawn, [[p] for p in sample_branch_physics(PUSH, 2, rng)]))
    return states, ends(states, FINE)


@pytest.mark.parametrize("stepping", [DEFAULT, REFERENCE], ids=["default", "reference"])
def test_pushes_end_where_ever_smaller_steps_end_them(pushes: tuple[list, np.ndarray], stepping: Stepping) -> None:
    """Within half a millimetre and half a degree in the median, 5 and 5 for four of five."""
    states, fine = pushes
    found = ends(states, stepping)
    millimetres = 1000 * np.linalg.norm((found - fine)[:, :3, 3], axis=1)
    degrees = angle_degrees(np.swapaxes(found[:, :3, :3], 1, 2) @ fine[:, :3, :3])
    assert np.median(millimetres) < 0.5
    assert np.median(degrees) < 0.5
    assert np.quantile(millimetres, 0.8) < 5
    assert np.quantile(degrees, 0.8) < 5
    ways = fine[:, :3, 3] - np.repeat([s.poses[0, :3, 3] for s, _, _ in states], 2, axis=0)
    assert np.median(np.linalg.norm(ways, axis=1)) > 0.03


def test_impulses_are_not_rounded_to_steps() -> None:
    """The way grows evenly with a duration that grows by fractions of a step: v² ~ duration², so its root is linear."""
    durations = 0.03 + 0.00025 * np.arange(9)
    roots = np.sqrt([slid(duration) for duration in durations])
    line = np.polyval(np.polyfit(durations, roots, 1), durations)
    assert np.abs(roots - line).max() < 0.25 * (
        roots[4] - roots[0]
    )  # of a step; rounded, they would lie up to a half off


def test_the_way_does_not_depend_on_the_step() -> None:
    """To second order: at 1 m/s, first-order steps of 2 ms would lose a millimetre."""
    fine, *others = (slid(0.04, replace(DEFAULT, slide_step_s=s)) for s in (0.0001, 0.0005, 0.001, 0.002, 0.0025))
    assert fine > 0.1
    np.testing.assert_allclose(others, fine, atol=1e-4)
    assert fine == pytest.approx(slid(0.04, FINE), abs=0.001)


def test_what_rests_stays_where_it_is_and_ends_the_branch() -> None:
    push = Push(np.array([-0.04, 0.0, 0.02]), AHEAD, 4.0, 0.03)
    many = [trajectory((BRICK,), pose(z=0.03)[None], [Physics()], push, s, DEFAULT) for s in (0.6, 5.0)]
    lengths = [len(path["time"]) for path in many]
    assert lengths[0] == lengths[1] < 0.6 / DEFAULT.slide_step_s
    np.testing.assert_allclose(many[0]["poses"][-1], many[1]["poses"][-1], atol=1e-9)
    awake = trajectory((BRICK,), pose(z=0.03)[None], [Physics()], push, 5.0, replace(DEFAULT, rest_speed=0.0))
    assert awake["time"][-1] == pytest.approx(5.0)
    np.testing.assert_allclose(awake["poses"][-1], many[0]["poses"][-1], atol=1e-4)


def test_what_rests_is_woken_by_what_touches_it() -> None:
    """A brick in the way, asleep by then, takes a share of the momentum; a heavy one hardly moves."""
    starts = np.stack([pose(z=0.03), pose(x=0.12, z=0.03)])[None]
    push = Push(np.array([-0.04, 0.0, 0.02]), AHEAD, 8.0, 0.06)
    ends = {
        mass: simulate((BRICK, BRICK), starts, [[Physics(0.2, 0.2), Physics(mass, 0.2)]], [push], [1.5])[0, :, 0, 3]
        for mass in (0.1, 5.0)
    }
    assert ends[0.1][1] > 0.16
    assert 0.12 <= ends[5.0][1] < 0.13
    assert ends[5.0][0] < ends[0.1][0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"push_step_s": 0.0}, "push_step_s is 0.0; give seconds up to 0.004"),
        ({"slide_step_s": 0.01}, "slide_step_s is 0.01"),
        ({"drop_step_s": float("nan")}, "drop_step_s is nan"),
        ({"rest_speed": -1.0}, "rest_speed is -1.0; give metres a second"),
    ],
)
def test_wrong_steps_are_refused(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(DEFAULT, **wrong)

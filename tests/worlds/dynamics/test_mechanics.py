"""Laws of mechanics on boxes: free fall, bounce, sliding under a push, tipping; what is unstable is refused."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from smcrep.geometry.physics import Physics
from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.dynamics.bodies import FINGER_MASS_KG, GRAVITY
from smcrep.worlds.dynamics.mechanics import UnstableSimulation, simulate, trajectory
from tests.worlds.scenes import box, pose, random_rotation

HALF = np.array([0.04, 0.05, 0.03])
BRICK = box(*HALF)
AHEAD = np.array([1.0, 0.0, 0.0])


def slid(physics: Physics, force_n: float, duration_s: float) -> float:
    """Metres along x that BRICK goes under a push at its mid height."""
    push = Push(np.array([-0.04, 0.0, 0.03]), AHEAD, force_n, duration_s)
    start = pose(z=0.03)[None, None]
    return simulate((BRICK,), start, [[physics]], [push], [duration_s + 1.0])[0, 0, 0, 3]


def test_free_fall_follows_gravity() -> None:
    path = trajectory((BRICK,), pose(z=2.0)[None], [Physics()], None, 0.5)
    t = path["time"]
    assert t[-1] == pytest.approx(0.5)
    np.testing.assert_allclose(path["poses"][:, 0, 2, 3], 2 - GRAVITY * t**2 / 2, atol=1e-9)  # exact for the leapfrog
    np.testing.assert_allclose(path["velocity"][:, 0, 2], -GRAVITY * t, atol=1e-9)


def heights(physics: Physics, drop_m: float, seconds: float) -> np.ndarray:
    """[t] of BRICK's lower side, metres, dropped flat."""
    path = trajectory((BRICK,), pose(z=HALF[2] + drop_m)[None], [physics], None, seconds)
    return path["poses"][:, 0, 2, 3] - HALF[2]


@pytest.mark.parametrize(("restitution", "tolerance"), [(0.4, 0.05), (0.6, 0.03), (0.8, 0.02), (0.9, 0.02)])
def test_bounce_height_is_restitution_squared_times_drop_height(restitution: float, tolerance: float) -> None:
    """h' = e² h of a flat fall, from two heights."""
    for height in (0.1, 0.2):
        z = heights(Physics(restitution=restitution), height, 0.6)
        assert np.sqrt(z[np.argmax(z < 0) :].max() / height) == pytest.approx(restitution, abs=tolerance)


def test_bounce_height_grows_with_restitution() -> None:
    falls = [heights(Physics(restitution=e), 0.1, 0.5) for e in (0.0, 0.2, 0.3, 0.5, 0.7)]
    apex = [z[np.argmax(z < 0) :].max() for z in falls]
    assert (np.diff(apex) > 0).all()
    assert apex[0] < 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_energy_is_conserved_in_the_air_and_lost_on_the_table(seed: int) -> None:
    """Kinetic + potential of a tumbling fall, from MuJoCo's velocities by hand: kept in the air, lost on the table."""
    rng = np.random.default_rng(seed)
    physics = Physics(mass_kg=0.3, restitution=0.7, com_offset=(0.3, -0.2, 0.1))
    T = pose(z=0.3, rotation=random_rotation(rng))
    path = trajectory((BRICK,), T[None], [physics], None, 2.0)
    squares = HALF**2
    inertia = np.diag(0.3 / 3 * (squares.sum() - squares))
    c = np.array(physics.com_offset) * HALF
    R, spin = path["poses"][:, 0, :3, :3], path["velocity"][:, 0, 3:]
    velocity = path["velocity"][:, 0, :3] + np.einsum("tij,tj->ti", R, np.cross(spin, c))
    height = path["poses"][:, 0, 2, 3] + np.einsum("tj,j->t", R[:, 2], c)
    energy = 0.15 * (velocity**2).sum(1) + 0.5 * np.einsum("ti,ij,tj->t", spin, inertia, spin) + 0.3 * GRAVITY * height
    start = 0.3 * GRAVITY * (0.3 + T[2, :3] @ c)
    assert energy.max() < start * 1.01
    assert energy[100] == pytest.approx(start, rel=0.01)  # still falling
    assert energy[-1] < 0.5 * start  # at rest


@pytest.mark.parametrize(
    ("mass", "friction", "force", "duration"),
    [(0.5, 0.5, 4.0, 0.2), (1.0, 0.5, 7.0, 0.2), (1.0, 0.3, 5.0, 0.2), (0.5, 0.2, 2.0, 0.3), (0.25, 0.6, 2.5, 0.1)],
)
def test_sliding_distance_follows_coulomb_friction(mass: float, friction: float, force: float, duration: float) -> None:
    """a = (F - mu m g) / (m + finger) while pushed, then mu g slows it down."""
    speed = (force - friction * mass * GRAVITY) / (mass + FINGER_MASS_KG) * duration
    assert speed < 0.9, "the finger would reach its own speed"
    want = speed * duration / 2 + speed**2 / (2 * friction * GRAVITY)
    assert slid(Physics(mass, friction), force, duration) == pytest.approx(want, rel=0.05)


def test_heavier_and_rougher_objects_move_less() -> None:
    by_mass = [slid(Physics(mass_kg=m, friction=0.4), 5.0, 0.1) for m in (0.3, 0.6, 0.9)]
    by_friction = [slid(Physics(mass_kg=0.5, friction=f), 5.0, 0.1) for f in (0.3, 0.6, 0.9)]
    assert (np.diff(by_mass) < -0.005).all()
    assert (np.diff(by_friction) < -0.005).all()


def test_push_below_the_friction_moves_nothing() -> None:
    assert abs(slid(Physics(1.0, 0.8), 5.0, 0.3)) < 1e-3
    assert slid(Physics(1.0, 0.3), 5.0, 0.3) > 0.03


def test_push_goes_along_its_direction() -> None:
    start = pose(z=0.03)[None, None]
    for angle in (0.5, 2.0, 4.0):
        direction = np.array([np.cos(angle), np.sin(angle), 0.0])
        ball = box(0.03, 0.03, 0.03)
        turned = pose(
            z=0.03, rotation=np.array([[direction[0], -direction[1], 0], [direction[1], direction[0], 0], AHEAD[::-1]])
        )
        end = simulate(
            (ball,), turned[None, None], [[Physics()]], [Push(np.array([0, 0, 0.03]), direction, 3.0, 0.05)], [1.0]
        )
        way = end[0, 0, :3, 3] - start[0, 0, :3, 3]
        assert np.linalg.norm(way[:2]) > 0.01
        np.testing.assert_allclose(way[:2] / np.linalg.norm(way[:2]), direction[:2], atol=0.02)


def test_centre_of_mass_decides_which_way_it_tips() -> None:
    """On its lower edge, tilted by less than atan(x / z) of the centre of mass, it falls back; by more, over."""
    tall = box(0.02, 0.04, 0.06)
    tilt = 0.75 * np.arctan2(0.02, 0.06)
    R = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
    T = pose(z=0.001 - (tall.hull @ R[2]).min(), rotation=R)
    physics = [[Physics(friction=1.0, restitution=0.0, com_offset=(f, 0, 0))] for f in (0.0, 0.6)]
    back, over = simulate((tall,), np.stack([T[None]] * 2), physics, [None, None], [2.0, 2.0])[:, 0]
    assert back[2, 2] > 0.999  # upright
    assert over[0, 2] > 0.999  # its top lies towards +x


def test_branches_do_not_depend_on_each_other() -> None:
    rng = np.random.default_rng(0)
    other = box(0.03, 0.02, 0.02)
    k = 6
    starts = np.stack([[pose(z=0.2, rotation=random_rotation(rng)), pose(x=0.12, z=0.0205)] for _ in range(k)])
    physics = [[Physics(mass_kg=float(rng.uniform(0.1, 1))), Physics()] for _ in range(k)]
    pushes = [Push(np.array([0, 0, 0.1]), AHEAD, 2.0, 0.1) if i % 2 else None for i in range(k)]
    horizons = [0.5 + 0.1 * i for i in range(k)]

    def run(order: list[int]) -> np.ndarray:
        return simulate(
            (BRICK, other), starts[order], *([column[i] for i in order] for column in (physics, pushes, horizons))
        )

    together = run(list(range(k)))
    assert together.tobytes() == run(list(range(k))).tobytes()
    assert run([5, 0, 3]).tobytes() == together[[5, 0, 3]].tobytes()
    for i in range(k):
        assert run([i]).tobytes() == together[[i]].tobytes()


def test_overlap_is_refused_naming_bodies_and_branches() -> None:
    starts = np.stack([pose(z=0.2)[None], pose(z=0.0)[None]])
    with pytest.raises(UnstableSimulation, match=r"box.*branch 1: table and box begin 30 mm inside") as caught:
        simulate((BRICK,), starts, [[Physics()]] * 2, [None] * 2, [0.1] * 2)
    assert caught.value.branches == (1,)


def test_runaway_and_huge_values_are_refused_without_a_log_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    starts = np.stack([pose(z=30.0)[None], pose(z=0.1)[None], pose(z=1e12)[None]])
    with pytest.raises(
        UnstableSimulation, match=r"branch 0: an object reaches 2\d m/s; branch 2: MuJoCo met"
    ) as caught:
        simulate((BRICK,), starts, [[Physics()]] * 3, [None] * 3, [2.5, 0.1, 0.1])
    assert caught.value.branches == (0, 2)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_huge_force_moves_a_light_body_a_bounded_way() -> None:
    """The finger is force-limited and no faster than 1 m/s: 10 g under 1 kN move less than half a metre."""
    assert 0 < slid(Physics(mass_kg=0.01), 1000.0, 0.1) < 0.5


def test_each_body_has_its_own_physics() -> None:
    """A brick that pushes another: heavier or rougher, each of the two goes less far."""
    starts = np.stack([pose(z=0.03), pose(x=0.09, z=0.03)])[None]
    push = Push(np.array([-0.04, 0.0, 0.02]), AHEAD, 8.0, 0.06)

    def ways(first: Physics, second: Physics) -> np.ndarray:
        return simulate((BRICK, BRICK), starts, [[first, second]], [push], [1.5])[0, :, 0, 3] - starts[0, :, 0, 3]

    usual = Physics(0.3, 0.3)
    base = ways(usual, usual)
    heavy, rough = Physics(1.2, 0.3), Physics(0.3, 0.9)
    assert ways(usual, heavy)[1] < 0.7 * base[1]
    assert ways(usual, rough)[1] < 0.7 * base[1]
    assert ways(heavy, usual)[0] < 0.7 * base[0]


def test_threads_do_not_disturb_each_other() -> None:
    """Four threads simulate the same objects under different physics: each as alone, to the bit."""
    masses = (0.1, 0.2, 0.4, 0.8) * 3
    push = Push(np.array([-0.04, 0.0, 0.02]), AHEAD, 4.0, 0.04)

    def end(mass: float) -> bytes:
        return simulate((BRICK,), pose(z=0.03)[None, None], [[Physics(mass, 0.2)]], [push], [1.0]).tobytes()

    alone = [end(mass) for mass in masses]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(end, masses)) == alone
    assert len(set(alone)) == 4


def test_a_push_leaves_nothing_behind_in_the_model() -> None:
    """After a push of 1 kN on other physics, a fall and a push end as in a thread that never saw it."""
    usual, strong = Push(np.array([-0.04, 0.0, 0.02]), AHEAD, 4.0, 0.04), Push(np.zeros(3), -AHEAD, 1000.0, 0.01)
    tilted = pose(z=0.08, rotation=random_rotation(np.random.default_rng(0)))

    def run(push: Push | None, start: np.ndarray, physics: Physics) -> bytes:
        return simulate((BRICK,), start[None, None], [[physics]], [push], [1.0]).tobytes()

    def both() -> list[bytes]:
        return [run(usual, pose(z=0.03), Physics()), run(None, tilted, Physics())]

    run(strong, pose(z=0.03), Physics(3.0, 0.1, 0.8, (0.5, 0.5, 0.5)))
    with ThreadPoolExecutor(1) as fresh:
        assert fresh.submit(both).result() == both()


def test_mujoco_notes_nothing_where_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its warnings go to a file in the folder of whoever simulates: there are none, of one body or of several."""
    monkeypatch.chdir(tmp_path)
    for num in (1, 3):
        objects = tuple(box(0.03, 0.04, 0.03 + 0.001 * i) for i in range(num))
        poses = np.stack([pose(x=0.2 * i, z=0.05) for i in range(num)])
        simulate(objects, poses[None], [[Physics()] * num], [None], [0.3])
    assert not list(tmp_path.iterdir())

from dataclasses import fields

import numpy as np
import pytest

from smcrep.worlds.rendering.environments import (
    ENVIRONMENTS,
    FACTOR_ENVIRONMENTS,
    TEST_ENVIRONMENTS,
    TRAIN_ENVIRONMENTS,
    Environment,
)

FACTORS = ("light", "background", "camera", "clutter", "noise")
PAIRS = [(a, b) for a in TRAIN_ENVIRONMENTS for b in TEST_ENVIRONMENTS]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def apart(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a[1] < b[0] or b[1] < a[0]


def test_training_test_and_factor_names_partition_the_environments() -> None:
    assert len(TRAIN_ENVIRONMENTS) >= 4
    assert len(TEST_ENVIRONMENTS) >= 4
    assert not set(TRAIN_ENVIRONMENTS) & set(TEST_ENVIRONMENTS)
    assert all(environment.name == name for name, environment in ENVIRONMENTS.items())
    assert set(ENVIRONMENTS) == {*TRAIN_ENVIRONMENTS, *TEST_ENVIRONMENTS, *FACTOR_ENVIRONMENTS}


@pytest.mark.parametrize(("train", "test"), PAIRS)
def test_training_and_test_share_no_factor(train: str, test: str) -> None:
    a, b = ENVIRONMENTS[train], ENVIRONMENTS[test]
    assert apart(a.light.elevation_deg, b.light.elevation_deg)
    assert a.background.kind != b.background.kind
    assert a.background.table_pattern != b.background.table_pattern
    assert apart(a.camera.elevation_deg, b.camera.elevation_deg) or apart(a.camera.fov_deg, b.camera.fov_deg)
    assert apart(a.clutter, b.clutter)
    assert a.noise != b.noise
    assert b.noise.rgb_blur_px > a.noise.rgb_blur_px


def test_a_factor_environment_differs_from_one_training_environment_in_that_factor() -> None:
    base = ENVIRONMENTS["kitchen"]
    for name in FACTOR_ENVIRONMENTS:
        changed = [factor for factor in FACTORS if getattr(ENVIRONMENTS[name], factor) != getattr(base, factor)]
        assert changed == [name.removeprefix("only_")]
        assert any(
            getattr(ENVIRONMENTS[name], changed[0]) == getattr(ENVIRONMENTS[t], changed[0]) for t in TEST_ENVIRONMENTS
        )


def test_equal_seeds_draw_shared_factors_equal() -> None:
    base, light = (ENVIRONMENTS[name].sample_scenery(rng()) for name in ("kitchen", "only_light"))
    np.testing.assert_array_equal(base.background.grid, light.background.grid)
    assert base.table.angle == light.table.angle
    assert base.seed == light.seed
    assert not np.array_equal(base.light.key, light.light.key)


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_draws_lie_in_the_ranges_of_their_family(environment: Environment) -> None:
    generator = rng()
    for _ in range(30):
        scenery = environment.sample_scenery(generator)
        direction = scenery.light.direction
        assert np.linalg.norm(direction) == pytest.approx(1, rel=1e-5)
        low, high = environment.light.elevation_deg
        assert low - 1e-3 <= np.degrees(np.arcsin(direction[2])) <= high + 1e-3
        for colour in (scenery.background.grid, scenery.table.colour):
            assert np.isfinite(colour).all()
            assert colour.min() >= 0
            assert colour.max() <= 1 + 1e-6
        assert scenery.table.pattern == environment.background.table_pattern
        assert scenery.noise == environment.noise
        assert environment.clutter[0] <= environment.num_clutter(generator) <= environment.clutter[1]


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
@pytest.mark.parametrize("diameter", [0.02, 0.3])
def test_the_camera_looks_down_on_a_sphere_that_fills_its_share(environment: Environment, diameter: float) -> None:
    target = np.array([0.1, -0.2, 0.3])
    for seed in range(10):
        camera = environment.sample_camera(rng(seed), target, diameter, 64)
        assert (camera.width, camera.height) == (64, 64)
        offset = camera.T_world_camera[:3, 3] - target
        elevation = np.degrees(np.arcsin(offset[2] / np.linalg.norm(offset)))
        assert 20 - 1e-6 <= elevation <= 60 + 1e-6
        middle = camera.project((camera.T_camera_world @ [*target, 1])[:3])
        np.testing.assert_allclose(middle, [32, 32])
        # the cone that touches the sphere, by its half angle
        outline = np.tan(np.arcsin(diameter / 2 / np.linalg.norm(offset)))
        fill = outline / np.tan(np.radians(camera.fov_deg) / 2)
        low, high = environment.camera.fill
        assert low - 1e-9 <= fill <= high + 1e-9


def test_draws_follow_the_seed_and_cover_all_azimuths() -> None:
    environment = ENVIRONMENTS["studio"]
    one, other = environment.sample_scenery(rng(1)), environment.sample_scenery(rng(1))
    for field in fields(one.light):
        np.testing.assert_array_equal(getattr(one.light, field.name), getattr(other.light, field.name))
    generator = rng()
    eyes = [environment.sample_camera(generator, np.zeros(3), 0.2, 8).T_world_camera[:2, 3] for _ in range(100)]
    quadrant = {(bool(x > 0), bool(y > 0)) for x, y in eyes}
    assert len(quadrant) == 4

"""Scenes: things stand apart, each mask shows its own thing, and what cannot be seen is refused."""

import numpy as np
import pytest

from smcrep.vla.scenes import GAP, STEP_M, sample_places, sample_scene
from smcrep.worlds.rendering.environments import ENVIRONMENTS
from tests.worlds.scenes import box


def test_places_are_apart_close_and_about_the_origin() -> None:
    radii = np.array([0.03, 0.1, 0.05, 0.05])
    for seed in range(20):
        places = sample_places(radii, np.random.default_rng(seed))
        away = np.linalg.norm(places[:, None] - places, axis=-1) - GAP * (radii[:, None] + radii)
        others = away[~np.eye(4, dtype=bool)].reshape(4, 3)
        assert others.min() >= 0
        assert others.min(1).max() < 0.2  # none strays
        assert others.min() < STEP_M + 1e-9  # one touches another: moved by steps until free
        low, high = (places - radii[:, None]).min(0), (places + radii[:, None]).max(0)
        assert np.allclose(low, -high)


def test_places_go_in_every_direction() -> None:
    radii = np.array([0.05, 0.05])
    turns = [np.arctan2(*np.diff(sample_places(radii, np.random.default_rng(s)), axis=0)[0]) for s in range(200)]
    assert abs(np.exp(1j * np.array(turns)).mean()) < 0.2


def test_each_mask_shows_its_own_thing_in_whatever_order() -> None:
    """Red, green and blue boxes of three sizes: a view puts the largest first, the masks keep the order given."""
    things = {0: box(0.02, 0.02, 0.03, (230, 10, 10)), 1: box(0.05, 0.05, 0.03, (10, 230, 10))}
    things[2] = box(0.035, 0.035, 0.03, (10, 10, 230))
    for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        scene = sample_scene([things[i] for i in order], ENVIRONMENTS["studio"], np.random.default_rng(0), 96)
        assert scene.masks.sum(0).max() == 1
        for mask, channel in zip(scene.masks, order, strict=True):
            assert scene.picture[mask].mean(0).argmax() == channel
        sizes = scene.masks.sum((1, 2))
        assert sizes[order.index(1)] > sizes[order.index(0)]


def test_scene_is_a_function_of_its_generator() -> None:
    things, environment = [box(0.03, 0.03, 0.03), box(0.04, 0.02, 0.05)], ENVIRONMENTS["kitchen"]
    a, b, c = (sample_scene(things, environment, np.random.default_rng(seed), 48) for seed in (0, 0, 1))
    assert np.array_equal(a.picture, b.picture)
    assert np.array_equal(a.masks, b.masks)
    assert not np.array_equal(a.masks, c.masks)


def test_thing_too_small_to_be_seen_is_named() -> None:
    things = [box(1.0, 1.0, 0.1), box(0.001, 0.001, 0.001)]
    with pytest.raises(ValueError, match="out of sight in 50 draws; give fewer or larger"):
        sample_scene(things, ENVIRONMENTS["studio"], np.random.default_rng(0), 48)

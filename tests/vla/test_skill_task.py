"""Scenes with names: no two things of a scene have one phrase, and each scene is a function of its number and seed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from smcrep.vla.skill_task import choose_things, draw_scenes, kept, phrases_of
from tests.worlds.scenes import box

COLOURS = ((230, 10, 10), (10, 230, 10), (10, 10, 230), (230, 10, 10))
OBJECTS = [box(0.02 + 0.005 * i, 0.03, 0.03, colour) for i, colour in enumerate(COLOURS)]
PHRASES = phrases_of(OBJECTS)


def test_phrases_say_colour_and_family() -> None:
    assert PHRASES == ["the red test", "the green test", "the blue test", "the red test"]


def test_things_of_a_scene_have_phrases_of_their_own() -> None:
    rng = np.random.default_rng(0)
    drawn = [choose_things(np.arange(4), PHRASES, 3, rng) for _ in range(60)]
    assert all(len({PHRASES[i] for i in things}) == 3 for things in drawn)
    assert {i for things in drawn for i in things} == {0, 1, 2, 3}
    assert all({0, 3} - set(things) for things in drawn)
    with pytest.raises(ValueError, match="4 objects have 3 phrases, too few for scenes of 4"):
        choose_things(np.arange(4), PHRASES, 4, rng)


def test_scenes_show_the_candidates_alone_and_do_not_depend_on_each_other(tmp_path: Path) -> None:
    def drawn(num: int, seed: int = 0):
        return draw_scenes(OBJECTS, PHRASES, np.array([1, 2, 3]), num, k=2, size=48, seed=(seed,))

    two, three, other = drawn(2), drawn(3), drawn(2, 1)
    assert torch.equal(two.picture, three.picture[:2])
    assert torch.equal(two.label, three.label[:2])
    assert not torch.equal(two.label, other.label)
    assert set(three.thing.flatten().tolist()) <= {1, 2, 3}
    masks = three.masks(torch.arange(3))
    for i in range(3):
        for mask, thing in zip(masks[i], three.thing[i].tolist(), strict=True):
            assert int(three.picture[i][mask].float().mean(0).argmax()) == int(np.argmax(COLOURS[thing]))
    again = kept(tmp_path / "scenes.safetensors", three)
    assert torch.equal(again.label, three.label)
    assert torch.equal(kept(tmp_path / "scenes.safetensors").thing, three.thing)

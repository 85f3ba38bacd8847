"""Captions say family, colour and action; held-out phrasings share no sentence and no deed with those of training."""

import re

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from smcrep.data.store import Store
from smcrep.geometry.action import KINDS
from smcrep.vla.captions import DEEDS, HELD_OUT_DEEDS, HELD_OUT_SENTENCES, SENTENCES, Words, caption, paraphrases
from smcrep.vla.described import captions, colour_names, described, plain, surface_colour
from smcrep.worlds.generate import ProceduralObjects, Simulation, generate
from tests.extraction.extractions import small_store
from tests.worlds.scenes import box

MUG = Words("mug", "red", "clay")


def test_a_caption_says_what_is_known_and_nothing_else() -> None:
    assert paraphrases(MUG, "push")[0] == "push the red clay mug"
    assert paraphrases(Words("mug"), "push")[0] == "push the mug"
    assert all("red clay mug" in text for kind in KINDS for text in paraphrases(MUG, kind))


def test_every_kind_has_phrasings_of_its_own() -> None:
    texts = [t for kind in KINDS for held_out in (False, True) for t in paraphrases(MUG, kind, held_out=held_out)]
    assert len(set(texts)) == len(texts)
    assert all(len(paraphrases(MUG, kind)) >= 12 for kind in KINDS)


def test_what_is_held_out_is_in_no_caption_of_training() -> None:
    assert not set(SENTENCES) & set(HELD_OUT_SENTENCES)
    for kind in KINDS:
        assert not set(DEEDS[kind]) & set(HELD_OUT_DEEDS[kind])
        assert not set(paraphrases(MUG, kind)) & set(paraphrases(MUG, kind, held_out=True))


def test_held_out_deeds_have_words_that_no_caption_of_training_has() -> None:
    """Without one, a deed is new by its order of words alone; these were chosen before more were trained on."""
    said = {word for kind in KINDS for deed in DEEDS[kind] for word in re.findall(r"\w+", deed)}
    new = {
        "hold": ("avoid", "moving", "stay"), "turn": ("spin", "give", "rotation"), "push": ("nudge", "give"),
        "lift_and_drop": ("release", "hoist", "go"), "look": ("inspect", "new", "viewpoint", "see", "angle"),
    }  # fmt: skip
    for kind in KINDS:
        assert not said & set(new[kind])
        assert all(set(new[kind]) & set(deed.split()) for deed in HELD_OUT_DEEDS[kind])


def test_captions_are_drawn_by_the_generator() -> None:
    rng = np.random.default_rng
    assert caption(MUG, "turn", rng(0)) == caption(MUG, "turn", rng(0))
    generator = rng(0)
    assert len({caption(MUG, "turn", generator) for _ in range(2000)}) == len(paraphrases(MUG, "turn"))
    with pytest.raises(ValueError, match="no action 'sing'"):
        caption(MUG, "sing", rng(0))


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((255, 0, 0), "red"), ((220, 40, 110), "pink"), ((220, 20, 30), "red"), ((240, 140, 20), "orange"),
        ((110, 70, 30), "brown"), ((230, 220, 40), "yellow"), ((30, 160, 60), "green"), ((20, 170, 180), "cyan"),
        ((30, 60, 200), "blue"), ((130, 30, 180), "purple"), ((240, 240, 240), "white"), ((128, 128, 130), "grey"),
        ((10, 10, 12), "black"),
    ],
)  # fmt: skip
def test_colours_have_their_names(rgb: tuple[int, int, int], name: str) -> None:
    assert str(colour_names(np.array(rgb, np.uint8))) == name


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("deep orange", "orange"), ("rust brown", "brown"), ("golden yellow", "yellow"), ("booger green", "green"),
        ("nice blue", "blue"), ("purpley", "purple"), ("lipstick red", "red"),
    ],
)  # fmt: skip
def test_colours_near_the_next_have_the_names_that_people_gave_them(said: str, name: str) -> None:
    """In the survey of colours by xkcd.com; each is less than a degree of hue from the colour before."""
    assert str(colour_names(np.round(255 * np.array(to_rgb(f"xkcd:{said}"))).astype(np.uint8))) == name


def test_hues_are_those_of_another_library() -> None:
    import colorsys

    rgb = np.random.default_rng(0).integers(0, 256, (300, 3), dtype=np.uint8)
    for colour, name in zip(rgb, colour_names(rgb), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(colour / 255))
        if saturation > 0.26 and value > 0.21:
            bounds = {"green": (70, 165), "blue": (200, 260), "yellow": (45, 70)}
            low, high = bounds.get(str(name), (0, 361))
            assert low - 1e-6 <= 360 * hue <= high + 1e-6
            assert str(name) not in ("grey", "white", "black")


def test_a_surface_has_the_colour_of_most_of_its_area() -> None:
    blue = box(0.1, 0.1, 0.1, (20, 40, 220))
    assert surface_colour(blue.vertices, blue.faces, blue.uv, blue.texture) == "blue"
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 0, 0], [0, 9, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 1, 2], [0, 3, 4]])  # two small, one large
    texture = np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8)
    uv = np.full((3, 3, 2), 0.25)
    uv[2, :, 0] = 0.75
    assert surface_colour(vertices, faces, uv, texture) == "green"
    flipped = np.array([[[255, 0, 0]], [[0, 255, 0]]], np.uint8)  # row 0 is at the top, v = 0 at the bottom
    assert surface_colour(vertices, faces, np.full((3, 3, 2), 0.25), flipped) == "green"


def test_names_of_files_are_said_plainly() -> None:
    assert plain("003_cracker_box") == "cracker box"
    assert plain("mug") == "mug"
    assert plain("077") == "077"


def test_a_store_of_the_world_tells_its_colours(tmp_path) -> None:
    simulation = Simulation(
        ProceduralObjects(4, families=("mug", "brick")), states_per_object=1, image_size=8, num_points=8
    )  # fmt: skip
    store = Store(generate(simulation, tmp_path / "store", progress=False))
    words = described(store)
    assert [words[i].family for i in range(4)] == ["mug", "brick", "mug", "brick"]
    assert all(w.colour for w in words.values())
    texts, meaning = captions(store, np.arange(4), words, np.random.default_rng(0), held_out=True)
    kinds = store.transitions(np.arange(4)).action.kind
    for row in range(4):
        for branch, text in enumerate(texts[row]):
            assert text in paraphrases(words[row], KINDS[int(kinds[row, branch])], held_out=True)
    flat = [(words[row].phrase, int(kind)) for row in range(4) for kind in kinds[row]]
    numbers = meaning.flatten()
    same = torch.tensor([[a == b for b in flat] for a in flat])
    assert torch.equal(numbers[:, None] == numbers, same)


def test_a_store_of_others_tells_families_alone(tmp_path) -> None:
    assert described(Store(small_store(tmp_path))) == {0: Words("mug"), 1: Words("can")}

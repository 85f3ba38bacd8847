"""Pointing: connected patches are things, crops are squares about them, and the best crop is what is named."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from smcrep.hub import build_model
from smcrep.models.config import ModelConfig
from smcrep.vla.alignment import Aligner
from smcrep.vla.mask_head import MaskHead
from smcrep.vla.picture_maps import PictureMaps
from smcrep.vla.pointing import (
    ANYTHING,
    CROP_SIZE,
    TEXT,
    VISION,
    aligned_chooser,
    crop,
    mask_finder,
    patches,
    point,
)  # fmt: skip

SIDE = 64
COLOURS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250)}
PLACES = {"red": (slice(4, 20), slice(6, 22)), "green": (slice(40, 60), slice(2, 12)), "blue": (30, slice(30, 60))}


def planted() -> np.ndarray:
    """Squares of three colours on grey."""
    picture = np.full((SIDE, SIDE, 3), 90, np.uint8)
    for name, place in PLACES.items():
        picture[place] = COLOURS[name]
    return picture


def find(picture: np.ndarray, phrase: str) -> torch.Tensor:
    assert phrase == ANYTHING
    return torch.from_numpy((picture.max(-1) > 200) * 0.8)


def choose(picture: np.ndarray, texts: Sequence[str]) -> torch.Tensor:
    """How much of a crop has the colour."""
    return torch.tensor([(picture[..., list(COLOURS).index(text)] > 200).mean() for text in texts])


def test_what_is_named_is_pointed_at() -> None:
    names = ["blue", "red", "green"]
    pointed = point(planted(), names, choose, find)
    assert len(pointed.regions) == 3
    for i, name in enumerate(names):
        wanted = np.zeros((SIDE, SIDE), bool)
        wanted[PLACES[name]] = True
        assert np.array_equal(pointed.region(i), wanted)


def test_nothing_is_pointed_at_where_nothing_is_found() -> None:
    pointed = point(planted(), ["red"], choose, find, threshold=0.9)
    assert pointed.region(0) is None
    assert pointed.scores.shape == (0, 1)


def test_patches_are_connected_by_sides_and_of_some_size() -> None:
    found = np.zeros((SIDE, SIDE), bool)
    found[0, :3] = found[1, 3:6] = found[10:12, 10:12] = True  # one pixel of 4,096 is enough
    found[11, 13] = True
    assert sorted(patches(found).sum((1, 2)).tolist()) == [1, 3, 3, 4]
    large = found.repeat(4, 0).repeat(4, 1)
    large[200, 200] = True  # of 65,536 it takes 16
    assert sorted(patches(large).sum((1, 2)).tolist()) == [16, 48, 48, 64]
    assert patches(np.zeros((4, 4), bool)).shape == (0, 4, 4)


def test_crop_is_the_square_about_a_region() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (200, 220, 3), dtype=np.uint8)
    region = np.zeros((200, 220), bool)
    region[30 : 30 + CROP_SIZE, 100:110] = True
    assert np.array_equal(
        crop(picture, region, 0.0), picture[30 : 30 + CROP_SIZE, 105 - CROP_SIZE // 2 : 105 + CROP_SIZE // 2]
    )
    region[:] = False
    region[60:124, 70:134] = True
    assert np.array_equal(crop(picture, region, 0.5), picture[28:156, 38:166])


def test_crop_at_the_rim_repeats_it() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 0], picture[:, 63] = (0, 200, 0), (0, 0, 200)
    region = np.zeros((64, 64), bool)
    region[:, 40:64] = True
    found = crop(picture, region, 0.0)
    assert found.shape == (CROP_SIZE, CROP_SIZE, 3)
    assert found[:, -8:, 2].min() > 150
    assert found[:, :8].max() == 0


@pytest.fixture(scope="module")
def own() -> tuple:
    torch.manual_seed(0)
    config = ModelConfig(
        senses={"rgb": {"size": 16}, "points": None}, trunk_dim=16, invariant_dim=8, num_vectors=1, num_tensors=1
    )
    model = build_model(config).eval()
    maps = PictureMaps(model, "rgb")
    head = MaskHead(maps.num_channels, 3, dim=8).eval()
    return model, maps, head, Aligner({VISION: config.embed_dim, TEXT: 3}, 8).eval()


def letters(texts: Sequence[str]) -> torch.Tensor:
    return torch.tensor([[float(text.count(c)) for c in "abe"] for text in texts])


def test_own_chooser_is_the_cosine_in_the_space_of_the_aligner(own: tuple) -> None:
    model, _, _, aligner = own
    picture, texts = planted()[:20, :22], ["a bee", "a", "beb"]
    z = F.normalize(model.embed(rgb=picture[None]).senses["rgb"], dim=-1)
    placed = aligner({VISION: z, TEXT: letters(texts)})
    scale = aligner.log_scale.exp().item()
    wanted = [scale * F.cosine_similarity(placed[VISION][0], t, dim=0).item() for t in placed[TEXT]]
    assert aligned_chooser(model, "rgb", aligner, letters)(picture, texts).tolist() == pytest.approx(wanted, rel=1e-4)


def test_own_finder_is_the_probability_of_the_head_at_the_size_of_the_picture(own: tuple) -> None:
    _, maps, head, _ = own
    picture = planted()
    found = mask_finder(maps, head, letters)(picture, "a bee")
    logits = head(maps(torch.from_numpy(picture)[None]), letters(["a bee"])[None])[0, 0]
    assert found.shape == (SIDE, SIDE)
    factor = SIDE // logits.shape[-1]
    middle = found[factor // 2 - 1 :: factor, factor // 2 - 1 :: factor]
    assert (middle - logits.sigmoid()).abs().max() < 0.5 * logits.sigmoid().std() + 0.05
    assert found.min() >= logits.sigmoid().min() - 1e-6
    assert found.max() <= logits.sigmoid().max() + 1e-6


def test_whole_path_runs_on_own_heads(own: tuple) -> None:
    model, maps, head, aligner = own
    finder = mask_finder(maps, head, letters)
    middle = float(finder(planted(), ANYTHING).median())
    pointed = point(planted(), ["a", "bee"], aligned_chooser(model, "rgb", aligner, letters), finder, threshold=middle)
    assert len(pointed.regions) == len(pointed.scores) > 0
    region = pointed.region(1)
    assert region is not None
    assert np.array_equal(region, pointed.regions[int(pointed.scores[:, 1].argmax())])

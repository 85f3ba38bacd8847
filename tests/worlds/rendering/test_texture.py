"""Charts, their levels and patches, on textures whose layout is planted."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from smcrep.worlds.rendering.charts import charts
from smcrep.worlds.rendering.patches import patch_means
from smcrep.worlds.rendering.sensors import View, render
from smcrep.worlds.rendering.texture import prepare
from tests.worlds.scenes import camera, model, pose, quad, scenery

RNG = np.random.default_rng(0)


def test_faces_that_touch_in_space_and_in_the_texture_are_of_one_chart() -> None:
    faces = np.array([[0, 1, 2], [0, 2, 3], [3, 2, 4], [5, 6, 7]], np.int32)
    uv = RNG.random((8, 2)).astype(np.float32)[faces]
    none = np.zeros(4, np.float32)
    np.testing.assert_array_equal(charts(faces, uv, none), [0, 0, 0, 1])
    uv[2] += 1  # a seam: the same vertices, other coordinates
    np.testing.assert_array_equal(charts(faces, uv, none), [0, 0, 1, 2])


def test_large_faces_that_show_the_same_texels_are_halved_once() -> None:
    faces = np.arange(12, dtype=np.int32).reshape(4, 3)
    uv = np.repeat(RNG.random((2, 3, 2)), 2, 0).astype(np.float32)
    assert len(set(charts(faces, uv, np.full(4, 1e4)))) == 2
    assert len(set(charts(faces, uv, np.full(4, 1.0)))) == 4


def two_halves(gap: int) -> np.ndarray:
    """uint8 [128, 128, 3]: red left and blue right of columns of green, ``gap`` of them, which no face shows."""
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[:, : 64 - gap // 2], picture[:, 64 + gap // 2 :] = (255, 0, 0), (0, 0, 255)
    picture[:, 64 - gap // 2 : 64 + gap // 2] = (0, 255, 0)
    return picture


@pytest.mark.parametrize("gap", [0, 2, 6])
@pytest.mark.parametrize("distance", [0.8, 2.0, 5.0, 12.0])
def test_charts_beside_each_other_in_the_texture_never_mix(gap: int, distance: float) -> None:
    """Two squares a way apart, red and blue, whose charts share a border (or a green gutter) in the texture."""
    square, edge = quad(0.2), (64 - gap // 2) / 128
    vertices = np.concatenate([square.vertices - np.array([0, 0.25, 0]), square.vertices + np.array([0, 0.25, 0])])
    inset = 0.5 / 128 if gap == 0 else 0.0  # without a gutter, as packers do: to the middle of the last texel
    left, right = (square.uv * [edge - inset, 1] + [start, 0] for start in (0.0, 1 - edge + inset))
    both = model(vertices, np.concatenate([square.faces, square.faces + 4]), np.concatenate([left, right]))
    both = replace(both, texture=two_halves(gap), painted=np.zeros(128, np.bool_))
    frames = render([View((both,), pose()[None], camera((distance, 0, 0), size=64), scenery(), table=False)])
    shown = np.unique(frames.rgb[frames.segmentation == 2], axis=0)
    assert shown.tolist() == [[0, 0, 255], [255, 0, 0]]


def test_gutters_do_not_show_between_texels() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[2:6, 2:6] = 200
    inner = quad(0.2, picture)
    inner = replace(inner, uv=(inner.uv * 4 + 2) / 8)
    view = View((inner,), pose()[None], camera((0.7, 0, 0), size=64), scenery(), table=False)
    for painted in (None, np.zeros(8, np.bool_)):
        frames = render([replace(view, objects=(replace(inner, painted=painted),))])
        assert frames.rgb[frames.segmentation == 2].min() == 200


def test_thin_charts_keep_their_first_level() -> None:
    image = RNG.integers(0, 256, (256, 256, 3)).astype(np.uint8)
    thing = quad(0.5, image)
    texture = prepare(thing)
    assert texture.bounds[0].tolist() == [0, 0, 255, 255, 7, -1]
    np.testing.assert_array_equal(np.diff(texture.level_start), [128**2, 64**2, 32**2, 16**2, 8**2, 4**2])
    line = replace(thing, uv=thing.uv * np.array([1, 1 / 256], np.float32))
    assert prepare(line).bounds[0, 4] == 0


def test_patches_are_means_by_area_over_twice_as_wide_cells() -> None:
    n = 33
    x, y = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    vertices = np.stack([x, y, 0 * x], -1).reshape(-1, 3).astype(np.float32)
    at = np.arange(n * n).reshape(n, n)
    a, b, c, d = at[:-1, :-1].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel(), at[:-1, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    colours = RNG.random((len(faces), 3))
    levels, cell = patch_means(vertices, faces, colours)
    assert cell == pytest.approx(0.5**0.5)
    np.testing.assert_array_equal(levels[0], colours)
    assert len(levels) >= 5
    for level in levels:
        np.testing.assert_allclose(level.mean(0), colours.mean(0), atol=1e-9)  # every face is equally large
    spread = [level.std() for level in levels[1:]]
    for finer, coarser in pairwise(spread):
        assert coarser < 0.75 * finer  # four times as many faces: half the deviation
    flipped, _ = patch_means(
        vertices, np.concatenate([faces, faces[:, ::-1]]), np.repeat([[1.0] * 3, [0.0] * 3], 2048, 0)
    )
    assert set(np.unique(flipped[-1])) == {0.0, 1.0}  # the two sides of a sheet are apart

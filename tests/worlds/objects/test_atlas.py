import numpy as np
import pytest

from smcrep.worlds.objects.atlas import TEXTURE_SIZE, assemble, face_areas
from smcrep.worlds.objects.shapes import box, cylinder


def texels(thing, faces):
    """The set of texels under the corners of some faces."""
    u, v = thing.uv[faces].reshape(-1, 2).T
    return set(((1 - v) * TEXTURE_SIZE).astype(int) * TEXTURE_SIZE + (u * TEXTURE_SIZE).astype(int))


@pytest.mark.parametrize("num_materials", range(1, 10))
def test_materials_tile_the_texture_and_do_not_overlap(num_materials):
    parts = [box(1, 1, 1, 2).move(2 * k, 0, 0).paint(10 * k) for k in range(num_materials)]
    thing = assemble("a-0", "a", parts, 0.2, np.random.default_rng(0))
    assert (thing.texture.std(-1) + thing.texture.mean(-1) > 0).mean() > 0.95  # nothing left unpainted
    part = np.arange(len(thing.faces)) // 48
    seen = [texels(thing, part == k) for k in range(num_materials)]
    assert sum(map(len, seen)) == len(set.union(*seen))


@pytest.mark.parametrize("num_materials", range(1, 10))
def test_each_material_shows_only_its_own_surface(num_materials, monkeypatch):
    paints = iter(range(num_materials))
    one_colour = lambda rng, height, width, theme: np.full((height, width, 3), next(paints), np.uint8)
    monkeypatch.setattr("smcrep.worlds.objects.atlas.surface", one_colour)
    parts = [box(1, 1, 1, 2).move(2 * k, 0, 0).paint(k) for k in range(num_materials)]
    thing = assemble("a-0", "a", parts, 0.2, np.random.default_rng(0))
    u, v = (thing.uv.reshape(-1, 2) * TEXTURE_SIZE).T
    shown = thing.texture[(TEXTURE_SIZE - v).astype(int), u.astype(int), 0].reshape(num_materials, -1)
    np.testing.assert_array_equal(shown, np.broadcast_to(np.arange(num_materials)[:, None], shown.shape))


def test_parts_of_one_material_share_its_texels():
    parts = [box(1, 1, 1, 2), box(1, 1, 1, 2).move(2, 0, 0), box(1, 1, 1, 2).move(4, 0, 0).paint(1)]
    thing = assemble("a-0", "a", parts, 0.2, np.random.default_rng(0))
    first, second, third = (texels(thing, slice(48 * k, 48 * k + 48)) for k in range(3))
    assert first == second
    assert not first & third


def test_object_has_the_given_size_and_is_centred():
    thing = assemble("a-0", "a", [cylinder(1, 5).move(7, 8, 9)], 0.25, np.random.default_rng(0))
    np.testing.assert_allclose(thing.half_extents, [0.05, 0.05, 0.125], rtol=1e-6)
    np.testing.assert_allclose(thing.vertices.min(0) + thing.vertices.max(0), 0, atol=1e-8)


def test_face_areas_of_a_right_triangle():
    vertices = np.array([[0, 0, 0], [3, 0, 0], [0, 0, 4]])
    assert face_areas(vertices, np.array([[0, 1, 2], [0, 1, 1]])).tolist() == [6, 0]

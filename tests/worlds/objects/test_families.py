import numpy as np
import pytest
import trimesh
from scipy.spatial import KDTree

from smcrep.worlds.objects.families import FAMILIES, MAX_PER_SET, procedural, procedural_set
from smcrep.worlds.objects.families_tools import screw
from smcrep.worlds.objects.model import MAX_HULL_POINTS

ARRAYS = ("vertices", "faces", "uv", "texture")


def face_colours(thing):
    """float [f, 3]: the colour in the middle of each face."""
    u, v = thing.uv.mean(1).T
    height, width = thing.texture.shape[:2]
    return thing.texture[((1 - v) * height).astype(int), (u * width).astype(int)].astype(float)


def test_all_documented_families_exist():
    promised = "mug bottle bowl box can hammer lamp chair spatula ring screw brick composite table plate pan key"
    assert len(FAMILIES) >= 18
    assert set(promised.split()) <= set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_same_seed_gives_the_same_bits_without_the_global_generator(family):
    state = str(np.random.get_state())  # noqa: NPY002
    one, two, other = procedural(family, 7), procedural(family, 7), procedural(family, 8)
    assert (one.name, one.family) == (f"{family}-7", family)
    assert all(getattr(one, key).tobytes() == getattr(two, key).tobytes() for key in ARRAYS)
    assert one.vertices.tobytes() != other.vertices.tobytes()
    assert np.abs(one.texture.astype(int) - other.texture).mean() > 5
    assert str(np.random.get_state()) == state  # noqa: NPY002


@pytest.mark.parametrize("family", FAMILIES)
def test_instances_have_valid_geometry_and_size(family):
    for seed in range(4):
        thing = procedural(family, seed)
        assert 500 <= len(thing.faces) <= 5000
        assert np.isfinite(thing.vertices).all()
        low, high = FAMILIES[family].smallest_m, FAMILIES[family].largest_m
        assert 0.04 <= low < high <= 0.3
        assert low * 0.999 <= 2 * thing.half_extents.max() <= high * 1.001
        np.testing.assert_allclose(thing.vertices.min(0) + thing.vertices.max(0), 0, atol=1e-6)
        assert thing.uv.min() > 0
        assert thing.uv.max() < 1
        assert thing.texture.shape == (128, 128, 3)
        assert trimesh.Trimesh(thing.vertices, thing.faces, process=False).area_faces.min() > 0
        assert set(np.unique(thing.faces)) == set(range(len(thing.vertices)))
        assert 4 <= len(thing.hull) <= MAX_HULL_POINTS


@pytest.mark.parametrize("family", FAMILIES)
def test_every_part_is_closed_and_faces_outward(family):
    for seed in range(5):
        for part in FAMILIES[family].make(np.random.default_rng(seed)):
            mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
            assert mesh.is_watertight
            assert mesh.volume > 0
            assert part.uv.min() >= 0
            assert part.uv.max() <= 1


@pytest.mark.parametrize("family", FAMILIES)
def test_half_a_turn_is_visible(family):
    """The colour of the surface, or the surface itself, is elsewhere after half a turn about the vertical."""
    seen = []
    for seed in range(8):
        thing = procedural(family, seed)
        middles, colours = thing.vertices[thing.faces].mean(1), face_colours(thing)
        distance, nearest = KDTree(middles).query(middles * [-1, -1, 1])
        moved = distance.mean() > 0.03 * thing.diameter
        seen.append(moved or np.abs(colours - colours[nearest]).mean() > 8)
    assert np.mean(seen) >= 0.75


@pytest.mark.parametrize("family", FAMILIES)
def test_objects_have_several_colours(family):
    spread = [face_colours(procedural(family, seed)).std(0).mean() for seed in range(8)]
    assert np.median(spread) > 15


def test_composites_differ_more_among_themselves_than_mugs_do():
    def variety(family):
        sides = np.array([np.sort(procedural(family, s).half_extents) for s in range(40)])
        return (sides[:, :2] / sides[:, 2:]).std(0).sum()

    assert variety("composite") > 1.5 * variety("mug")


def test_sets_cycle_through_families_and_share_no_object():
    first, second = procedural_set(8, 0, ["mug", "can", "key"]), procedural_set(8, 1, ["mug", "can", "key"])
    assert [thing.family for thing in first] == ["mug", "can", "key", "mug", "can", "key", "mug", "can"]
    names = [thing.name for thing in first + second]
    assert len(set(names)) == 16
    assert len({thing.vertices.tobytes() for thing in first + second}) == 16
    assert [thing.name for thing in procedural_set(3, 1, ["mug", "can", "key"])] == names[8:11]


def test_a_set_uses_every_family():
    assert {thing.family for thing in procedural_set(len(FAMILIES), 3)} == set(FAMILIES)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: procedural("mugg", 0), "no family 'mugg'; choose from .*mug"),
        (lambda: procedural("mug", -1), "seed is -1; give a whole number"),
        (lambda: procedural_set(0, 0), "num is 0; ask for 1 to"),
        (lambda: procedural_set(MAX_PER_SET + 1, 0), "more under another seed"),
        (lambda: procedural_set(2, 0, []), "families is empty"),
        (lambda: procedural_set(2, 0, ["mug", "cat"]), "no family 'cat'"),
    ],
)
def test_invalid_arguments_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_shaft_of_a_screw_is_longer_than_wide_and_begins_where_its_point_ends() -> None:
    for seed in range(5):
        shaft = screw(np.random.default_rng(seed))[0].vertices
        wide, deep, length = np.ptp(shaft, axis=0)
        assert length > 1.4 > 0.9 > max(wide, deep)
        assert shaft[:, 2].min() == pytest.approx(0, abs=1e-6)

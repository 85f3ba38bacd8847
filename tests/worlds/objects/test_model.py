import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull, KDTree

from smcrep.geometry.physics import Physics
from smcrep.worlds.objects.families import procedural
from smcrep.worlds.objects.model import MAX_HULL_POINTS, ObjectModel


def model(**changes):
    fields = {
        "name": "thing-1",
        "family": "thing",
        "faces": np.zeros((2, 3), np.int32),
        "uv": np.zeros((2, 3, 2), np.float32),
        "texture": np.zeros((4, 4, 3), np.uint8),
    }
    return ObjectModel(**{**fields, **changes})


CUBOID = np.array([[x, y, z] for x in (-1, 1) for y in (-2, 2) for z in (-3, 3)], np.float32)


def test_half_extents_and_diameter_of_a_cuboid():
    cuboid = model(vertices=CUBOID)
    assert cuboid.half_extents.tolist() == [1, 2, 3]
    assert cuboid.diameter == pytest.approx(2 * 14**0.5)
    assert cuboid.physics == Physics()


def test_hull_of_a_cuboid_is_its_corners_and_leaves_inner_points_out():
    inner = np.random.default_rng(0).uniform(-0.9, 0.9, (500, 3))
    hull = model(vertices=np.concatenate([inner, CUBOID]).astype(np.float32)).hull
    assert hull.dtype == np.float32
    assert sorted(map(tuple, hull.tolist())) == sorted(map(tuple, CUBOID.tolist()))


@pytest.mark.parametrize("squash", [[1, 1, 1], [1, 1, 0.1], [3, 1, 0.3]])
def test_hull_of_a_round_body_is_small_and_nearly_the_body(squash):
    points = np.random.default_rng(0).normal(size=(5000, 3))
    points = points / np.linalg.norm(points, axis=1, keepdims=True) * squash
    round_body = model(vertices=points.astype(np.float32))
    assert 30 <= len(round_body.hull) <= MAX_HULL_POINTS
    assert ConvexHull(round_body.hull).volume > 0.8 * 4 / 3 * np.pi * np.prod(squash)
    np.testing.assert_array_equal(np.ptp(round_body.hull, axis=0), np.ptp(round_body.vertices, axis=0))


def test_flat_mesh_has_a_hull_with_volume():
    square = np.array([[-1, -1, 0.0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    tilt = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    flat = model(vertices=(square @ tilt.T).astype(np.float32))
    assert ConvexHull(flat.hull).volume == pytest.approx(4 * 1e-3 * flat.diameter, rel=1e-3)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("vertices", np.zeros((3, 3)), r"vertices is float64 \[3, 3\]; give a filled float32 \[3, 3\]"),
        ("faces", np.zeros((0, 3), np.int32), r"faces is int32 \[0, 3\]"),
        ("uv", np.zeros((2, 2), np.float32), r"uv is float32 \[2, 2\]; give a filled float32 \[2, 3, 2\]"),
        ("texture", np.zeros((4, 4, 4), np.uint8), r"'thing-1': texture is uint8 \[4, 4, 4\]"),
    ],
)
def test_invalid_arrays_are_refused(field, value, words):
    with pytest.raises(ValueError, match=words):
        model(**{"vertices": CUBOID, field: value})


def test_points_of_the_surface_lie_on_it_and_are_spread_evenly() -> None:
    object = procedural("mug", 3)
    points = object.surface(200)
    assert points.shape == (200, 3)
    mesh = trimesh.Trimesh(object.vertices, object.faces, process=False)
    everywhere = trimesh.sample.sample_surface(mesh, 100_000, seed=2)[0]
    assert KDTree(everywhere).query(points)[0].max() < 0.01 * object.diameter
    apart, at_random = (
        KDTree(p).query(p, k=2)[0][:, 1] for p in (points, trimesh.sample.sample_surface(mesh, 200, seed=1)[0])
    )
    assert apart.min() > 0.5 * apart.max()
    assert apart.min() > 3 * at_random.min()
    assert np.array_equal(points, object.surface(200))

"""Shapes whose symmetries are known; ADD-S against its definition in loops."""

import numpy as np
import pytest
import trimesh

from smcrep.geometry.rotations import uniform_rotations
from smcrep.probes.symmetry import add_s, largest_distance, rotational_symmetry, sampling_floor


def even(mesh: trimesh.Trimesh, seed: int = 0) -> np.ndarray:
    return np.asarray(trimesh.sample.sample_surface_even(mesh, 800, seed=seed)[0])


def box(*extents: float) -> trimesh.Trimesh:
    return trimesh.creation.box(extents=extents)


def hook() -> trimesh.Trimesh:
    """Three bars of different lengths along three axes: no turn maps it to itself."""
    bars = [box(1.0, 0.12, 0.12), box(0.12, 0.7, 0.12), box(0.12, 0.12, 0.4)]
    for i, bar in enumerate(bars):
        bar.apply_translation(np.eye(3)[i] * bar.extents[i] / 2)
    return trimesh.util.concatenate(bars)


@pytest.mark.parametrize(
    ("mesh", "turn_deg"),
    [(box(1, 1, 1), None), (box(1, 0.6, 0.3), 180.0), (trimesh.creation.cylinder(0.3, 1.0), None)],
    ids=["cube", "box", "cylinder"],
)
def test_symmetry_of_symmetric_shapes_is_found(mesh: trimesh.Trimesh, turn_deg: float | None) -> None:
    found = rotational_symmetry(even(mesh))
    assert found.add_s < 0.03
    assert found.angle_deg >= 30
    if turn_deg:
        assert found.angle_deg == pytest.approx(turn_deg, abs=4)


def test_asymmetric_shape_has_no_symmetry() -> None:
    points = even(hook())
    assert rotational_symmetry(points).add_s > 0.035
    assert rotational_symmetry(points, min_angle_deg=5).add_s < rotational_symmetry(points).add_s


def test_add_s_is_invariant_to_pose_and_size() -> None:
    points, rotation = even(hook()), uniform_rotations(1, np.random.default_rng(1))[0]
    moved = 40 * points @ rotation.T + 7
    assert rotational_symmetry(moved).add_s == pytest.approx(rotational_symmetry(points).add_s, abs=0.006)


@pytest.mark.parametrize("points", [np.zeros((9, 3)), np.ones((3, 3)), np.full((9, 3), np.nan), np.ones((9, 2))])
def test_invalid_points_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="rotational_symmetry: "):
        rotational_symmetry(points)


def test_add_s_equals_its_definition() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(20, 3)) + 3
    predicted, true = uniform_rotations(4, rng), uniform_rotations(4, rng)
    centred = points - points.mean(0)
    expected = [
        np.mean([min(np.linalg.norm(r @ x - p @ y) for y in centred) for x in centred])
        for p, r in zip(predicted, true, strict=True)
    ]
    diameter = max(np.linalg.norm(x - y) for x in points for y in points)
    assert largest_distance(points) == pytest.approx(diameter)
    assert add_s(points, predicted, true) == pytest.approx(np.array(expected) / diameter)


def test_add_s_ignores_rotations_by_a_symmetry() -> None:
    quarter = np.array([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]])
    assert add_s(even(box(1, 1, 1)), quarter, np.eye(3)[None])[0] < 0.03
    assert add_s(even(hook()), quarter, np.eye(3)[None])[0] > 0.08


def test_symmetric_shapes_reach_the_sampling_floor_and_others_do_not() -> None:
    bar = box(1.0, 0.05, 0.05)
    bent = trimesh.util.concatenate([bar, box(0.05, 0.3, 0.05).apply_translation([0.5, 0.15, 0])])
    for mesh, symmetric in ((bar, True), (box(1, 1, 1), True), (bent, False), (hook(), False)):
        ratio = rotational_symmetry(even(mesh)).add_s / sampling_floor(even(mesh), even(mesh, 1))
        assert (ratio < 1.25) == symmetric

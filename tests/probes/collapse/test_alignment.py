"""Alignment, uniformity and gap on vectors whose distances are known."""

import numpy as np
import pytest

from smcrep.probes.collapse.alignment import alignment, modality_gap, uniformity

X, Y = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])


def test_alignment_is_0_for_equal_2_for_orthogonal_and_4_for_opposite_directions() -> None:
    assert alignment(np.stack([X, X, X]), np.stack([3 * X, Y, -X])) == pytest.approx([0, 2, 4])


def test_uniformity_of_a_constant_is_0_and_of_an_orthonormal_set_minus_2t() -> None:
    assert uniformity(np.stack([X, 2 * X, 5 * X])) == pytest.approx(0)
    assert uniformity(np.eye(5)) == pytest.approx(-4)
    assert uniformity(np.eye(5), t=3) == pytest.approx(-6)
    assert uniformity(np.stack([X, Y, -X])) == pytest.approx(np.log((2 * np.exp(-4) + np.exp(-8)) / 3))


def test_gap_is_the_distance_of_means_of_unit_vectors() -> None:
    za, zb = np.stack([2 * X, 5 * Y]), np.stack([-X, -Y])
    assert modality_gap(za, zb) == pytest.approx(np.sqrt(2))
    assert modality_gap(za, za[::-1]) == pytest.approx(0)


def test_gap_of_unrelated_rows_is_sqrt_of_2_over_n() -> None:
    rng = np.random.default_rng(0)
    gaps = [modality_gap(rng.normal(size=(50, 64)), rng.normal(size=(50, 64))) for _ in range(20)]
    assert np.mean(gaps) == pytest.approx(np.sqrt(2 / 50), rel=0.05)


def test_unpaired_embeddings_are_refused() -> None:
    with pytest.raises(ValueError, match="give pairs"):
        alignment(np.zeros((3, 2)), np.zeros((4, 2)))

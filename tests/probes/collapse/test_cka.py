"""CKA of equal and unrelated embeddings, and the estimate against its expectation by sums over distinct rows."""

from itertools import permutations

import numpy as np
import pytest

from smcrep.probes.collapse.cka import cka, cka_biased, hsic

KINDS = [cka, cka_biased]


@pytest.mark.parametrize("kind", KINDS)
def test_equal_embeddings_read_1_whatever_their_mean_scale_and_axes(kind) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(40, 6))
    orthogonal = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert kind(z, z) == pytest.approx(1)
    assert kind(z, 3 * z @ orthogonal + 100) == pytest.approx(1)
    assert kind(z, np.ones((40, 3))) == 0


@pytest.mark.parametrize(("n", "biased"), [(64, 0.89), (256, 0.67)])
def test_unrelated_embeddings_read_0_where_the_biased_estimate_reads_the_number_of_rows(n: int, biased: float) -> None:
    rng = np.random.default_rng(0)
    za, zb = rng.normal(size=(2, n, 512))
    assert cka_biased(za, zb) == pytest.approx(biased, abs=0.02)
    assert abs(cka(za, zb)) < 0.03


def test_one_shared_direction_reads_its_share_of_the_variance() -> None:
    """Of 4 independent directions one is shared: |A'B|^2 / (|A'A| |B'B|) = 1 / (2 * 2)."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1500, 4))
    b[:, 0] = a[:, 0]
    assert cka(a, b) == pytest.approx(0.25, abs=0.03)
    assert cka_biased(a, b) == pytest.approx(0.25, abs=0.03)


def test_hsic_is_the_mean_over_distinct_rows() -> None:
    """Its definition as a U-statistic: E[a12 b12] + E[a12 b34] - 2 E[a12 b13]."""
    rng = np.random.default_rng(0)
    a, b = (x + x.T for x in rng.normal(size=(2, 6, 6)))
    a, b = a - np.diag(np.diag(a)), b - np.diag(np.diag(b))
    terms = [a[i, j] * (b[i, j] + b[k, m] - 2 * b[i, k]) for i, j, k, m in permutations(range(6), 4)]
    assert hsic(a, b) == pytest.approx(np.mean(terms))


def test_biased_cka_equals_its_definition_by_centred_grams() -> None:
    rng = np.random.default_rng(2)
    za, zb = rng.normal(size=(9, 3)), rng.normal(size=(9, 5))
    centre = np.eye(9) - 1 / 9
    a, b = centre @ za @ za.T @ centre, centre @ zb @ zb.T @ centre
    assert cka_biased(za, zb) == pytest.approx((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


@pytest.mark.parametrize("kind", KINDS)
def test_different_numbers_of_rows_are_refused(kind) -> None:
    with pytest.raises(ValueError, match="4 and 5 rows; give embeddings of the same things"):
        kind(np.zeros((4, 2)), np.zeros((5, 2)))

"""alpha-ReQ reads planted exponents."""

import numpy as np
import pytest

from smcrep.probes.collapse.alpha_req import alpha_req


def planted(eigenvalues: np.ndarray, seed: int = 0) -> np.ndarray:
    """Embeddings whose covariance has exactly these eigenvalues, times one factor."""
    rng = np.random.default_rng(seed)
    d = len(eigenvalues)
    rows = rng.normal(size=(4 * d, d))
    orthogonal = np.linalg.qr(rows - rows.mean(0))[0]
    return orthogonal * np.sqrt(eigenvalues) @ np.linalg.qr(rng.normal(size=(d, d)))[0] + 5.0


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.0])
def test_planted_exponent_is_read_on_any_range(alpha: float) -> None:
    z = planted(np.arange(1.0, 33) ** -alpha)
    assert alpha_req(z, first=1, last=32) == pytest.approx(alpha, abs=1e-6)
    assert alpha_req(z, first=5, last=20) == pytest.approx(alpha, abs=1e-6)
    assert alpha_req(7 * z, first=5, last=20) == pytest.approx(alpha, abs=1e-6)


def test_the_range_is_counted_from_1_and_includes_both_ends() -> None:
    """Two eigenvalues make a line: the second and third are 8 and 5."""
    assert alpha_req(planted(np.array([100.0, 8, 5, 2, 1])), first=2, last=3) == pytest.approx(
        np.log(8 / 5) / np.log(3 / 2)
    )


def test_a_spectrum_that_ends_within_the_range_decays_infinitely_fast() -> None:
    z = planted(np.array([3.0, 2, 1, 0, 0]))
    assert alpha_req(z, first=1, last=4) == np.inf
    assert np.isfinite(alpha_req(z, first=1, last=3))


def test_ranges_outside_the_spectrum_are_refused() -> None:
    for first, last in ((0, 3), (3, 3), (1, 9)):
        with pytest.raises(ValueError, match="give 1 <= first < last"):
            alpha_req(planted(np.ones(8)), first=first, last=last)

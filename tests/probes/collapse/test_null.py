"""Isotropic embeddings of any number read 1 against the null, planted collapse reads its share; MONAI's table."""

import numpy as np
import pytest

from smcrep.probes.collapse.indicators import participation_ratio, rank_me
from smcrep.probes.collapse.null import against_isotropic, isotropic_null, isotropic_participation

D = 768
MONAI = {2: (0.5, 0.0), 4: (0.2503, 0.0004), 8: (0.1262, 0.0014), 64: (0.0261, 0.0106), 1024: (0.1234, 0.1234)}
"""N -> score of MONAI 1.6.1 and after its correction, for isotropic embeddings of 768 dimensions (its issue 8996)."""


@pytest.mark.parametrize("n", [2, 4, 8, 64, 1024])
def test_monais_table_is_reproduced_and_what_is_left_of_it_is_none_of_the_null(n: int) -> None:
    rng = np.random.default_rng(n)
    z = rng.standard_normal((n, D))
    released, repaired = MONAI[n]
    assert 1 - rank_me(z) / min(n, D) == pytest.approx(released, abs=0.002)
    assert 1 - rank_me(z) / min(n - 1, D) == pytest.approx(repaired, abs=0.002)
    found = against_isotropic(rank_me, z, rng=rng, num_draws=2 if n > 100 else 16)
    assert 1 - found.corrected == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("rank", [2, 4])
def test_collapse_shows_against_the_null_at_few_rows(rank: int) -> None:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((64, rank)) @ rng.standard_normal((rank, 32))
    assert against_isotropic(rank_me, z, rng=rng).corrected < 0.2


def test_corrected_is_the_value_over_the_mean_of_the_null() -> None:
    z = np.random.default_rng(1).standard_normal((6, 3)) * [3, 1, 1]
    null = isotropic_null(rank_me, 6, 3, rng=np.random.default_rng(2))
    found = against_isotropic(rank_me, z, rng=np.random.default_rng(2))
    assert found.value == rank_me(z)
    assert found.null_mean == pytest.approx(null.mean())
    assert found.null_std == pytest.approx(null.std(ddof=1))
    assert found.corrected == pytest.approx(rank_me(z) / null.mean())


@pytest.mark.parametrize(("n", "d", "within"), [(11, 8, 0.03), (33, 64, 0.01), (200, 20, 0.01)])
def test_simulation_and_closed_form_of_the_participation_ratio_agree(n: int, d: int, within: float) -> None:
    null = isotropic_null(participation_ratio, n, d, rng=np.random.default_rng(0), num_draws=200)
    assert isotropic_participation(n, d) == pytest.approx(null.mean(), rel=within)


def test_one_row_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 rows"):
        isotropic_null(rank_me, 1, 3, rng=np.random.default_rng(0))

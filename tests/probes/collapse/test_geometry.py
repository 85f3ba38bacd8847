"""The readings of embeddings together: planted rank, cone, gap and orbit."""

import numpy as np
import pytest

from smcrep.probes.collapse.alignment import cone
from smcrep.probes.collapse.geometry import Orbit, geometry


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_isotropic_rows_read_1_and_a_planted_rank_reads_its_share() -> None:
    z = normal(400, 16)
    low = normal(400, 2, seed=1) @ normal(2, 16, seed=2)
    found = geometry({"whole": z, "low": low}, rng=rng())
    assert found["whole"]["rank_share"].value == pytest.approx(1, abs=0.02)
    assert found["low"]["rank_share"].value == pytest.approx(2 / 16, rel=0.12)
    assert found["low"]["dimension"].value == pytest.approx(2, rel=0.2)
    assert found["whole, low"]["cka"].value == pytest.approx(0, abs=0.05)


def test_the_cone_is_1_of_one_direction_and_the_mean_of_unit_rows() -> None:
    z = normal(50, 3)
    by_hand = np.linalg.norm(sum(row / np.linalg.norm(row) for row in z) / 50)
    assert cone(z) == pytest.approx(by_hand)
    assert cone(np.ones((9, 4)) * np.arange(1, 10)[:, None]) == pytest.approx(1)
    found = geometry({"cone": normal(200, 8) + 30}, rng=rng())
    assert found["cone"]["cone"].value > 0.99


def test_an_orbit_that_follows_the_signal_has_similarity_1_and_one_that_ignores_it_0() -> None:
    signal = normal(20, 6, 3)
    follows = Orbit(signal, 2 * signal @ np.linalg.qr(normal(3, 3, seed=1))[0])
    still = Orbit(signal, np.repeat(normal(20, 1, 3, seed=2), 6, 1))
    found = geometry({}, orbits={"follows": follows, "still": still}, rng=rng())
    assert found["orbit of follows"]["rsa"].value == pytest.approx(1)
    assert found["orbit of follows"]["rank_share"].value == pytest.approx(1, abs=0.1)
    assert found["orbit of still"]["rsa"].value == 0
    assert found["orbit of still"]["rank_share"].value == 0


def test_lidar_needs_groups_and_intervals_are_over_units() -> None:
    z, units = normal(90, 4) + np.repeat(3 * normal(30, 4, seed=1), 3, 0), np.repeat(np.arange(30), 3)
    with_groups = geometry({"z": z}, units, groups=units, rng=rng())["z"]
    assert with_groups["lidar"].value == pytest.approx(4, rel=0.15)
    assert "lidar" not in geometry({"z": z}, units, rng=rng())["z"]

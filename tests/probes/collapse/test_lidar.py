"""LiDAR reads how many directions tell the groups apart, and the paper's formula in loops."""

import numpy as np
import pytest

from smcrep.probes.collapse.lidar import lidar


def grouped(rank: int, *, num_groups: int = 400, views: int = 8, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(16, rank)))[0]
    means = rng.normal(size=(num_groups, rank)) @ directions.T
    z = np.repeat(means, views, 0) + noise * rng.normal(size=(num_groups * views, 16))
    return z, np.repeat(np.arange(num_groups), views)


@pytest.mark.parametrize("rank", [1, 4, 16])
def test_planted_rank_of_group_means_is_read(rank: int) -> None:
    assert lidar(*grouped(rank)) == pytest.approx(rank, rel=0.15)


def test_it_equals_the_papers_sums_written_out() -> None:
    rng = np.random.default_rng(1)
    z, groups = rng.normal(size=(12, 3)), np.repeat([3, 1, 2, 0], 3)
    means = {g: z[groups == g].mean(0) for g in set(groups)}
    centre = sum(means.values()) / 4
    between = sum(np.outer(m - centre, m - centre) for m in means.values()) / 4
    within = sum(np.outer(row - means[g], row - means[g]) for row, g in zip(z, groups, strict=True)) / 12
    eigenvalues = np.linalg.eigvals(np.linalg.inv(within + 0.5 * np.eye(3)) @ between).real
    p = eigenvalues / eigenvalues.sum()
    assert lidar(z, groups, delta=0.5) == pytest.approx(np.exp(-(p * np.log(p)).sum()))


def test_groups_of_scene_and_action_see_an_ignored_action() -> None:
    """Embeddings hold 5 directions of the scene; the action moves nothing, or along 3 more directions. Groups of scenes
    cannot tell the two apart, groups within one scene can."""
    rng = np.random.default_rng(0)
    scene, action = np.repeat(np.arange(60), 40), np.tile(np.repeat(np.arange(10), 4), 60)
    of_scene, of_action = rng.normal(size=(60, 8)) * ([1] * 5 + [0] * 3), rng.normal(size=(10, 8)) * ([0] * 5 + [1] * 3)
    noise = 0.1 * rng.normal(size=(2400, 8))
    blind, sees = of_scene[scene] + noise, of_scene[scene] + of_action[action] + noise
    both = np.stack([scene, action], 1)
    assert lidar(sees, both) > lidar(blind, both) + 2
    assert lidar(blind, scene) == pytest.approx(5, rel=0.1)


def test_groups_of_one_mean_read_0() -> None:
    z = np.array([[1.0, 0], [-1, 0], [0, 2], [0, -2]]) + 3
    assert lidar(z, np.array([0, 0, 1, 1])) == 0


def test_groups_that_are_not_one_a_row_are_refused() -> None:
    with pytest.raises(ValueError, match="give each row its group"):
        lidar(np.zeros((4, 2)), np.array([0, 0, 1]))
    with pytest.raises(ValueError, match="some of 2 rows"):
        lidar(np.zeros((4, 2)), np.arange(4))

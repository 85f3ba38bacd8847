"""Depth distances against a loop over pixels; outcomes within the sensor's noise tie, the others keep their order."""

import numpy as np
import pytest

from smcrep.probes.collapse.oracle import depth_distance, moving_pixels, noise_threshold, oracle_hits, oracle_scores
from smcrep.probes.retrieval import rank_same_state

CAP = 0.05


def by_loop(a: np.ndarray, b: np.ndarray, seen_a: np.ndarray, seen_b: np.ndarray) -> float:
    costs = []
    for p, q, in_a, in_b in zip(a.ravel(), b.ravel(), seen_a.ravel(), seen_b.ravel(), strict=True):
        if in_a or in_b:
            costs.append(min(abs(float(p) - float(q)), CAP) if p > 0 and q > 0 else CAP)
    return float(np.mean(costs)) if costs else 0.0


def images(seed: int, num: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.4, 0.5, size=(2, num, 6, 7)).astype(np.float32)
    return depth * (rng.uniform(size=depth.shape) < 0.6)


def test_distance_equals_the_loop_over_pixels() -> None:
    a, b = images(0), images(1, 4)
    found = depth_distance(a, b, missing_m=CAP)
    assert found.shape == (2, 3, 4)
    for s in range(2):
        for i in range(3):
            for j in range(4):
                assert found[s, i, j] == pytest.approx(by_loop(a[s, i], b[s, j], a[s, i] > 0, b[s, j] > 0))


def test_distance_with_masks_equals_the_loop_over_pixels() -> None:
    a, b = images(0) + np.float32(0.01), images(1) + np.float32(0.01)  # the table is seen everywhere
    seen_a, seen_b = (np.random.default_rng(s).uniform(size=a.shape) < 0.3 for s in (2, 3))
    found = depth_distance(a, b, seen_simulated=seen_a, seen_candidates=seen_b, missing_m=CAP)
    assert found[1, 0, 2] == pytest.approx(by_loop(a[1, 0], b[1, 2], seen_a[1, 0], seen_b[1, 2]))


def test_distances_of_known_images() -> None:
    near = np.zeros((1, 1, 4, 4), np.float32)
    near[..., :2, :] = 0.5
    far = near + np.float32(0.01) * (near > 0)
    beside = np.roll(near, 2, axis=2)  # no pixel in common
    nothing = np.zeros_like(near)
    distance = [float(depth_distance(near, other)[0, 0, 0]) for other in (near, far, beside, nothing)]
    assert distance == pytest.approx([0, 0.01, 0.05, 0.05], abs=1e-6)
    assert float(depth_distance(nothing, nothing)[0, 0, 0]) == 0


def test_threshold_is_the_expected_difference_of_two_noisy_readings() -> None:
    rng = np.random.default_rng(0)
    depth = np.full((1, 1, 300, 300), 0.5)
    sigma = np.linspace(0.001, 0.003, 300)[:, None]
    readings = [depth + sigma * rng.normal(size=depth.shape) for _ in range(2)]
    wanted = depth_distance(readings[0], readings[1])[0, 0, 0]
    assert float(noise_threshold(sigma, depth[0, 0] > 0)) == pytest.approx(wanted, rel=0.01)
    assert float(noise_threshold(np.ones((2, 2)), np.zeros((2, 2), bool))) == 0


def test_candidates_within_the_noise_tie_and_the_others_keep_their_order() -> None:
    distance = np.array([[[0.0, 0.001, 0.004, 0.003], [0.01, 0.0, 0.02, 0.03]]])
    scores = oracle_scores(distance, np.array([[0.002, 0.0]]))
    assert scores[0, 0, 0] == scores[0, 0, 1] > scores[0, 0, 3] > scores[0, 0, 2]
    np.testing.assert_allclose(oracle_scores(distance, 0.002)[0, 1], -np.array([0.01, 0.002, 0.02, 0.03]))


def test_oracle_scores_chance_on_indistinguishable_outcomes_and_1_on_distinct_ones() -> None:
    """Four outcomes 5 mm apart in depth: solved with noise of 1 mm, a tie of all with noise of 20 mm."""
    depth = (0.5 + 0.005 * np.arange(4, dtype=np.float32))[None, :, None, None] * np.ones((1, 1, 8, 8), np.float32)
    distance = depth_distance(depth, depth)
    for sigma, wanted in ((0.001, 1.0), (0.02, 0.25)):
        ranks = rank_same_state(oracle_scores(distance, noise_threshold(np.float64(sigma), depth > 0)))
        assert ranks.hits(1).mean() == pytest.approx(wanted)


def slid_on_a_table(num: int = 4) -> np.ndarray:
    """A box of 3 x 3 pixels, 2 cm high, seen from above at one of ``num`` places of a table that fills the image."""
    depth = np.full((1, num, 32, 32), 0.5, np.float32)
    for i in range(num):
        depth[0, i, 4:7, 4 + i : 7 + i] -= 0.02
    return depth


def test_oracle_finds_what_moved_with_a_table_in_view() -> None:
    """Slid by one pixel the box changes 6 of 1,024: below the noise in the mean over the table, clear in what moved."""
    depth = slid_on_a_table()
    hits = []
    for seen in (depth > 0, moving_pixels(depth)):
        distance = depth_distance(depth, depth, seen_simulated=seen, seen_candidates=seen)
        ranks = rank_same_state(oracle_scores(distance, noise_threshold(np.float64(0.002), seen)))
        hits.append(float(ranks.hits(1).mean()))
    assert hits == pytest.approx([0.25, 1.0])


def test_moving_pixels_are_those_of_the_moved_box() -> None:
    depth = slid_on_a_table()
    np.testing.assert_array_equal(moving_pixels(depth), depth < 0.49)
    alone = np.where(depth < 0.49, depth, 0)  # with nothing behind it
    np.testing.assert_array_equal(moving_pixels(alone), alone > 0)


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"give \[states, images, h, w\] alike"):
        depth_distance(np.ones((2, 3, 4, 4)), np.ones((2, 3, 4, 5)))


def bars(*columns: int) -> np.ndarray:
    """A table with a bar in one place in each outcome of one state."""
    depth = np.full((1, len(columns), 8, 8), 0.8, np.float32)
    for outcome, column in enumerate(columns):
        depth[0, outcome, :, column] = 0.5
    return depth


def test_oracle_hits_on_known_outcomes() -> None:
    """Outcomes 0, 1 and 2 show a bar in three places, 3 repeats 2 within the noise, 4 (mismatched) is where 1 is."""
    depth = bars(0, 2, 5, 5, 2)
    depth[0, 3, :, 5] += 1e-4
    true, mismatched = oracle_hits(depth, np.full_like(depth, 0.002))
    np.testing.assert_allclose(true, [[1, 1, 0.5, 0.5]])
    np.testing.assert_allclose(mismatched, [[0, 1, 0, 0]])


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_the_mismatched_signal_of_the_oracle_is_that_of_the_last_outcome(place: int) -> None:
    """It finds the candidate that the last outcome looks like, wherever that stands; one like none ties them all."""
    columns = (0, 2, 4, 6)
    depth = bars(*columns, columns[place])
    np.testing.assert_allclose(oracle_hits(depth, np.full_like(depth, 0.002))[1], [np.eye(4)[place]])
    alone = bars(*columns, 7)
    np.testing.assert_allclose(oracle_hits(alone, np.full_like(alone, 0.002))[1], [[0.25] * 4])

"""Groups are of near states and different episodes; a perfect model of planted dynamics finds every outcome, one blind
to the action and a collapsed one read chance."""

import numpy as np
import pytest

from smcrep.probes.matched_states import counterfactual_retrieval, matched_groups


def planted(num: int = 60, size: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """State [num * size, 2] in clusters 10 apart, one state of each of ``size`` episodes in a cluster."""
    rng = np.random.default_rng(0)
    state = 10.0 * np.arange(num)[:, None, None] + rng.uniform(-0.1, 0.1, (num, size, 2))
    return state.reshape(-1, 2), np.tile(np.arange(size), num)


def test_groups_are_the_planted_clusters() -> None:
    state, episodes = planted()
    groups = matched_groups(state, episodes, size=4, max_distance=1.0, rng=np.random.default_rng(1))
    assert len(groups) == 60
    for group in groups:
        assert len(set(episodes[group])) == 4
        assert len(set(group // 4)) == 1
    assert len(np.unique(groups)) == groups.size


def test_members_are_within_reach_and_of_other_episodes() -> None:
    rng = np.random.default_rng(2)
    state, episodes = rng.uniform(size=(300, 3)), rng.integers(0, 12, 300)
    groups = matched_groups(state, episodes, size=3, max_distance=0.2, rng=rng)
    for group in groups:
        assert np.linalg.norm(state[group] - state[group[0]], axis=1).max() <= 0.2
        assert len(set(episodes[group])) == 3


def test_too_far_or_too_few_is_one_line() -> None:
    state, episodes = planted()
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"no 4 states of different episodes within 0\.001; allow more distance"):
        matched_groups(state, episodes, size=4, max_distance=0.001, rng=rng)
    with pytest.raises(ValueError, match="no 2 states"):
        matched_groups(state, np.zeros(len(state)), size=2, max_distance=5.0, rng=rng)
    with pytest.raises(ValueError, match="give at least 2"):
        matched_groups(state, episodes, size=1, max_distance=5.0, rng=rng)
    with pytest.raises(ValueError, match="NaN"):
        matched_groups(np.full((4, 2), np.nan), np.arange(4), size=2, max_distance=5.0, rng=rng)


def test_oracle_finds_all_and_what_ignores_the_action_reads_chance() -> None:
    rng = np.random.default_rng(3)
    anchor = rng.normal(size=(500, 1, 5))
    action = rng.normal(size=(500, 4, 5))
    outcome = anchor + action
    oracle = anchor + action[:, 1:]
    assert counterfactual_retrieval(oracle, outcome).hits(1).mean() == 1
    swapped = counterfactual_retrieval(oracle[:, ::-1], outcome).hits(1)
    assert swapped[:, [0, 2]].max() == 0  # of three, the middle one stays
    blind = np.repeat(anchor, 3, 1)
    assert counterfactual_retrieval(blind, outcome).hits(1).mean() == pytest.approx(0.25, abs=0.04)
    collapsed = counterfactual_retrieval(np.ones((500, 3, 5)), np.ones((500, 4, 5)))
    np.testing.assert_array_equal(collapsed.hits(1), 0.25)


def test_no_change_is_drawn_to_the_outcome_that_is_never_true() -> None:
    """Where anchors differ within a group, an outcome near its own anchor is the anchor's."""
    rng = np.random.default_rng(4)
    state = rng.normal(size=(400, 4, 5))
    outcome = state + 0.5 * rng.normal(size=(400, 4, 5))
    no_change = np.repeat(state[:, :1], 3, 1)
    assert counterfactual_retrieval(no_change, outcome).hits(1).mean() < 0.1


def test_units_of_the_embedding_do_not_matter() -> None:
    rng = np.random.default_rng(5)
    predicted, outcome = rng.normal(size=(50, 2, 3)), rng.normal(size=(50, 3, 3))
    first = counterfactual_retrieval(predicted, outcome).mid
    np.testing.assert_array_equal(counterfactual_retrieval(1e-6 * predicted, 1e-6 * outcome).mid, first)
    with pytest.raises(ValueError, match=r"give \[groups, k - 1, d\]"):
        counterfactual_retrieval(predicted, outcome[:, 1:])

"""The audit on planted cases: a signal used, ignored, without effect, and too few states to decide."""

import numpy as np
import pytest

from smcrep.probes.collapse.utilisation import Utilisation, another_state, utilisation
from smcrep.probes.retrieval import rank_same_state, same_state_scores

K = 16


def planted(
    seen: float, *, effect: float = 1.0, num_states: int = 40, seed: int = 0, noise: float = 0.3
) -> tuple[Utilisation, np.random.Generator]:
    """A world whose outcomes are state + effect * action + sensor noise, and a model that predicts the share ``seen``
    of the action's effect. The oracle knows the effect and not the noise."""
    rng = np.random.default_rng(seed)
    state, action = rng.normal(size=(num_states, 1, 6)), rng.normal(size=(num_states, K, 6))
    outcome = state + effect * action + noise * rng.normal(size=(num_states, K, 6))
    mismatched = action[another_state(num_states, rng)]

    def hits(known: float, given: np.ndarray) -> np.ndarray:
        return rank_same_state(same_state_scores(state + known * effect * given, outcome)).hits(1).ravel()

    states = np.repeat(np.arange(num_states), K)
    scores = [hits(known, given) for known in (seen, 1.0) for given in (action, mismatched)]
    return utilisation(*scores, states, rng=rng), rng


def test_utilisation_of_a_model_as_good_as_the_oracle_is_1() -> None:
    found, _ = planted(1.0)
    assert found.verdict == "used"
    assert found.utilisation is not None
    assert found.utilisation.value == pytest.approx(1)  # as good as the oracle
    assert found.oracle_gain.value > 0.5


def test_partial_use_of_the_action_gives_partial_utilisation() -> None:
    found, _ = planted(0.3, noise=1.0)
    assert found.verdict == "used"
    assert found.utilisation is not None
    assert 0.1 < found.utilisation.value < 0.95


def test_utilisation_of_an_action_blind_model_is_exactly_0() -> None:
    found, _ = planted(0.0)
    assert found.verdict == "ignored"
    assert found.utilisation is not None
    assert found.utilisation.value == 0
    assert found.utilisation.ci95 == (0, 0)
    assert found.model_true == pytest.approx(1 / K)


def test_model_that_responds_to_the_action_at_random_counts_as_ignoring_it() -> None:
    """It moves its prediction strongly with the action, in a direction unrelated to the outcome."""
    rng = np.random.default_rng(0)
    action = rng.normal(size=(80, K, 6))
    outcome = action + 0.3 * rng.normal(size=action.shape)
    elsewhere = np.roll(action, 1, -1)
    mismatched = another_state(80, rng)
    model = [rank_same_state(same_state_scores(x, outcome)).hits(1) for x in (elsewhere, elsewhere[mismatched])]
    oracle = [rank_same_state(same_state_scores(x, outcome)).hits(1) for x in (action, action[mismatched])]
    found = utilisation(*model, *oracle, np.repeat(np.arange(80), K), rng=rng)
    assert found.verdict == "ignored"


def test_signal_without_effect_is_not_identifiable() -> None:
    found, _ = planted(1.0, effect=0.0)
    assert found.verdict == "not identifiable"
    assert found.utilisation is None
    dead = np.full(20, 1 / K)
    exact = utilisation(dead, dead, dead, dead, rng=np.random.default_rng(0))  # all tie: no variance either
    assert exact.verdict == "not identifiable"


def gains(model: np.ndarray, oracle: np.ndarray, **settings: float) -> Utilisation:
    """Of queries whose true signal gains model and oracle so much, each a state of its own."""
    zero = np.zeros(len(model))
    return utilisation(model, zero, oracle, zero, rng=np.random.default_rng(0), **settings)


def test_the_interval_holds_what_is_not_known_of_the_oracle() -> None:
    """The model gains the same everywhere, the oracle a lot in half of the states: the ratio is as uncertain as the
    oracle's mean is, of relative deviation 1 / sqrt(60)."""
    found = gains(np.full(60, 0.3), np.tile([0.0, 1.0], 30))
    assert found.model_gain.ci95 == pytest.approx((0.3, 0.3))
    assert found.utilisation is not None
    low, high = found.utilisation.ci95
    assert found.utilisation.value == pytest.approx(0.6)
    assert (high - low) / 0.6 == pytest.approx(2 * 1.96 / np.sqrt(60), rel=0.15)


def test_gains_that_go_together_leave_a_narrow_interval() -> None:
    """Model and oracle are paired query by query: where both gain or neither does, their ratio is known."""
    both = np.tile([0.0, 1.0], 30)
    found = gains(both / 2, both)
    assert found.utilisation is not None
    assert found.utilisation.ci95 == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(("mean", "verdict"), [(2.0, "not identifiable"), (4.5, "used")])
def test_a_gain_of_the_oracle_counts_from_three_standard_errors(mean: float, verdict: str) -> None:
    """80 states, half of them 1 above the mean and half below: a standard error of 1 / sqrt(80)."""
    oracle = mean / np.sqrt(80) + np.tile([-1.0, 1.0], 40)
    found = gains(oracle, oracle)
    assert found.verdict == verdict
    assert (found.utilisation is None) == (verdict == "not identifiable")
    assert found.oracle_gain.value == pytest.approx(mean / np.sqrt(80))
    assert gains(oracle, oracle, standard_errors=1.0).utilisation is not None
    assert gains(oracle, oracle, standard_errors=6.0).utilisation is None


def test_scores_stand_in_their_own_places() -> None:
    given = [np.full(8, value) for value in (0.7, 0.2, 0.9, 0.1)]
    found = utilisation(*given, rng=np.random.default_rng(0))
    assert (found.model_true, found.model_mismatched) == pytest.approx((0.7, 0.2))
    assert (found.oracle_true, found.oracle_mismatched) == pytest.approx((0.9, 0.1))
    assert found.model_gain.value == pytest.approx(0.5)
    assert found.oracle_gain.value == pytest.approx(0.8)
    assert found.utilisation is not None
    assert found.utilisation.value == pytest.approx(0.625)


def test_too_few_states_are_undecided() -> None:
    """Queries of four states of which one is solved: the interval of the utilisation reaches from 0 to above 0.2."""
    solved = np.repeat([1.0, 0.0, 0.0, 0.0], K)
    zero, one = np.zeros(4 * K), np.ones(4 * K)
    found = utilisation(solved, zero, one, zero, np.repeat(np.arange(4), K), rng=np.random.default_rng(0))
    assert found.verdict == "undecided"
    assert found.utilisation is not None
    assert found.utilisation.value == pytest.approx(0.25)
    assert found.utilisation.n == 4


def test_model_that_is_worse_with_the_true_signal_is_undecided() -> None:
    zero, one = np.zeros(30), np.ones(30)
    assert utilisation(zero, one, one, zero, rng=np.random.default_rng(0)).verdict == "undecided"


def test_verdict_follows_the_thresholds() -> None:
    tenth, zero, one = np.full(30, 0.1), np.zeros(30), np.ones(30)
    scores = (tenth, zero, one, zero)
    assert utilisation(*scores, rng=np.random.default_rng(0)).verdict == "used"
    assert utilisation(*scores, rng=np.random.default_rng(0), used_above=0.15).verdict == "ignored"
    assert (
        utilisation(*scores, rng=np.random.default_rng(0), used_above=0.15, ignored_below=0.05).verdict == "undecided"
    )


def test_verdicts_are_right_over_seeds() -> None:
    """No false alarm in 30 worlds of either kind, at 20 states each."""
    assert {planted(0.7, num_states=20, seed=s)[0].verdict for s in range(15)} == {"used"}
    assert {planted(0.0, num_states=20, seed=s)[0].verdict for s in range(15)} == {"ignored"}


@pytest.mark.parametrize("num_states", [2, 3, 50])
def test_every_state_is_matched_with_another(num_states: int) -> None:
    for seed in range(10):
        mismatched = another_state(num_states, np.random.default_rng(seed))
        assert sorted(mismatched) == list(range(num_states))
        assert not (mismatched == np.arange(num_states)).any()


def test_single_state_and_non_finite_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="needs at least 2"):
        another_state(1, np.random.default_rng(0))
    bad = np.full(10, np.nan)
    with pytest.raises(ValueError, match="finite retrieval scores"):
        utilisation(bad, bad, bad, bad, rng=np.random.default_rng(0))

"""False alarms stay within the stated rate at the edge of the null, power and delays are those of the docstrings, and
the statistics equal their sums over past pairs, in loops."""

import json

import numpy as np
import pytest
from scipy import stats

from smcrep.probes.collapse.sequential import CollapseEvidence, Cusum, Detector, ShiryaevRoberts, UseEvidence, UseStream

RUNS, PAIRS, U_MIN, ALPHA = 2000, 1000, 0.1, 0.01
MOST_FALSE = stats.binom.ppf(0.9999, RUNS, ALPHA) / RUNS
"""Share of false alarms that 2,000 runs exceed once in 10,000 times if each has one with probability alpha."""


def uniform(mean: float, seed: int = 0) -> np.ndarray:
    """Pairs [PAIRS, RUNS] of deviation .4 that no clipping changes."""
    rng = np.random.default_rng(seed)
    return mean + 0.4 * np.sqrt(12) * (rng.uniform(size=(PAIRS, RUNS)) - 0.5)


def rare(mean: float, seed: int = 0) -> np.ndarray:
    """1 in a few pairs, else 0."""
    return (np.random.default_rng(seed).uniform(size=(PAIRS, RUNS)) < mean).astype(float)


def swinging(mean: float, seed: int = 0) -> np.ndarray:
    """Never below the mean given the past, but above it after a bad pair: a stream with a memory."""
    pairs = uniform(mean, seed)
    pairs[1:] += np.where(pairs[:-1] < 0, 0.05, 0)
    return pairs


def falling(seed: int = 1) -> np.ndarray:
    """Gaussian pairs of deviation .4 whose mean falls from .3 to 0 at pair 300."""
    mean = np.where(np.arange(PAIRS) < 300, 0.3, 0.0)[:, None]
    return mean + 0.4 * np.random.default_rng(seed).standard_normal((PAIRS, RUNS))


def fed(detector: Detector, pairs: np.ndarray) -> Detector:
    detector.update(pairs)
    return detector


def shiryaev_roberts(threshold: float) -> ShiryaevRoberts:
    return ShiryaevRoberts(u_min=U_MIN, horizon=1, alpha=1 / threshold, shape=(RUNS,))


DETECTORS = {
    "collapse": lambda: CollapseEvidence(u_min=U_MIN, alpha=ALPHA, shape=(RUNS,)),
    "shiryaev-roberts": lambda: ShiryaevRoberts(u_min=U_MIN, horizon=PAIRS, alpha=ALPHA, shape=(RUNS,)),
    "cusum": lambda: Cusum(u_min=U_MIN, horizon=PAIRS, alpha=ALPHA, shape=(RUNS,)),
}


@pytest.mark.parametrize("pairs", [uniform, rare, swinging])
@pytest.mark.parametrize("name", DETECTORS)
def test_false_alarms_of_collapse_keep_their_rate_at_the_edge_of_the_null(name: str, pairs) -> None:
    assert fed(DETECTORS[name](), pairs(U_MIN)).alarm.mean() <= MOST_FALSE


def test_false_alarms_of_use_keep_their_rate_at_the_edge_of_the_null() -> None:
    assert fed(UseEvidence(alpha=ALPHA, shape=(RUNS,)), uniform(0.0)).alarm.mean() <= MOST_FALSE
    seldom = 1 - rare(0.5) * 2  # +-1 with equal chance
    assert fed(UseEvidence(alpha=ALPHA, shape=(RUNS,)), seldom).alarm.mean() <= MOST_FALSE


def test_the_usual_threshold_gives_a_false_alarm_in_every_run() -> None:
    edge = U_MIN + 0.4 * np.random.default_rng(0).standard_normal((PAIRS, RUNS))
    assert fed(shiryaev_roberts(100), edge).alarm.mean() > 0.99
    assert fed(shiryaev_roberts(10_000), edge).alarm.mean() == pytest.approx(0.085, abs=0.025)


def test_the_rate_is_not_kept_by_so_wide_a_margin_that_power_is_given_away() -> None:
    """At the edge of the null D - t is nearly a martingale, so the bound is nearly reached."""
    found = ShiryaevRoberts(u_min=U_MIN, horizon=PAIRS, alpha=0.2, shape=(RUNS,))
    assert 0.1 < fed(found, uniform(U_MIN)).alarm.mean() <= 0.2


@pytest.mark.parametrize(
    ("detector", "delay"),
    [
        (lambda: shiryaev_roberts(100), 31),
        (lambda: shiryaev_roberts(10_000), 154),
        (DETECTORS["shiryaev-roberts"], 225),
        (DETECTORS["cusum"], 330),
    ],
)
def test_delay_after_health_is_that_of_the_docstring(detector, delay: int) -> None:
    found = fed(detector(), falling())
    assert (found.alarm_at[found.alarm] <= 300).mean() <= 0.01
    waited = np.where(found.alarm_at > 300, found.alarm_at - 300.0, np.inf)
    assert np.median(waited) == pytest.approx(delay, rel=0.1)
    assert np.isinf(waited).mean() < 0.03


def test_plain_evidence_of_collapse_cannot_forget_past_health() -> None:
    assert fed(DETECTORS["collapse"](), falling()).alarm.mean() < 0.02


@pytest.mark.parametrize(("u_min", "pairs"), [(0.1, 135), (0.2, 42)])
def test_a_signal_never_used_is_found_in_the_stated_time(u_min: float, pairs: int) -> None:
    found = fed(CollapseEvidence(u_min=u_min, alpha=ALPHA, shape=(RUNS,)), uniform(0.0))
    assert np.median(found.alarm_at) == pytest.approx(pairs, rel=0.1)
    assert found.alarm.all()


def test_use_is_found_and_the_sooner_the_larger() -> None:
    times = [np.median(fed(UseEvidence(shape=(RUNS,)), uniform(mean)).alarm_at) for mean in (0.1, 0.2, 0.3)]
    assert times == pytest.approx([166, 50, 31], rel=0.15)


def by_loops(pairs: list[float], u_min: float) -> tuple[float, float, float, float]:
    """Wealth of use and of collapse, Shiryaev-Roberts and CUSUM after the pairs, as sums over where a test begins."""
    use, factors = 1.0, []
    for t, f in enumerate(pairs):
        past = [0.0, *pairs[:t]]
        mean = sum(past) / len(past)
        variance = (1 + sum((x - mean) ** 2 for x in past)) / len(past)
        use *= 1 + min(max(mean / (variance + mean**2), 0), 0.75) * f
        factors.append(1 + min(u_min / (variance + u_min**2), 0.75 / (1 - u_min)) * (u_min - f))
    begun = [np.prod(factors[i:]) for i in range(len(factors))]
    return use, begun[0], sum(begun), max(begun)


@pytest.mark.parametrize("mean", [-0.2, 0.0, 0.5])
def test_statistics_equal_their_sums_over_past_pairs(mean: float) -> None:
    pairs = np.clip(mean + 0.3 * np.random.default_rng(0).standard_normal(40), -1, 1)
    detectors = [
        UseEvidence(),
        CollapseEvidence(u_min=0.2),
        ShiryaevRoberts(u_min=0.2, horizon=40),
        Cusum(u_min=0.2, horizon=40),
    ]
    found = [np.exp(float(fed(detector, pairs).log_evidence)) for detector in detectors]
    assert found == pytest.approx(by_loops(pairs.tolist(), 0.2))


def test_one_pair_takes_at_most_three_quarters_of_the_wealth_however_sure_the_bet() -> None:
    use = fed(UseEvidence(), np.full(500, 0.5))
    before = float(use.log_evidence)
    use.update(np.array([-1.0]))
    assert np.exp(use.log_evidence - before) == pytest.approx(0.25)
    collapse = fed(CollapseEvidence(u_min=0.3), np.full(500, 0.0))
    before = float(collapse.log_evidence)
    collapse.update(np.array([1.0]))
    assert np.exp(collapse.log_evidence - before) == pytest.approx(0.25)


def test_thresholds_and_the_pair_of_the_alarm() -> None:
    assert np.exp(UseEvidence(alpha=0.05).log_threshold) == pytest.approx(20)
    assert np.exp(ShiryaevRoberts(u_min=0.1, horizon=500, alpha=0.05).log_threshold) == pytest.approx(10_000)
    stream = UseEvidence(alpha=0.05)
    reached = 0
    for number in range(1, 40):
        stream.update(np.array([0.8]))
        if not reached and stream.log_evidence >= np.log(20):
            reached = number
    assert stream.alarm_at == reached > 0
    stream.update(np.full(200, -1.0))
    assert stream.alarm  # for good
    assert stream.log_evidence < 0


def test_batches_and_values_beyond_1_change_nothing() -> None:
    pairs = np.random.default_rng(0).normal(size=60) * 2
    whole, parts = (ShiryaevRoberts(u_min=0.1, horizon=60) for _ in range(2))
    whole.update(pairs)
    for part in np.split(np.clip(pairs, -1, 1), [1, 20, 20, 59]):
        parts.update(part)
    assert parts.state() == whole.state()


def test_verdicts_of_streams_used_unused_and_short() -> None:
    rng = np.random.default_rng(0)

    def verdict(*parts: np.ndarray) -> str:
        stream = UseStream(u_min=U_MIN, horizon=2000)
        return [stream.update(part) for part in parts][-1]

    healthy, dead = 0.3 + 0.3 * rng.standard_normal(500), 0.3 * rng.standard_normal(1000)
    assert verdict(healthy) == "used"
    assert verdict(dead) == "collapsed"
    assert verdict(healthy, dead) == "collapsed"
    assert verdict(healthy[:5]) == "undetermined"
    assert verdict(dead[:5]) == "undetermined"


def test_a_restored_stream_goes_on_as_if_it_had_not_stopped() -> None:
    pairs = 0.1 + 0.4 * np.random.default_rng(0).standard_normal(100)
    whole, first, second = (UseStream(u_min=U_MIN, horizon=100) for _ in range(3))
    second.restore(json.loads(json.dumps(first.state())))  # before any pair
    first.update(pairs[:37])
    second.restore(json.loads(json.dumps(first.state())))
    second.update(pairs[37:])
    whole.update(pairs)
    assert second.state() == whole.state()
    assert second.verdict == whole.verdict


def test_false_verdicts_of_a_healthy_run_keep_their_rate_together() -> None:
    """Both detectors of collapse stand at half the rate."""
    stream = UseStream(u_min=U_MIN, horizon=PAIRS, alpha=ALPHA)
    assert np.exp(stream.detectors["collapse"].log_threshold) == pytest.approx(2 / ALPHA)
    assert np.exp(stream.detectors["onset"].log_threshold) == pytest.approx(2 * PAIRS / ALPHA)
    assert np.exp(stream.detectors["use"].log_threshold) == pytest.approx(1 / ALPHA)


def test_what_is_no_stream_of_differences_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        UseEvidence().update(np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match=r"give \[t, 3\]"):
        UseEvidence(shape=(3,)).update(np.zeros(3))
    with pytest.raises(ValueError, match="u_min is 0"):
        CollapseEvidence(u_min=0)
    with pytest.raises(ValueError, match="horizon is 0"):
        Cusum(u_min=0.1, horizon=0)
    with pytest.raises(ValueError, match="alpha is 1"):
        UseEvidence(alpha=1)

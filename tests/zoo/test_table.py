"""AUC, rank correlation and thresholds against scikit-learn, scipy and loops; a shift that was planted is found."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from smcrep.results import read_claims, write_claims
from smcrep.zoo.alarms import Run, crossing, end_of_use, equal_alarm_thresholds, leads, sustained
from smcrep.zoo.cases import Case, from_json, to_json
from smcrep.zoo.records import alarm_records, censored_median, curve_records, detector_records
from smcrep.zoo.table import along_doses, aucs, balanced_accuracy, fitted_threshold, held_out, spearman

FAMILIES = ("cut_wire", "leak")


def cases(seed: int = 0, *, shift: float = 0.0, num_cells: int = 4) -> list[Case]:
    """Scores of one detector, coarse so that some tie; those of every second architecture are shifted."""
    rng, found = np.random.default_rng(seed), []
    for cell in range(num_cells):
        own = shift * (cell % 2)
        for i in range(60):
            victim = i < 20
            label = ("collapsed" if i < 16 else "partial") if victim else ("healthy", "incompetent")[i % 2]
            rho = float(rng.uniform(0, 0.2) if victim else rng.uniform(0.7, 1))
            score = round(float(1 - rho + 0.3 * rng.standard_normal() + own), 1)
            scores = {"ours": score, "other": -score}
            response = rho if cell % 2 else None
            found.append(
                Case(
                    f"cell{cell}", f"arch{cell % 2}", i, FAMILIES[i % 2] if victim else "healthy",
                    (1.0 if i < 16 else 0.5) if victim else 0.0, "action", victim, label, rho, response, 0.9, scores,
                )
            )  # fmt: skip
    return found


def test_auc_is_that_of_scikit_learn_on_every_resample() -> None:
    own, rng = cases(), np.random.default_rng(3)
    found = aucs(own, "ours", FAMILIES, rng=rng)
    cells = sorted({c.cell for c in own})
    counts = np.random.default_rng(3).multinomial(4, np.full(4, 0.25), 500)
    for row, weight in ((0, np.ones(4, int)), (1, counts[0]), (7, counts[6])):
        drawn = [c for cell, w in zip(cells, weight, strict=True) for c in own if c.cell == cell for _ in range(w)]
        for column, family in enumerate(FAMILIES):
            kept = [c for c in drawn if (c.mechanism == family and c.dose == 1) or not c.victim]
            expected = roc_auc_score([c.victim for c in kept], [c.scores["ours"] for c in kept])
            assert found[row, column] == pytest.approx(expected)
    assert aucs(own, "other", FAMILIES)[0] == pytest.approx(1 - found[0])


def test_half_dose_counts_what_is_partly_used() -> None:
    own = cases()
    whole, half = (aucs(own, "ours", FAMILIES, dose=dose)[0] for dose in (1.0, 0.5))
    kept = [c for c in own if (c.dose == 0.5 and c.mechanism == "leak") or not c.victim]
    assert half[1] == pytest.approx(roc_auc_score([c.victim for c in kept], [c.scores["ours"] for c in kept]))
    assert whole[1] != half[1]
    assert np.isnan(aucs(own, "ours", ("late",))[0, 0])


def test_rank_correlation_is_that_of_scipy() -> None:
    own = cases()
    used = [c for c in own if c.label != "incompetent"]
    expected = stats.spearmanr([-c.scores["ours"] for c in used], [c.rho for c in used]).statistic
    assert spearman(own, "ours")[0] == pytest.approx(expected)
    assert spearman(own, "ours")[0] > 0.5
    assert spearman(own, "other")[0] == pytest.approx(-expected)
    assert all(c.victim for c in along_doses(own, FAMILIES))


def test_threshold_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    positive, negative = rng.normal(1, 1, 40).round(1), rng.normal(0, 1, 60).round(1)
    found = fitted_threshold(positive, negative)
    best = max(balanced_accuracy(positive, negative, t) for t in np.linspace(-4, 4, 801))
    assert balanced_accuracy(positive, negative, found) == pytest.approx(best)
    assert balanced_accuracy(np.array([1.0, 1.0]), np.array([0.0, 1.0]), 0.5) == 0.75


def test_a_shift_between_architectures_is_a_gap() -> None:
    def gap(shift: float) -> float:
        return float(
            np.mean([seen - unseen for seen, unseen in held_out(cases(shift=shift), "ours", FAMILIES).values()])
        )

    assert abs(gap(0.0)) < 0.05
    assert gap(3.0) > 0.1


def test_cases_survive_json() -> None:
    own = cases()[:3]
    assert from_json(to_json(own)) == own


def run(
    cell: str, victim: str, alarms: dict[str, int], loss_at: int, lost: int | None = None, pairs=None, left: int = 0
) -> Run:
    loss = [0.0] * loss_at + [1.0] * (20 - loss_at)
    watched = {"loss": loss, "rank": [0.0] * 20, "probe": loss}
    return Run(
        cell, "late_shuffled" if victim else "healthy", victim, not victim, 20, lost, alarms, pairs, left, watched
    )


def test_lead_is_a_share_of_training_and_misses_are_censored() -> None:
    thresholds = {"loss": 0.5, "rank": 0.5}
    assert leads(run("a", "action", {"action": 12}, 16), thresholds) == {"loss": 0.2, "rank": 0.4}
    assert leads(run("a", "action", {}, 16), thresholds) == {"loss": -0.2, "rank": 0.0}
    assert leads(run("a", "action", {"physics": 3}, 16), thresholds)["loss"] == -0.2  # an alarm on another signal


def test_first_times() -> None:
    assert sustained(np.array([True, False, True, True])) == 2
    assert sustained(np.array([True, False])) is None
    assert sustained(np.array([True, True])) == 0
    assert crossing(np.array([0, 2, 1]), 1) == 1
    assert crossing(np.array([0, 1]), 1) is None


def test_median_of_censored_times_is_that_of_loops() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        times, censored = rng.integers(1, 12, 15), rng.uniform(size=15) < 0.3
        alive, expected = 1.0, np.inf
        for time in sorted(set(times[~censored])):
            alive *= 1 - (times[~censored] == time).sum() / (times >= time).sum()
            if alive <= 0.5 + 1e-12:
                expected = time
                break
        assert censored_median(times, censored) == expected
    assert censored_median(np.array([5, 6]), np.array([True, True])) == np.inf


def test_use_ends_where_it_had_begun() -> None:
    assert end_of_use(np.array([0.1, 0.6, 0.1, 0.1])) == 2
    assert end_of_use(np.array([0.1, 0.1])) is None
    assert end_of_use(np.array([0.1, 0.3, 0.1])) is None
    assert end_of_use(np.array([0.1, 0.6])) is None


def test_records_of_alarms(tmp_path: Path) -> None:
    healthy = [run(f"cell{i % 4}", "", {"action": 3} if i == 0 else {}, 20) for i in range(40)]
    lost = [run(f"cell{i % 4}", "action", {"action": 12}, 16, lost=11, pairs=20 + i) for i in range(9)]
    missed = run("cell0", "action", {}, 16, lost=11, left=21)
    records = alarm_records([*healthy, *lost, missed], seeds=1)
    assert records["collapse.false_alarms"].value == 1 / 40
    bound = records["collapse.false_alarms"].controls["upper bound, 95 %"]
    assert bound == pytest.approx(stats.beta.ppf(0.95, 2, 39))
    assert records["collapse.delay"].value == 24  # of 20 .. 28, and one known to be above 21
    assert records["collapse.delay"].controls["missed"] == 1
    assert records["collapse.lead_time"].value == pytest.approx((9 * 0.2 - 0.2) / 10)
    assert equal_alarm_thresholds(healthy, 0.05)["loss"] == 0
    curves = curve_records([([*healthy, *lost[:2]], np.full((20, 2, 4), 0.5))], 1)
    assert curves["collapse.use_over_training.late_shuffled"].controls["alarm"] == [0.65, 0.65]
    write_claims(tmp_path / "collapse.json", records | curves)
    assert read_claims(tmp_path / "collapse.json") == records | curves


def test_records_of_detectors(tmp_path: Path) -> None:
    records = detector_records(cases(), seeds=1)
    write_claims(tmp_path / "collapse.json", records)
    assert read_claims(tmp_path / "collapse.json") == records
    macro, worst = records["collapse.auc.macro"], records["collapse.auc.worst"]
    each = [records[f"collapse.auc.{family}"].value for family in FAMILIES]
    assert macro.value == pytest.approx(np.mean(each))
    assert worst.value == pytest.approx(min(each))
    assert macro.controls["other"] == pytest.approx(1 - macro.value, abs=1e-3)
    assert records["collapse.auc.leak"].controls == {
        "other": pytest.approx(1 - each[1], abs=1e-3),
        "took": 32,
        "planted": 32,
    }

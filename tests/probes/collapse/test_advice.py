"""What an audit advises is what the published records say, in sentences that hold their numbers."""

import json
import re

import pytest

from smcrep.probes.collapse import MECHANISMS, advice, known_cures
from smcrep.probes.collapse.advice import TABLE, WORDS
from smcrep.probes.collapse.diagnosis import Diagnosis
from smcrep.probes.collapse.report import AuditReport, SignalReport, UseTest
from smcrep.probes.intervals import Estimate


def test_the_best_cure_of_a_mechanism_is_advised_with_use_cost_and_intervals() -> None:
    best = known_cures()["starvation"][0]
    (sentence,) = advice("starvation")
    assert best.cure == "standardised"
    assert WORDS[best.cure] in sentence
    for number in (best.use.value, *best.use.ci95, best.untreated):
        assert f"{number:.0%}" in sentence
    for number in (best.cost.value, *best.cost.ci95):
        assert f"{number:.1f}" in sentence


def test_a_cure_of_the_data_is_called_so_and_the_best_other_stands_behind_it() -> None:
    first, second = advice("late")
    assert "(other data)" in first
    assert "(other data)" not in second
    assert second.startswith("With the data as they are, going back to the weights of the look")
    assert advice("target_copy")[1].startswith("With the data as they are, nothing helped (the best brought back 0%")


def test_where_no_cure_helped_none_is_named() -> None:
    for mechanism in ("cut_wire", "dimensional"):
        (sentence,) = advice(mechanism)
        assert re.search(r"no cure in training helped \(the best brought back 0% .*mend its cause\.", sentence)
        assert not any(words in sentence for words in WORDS.values())


def test_what_was_never_tried_gets_no_advice() -> None:
    tried = set(known_cures())
    assert {"leak", "starvation", "late", "additive", "confounding", "target_copy", "precision"} <= tried
    for name in (*(set(MECHANISMS) - tried), "healthy", "unknown", "rational_neglect"):
        assert advice(name) == ()


def test_every_cure_of_the_table_has_words_and_numbers_that_can_be() -> None:
    for mechanism, rows in json.loads(TABLE.read_text())["cures"].items():
        assert 1 <= len(rows) <= 2, mechanism
        for row in rows:
            assert row["cure"] in WORDS
            for name in ("use", "cost"):
                assert row[f"{name}_ci95"][0] <= row[name] <= row[f"{name}_ci95"][1]


@pytest.mark.parametrize(("mechanism", "advised"), [("leak", True), ("unknown", False)])
def test_the_report_gives_the_advice_behind_the_diagnosis(mechanism: str, advised: bool) -> None:
    use = Estimate(0.01, (0.0, 0.02), 9)
    signal = SignalReport({"share": use}, UseTest("collapsed", 0.05, 9, 3), Diagnosis(mechanism, ("Why.",)))
    report = AuditReport(use, {"action": signal})
    lines = report.text().splitlines()
    told = [f"  {sentence}" for sentence in advice(mechanism)]
    start = lines.index("  Why.") + 1
    assert lines[start : start + len(told)] == told
    assert bool(told) is advised
    assert report.to_json()["signals"]["action"]["advice"] == list(advice(mechanism))

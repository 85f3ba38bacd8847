"""The table that audits advise from equals the published records, and no longer once a record is another."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from smcrep.probes.collapse.advice import TABLE, WORDS
from smcrep.results import Record, read_claims
from smcrep.zoo.cures import CURES
from smcrep.zoo.cures.known import known_cures

PUBLISHED = Path(__file__).parents[3] / "experiments/claims/collapse.json"


def shipped() -> dict:
    return json.loads(TABLE.read_text())["cures"]


def test_the_shipped_table_is_that_of_the_published_records() -> None:
    assert known_cures(read_claims(PUBLISHED)) == shipped(), "run: python experiments/cures.py --advice"


@pytest.mark.parametrize("name", ["leak.interventional", "starvation.standardised", "additive.film", "late.none"])
def test_another_record_is_another_table(name: str) -> None:
    records = read_claims(PUBLISHED)
    other = records[f"collapse.cure.{name}"]
    other = replace(other, value=other.value - 0.01, ci95=(other.value - 0.02, other.value))
    assert known_cures(records | {f"collapse.cure.{name}": other}) != shipped()


def record(use: float, cost: float, of_the_data: bool = False, **controls: object) -> Record:
    costs = {"task_cost": cost, "task_cost_low": cost - 1, "task_cost_high": cost + 1}
    return Record(use, (use - 0.1, use + 0.1), n=8, controls={**costs, "of_the_data": of_the_data, **controls})


def test_the_best_is_that_of_most_merit_or_that_of_its_own_record() -> None:
    records = {
        "collapse.cure.leak.none": record(0.05, 20),
        "collapse.cure.leak.film": record(0.6, 1),
        "collapse.cure.leak.cut": record(0.95, 2, of_the_data=True),
        "collapse.cure.leak.dear": record(1.0, 9, of_the_data=True),
        "collapse.cure.leak.staged": record(0.3, 0),
        "collapse.cure.healthy.film": record(1.0, 0),
        "collapse.cure.physics.leak.film": record(0.99, 0),
        "collapse.other.leak.film": record(0.99, 0),
    }
    (found,) = known_cures(records).values()
    assert [row["cure"] for row in found] == ["cut", "film"]
    assert found[0] == {
        "cure": "cut", "use": 0.95, "use_ci95": [0.85, 1.05], "cost": 2, "cost_ci95": [1, 3],
        "of_the_data": True, "untreated": 0.05, "n": 8,
    }  # fmt: skip
    records["collapse.cure.leak"] = record(0.6, 1, cure="film")
    assert [row["cure"] for row in known_cures(records)["leak"]] == ["film"]


def test_every_cure_has_its_words() -> None:
    assert set(CURES) - {"none"} == set(WORDS)

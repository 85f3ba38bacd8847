"""Strengths and cures are chosen on some seeds and reported on others; planted outcomes give back what was planted."""

import pytest

from smcrep.zoo.cures.records import (
    Outcome,
    best_cures,
    chosen_strengths,
    cure_records,
    merit,
    outcomes_of,
)


def planted(
    cure: str, strength: float, use: float, cost: float, seeds: range, mechanism: str = "leak"
) -> list[Outcome]:
    return [Outcome(mechanism, cure, strength, "a", seed, use + 0.01 * (seed % 2), cost) for seed in seeds]


def test_use_and_cost_are_against_the_healthy_model_of_the_same_world() -> None:
    def cell(cure: str, *models: tuple[str, str, float, float]) -> dict:
        keys = ("mechanism", "world", "use", "accuracy")
        return {
            "cure": cure,
            "architecture": "a",
            "seed": 1,
            "models": [dict(zip(keys, model, strict=True)) | {"strength": 1.0} for model in models],
        }

    cells = [
        cell("twin", ("healthy", "w2", 0.5, 0.6), ("healthy", "w1", 0.7, 0.88), ("healthy", "w1", 0.9, 0.92)),
        cell("film", ("leak", "w1", 0.4, 0.85), ("additive", "w2", 0.5, 0.61)),
    ]
    leak, additive = outcomes_of(cells)
    assert (leak.mechanism, leak.use, leak.cost) == ("leak", pytest.approx(0.5), pytest.approx(5.0))
    assert (additive.use, additive.cost) == (pytest.approx(1.0), pytest.approx(-1.0))
    cells[0]["models"][0]["use"] = 0.49  # no longer a healthy model: nothing can be measured against it
    assert [o.mechanism for o in outcomes_of(cells)] == ["leak"]


def test_cost_over_the_bar_counts_against_use_and_below_it_not() -> None:
    assert merit(planted("x", 1, 0.8, 3.0, range(0, 4, 2))) == pytest.approx(0.8)
    assert merit(planted("x", 1, 0.8, 8.0, range(0, 4, 2))) == pytest.approx(0.3)
    assert merit(planted("x", 1, 1.5, 0.0, range(0, 4, 2))) == pytest.approx(1.0)


def test_what_is_chosen_comes_from_the_selection_and_what_is_reported_from_the_others() -> None:
    chosen_on, reported_on = range(100, 102), range(4)
    selection = (
        planted("none", 1.0, 0.0, 20.0, chosen_on)
        + planted("film", 0.1, 0.4, 1.0, chosen_on)
        + planted("film", 0.5, 0.9, 1.0, chosen_on)
        + planted("cut", 1.0, 0.95, 1.0, chosen_on)
        + planted("dear", 1.0, 1.0, 30.0, chosen_on)
    )
    reported = (
        planted("none", 1.0, 0.1, 25.0, reported_on)
        + planted("film", 0.1, 1.0, 0.0, reported_on)
        + planted("film", 0.5, 0.7, 2.0, reported_on)
        + planted("cut", 1.0, 0.6, 4.0, reported_on)
        + planted("dear", 1.0, 2.0, 0.0, reported_on)
    )
    assert chosen_strengths(selection)["leak", "film"] == 0.5
    assert best_cures(selection, ["film", "cut", "dear"]) == {"leak": "cut"}
    records = cure_records(selection, reported, {"cut": True})
    film = records["collapse.cure.leak.film"]
    assert film.value == pytest.approx(0.705)
    assert film.ci95 is not None
    assert film.ci95[0] == pytest.approx(0.705 - 3.182446 * 0.005773503 / 2, abs=1e-5)  # t of 3 degrees of freedom
    assert film.controls["task_cost"] == pytest.approx(2.0)
    assert film.controls["over_the_bar"] == 0.0
    best = records["collapse.cure.leak"]
    assert (best.controls["cure"], best.value) == ("cut", pytest.approx(0.605))
    assert best.controls["of_the_data"] is True
    assert best.controls["untreated"] == pytest.approx(0.105)
    assert best.controls["without_new_data"] == "film"
    assert best.controls["without_new_data_use"] == film.value
    assert cure_records(selection, reported[:1], {}) == {}


def test_architectures_of_a_seed_are_one_value() -> None:
    both = planted("film", 1.0, 0.4, 0.0, range(0, 4, 2)) + [
        Outcome("leak", "film", 1.0, "b", seed, 0.8, 2.0) for seed in range(0, 4, 2)
    ]
    record = cure_records(both, both, {})["collapse.cure.leak.film"]
    assert (record.value, record.controls["task_cost"]) == (pytest.approx(0.6), pytest.approx(1.0))
    assert (record.seeds, record.n) == (2, 4)

"""Thresholds are fitted between what was planted; names are counted as scikit-learn counts them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from smcrep.probes.collapse.diagnosis import MECHANISMS, Thresholds
from smcrep.results import read_claims, write_claims
from smcrep.zoo.cases import Case, evidence_in, from_json, plain, to_json
from smcrep.zoo.naming import (
    SIGNS,
    confusion,
    f1,
    fitted,
    mislabelled,
    named,
    names_held_out,
    sound,
    unseen_mechanisms,
)  # fmt: skip
from smcrep.zoo.naming_records import naming_records

HEALTHY = {
    "peak_use": 0.1, "response": 0.3, "weight": 1.0, "told": 0.9, "keyed": 0.01, "from_others": 0.0, "copied": 0.0,
    "from_others_logged": 0.0, "learned": 1.0, "synergy": 0.15, "interaction": 0.3, "reach": 1.0, "cone": 0.4,
}  # fmt: skip
SICK = {
    "late": {"peak_use": 0.8, "told": 0.0},
    "cut_wire": {"response": 0.0},
    "precision": {"weight": 1e-4},
    "leak": {"from_others": 0.5, "from_others_logged": 0.5, "told": 0.0, "synergy": 0.9},
    "confounding": {"from_others_logged": 1.0, "told": 0.1},
    "target_copy": {"copied": 1.0, "told": 0.0},
    "entanglement": {"told": 0.0, "keyed": 0.3},
    "shuffled": {"told": 0.0},
    "starvation": {"learned": 1e-3},
    "additive": {"synergy": 0.8, "interaction": 0.0},
    "dimensional": {"reach": 0.0},
    "cone": {"cone": 0.99, "learned": 0.02},
}
"""As found in the zoo, but for noise."""


def case(mechanism: str, architecture: str, use: float, label: str, seed: int = 0, **signs: float) -> Case:
    rng = np.random.default_rng(seed)
    noisy = {name: value * (1 + 0.02 * rng.uniform(-1, 1)) for name, value in (HEALTHY | signs).items()}
    evidence = {"use": use, "use_between": [use - 0.05, use + 0.05], "rows": 99, "of_oracle": True} | noisy
    evidence |= {"competent": label != "incompetent", "needed": label != "not identifiable"}
    victim = mechanism != "healthy"
    return Case(
        f"{architecture}-{seed}", architecture, 0, mechanism, 1.0, "action", victim, label, use, None, 0.9, {}, evidence
    )


def cases() -> list[Case]:
    found = []
    for architecture in ("a", "b"):
        for seed in range(3):
            found += [case(m, architecture, 0.02, "collapsed", seed, **signs) for m, signs in SICK.items()]
            found += [case("healthy", architecture, 0.9, "healthy", seed)]
            found += [case("redundant", architecture, 0.0, "not identifiable", seed)]
            found += [case("wrong", architecture, 0.0, "collapsed", seed)]
            found += [case("small", architecture, 0.75, "healthy", seed, response=0.0)]
    return found


def test_each_sign_is_one_of_the_evidence_and_each_mechanism_has_one() -> None:
    assert set(SICK) == set(MECHANISMS) == {m for sign in SIGNS for m in sign.sick}


def test_thresholds_lie_between_the_planted_sides() -> None:
    found = fitted(cases())
    assert 1e-9 < found.response < 0.29
    assert found.weight == pytest.approx((1e-4 * 0.98) ** 0.5, rel=0.1)  # the middle of the orders of magnitude
    assert found.cone == pytest.approx((0.97 + 0.41) / 2, abs=0.03)
    assert found.told == pytest.approx((0.88 + 0.0) / 2, abs=0.02)
    assert 0.02 < found.healthy < 0.75
    assert found.alone == Thresholds().alone  # nothing here has that sign


def test_planted_signs_are_named_on_another_architecture() -> None:
    names = names_held_out(cases())
    assert f1(confusion(names)) == dict.fromkeys(MECHANISMS, 1.0)
    assert mislabelled(names) == {"redundant": [False] * 6, "wrong": [False] * 6, "small": [False] * 6}


def test_an_unseen_mechanism_is_unknown_but_late_shuffling_is_shuffling() -> None:
    found = unseen_mechanisms(cases())
    assert {name for c, name in found if c.mechanism == "late"} == {"shuffled"}
    assert {name for c, name in found if c.mechanism != "late"} == {"unknown"}


def test_f1_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    own = [c for c in cases() if c.mechanism in MECHANISMS or c.label == "healthy"]
    names = [(c, rng.choice([c.mechanism, "leak", "unknown"])) for c in own]
    true = [c.mechanism if c.label == "collapsed" else "none" for c in own]
    said = [name if name in MECHANISMS else "none" for _, name in names]
    expected = f1_score(true, said, labels=list(MECHANISMS), average=None)  # type: ignore[arg-type]
    assert list(f1(confusion(names)).values()) == pytest.approx(expected.tolist())  # type: ignore[union-attr]


def test_partly_used_signals_are_left_out_and_sound_ones_count_against_a_name() -> None:
    part = case("leak", "a", 0.4, "partial")
    assert confusion([(part, "leak")]).sum() == 0
    right, wrong = case("leak", "a", 0.0, "collapsed"), case("healthy", "a", 0.9, "healthy")
    assert f1(confusion([(right, "leak"), (wrong, "leak")])) == {"leak": pytest.approx(2 / 3)}
    assert mislabelled([(case("wrong", "a", 0.0, "collapsed"), "leak")]) == {"wrong": [True]}
    assert mislabelled([(case("unheard", "a", 0.0, "collapsed"), "cut_wire")]) == {"unheard": [False]}


def test_evidence_survives_json() -> None:
    own = cases()[0]
    assert plain(evidence_in(from_json(to_json([own]))[0])) == own.evidence


def test_records_of_names(tmp_path: Path) -> None:
    own = cases()
    records = naming_records(own, seeds=3)
    assert records["collapse.naming.f1"].value == 1
    assert records["collapse.naming.unknown"].value == pytest.approx(11 / 12)
    assert records["collapse.naming.unknown"].controls["late, called most"] == "shuffled"
    assert records["collapse.naming.decoys"].value == 0
    assert records["collapse.naming.gap"].value == 0
    swapped = [replace(c, mechanism="cone") if c.mechanism == "leak" and c.architecture == "a" else c for c in own]
    assert naming_records(swapped, seeds=3)["collapse.naming.f1"].value < 0.96
    write_claims(tmp_path / "collapse.json", records)
    assert read_claims(tmp_path / "collapse.json") == records
    assert naming_records([replace(c, evidence={}) for c in own], seeds=3) == {}
    assert named(own[0], Thresholds()) == "late"


def test_sound_signals_are_those_of_models_that_were_asked_and_are_not_collapsed() -> None:
    whole, wanting = case("healthy", "a", 0.9, "healthy"), case("redundant", "a", 0.0, "not identifiable")
    collapsed_one, part = case("leak", "a", 0.0, "collapsed"), case("leak", "a", 0.4, "partial")
    never_asked = replace(whole, evidence={})
    assert sound([collapsed_one, whole, never_asked, part, wanting]) == [whole, wanting]

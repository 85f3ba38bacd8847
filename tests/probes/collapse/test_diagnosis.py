"""Each mechanism is named from its own evidence, and nothing is named without any."""

from dataclasses import fields, replace

import pytest

from smcrep.probes.collapse.diagnosis import MECHANISMS, RULES, Evidence, Thresholds, diagnose
from smcrep.probes.intervals import Estimate

UNUSED = Evidence(Estimate(0.01, (-0.02, 0.04), 50), needed=True)
SIGNS = {
    "late": [{"peak_use": 0.8}],
    "cut_wire": [{"response": 0.0}, {"response": 0.0, "learned": 0.0, "cone": 1.0}],
    "precision": [{"weight": 0.01}],
    "leak": [{"from_others": 0.9}, {"from_others": 0.9, "told": 0.0}],
    "confounding": [{"from_others_logged": 0.99}, {"from_others_logged": 0.99, "told": 0.0}],
    "target_copy": [{"copied": 0.95}, {"copied": 0.95, "told": 0.0}],
    "entanglement": [{"alone": 0.6}, {"told": 0.02, "keyed": 0.9}],
    "shuffled": [{"told": 0.02}],
    "starvation": [{"gradient": 0.01}, {"learned": 1e-3}],
    "additive": [{"synergy": 0.8, "interaction": 0.01}],
    "dimensional": [{"rank_share": 0.02}, {"reach": 0.0}],
    "cone": [{"cone": 0.99}, {"cone": 0.99, "learned": 1e-3}],
}
EACH = [(name, sign) for name, signs in SIGNS.items() for sign in signs]
HEALTHY_SIGNS = {
    "peak_use": 0.1, "response": 0.5, "weight": 0.9, "told": 0.9, "keyed": 0.05, "from_others": 0.05, "copied": 0.1,
    "from_others_logged": 0.1, "alone": 0.05, "gradient": 0.8, "learned": 1.0, "synergy": 0.8, "interaction": 0.5,
    "reach": 0.9, "rank_share": 0.6, "cone": 0.3,
}  # fmt: skip


def test_every_mechanism_has_its_sign_here() -> None:
    assert tuple(SIGNS) == MECHANISMS
    assert len(MECHANISMS) == 12


@pytest.mark.parametrize(("name", "sign"), EACH)
def test_a_mechanism_is_named_by_its_sign_with_words_that_say_the_number(name: str, sign: dict[str, float]) -> None:
    found = diagnose(replace(UNUSED, **sign), signal="action")
    assert found.name == name
    assert "With another action, the model loses 1% (between -2% and 4%)" in found.sentences[0]
    assert len(found.sentences) == 2
    assert "{" not in found.sentences[1]


@pytest.mark.parametrize(("name", "sign"), EACH)
def test_the_same_signs_on_a_signal_that_is_used_name_nothing(name: str, sign: dict[str, float]) -> None:
    used = replace(UNUSED, use=Estimate(0.95, (0.9, 1.0), 50), of_oracle=True, **sign)
    assert diagnose(used).name == "healthy"


@pytest.mark.parametrize(("name", "sign"), EACH)
def test_healthy_signs_name_nothing(name: str, sign: dict[str, float]) -> None:
    """Every sign on the healthy side of its threshold."""
    assert set(HEALTHY_SIGNS) == {f.name for f in fields(Evidence)} - {"use", "of_oracle", "competent", "needed"}
    assert diagnose(replace(UNUSED, **HEALTHY_SIGNS)).name == "unknown"
    assert diagnose(replace(UNUSED, **(HEALTHY_SIGNS | sign))).name == name


@pytest.mark.parametrize(("name", "sign"), EACH)
def test_without_its_rules_a_mechanism_is_unknown(name: str, sign: dict[str, float]) -> None:
    """No other rule takes what it cannot tell apart: rows that are worth nothing for another plain reason are not
    called shuffled, nor a cone starved."""
    others = [rule for rule in RULES if rule.mechanism != name]
    assert diagnose(replace(UNUSED, **(HEALTHY_SIGNS | sign)), rules=others).name == "unknown"


def test_the_outcomes_that_are_no_mechanism() -> None:
    assert diagnose(UNUSED).name == "unknown"
    assert "oracle" in diagnose(replace(UNUSED, needed=None)).sentences[1]
    assert diagnose(replace(UNUSED, competent=False, response=0.0)).name == "incompetent_model"
    assert diagnose(replace(UNUSED, needed=False, response=0.0)).name == "rational_neglect"
    wide = replace(UNUSED, use=Estimate(0.1, (-0.3, 0.5), 4), response=0.0)
    assert diagnose(wide).name == "not_enough_data"


def test_thresholds_decide() -> None:
    part = replace(UNUSED, use=Estimate(0.4, (0.35, 0.45), 50), of_oracle=True)
    assert diagnose(part).name == "unknown"
    assert diagnose(part, Thresholds(healthy=0.3)).name == "healthy"
    assert diagnose(replace(UNUSED, cone=0.8), Thresholds(cone=0.7)).name == "cone"

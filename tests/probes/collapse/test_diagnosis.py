"""Each mechanism is named from its own evidence, and nothing is named without any."""

from dataclasses import replace

import pytest

from smcrep.probes.collapse.diagnosis import MECHANISMS, Evidence, Thresholds, diagnose
from smcrep.probes.intervals import Estimate

UNUSED = Evidence(Estimate(0.01, (-0.02, 0.04), 50), needed=True)
SIGNS = {
    "late": {"peak_use": 0.8},
    "cut_wire": {"response": 0.0},
    "precision": {"weight": 0.01},
    "shuffled": {"told": 0.05},
    "leak": {"from_others": 0.9},
    "target_copy": {"copied": 0.95},
    "confounding": {"from_others_logged": 0.99},
    "entanglement": {"alone": 0.6},
    "starvation": {"gradient": 0.01},
    "additive": {"synergy": 0.8, "interaction": 0.01},
    "dimensional": {"rank_share": 0.02},
    "cone": {"cone": 0.99},
}


def test_every_mechanism_has_its_sign_here() -> None:
    assert tuple(SIGNS) == MECHANISMS
    assert len(MECHANISMS) == 12


@pytest.mark.parametrize("name", SIGNS)
def test_a_mechanism_is_named_by_its_sign_with_words_that_say_the_number(name: str) -> None:
    found = diagnose(replace(UNUSED, **SIGNS[name]), signal="action")
    assert found.name == name
    assert "With another action, the model loses 1% (between -2% and 4%)" in found.sentences[0]
    assert len(found.sentences) == 2
    assert "{" not in found.sentences[1]


@pytest.mark.parametrize("name", SIGNS)
def test_the_same_signs_on_a_signal_that_is_used_name_nothing(name: str) -> None:
    used = Evidence(Estimate(0.95, (0.9, 1.0), 50), of_oracle=True, **SIGNS[name])
    assert diagnose(used).name == "healthy"


@pytest.mark.parametrize("name", SIGNS)
def test_healthy_signs_name_nothing(name: str) -> None:
    """Every sign on the healthy side of its threshold."""
    healthy = {"peak_use": 0.1, "response": 0.5, "weight": 0.9, "told": 0.9, "from_others": 0.05, "copied": 0.1,
               "from_others_logged": 0.3, "alone": 0.05, "gradient": 0.8, "synergy": 0.8, "interaction": 0.5,
               "rank_share": 0.6, "cone": 0.3}  # fmt: skip
    assert diagnose(replace(UNUSED, **healthy)).name == "unknown"
    assert diagnose(replace(UNUSED, **(healthy | SIGNS[name]))).name == name


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

"""Rules by name: those that ship, through the laws, and a stranger's own."""

import pytest
import torch

from smcrep.fusion import CLAIMS, RULES, claimed_precision, equal_precision, precision_weighted, rule
from smcrep.hub import build_model
from smcrep.models import ModelConfig
from smcrep.testing import assert_claim_laws, assert_fusion_laws
from smcrep.testing.claims import CLAIM_LAWS
from smcrep.testing.fusion import LAWS, Setting
from smcrep.transition import Beliefs

BREAKS = {
    "equal": {"flat_case": "it reads no precision"},
    "mixture": {"flat_case": "it reads no precision"},
    "blue": {"flat_case": "it takes errors as correlated at .5"},
    "covariance_intersection": {"flat_case": "it takes the better sense, as errors may be the same"},
    "covariance_intersection_trace": {"flat_case": "it takes the better sense, as errors may be the same"},
}
"""Laws that a rule does not keep, and why."""
TWICE = {
    "precision": "independence",
    "equal": "independence",
    "gate": "independence while senses agree",
    "blue": "a correlation of .5 between copies too",
    "causal": "independence of the senses that are right",
    "von_mises_fisher": "independence",
}
"""Rules that claim more of senses given twice, and what they take for granted."""
DIRECTIONS = {"von_mises_fisher"}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", [0, 1])
def test_laws(name: str, seed: int) -> None:
    assert_fusion_laws(RULES[name], breaks=BREAKS.get(name, {}), unit=name in DIRECTIONS, seed=seed)


@pytest.mark.parametrize(("name", "law"), [(name, law) for name, laws in BREAKS.items() for law in laws])
def test_a_law_that_a_rule_is_said_to_break_is_broken(name: str, law: str) -> None:
    with pytest.raises(AssertionError):
        LAWS[law](RULES[name], Setting(3, 6, 0, name in DIRECTIONS))


@pytest.mark.parametrize("name", RULES)
def test_laws_of_claims(name: str) -> None:
    assert_claim_laws(CLAIMS[name], breaks=("senses_given_twice",) if name in TWICE else (), unit=name in DIRECTIONS)


@pytest.mark.parametrize("name", TWICE)
def test_a_rule_that_assumes_something_of_errors_claims_more_of_senses_given_twice(name: str) -> None:
    with pytest.raises(AssertionError, match="senses given twice raise"):
        CLAIM_LAWS["senses_given_twice"](CLAIMS[name], Setting(3, 6, 0, name in DIRECTIONS))


def test_rules_by_name() -> None:
    assert RULES["precision"] is precision_weighted
    assert rule("equal") is equal_precision
    assert set(CLAIMS) == set(RULES)
    with pytest.raises(
        ValueError, match=r"fusion: there is no rule 'x'; choose one of precision, equal, .* or add yours"
    ):
        rule("x")


def test_claimed_precision_by_name() -> None:
    beliefs = Beliefs(torch.zeros(1, 2, 1), torch.tensor([[[2.0], [6.0]]]).log(), torch.ones(1, 2, dtype=torch.bool))
    assert claimed_precision("precision", beliefs).exp().item() == pytest.approx(8)
    with pytest.raises(ValueError, match="fusion: no rule 'x' says what it claims; choose one of precision, "):
        claimed_precision("x", beliefs)


def test_rule_of_ones_own_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "mine", lambda beliefs: equal_precision(beliefs))
    model = build_model(ModelConfig(senses=("points",), trunk_dim=8, fusion="mine"))  # type: ignore[arg-type]
    assert model.fuse is RULES["mine"]

"""Rules by name: those that ship, and a stranger's own."""

import pytest

from smcrep.fusion import RULES, equal_precision, precision_weighted, rule
from smcrep.hub import build_model
from smcrep.models import ModelConfig


def test_rules_by_name() -> None:
    assert {"precision": precision_weighted, "equal": equal_precision} == RULES
    assert rule("equal") is equal_precision
    with pytest.raises(ValueError, match="fusion: there is no rule 'x'; choose one of precision, equal, or add yours"):
        rule("x")


def test_rule_of_ones_own_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, "mine", lambda beliefs: equal_precision(beliefs))
    model = build_model(ModelConfig(senses=("points",), trunk_dim=8, fusion="mine"))  # type: ignore[arg-type]
    assert model.fuse is RULES["mine"]

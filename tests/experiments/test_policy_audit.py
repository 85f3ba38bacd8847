"""Records count a seed as right only where the planted signal, and no other, was named."""

from typing import Any

import pytest

from tests.experiments.scripts import script

policy_audit: Any = script("policy_audit")
SIGNALS = policy_audit.SIGNALS


def cell(blind: str, *, error: float = 1.0, also: str = "") -> dict[str, Any]:
    named = {s: s in (blind, also) for s in (*SIGNALS, "state")}
    use = {s: 0.0 if named[s] else 1.0 for s in named}
    return {
        "error": error,
        "blind": named,
        "follows": use,
        "signals": {s: {"utilisation": use[s], "diagnosis": "unknown" if named[s] else "healthy"} for s in named},
    }


def test_share_counts_seeds_in_which_the_planted_signal_alone_is_named() -> None:
    cells = {
        "healthy": [cell(""), cell("", also="cloud")],
        "constant.cloud": [cell("cloud", error=2.0), cell("cloud", also="vision", error=4.0), cell(""), cell("cloud")],
    }
    records = policy_audit.claims(cells)
    assert records["audit.policies.healthy"].value == 0.5
    found = records["audit.policies.constant.cloud"]
    assert found.value == 0.5
    assert found.controls["named"] == 0.75
    assert found.controls["follows"] == 1.0
    assert found.controls["follows_others_least"] == 0.0
    assert found.controls["error_over_healthy"] == pytest.approx(2.0)
    assert found.controls["diagnoses"] == "healthy, unknown"


def test_utilisation_is_held_against_the_exact_branches() -> None:
    far = cell("cloud")
    far["follows"] |= {"language": 0.7}
    found = policy_audit.claims({"healthy": [cell("")], "constant.cloud": [cell("cloud"), far]})
    assert found["audit.policies.constant.cloud"].controls["utilisation_from_branches_most"] == pytest.approx(0.3)
    assert found["audit.policies.healthy"].controls["utilisation_from_branches_most"] == 0


def test_signal_that_cannot_be_judged_is_not_counted_as_cleared() -> None:
    undecided = cell("")
    undecided["blind"]["vision"] = None
    assert policy_audit.claims({"healthy": [undecided, cell("")]})["audit.policies.healthy"].value == 0.5

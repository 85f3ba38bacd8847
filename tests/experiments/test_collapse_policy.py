"""collapse.py audits a policy by its factory, on a set of demonstrations."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.scripts import script

collapse: Any = script("collapse")


def options(**more: Any) -> argparse.Namespace:
    base = {"module": None, "policy": "any:policy", "dataset": None, "signals": [], "before": 0, "tiny": True}
    return argparse.Namespace(**(base | more))


def test_policy_without_a_dataset_is_told_what_is_missing() -> None:
    with pytest.raises(ValueError, match="--policy needs --dataset"):
        collapse.audit_of_others(options())


def test_factory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere:at_all: No module named 'nowhere'"):
        collapse.audit_of_others(options(policy="nowhere:at_all", dataset=tmp_path))


def test_policy_is_audited_on_the_frames_of_the_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr("smcrep.vla.lerobot_log.audit_on", lambda act, path, *a, **k: seen.update(k) or ("report", []))
    monkeypatch.setattr(collapse, "made_by", lambda name: None)
    assert collapse.audit_of_others(options(dataset=tmp_path, before=2)) == "report"
    assert (seen["num_before"], seen["most"]) == (2, 16)

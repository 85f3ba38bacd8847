"""What strengths are chosen on is never reported, and a cell is made anew where other strengths were chosen."""

import json
from pathlib import Path
from typing import Any

import pytest

from smcrep.zoo import ARCHITECTURES
from tests.experiments.scripts import script

cures: Any = script("cures")


def test_a_seed_of_the_selection_is_not_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["cures", "--seeds", "1", "100", "--out", str(tmp_path)])
    with pytest.raises(ValueError, match="a seed is among --selection and --seeds"):
        cures.main()
    assert not list(tmp_path.iterdir())


def test_a_finished_cell_is_kept_until_another_strength_is_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = []

    def planted(cure: Any, cases: Any, signal: str, *others: Any) -> list[dict[str, Any]]:
        made.append([strength for _, strength in cases])
        return [{"mechanism": patient.mechanism, "strength": strength} for patient, strength in cases]

    monkeypatch.setattr(cures, "cell", planted)
    dropout = {"leak": 0.2, "late": 0.2, "additive": 0.5}
    chosen = {(mechanism, "dropout"): strength for mechanism, strength in dropout.items()}
    for strengths in (None, None, chosen, chosen):
        cures.a_cell(tmp_path, "action", ARCHITECTURES[0], "dropout", 3, strengths, True)
    assert made == [[0.2, 0.5] * 3, [0.2, 0.2, 0.5]]
    (path,) = (tmp_path / "cells").iterdir()
    assert json.loads(path.read_text())["variant"] == "action.concat-regression.dropout"
    cures.a_cell(tmp_path, "action", ARCHITECTURES[0], "rollback", 3, None, True)
    assert len(made[-1]) == 1  # of late collapse alone

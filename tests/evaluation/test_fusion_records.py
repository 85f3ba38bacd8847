"""Records of planted cells: who is ahead of whom, by how much, and what a head knows of its errors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smcrep.evaluation.fusion_checks import slope, spearman
from smcrep.evaluation.fusion_records import CLEAN, DESTROYED, EMBEDDING, TOLD, UNWEIGHTED, fusion_records
from smcrep.report.figures.fusion import cell_table, weights
from smcrep.results import Record, read_claims, write_claims

OBJECTS = 40
METHODS = ("equal", "precision", "concatenation", "late_fusion_transformer", "qmf", "only_rgb", "only_points")


def cell(
    ours: float, others: float, fault: tuple[str, str, float] | None, seed: int = 0, *, confidence: float = 0.9
) -> dict[str, Any]:
    """Accuracy of ours is ``ours`` and of all others ``others``, both with the same spread over objects."""
    spread = 0.1 * np.random.default_rng(seed).uniform(-1, 1, OBJECTS)
    severity = fault[2] if fault else 0.0
    at_fault = [float(fault is not None and fault[0] == sense) for sense in ("rgb", "points")]
    variance = [[0.01 + severity**2 * own + 1e-4 * i for own in at_fault] for i in range(OBJECTS)]
    described = {
        "variance": variance,
        "error": [[2 * value for value in row] for row in variance],
        "weight": [[0.4, 0.6]] * OBJECTS,
        "unusual": [0.1] * OBJECTS,
        "confidence": 0.5,
    }
    faults = [dict(zip(("sense", "kind", "severity"), fault, strict=True))] if fault else []
    about = {"seed": seed, "senses": ["rgb", "points"], "in_training": True, "shots": {"n_way": 10}, "faults": faults}
    about |= {
        "commit": "c0ffee",
        "machine": "m",
        "minutes": 1.0,
        "command": "python experiments/fusion.py --runs runs/a",
    }
    accuracy = {"ours": (ours + spread).tolist()} | {name: (others + spread).tolist() for name in METHODS}
    return about | {"accuracy": accuracy, "described": described, "confidence": confidence}


def planted() -> dict[str, dict[int, dict[str, Any]]]:
    faults = [
        (sense, "noise" if sense == "rgb" else "jitter", s) for sense in ("rgb", "points") for s in (0.3, 0.6, 1.0)
    ]
    cells = {".".join((sense, kind, f"{s:.2f}")): {0: cell(0.7, 0.6, (sense, kind, s))} for sense, kind, s in faults}
    cells["rgb.absent.1.00"] = {0: cell(0.55, 0.6, ("rgb", "absent", 1.0))}
    cells[DESTROYED] = {0: cell(0.1, 0.1, None, confidence=0.11)}
    return {CLEAN: {0: cell(0.9, 0.9, None)}} | cells


def test_half_faulty_is_the_mean_of_clean_and_faulty() -> None:
    records = fusion_records(planted(), "command")
    mean = (records["fusion.gain.clean"].value + records["fusion.gain.noisy"].value) / 2
    assert records["fusion.gain.mixed"].value == pytest.approx(mean)


def test_swapped_reliability_has_records_of_its_own() -> None:
    cells = planted()
    swapped = {
        "swapped.rgb.noise.1.00": {0: cell(0.7, 0.6, ("rgb", "noise", 1.0))},
        "swapped.points.jitter.1.00": {0: cell(0.5, 0.6, ("points", "jitter", 1.0))},
    }
    records, before = fusion_records(cells | swapped, "command"), fusion_records(cells, "command")
    assert records["fusion.swapped.never_worse.cells"].value == 1
    assert records["fusion.swapped.never_worse.cells"].n == 2
    assert records["fusion.swapped.gain.noisy"].value == pytest.approx(0)
    assert {name: record for name, record in records.items() if ".swapped." not in name} == before


def test_differences_are_those_planted() -> None:
    records = fusion_records(planted(), "command")
    assert records["fusion.dropout.beyond"].value == pytest.approx(0.55 - 0.6)
    assert records["fusion.dropout.beyond"].controls["equal"] == 0
    others = [method for method in METHODS if not method.startswith("only_")]  # each less the best sense alone
    assert set(records["fusion.dropout.beyond"].controls) == {"rgb.absent.1.00 less only_rgb", *others}
    assert records["fusion.never_worse.cells"].value == 1
    controls = records["fusion.never_worse.cells"].controls
    assert controls["rgb.absent.1.00 less only_rgb"] == -0.05
    assert controls["rgb.absent.1.00, lower bound"] == pytest.approx(-0.05, abs=0.02)
    assert (controls["with a point deficit"], controls["of kinds in training"], controls["cells"]) == (1, 0, 7)
    assert records["fusion.gain.clean"].value == pytest.approx(0)
    assert {record.command for record in records.values()} == {"command"}
    assert records["fusion.gain.noisy"].value == pytest.approx((6 * 0.1 - 0.05) / 7)
    assert records["fusion.gain.over_dynamic"].value == pytest.approx((6 * 0.1 - 0.05) / 7)
    assert records["fusion.cell.rgb.noise.0.30"].value == pytest.approx(0.7, abs=0.03)


def test_the_oracle_is_told_what_the_weights_could_add() -> None:
    """Unweighted .5, ours .56, told .6, the same spread over objects in all: a share of .6, and .04 / .6 lost."""
    cells = planted()
    for own in cells.values():
        spread = np.array(own[0]["accuracy"]["equal"]) - np.mean(own[0]["accuracy"]["equal"])
        own[0]["accuracy"] |= {
            m: (v + spread).tolist() for m, v in zip((EMBEDDING, UNWEIGHTED, TOLD), (0.56, 0.5, 0.6), strict=True)
        }
    records = fusion_records(cells, "command")
    assert records["fusion.oracle.share"].value == pytest.approx(0.6)
    assert records["fusion.oracle.regret"].value == pytest.approx(0.04 / 0.6, abs=2e-3)
    assert "fusion.oracle.share" not in fusion_records(planted(), "command")


def test_the_rival_is_the_best_of_those_named_in_each_cell() -> None:
    cells = planted()
    own = cells["rgb.noise.0.60"][0]["accuracy"]
    own["late_fusion_transformer"] = (np.array(own["ours"]) + 0.03).tolist()
    own["qmf"] = (np.array(own["ours"]) + 0.2).tolist()  # not among the rivals of this claim
    record = fusion_records(cells, "command")["fusion.never_worse.cells"]
    assert record.value == 2
    assert record.controls["rgb.noise.0.60 less late_fusion_transformer"] == -0.03
    assert record.controls["rgb.noise.0.60, lower bound"] == pytest.approx(-0.03)
    assert record.controls["of kinds in training"] == 1


def test_what_a_head_knows_of_its_errors() -> None:
    records = fusion_records(planted(), "command")
    for sense in ("rgb", "points"):
        assert records[f"fusion.precision.spearman.{sense}"].value == pytest.approx(1, abs=0.06)
        assert records[f"fusion.precision.slope.{sense}"].value == pytest.approx(1, abs=1e-6)
    assert records["fusion.coverage.all"].value == pytest.approx(0.1, abs=0.01)
    assert set(records) >= {"fusion.coverage.without_rgb"}
    assert records["fusion.destroyed.confidence"].value == pytest.approx(1.1)
    assert records["fusion.destroyed.confidence"].controls == pytest.approx({"clean": 9, "ours_embedding": 5})


def test_slope_and_rank_correlation_by_hand() -> None:
    true = np.array([0.1, 1.0, 10.0])
    assert slope(3 * true**2, true) == pytest.approx(2)
    rising = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert spearman(np.array([0.0, 1.0]), rising) == pytest.approx(spearman(np.array([0.0, 5.0]), 2 * rising))
    assert spearman(np.array([0.0, 1.0]), -rising) < 0


def test_pictures_are_drawn_of_what_the_suite_writes(tmp_path: Path) -> None:
    write_claims(tmp_path / "fusion.json", fusion_records(planted(), "command"))
    records = read_claims(tmp_path / "fusion.json")
    cells: dict[str, Record] = {
        name.removeprefix("fusion.cell."): record
        for name, record in records.items()
        if name.startswith("fusion.cell.") and not name.startswith("fusion.cell.all")
    }
    cell_table(cells, ["only_rgb", "only_points", "equal", "late_fusion_transformer"], tmp_path / "cells.png")
    weights(cells, tmp_path / "weights.png")
    drawn = {path.name: path.read_bytes() for path in tmp_path.glob("*.png")}
    assert set(drawn) == {"cells.png", "weights.png"}
    other = cells | {"rgb.noise.0.30": replace(cells["rgb.noise.0.30"], value=0.2, ci95=(0.1, 0.3))}
    cell_table(other, ["only_rgb"], tmp_path / "cells.png")
    assert (tmp_path / "cells.png").read_bytes() != drawn["cells.png"]


def test_without_ours_there_is_nothing_to_claim() -> None:
    cells = {CLEAN: {0: cell(0.9, 0.9, None)}}
    del cells[CLEAN][0]["accuracy"]["ours"]
    assert fusion_records(cells, "command") == {}

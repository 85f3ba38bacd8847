"""What a training writes of its loss and its probes is drawn, all of it, and under the group it belongs to."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from smcrep.objectives import (
    EquiModWeights,
    ObjectiveWeights,
    SensorimotorWeights,
    SimCLRWeights,
    VICRegWeights,
    vicreg,
)
from smcrep.report.figures.curves import FLOOR, NO_TERMS, curves, groups
from smcrep.report.style import label
from smcrep.training.build import Compute, build_fabric
from smcrep.training.fit import fit
from smcrep.training.online import online_probe
from smcrep.transition import Targets
from tests.training.synthetic import SyntheticSource, tiny_recipe, transition

SENSES = ("rgb", "points")


def trained(out: Path, **changes: Any) -> list[dict[str, float]]:
    """metrics.jsonl of a real training, on synthetic transitions."""
    recipe = tiny_recipe(probe_every=4, **changes)
    probed = transition(4, 4, seed=1)
    targets = Targets(torch.tensor([0, 0, 1, 1]), torch.arange(4), *[torch.zeros(4)] * 3)
    fabric = build_fabric(Compute(accelerator="cpu"), recipe.optim)
    fit(recipe, lambda rank, size: SyntheticSource(), out, fabric=fabric, probe=online_probe(probed, targets))
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    return trained(tmp_path_factory.mktemp("run"))


def test_groups_are_those_of_the_objective(metrics: list[dict[str, float]]) -> None:
    found = {group: set(names) for group, names in groups(metrics).items()}
    assert found == {
        "loss": {"loss"},
        "invariant": {f"invariant/{sense}" for sense in SENSES},
        "equivariant": {f"equivariant/{sense}" for sense in SENSES},
        ">": {"equivariant/rgb>points", "equivariant/points>rgb"},
        "fused": {"invariant/fused", "equivariant/fused"},
        "probe/few_shot": {f"probe/few_shot/{sense}" for sense in (*SENSES, "fused")},
        "probe/retrieval": {f"probe/retrieval/{sense}" for sense in (*SENSES, "fused")},
    }


@pytest.mark.parametrize("objective", [SensorimotorWeights(), EquiModWeights(), SimCLRWeights(), VICRegWeights()])
def test_every_logged_term_is_drawn_once(
    objective: ObjectiveWeights, figures_kept: list[Figure], tmp_path: Path
) -> None:
    metrics = trained(tmp_path, objective=objective)
    logged = {name for row in metrics for name in row} - (NO_TERMS - {"loss"}) - {FLOOR}
    assert sorted(logged) == sorted(name for names in groups(metrics).values() for name in names)
    curves(metrics, tmp_path / "curves.png")
    drawn = [
        line for axis in figures_kept[0].axes for line in axis.lines if not str(line.get_label()).startswith("floor")
    ]
    assert len(drawn) == len(logged)


def test_terms_floor_and_chance_are_drawn(
    metrics: list[dict[str, float]], figures_kept: list[Figure], tmp_path: Path
) -> None:
    curves(metrics, tmp_path / "curves.png", chance={"few_shot": 0.5, "retrieval": 0.25})
    (figure,) = figures_kept
    panels = dict(zip(groups(metrics), figure.axes, strict=False))
    for group, axis in panels.items():
        lines = {str(line.get_label()): line for line in axis.lines}
        assert len(lines) >= len(groups(metrics)[group])
        assert ("floor without the action" in lines) == (group in ("equivariant", ">", "fused"))
        assert any(text.get_text() == "chance" for text in axis.texts) == group.startswith("probe/")
    drawn = {str(line.get_label()): line.get_ydata() for line in panels["invariant"].lines}
    for sense in SENSES:
        assert list(drawn[label(sense)]) == [r[f"invariant/{sense}"] for r in metrics if f"invariant/{sense}" in r]
    rgb, points = (label(sense) for sense in SENSES)
    assert {f"{rgb} → {points}", f"{points} → {rgb}"} <= {str(line.get_label()) for line in panels[">"].lines}


def test_terms_of_no_sense_have_a_panel(figures_kept: list[Figure], tmp_path: Path) -> None:
    """A loss of one's own, logged as its `parts` are named: here VICReg's."""
    z = torch.randn(2, 8, 4)
    loss = vicreg(z[0], z[1], VICRegWeights())
    rows = [{"step": s, "loss": float(loss.total)} | {n: float(v) for n, v in loss.parts.items()} for s in (1, 2)]
    curves(rows, tmp_path / "curves.png")
    assert groups(rows) == {"loss": ["loss"], "terms": list(loss.parts)}
    assert {str(line.get_label()) for line in figures_kept[0].axes[1].lines} == set(loss.parts)


def test_terms_that_pull_apart_have_a_panel_from_minus_1_to_1(figures_kept: list[Figure], tmp_path: Path) -> None:
    name = "gradient_cosine/invariant-cross_modal"
    rows = [{"step": step, "loss": 2.0, name: cosine} for step, cosine in ((100, 0.3), (200, -0.4))]
    assert groups(rows) == {"loss": ["loss"], "gradient_cosine": [name]}
    curves(rows, tmp_path / "curves.png")
    axis = figures_kept[0].axes[1]
    (line,) = [line for line in axis.lines if line.get_label() == "invariant-cross modal"]
    assert list(line.get_ydata()) == [0.3, -0.4]
    assert axis.get_ylim() == (-1.05, 1.05)
    assert [text.get_text() for text in axis.texts] == ["below: they pull apart"]


def test_a_run_without_probes_has_no_panel_for_them(metrics: list[dict[str, float]]) -> None:
    assert not any(group.startswith("probe/") for group in groups([row for row in metrics if "loss" in row]))


def test_the_axis_holds_every_loss_and_names_stand_where_there_are_several(
    metrics: list[dict[str, float]], figures_kept: list[Figure], tmp_path: Path
) -> None:
    curves([row | {"loss": 7 * row["loss"]} if "loss" in row else row for row in metrics], tmp_path / "a.png")
    for axis in figures_kept[0].axes:
        for line in axis.get_lines():
            assert max(line.get_ydata()) <= axis.get_ylim()[1]  # type: ignore[arg-type]
    total, *others = [axis for axis in figures_kept[0].axes if axis.get_lines()]
    assert total.get_legend() is None
    assert all(axis.get_legend() for axis in others)

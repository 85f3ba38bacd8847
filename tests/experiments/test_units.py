"""Records of the experiments are over objects: many states of few objects leave their intervals as wide."""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from smcrep.evaluation.audit import Audit, Oracle
from smcrep.evaluation.encoded import Encoded
from smcrep.evaluation.signals import SignalHits
from smcrep.geometry.action import Action
from smcrep.probes.intervals import share_over_units
from smcrep.results import Record
from smcrep.transition import FUSED
from tests.experiments.scripts import EXPERIMENTS, script

OBJECTS, CANDIDATES = 12, 16
collapse: Any = script("collapse")
probe: Any = script("linear_probe")
pretrained: Any = script("pretrained")
modelnet10: Any = script("modelnet10")


def encoded(states: int) -> Encoded:
    """``states`` of each of 12 objects, of which four look alike."""
    ids = np.repeat(np.arange(OBJECTS), states)
    looks = torch.eye(OBJECTS)[torch.from_numpy(np.where(ids < 4, 0, ids))][:, None].repeat(1, 2, 1)
    action = Action(*(torch.zeros(len(ids), 1, *shape) for shape in ((), (4, 4), (3,), (3,), ())))
    return Encoded({FUSED: looks}, OBJECTS, action, None, torch.eye(4).repeat(len(ids), 2, 1, 1), ids)


def width(record: Record) -> float:
    assert record.ci95
    return record.ci95[1] - record.ci95[0]


def audited(states: int) -> Audit:
    """The action is used on every other object, and on no state of the others."""
    seen = encoded(states)
    used = np.repeat((seen.object_ids % 2 == 0)[:, None].astype(float), CANDIDATES, 1)
    chance = np.full_like(used, 1 / CANDIDATES)
    scores = np.where(used[:, :, None] > 0, np.eye(CANDIDATES), -np.eye(CANDIDATES))
    hits = SignalHits(true=used, mismatched=chance, shuffled=chance, wrong=chance, scores=scores)
    return Audit(seen, Oracle(np.ones_like(used), chance), {FUSED: hits})


def outcome(states: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Record]:
    monkeypatch.setattr(collapse, "other_state_hits", lambda *_: 0.0)
    audits = {"ours": {"action": audited(states)}, "untrained": {"action": audited(states)}}
    return collapse.claims(SimpleNamespace(sources=(FUSED,)), audits, "ours")


def test_the_outcome_and_the_utilisation_are_over_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = outcome(2, monkeypatch), outcome(40, monkeypatch)
    wanted = share_over_units(np.arange(OBJECTS) % 2 == 0)
    for name in ("outcome.fused", "utilisation.action.fused"):
        assert many[name].n == OBJECTS
        assert width(many[name]) == pytest.approx(width(few[name]), rel=0.05)
    assert many["outcome.fused"].ci95 == pytest.approx(wanted.ci95)
    controls = many["outcome.fused"].controls
    assert (controls["untrained_low"], controls["untrained_high"]) == pytest.approx(wanted.ci95)
    assert controls["shuffled_action"] == controls["wrong_action"] == 1 / CANDIDATES


def recognised(states: int) -> dict[str, Record]:
    seen = encoded(states)
    store = SimpleNamespace(
        object_ids=seen.object_ids, class_ids=seen.object_ids, num_states=len(seen.object_ids), num_branches=1
    )
    found = probe.recognition({"ours": seen, "untrained": seen}, store, 40, OBJECTS)
    return found | probe.nearest({"ours": seen, "untrained": seen}, store)


def test_recognition_is_over_objects() -> None:
    few, many = recognised(12), recognised(60)
    for name in ("few_shot.objects.fused.5", "knn.objects.fused"):
        assert many[name].n == OBJECTS
        assert width(many[name]) > 0.7 * width(few[name])


def test_what_acting_adds_is_over_seeds_and_objects() -> None:
    """Between-object variance only: of 3 runs and 50 queries an object as wide as of the objects alone."""
    objects = np.repeat(np.arange(OBJECTS), 50)
    correct = np.tile((objects % 2 == 0).astype(float), (3, 1))
    found = pretrained.share(correct, objects)
    assert found.n == OBJECTS
    assert found.ci95 == pytest.approx(share_over_units(np.arange(OBJECTS) % 2 == 0).ci95)


def test_shapes_are_grouped_with_their_near_duplicates_and_seeds_widen_the_interval() -> None:
    groups = np.repeat(np.arange(OBJECTS), 30)
    right = (groups % 2 == 0).astype(float)
    how = {name: modelnet10.Choice("whole", 1.0, "both", 1.0, 0.5) for name in ("ours", "simclr")}
    alike = np.stack([right] * 3)
    found = modelnet10.compared({"ours": alike, "simclr": alike}, how, groups, chance=0.1)
    assert found.n == OBJECTS
    assert found.ci95 == pytest.approx(share_over_units(np.arange(OBJECTS) % 2 == 0).ci95)
    apart = right * np.array([[0.4], [0.7], [1.0]])
    assert width(modelnet10.compared({"ours": apart, "simclr": apart}, how, groups)) > 1.5 * width(
        modelnet10.compared({"ours": np.stack([apart.mean(0)] * 3), "simclr": alike}, how, groups)
    )


def figures_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXPERIMENTS / f"figures/{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_records_of_cells_name_the_commits_of_all_of_them() -> None:
    cells: Any = figures_module("generalisation_cells").Cells(EXPERIMENTS / "cells/generalisation")
    for variant, seeds in cells.by_variant.items():
        for i, cell in enumerate(seeds):
            cell["commit"] = f"{variant}-{i}"
    ours = cells.share(cells.values("ours", "h1.fused"), "ours", "H@1 of 16", others=["simclr"])
    assert ours.commits == ("ours-0", "ours-1", "ours-2", "simclr-0", "simclr-1", "simclr-2")
    assert (ours.seeds, ours.n) == (3, 15)

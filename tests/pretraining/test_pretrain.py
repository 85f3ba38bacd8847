"""One call makes a run; called again it trains nothing; interrupted it goes on to the same weights."""

import json
import os
import shutil
import signal
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smcrep.data.mixture import MixedLoader
from smcrep.data.store import Store
from smcrep.hub import build_model, load_model
from smcrep.objectives import SimCLRWeights
from smcrep.pretraining import Interrupted, Pretrained, Run, load, pretrain
from smcrep.pretraining.variants import with_data, with_model, with_optim, with_recipe, with_sense, with_senses
from smcrep.records import differences
from smcrep.training.calibrate import calibrate_precision
from tests.pretraining.conftest import ranks_of, smaller

STEPS = 6


def weights(pretrained: Pretrained) -> dict[str, torch.Tensor]:
    return pretrained.model.state_dict()


def same(a: Pretrained, b: Pretrained) -> bool:
    return all(torch.equal(value, weights(b)[name]) for name, value in weights(a).items())


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but those of TensorBoard, whose names hold the time."""
    files = (path for path in folder.rglob("*") if path.is_file() and "tensorboard" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def elsewhere(run: Run, out: Path, **changes: Any) -> Run:
    """The same run in another folder, from the same stores."""
    return replace(run, out=out, stores=run.stores or run.out / "stores", **changes)


def test_leaves_what_it_says(run: Run, pretrained: Pretrained) -> None:
    assert pretrained.path == run.out
    assert {path.name for path in run.out.iterdir()} >= {
        *("recipe.json", "run.json", "stores.json", "metrics.jsonl", "tensorboard", "checkpoint", "model", "stores"),
    }
    noted = json.loads((run.out / "stores.json").read_text())
    assert {split: note["path"] for split, note in noted.items()} == {
        s: f"stores/{s}" for s in ("train", "val", "test")
    }
    records = [json.loads(line) for line in (run.out / "metrics.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records if "loss" in r] == [2, 4, 6]
    assert [r["step"] for r in records if "probe/few_shot/fused" in r or "probe/retrieval/fused" in r] == [3, 6]
    fitted = differences(run.recipe, pretrained.recipe)
    assert {line.split(" ")[0] for line in fitted} >= {"model.senses.points.scale_m", "model.action_mean"}
    assert all(line.startswith("model.") for line in fitted)  # scales, and nothing else
    assert json.loads((run.out / "run.json").read_text())["recipe"]["optim"]["steps"] == STEPS


def test_model_is_calibrated_and_says_where_it_comes_from(run: Run, pretrained: Pretrained) -> None:
    model, _, _, meta = load_model(run.out)
    assert model.config == pretrained.recipe.model
    assert meta["provenance"]["recipe"] == "tiny"
    assert meta["provenance"]["steps"] == STEPS
    assert len(meta["provenance"]["data"]) == 1
    shifts = meta["provenance"]["precision_shifts"]
    assert len(shifts) == 4
    assert all(shifts.values())
    trained = torch.load(run.out / "checkpoint" / "last.pt", weights_only=True)["model"]
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, trained[name])}
    assert moved == {name for name in trained if name.endswith("_precision.bias")}


def test_precision_is_calibrated_on_validation_objects(run: Run, pretrained: Pretrained) -> None:
    """The shifts that were applied are those of the validation store, and no others."""
    recipe, shifts = pretrained.recipe, {}
    for split in ("train", "val", "test"):
        model, store = build_model(recipe.model).eval(), pretrained.store(split)
        model.load_state_dict(torch.load(run.out / "checkpoint" / "last.pt", weights_only=True)["model"])
        seen = store.transitions(np.arange(store.num_states), recipe.model.names)
        shifts[split] = calibrate_precision(model, seen, recipe.objective, steps=recipe.calibration_steps)
    applied = load_model(run.out)[3]["provenance"]["precision_shifts"]
    assert applied == pytest.approx(shifts["val"])
    assert applied != pytest.approx(shifts["train"], abs=1e-3)
    assert applied != pytest.approx(shifts["test"], abs=1e-3)


def test_embeds_its_own_stores(pretrained: Pretrained) -> None:
    store = pretrained.store("test")
    given = store.read(np.arange(4), list(pretrained.recipe.model.names))
    assert pretrained.model.embed(given).fused.isfinite().all()


def test_finished_run_trains_nothing_and_stays_as_it_is(run: Run, pretrained: Pretrained) -> None:
    before, checkpoint = contents(run.out), (run.out / "checkpoint" / "last.pt").stat().st_mtime_ns
    again = pretrain(run, progress=False)
    assert contents(run.out) == before
    assert (run.out / "checkpoint" / "last.pt").stat().st_mtime_ns == checkpoint
    assert same(again, pretrained)


def test_run_in_another_folder_has_the_same_weights(run: Run, pretrained: Pretrained, tmp_path: Path) -> None:
    again = pretrain(elsewhere(run, tmp_path / "run"), progress=False)
    assert same(again, pretrained)
    assert again.store("val").path == pretrained.store("val").path.resolve()


class StopsAtBatch4(MixedLoader):
    """Sends this process a signal while the fourth batch is fetched, as a user or a scheduler would."""

    number = signal.SIGINT

    def __next__(self) -> Any:
        batch = super().__next__()
        self.drawn = getattr(self, "drawn", 0) + 1
        if self.drawn == 4:
            os.kill(os.getpid(), self.number)
        return batch


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_goes_on_to_the_same_weights(
    number: signal.Signals, run: Run, pretrained: Pretrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = elsewhere(run, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(import_module("smcrep.pretraining.pretrain"), "MixedLoader", StopsAtBatch4)
        patch.setattr(StopsAtBatch4, "number", number)
        with pytest.raises(Interrupted, match=rf"^{number.name} after step 4; the same command goes on") as caught:
            pretrain(own, progress=False)
    assert (caught.value.signal, caught.value.step) == (number, 4)
    assert not (own.out / "model").exists()
    assert same(pretrain(own, progress=False), pretrained)
    metrics = [(r["step"], r["loss"]) for out in (own.out, run.out) for r in losses(out)]
    assert metrics[: len(metrics) // 2] == metrics[len(metrics) // 2 :]


def losses(out: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [record for record in records if "loss" in record]


def test_moved_run_finds_its_stores(run: Run, pretrained: Pretrained, tmp_path: Path) -> None:
    shutil.copytree(run.out, tmp_path / "copy")
    shutil.move(tmp_path / "copy", tmp_path / "moved")
    moved = load(tmp_path / "moved")
    for split in ("train", "val", "test"):
        assert moved.store(split).path == tmp_path / "moved" / "stores" / split
        assert isinstance(moved.store(split), Store)
    assert moved.recipe == pretrained.recipe
    assert same(moved, pretrained)


@pytest.mark.parametrize("change", ["objective", "senses", "steps", "data"])
def test_folder_of_another_run_is_refused_before_it_is_written_to(
    change: str, run: Run, pretrained: Pretrained
) -> None:
    other, words = {
        "objective": (with_recipe(run, objective=SimCLRWeights()), r"objective \(sensorimotor / simclr\)"),
        "senses": (with_senses(run, "rgb"), r"model\.senses\.points \(PointsSettings.* / None\)"),
        "steps": (with_optim(run, steps=STEPS + 1), r"optim\.steps \(6 / 7\)"),
        "data": (with_data(run, seed=1), "holds a store of another configuration .*seed 0 there, 1 here"),
    }[change]
    before = contents(run.out)
    with pytest.raises(ValueError, match=words) as caught:
        pretrain(other, progress=False)
    assert "\n" not in str(caught.value)
    assert contents(run.out) == before


def test_what_cannot_be_built_is_refused_before_anything_is_simulated(tmp_path: Path) -> None:
    run = smaller(tmp_path / "run")
    with pytest.raises(ValueError, match="there is no rule 'unknown'"):
        pretrain(with_model(run, fusion="unknown"), progress=False)
    assert not run.out.exists()


@pytest.mark.situation
def test_image_encoder_that_does_not_fit_is_refused_before_anything_is_simulated(tmp_path: Path) -> None:
    run = with_sense(smaller(tmp_path / "run"), "rgb", encoder="inception_v4")
    with pytest.raises(ValueError, match=r"timm's 'inception_v4' gives no maps of images of 64 pixels"):
        pretrain(run, progress=False)
    assert not run.out.exists()


def test_progress_ends_with_the_folder_and_the_seconds(
    run: Run, pretrained: Pretrained, capsys: pytest.CaptureFixture[str]
) -> None:
    pretrain(run)
    assert capsys.readouterr().out.startswith(f"{run.out}: stores 0 s, training ")


TWO = """
import sys
from dataclasses import replace
from pathlib import Path
from smcrep.objectives import SimCLRWeights
from smcrep.pretraining import pretrain
from smcrep.pretraining.variants import with_recipe
from smcrep.training.build import Compute, build_fabric
from tests.pretraining.conftest import smaller

run = with_recipe(smaller(Path(sys.argv[1])), objective=SimCLRWeights())
run = replace(run, stores=Path(sys.argv[2]), compute=Compute("cpu", devices=2))
fabric = build_fabric(run.compute, run.recipe.optim)
model = pretrain(run, fabric=fabric, progress=False).model
print("rank", fabric.global_rank, float(model.projector[0].weight.sum()))
"""


def test_two_processes_make_one_run_that_both_can_load(run: Run, pretrained: Pretrained, tmp_path: Path) -> None:
    """Under SimCLR, which leaves the predictors without a gradient: calibration is the first process's alone."""
    ranks = ranks_of(TWO, tmp_path, run.out / "stores")
    assert set(ranks) == {"0", "1"}
    assert ranks["0"] == ranks["1"]
    assert json.loads((tmp_path / "run/model/config.json").read_text())["provenance"]["precision_shifts"]

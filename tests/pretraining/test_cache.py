"""A run by two streams with and without a cache: the same to the digits that are kept, and resumed to the bit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from smcrep.pretraining import Run, pretrain
from smcrep.pretraining.variants import two_streams, with_optim
from smcrep.training.build import Compute
from tests.pretraining.conftest import ranks_of, smaller


def of_two_streams(out: Path, cache: str) -> Run:
    changes = {"encoder": "test_resnet", "weights": "", "frozen_groups": 2, "backbone_size": 32, "width": 8}
    run = with_optim(two_streams(smaller(out), **changes), precision="32-true")
    return replace(run, compute=Compute(accelerator="cpu", cache=cache))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("two") / "cached"
    return replace(of_two_streams(out, "float16"), stores=out.parent / "stores")


def losses(folder: Path) -> list[float]:
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [record["loss"] for record in records if "loss" in record]


def test_a_run_with_a_cache_loses_what_one_without_does(run: Run) -> None:
    whole = replace(run, out=run.out.parent / "whole", compute=Compute(accelerator="cpu", cache="float32"))
    bare = replace(run, out=run.out.parent / "bare", compute=Compute(accelerator="cpu"))
    folders = [pretrain(each, progress=False).path for each in (bare, whole, run)]
    expected, exact, half = (losses(folder) for folder in folders)
    assert exact == pytest.approx(expected, rel=1e-5)
    assert half == pytest.approx(expected, rel=1e-2)
    kept = sorted(path.stat().st_size for path in (run.out.parent / "stores/frozen").iterdir())
    assert len(kept) == 2
    assert kept[1] - 128 == 2 * (kept[0] - 128)  # numpy's header


def test_a_bound_that_is_too_small_ends_before_the_first_step(run: Run) -> None:
    tight = replace(
        run, out=run.out.parent / "tight", compute=Compute(accelerator="cpu", cache="float16", cache_gb=1e-6)
    )
    tight = replace(tight, recipe=replace(tight.recipe, seed=7))
    with pytest.raises(ValueError, match=r"cache: .* 1e-06 GB are allowed; raise cache_gb"):
        pretrain(tight, progress=False)
    assert not tight.out.exists()


def test_a_cache_of_nothing_is_refused_before_anything_is_simulated(run: Run) -> None:
    bare = smaller(run.out.parent / "nothing")
    with pytest.raises(ValueError, match="cache: the model has no frozen layers whose work could be kept"):
        pretrain(replace(bare, compute=Compute(accelerator="cpu", cache="float16")), progress=False)
    assert not bare.out.exists()


def test_a_finished_run_computes_no_cache(run: Run) -> None:
    pretrain(run, progress=False)
    assert run.stores
    kept = run.stores / "frozen"
    kept.rename(kept.with_name("away"))
    pretrain(run, progress=False)
    assert not kept.exists()
    kept.with_name("away").rename(kept)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"cache": "int8"}, "cache is 'int8'; give none"), ({"cache_gb": 0.0}, "cache_gb is 0.0; give")],
)
def test_wrong_settings_are_refused(wrong: dict, words: str) -> None:
    with pytest.raises(ValueError, match=f"^Compute: {words}"):
        Compute(**wrong)


def test_its_model_embeds_without_a_cache(run: Run) -> None:
    model = pretrain(run, progress=False).model  # finished: nothing is trained
    pictures = torch.randint(0, 256, (3, 16, 16, 3), dtype=torch.uint8)
    assert model.embed(rgb=pictures).fused.isfinite().all()


TWO = """
import sys
from dataclasses import replace
from pathlib import Path
from smcrep.pretraining import pretrain
from smcrep.training.build import build_fabric
from tests.pretraining.test_cache import of_two_streams

run = of_two_streams(Path(sys.argv[1]), "float16")
run = replace(run, stores=Path(sys.argv[2]), compute=replace(run.compute, devices=2))
fabric = build_fabric(run.compute, run.recipe.optim)
model = pretrain(run, fabric=fabric, progress=False).model
print("rank", fabric.global_rank, float(model.projector[0].weight.sum()))
"""


def test_two_processes_share_one_cache(run: Run, tmp_path: Path) -> None:
    pretrain(run, progress=False)
    ranks = ranks_of(TWO, tmp_path, run.stores)
    assert set(ranks) == {"0", "1"}
    assert ranks["0"] == ranks["1"]

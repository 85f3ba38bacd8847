"""A run by two streams with and without a cache: the same to the digits that are kept, and resumed to the bit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from smcrep.pretraining import Run, pretrain
from smcrep.pretraining.variants import two_streams
from smcrep.training.build import Compute
from tests.pretraining.conftest import smaller


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = smaller(tmp_path_factory.mktemp("two") / "cached")
    changes = {"encoder": "test_resnet", "weights": "", "frozen_groups": 2, "backbone_size": 32, "width": 8}
    return replace(two_streams(run, **changes), stores=run.out.parent / "stores")


def losses(folder: Path) -> list[float]:
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [record["loss"] for record in records if "loss" in record]


def test_a_run_with_a_cache_loses_what_one_without_does(run: Run) -> None:
    assert run.compute.cache == "float16"
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
    assert not (tight.out / "checkpoint").exists()


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

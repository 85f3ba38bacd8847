"""One tiny run for all tests of what a run is, makes and leaves."""

from dataclasses import replace
from pathlib import Path

import pytest

from smcrep.pretraining import Pretrained, Run, pretrain, tiny
from smcrep.training.build import Compute


def smaller(out: Path) -> Run:
    """The tiny recipe with fewer and smaller observations."""
    run = tiny()
    data = replace(run.data, num_objects=(4, 2, 2), num_branches=(2, 3, 3), image_size=16, num_points=16)
    return replace(run, data=data, compute=Compute(accelerator="cpu"), out=out)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return smaller(tmp_path_factory.mktemp("tiny") / "run")


@pytest.fixture(scope="session")
def pretrained(run: Run) -> Pretrained:
    return pretrain(run, progress=False)

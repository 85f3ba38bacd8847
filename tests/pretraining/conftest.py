"""One tiny run for all tests of what a run is, makes and leaves."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from smcrep.pretraining import Pretrained, Run, pretrain, tiny
from smcrep.training.build import Compute

ROOT = Path(__file__).parents[2]


def ranks_of(script: str, folder: Path, stores: Path) -> dict[str, str]:
    """Rank -> what ``script`` printed behind "rank RANK", run with ``folder``/run and ``stores`` as its arguments. Both
    processes print into one pipe: buffered, each a whole line; unbuffered, words of one among words of the other."""
    (folder / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, str(folder / "script.py"), str(folder / "run"), str(stores)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("rank"))


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

"""A mistake of the user ends in one line that says what, where and what to do: no traceback, nothing written."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CASES = {
    "folder of meshes that is not there": (
        "pretrain.py ycb --data.root {tmp}/gone --out {tmp}/out",
        "gone: no such folder; give the folder that holds the meshes",
    ),
    "folder without meshes": (
        "pretrain.py ycb --data.root {tmp} --out {tmp}/out",
        "no mesh file (.obj, .off, .ply, .stl, .glb) anywhere below it",
    ),
    "field misspelt": ("pretrain.py tiny --optim.step 5 --out {tmp}/out", "--optim.step; did you mean 'optim.steps'?"),
    "recipe misspelt": ("pretrain.py demoo --out {tmp}/out", "'demoo'; did you mean 'demo'?"),
    "objective misspelt": ("pretrain.py tiny --objective simcrl --out {tmp}/out", "did you mean 'simclr'?"),
    "sense that there is none of": ("pretrain.py tiny --senses rgb touch --out {tmp}/out", "there is no 'touch'"),
    "impossible value": ("pretrain.py tiny --optim.steps 0 --out {tmp}/out", "steps is 0; give at least 1"),
    "no objects": ("pretrain.py tiny --data.num-objects 0 4 4 --out {tmp}/out", "num_objects is (0, 4, 4); give"),
    "run that is none": ("linear_probe.py --run {tmp}", "no stores.json in it; give the folder that"),
    "run that is not there": ("collapse.py --run {tmp}/gone", "gone: no such folder; give the folder that"),
    "baseline without a name": (
        "modelnet10.py --run {tmp} --baseline runs/simclr",
        "--baseline runs/simclr: give NAME=RUN",
    ),
    "model that is not there": ("modelnet10.py --run {tmp}/gone", "no folder {tmp}/gone; give a run folder"),
    "image weights that are not there": (
        "pretrained.py --weights {tmp}/gone.pth --data-root {tmp} --out {tmp}/out",
        "no file {tmp}/gone.pth; give a .safetensors or .pth file, or 'timm'",
    ),
    "nothing to extract": ("extract.py --run {tmp}", "no stores.json in it; give the folder that"),
}


@pytest.mark.parametrize("mistake", CASES)
def test_one_clear_line(mistake: str, tmp_path: Path) -> None:
    command, words = CASES[mistake]
    script, *arguments = command.format(tmp=tmp_path).split()
    done = subprocess.run(
        [sys.executable, str(ROOT / "experiments" / script), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert words.format(tmp=tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 6  # tyro draws a frame around its line, and may wrap it
    assert not (tmp_path / "out" / "model").exists()

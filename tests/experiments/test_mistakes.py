"""What a user does wrong costs one line that says what, where and what to do: no traceback, nothing written."""

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
    "impossible value": ("pretrain.py tiny --optim.steps 0 --out {tmp}/out", "steps is 0; give at least 1"),
    "no objects": ("pretrain.py tiny --data.num-objects 0 4 4 --out {tmp}/out", "num is 0; ask for 1 to"),
    "run that is none": ("linear_probe.py --run {tmp}", "no stores.json in it; give the folder that"),
    "run that is not there": ("collapse.py --run {tmp}/gone", "gone: no such folder; give the folder that"),
    "no name": (
        "modelnet10.py --run {tmp} --control runs/simclr",
        "--control runs/simclr: give NAME=RUN",
    ),
    "model that is not there": ("modelnet10.py --run {tmp}/gone", "no folder {tmp}/gone; give a run folder"),
    "image weights that are not there": (
        "pretrained.py --weights {tmp}/gone.pth --root {tmp} --out {tmp}/out",
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
    assert len(done.stderr.strip().splitlines()) <= 5  # tyro draws a frame around its line
    assert not (tmp_path / "out" / "model").exists()

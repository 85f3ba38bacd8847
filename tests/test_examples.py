"""Every page of examples runs from an empty folder; what a stranger adds touches no file of the package."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
SAYS = {
    "audit_your_own": "push: leak",
    "fuse_your_own": "recognised by our head 1.00",
    "lightly_loss": "embeddings: [2, 28]",
    "own_data": "trained 6 steps",
    "own_image_encoder": "test_resnet: embeddings [4, 28], invariant [4, 16]",
    "own_objective": "plain PyTorch:",
    "own_sense": "embeddings of rgb, points, proprioception",
    "robot_dataset": "observation.environment_state: fixed_size_list<element: float>[128]",
    "vla_policy": "learned to push what is named: True",
}


def run(folder: Path, *command: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_every_example_is_listed() -> None:
    assert list(SAYS) == EXAMPLES


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "own_sense"])
def test_example_runs(name: str, tmp_path: Path) -> None:
    assert SAYS[name] in run(tmp_path, str(ROOT / f"examples/{name}.py"))
    assert len((ROOT / f"examples/{name}.py").read_text().splitlines()) <= 130


def test_own_sense_is_trained_probed_audited_and_extracted_by_the_commands_too(tmp_path: Path) -> None:
    assert SAYS["own_sense"] in run(tmp_path, str(ROOT / "examples/own_sense.py"))
    plugin = {"SMCREP_PLUGINS": "own_sense", "PYTHONPATH": str(ROOT / "examples")}
    scripts, out = ROOT / "experiments", str(tmp_path / "run")
    senses = ["--senses", "rgb", "proprioception", "--data.processes", "2"]
    run(tmp_path, str(scripts / "pretrain.py"), "tiny", *senses, "--out", out, **plugin)
    probed = run(tmp_path, str(scripts / "linear_probe.py"), "--run", out, "--tiny", **plugin)
    assert probed
    run(tmp_path, str(scripts / "collapse.py"), "--run", out, "--tiny", **plugin)
    run(tmp_path, str(scripts / "extract.py"), "--run", out, **plugin)
    claims = {name: (tmp_path / f"run/claims/{name}.json").read_text() for name in ("recognition", "audit")}
    assert "few_shot.objects.proprioception.1" in claims["recognition"]
    assert "utilisation.action.proprioception" in claims["audit"]

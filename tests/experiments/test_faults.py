"""Every harm of experiments/faults is done to the real commands, and what is left is whole; kill -9 a few times."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FAULTS = Path(__file__).parent.parent.parent / "experiments/faults"
COMMANDS = ("generate", "train", "extract")
HARMS = [
    *(f"{harm}.{command}" for command in COMMANDS for harm in ("sigterm", "two_processes", "disk_full", "read_only")),
    *(f"{harm}.{what}" for what in ("generate", "extract", "checkpoint") for harm in ("truncated", "flipped_bit")),
    *("foreign.generate", "foreign.train"),
]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and mounts small disks")


def run(script: str, *arguments: str, out: Path) -> tuple[dict[str, Any], str]:
    command = [sys.executable, str(FAULTS / script), "--out", str(out), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert (out / "claims/faults.json").is_file(), done.stderr
    return json.loads((out / "claims/faults.json").read_text())["claims"], done.stdout


@pytest.fixture(scope="module")
def harmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    return run("harms.py", out=tmp_path_factory.mktemp("harms"))


@pytest.mark.parametrize("harm", HARMS)
def test_named_in_one_line_and_nothing_whole_is_lost(harmed: tuple[dict[str, Any], str], harm: str) -> None:
    records, said = harmed
    if f"fault.{harm}" not in records:
        assert harm.startswith(("disk_full", "read_only"))
        assert "left out: full and read-only disk" in said
        pytest.skip("this system does not let this user mount")
    assert records[f"fault.{harm}"]["value"] == 1, records[f"fault.{harm}"]["controls"]


def test_after_kills_the_same_command_ends_in_the_same_bits(tmp_path: Path) -> None:
    records, said = run("kills.py", "--trials", "2", out=tmp_path)
    killed = [f"kill.{command}" for command in (*COMMANDS, "extract_lerobot")]
    assert {name: records[name]["value"] for name in killed} == dict.fromkeys(killed, 1), said
    cell = tmp_path / "cells" / "extract_lerobot-0-1.json"
    cell.write_text(json.dumps(json.loads(cell.read_text()) | {"made_again": 1}))
    records, _ = run("kills.py", "--trials", "2", "--commands", "extract_lerobot", out=tmp_path)
    assert records["kill.extract_lerobot"]["value"] == 0.5, "a finished trial was done again, or its trace not counted"

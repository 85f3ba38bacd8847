"""Every cell is done once, with one thread; a failure names its log; what is interrupted ends the cells at work."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from smcrep.sweep import sweep

CELLS = [("a", 0), ("b", 0), ("a", 1)]


def note(folder: Path, name: str, seed: int) -> None:
    print(f"cell {name} {seed}")
    (folder / f"{name}-{seed}").write_text(f"{torch.get_num_threads()} {os.environ['OMP_NUM_THREADS']}")


def fail(folder: Path, name: str, seed: int) -> None:
    if name == "b":
        raise ValueError("b cannot be done; leave it out")
    note(folder, name, seed)


def test_each_cell_is_done_with_one_thread_and_a_log_of_its_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sweep(CELLS, partial(note, tmp_path), logs=tmp_path / "logs", processes=2)
    assert {f"{name}-{seed}": (tmp_path / f"{name}-{seed}").read_text() for name, seed in CELLS} == {
        "a-0": "1 1", "b-0": "1 1", "a-1": "1 1"
    }  # fmt: skip
    assert (tmp_path / "logs/a-1.log").read_text() == "cell a 1\n"
    said = capfd.readouterr().out.splitlines()
    assert len(said) == len(CELLS)
    assert said[-1].endswith("done, 0 left, ETA 0 min")


def test_the_time_that_is_left_is_that_of_the_cells_left(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes for each of three cells, one after the other."""
    seconds = iter([0.0, 600.0, 1200.0, 1800.0])
    monkeypatch.setattr("smcrep.sweep.time", SimpleNamespace(monotonic=lambda: next(seconds)))
    sweep(CELLS, partial(note, tmp_path), logs=tmp_path / "logs", processes=1)
    told = [line.split(" done, ")[1] for line in capfd.readouterr().out.splitlines()]
    assert told == ["2 left, ETA 20 min", "1 left, ETA 10 min", "0 left, ETA 0 min"]


def test_a_failed_cell_ends_the_sweep_with_its_last_line_and_its_log(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"b-0 failed: ValueError: b cannot be done.*logs/b-0\.log"):
        sweep(CELLS, partial(fail, tmp_path), logs=tmp_path / "logs", processes=1)
    assert (tmp_path / "a-0").exists()
    assert not (tmp_path / "a-1").exists()


def test_no_processes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="processes is 0; give at least 1"):
        sweep(CELLS, partial(note, tmp_path), logs=tmp_path, processes=0)


SLEEPING = """
import os, sys, time
from functools import partial
from pathlib import Path
from smcrep.sweep import sweep

def sleep(folder, name, seed):
    (folder / name).write_text(str(os.getpid()))
    time.sleep(600)

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sweep([("a", 0), ("b", 0)], partial(sleep, folder), logs=folder / "logs", processes=2)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_cells_end_with_the_sweep(number: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SLEEPING)
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path)], stderr=subprocess.DEVNULL)
    files, deadline = [tmp_path / "a", tmp_path / "b"], time.monotonic() + 120
    while not all(file.exists() and file.read_text() for file in files):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    parent.send_signal(number)
    assert parent.wait(60)
    pids = [int(file.read_text()) for file in files]
    while any(map(alive, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.05)

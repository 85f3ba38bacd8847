"""Every engine makes the same bytes; a killed worker loses the shard it was making; jobs cover all shards."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from smcrep.engines import ENGINES, Work, local, on_slurm

MISSING = [0, 1, 2, 3, 5, 8, 13]


def writer(folder: Path) -> Work:
    """Each worker writes its mark beside the shard, so that a test sees which workers were reused."""
    mark = f"{os.getpid()}-{time.monotonic_ns()}"

    def work(shard_id: int) -> None:
        (folder / f"by-{mark}-{shard_id}").touch()
        (folder / f"{shard_id}").write_bytes(bytes([shard_id]) * 10)

    return work


def mortal(folder: Path) -> Work:
    """Dies once, in the middle of shard 3."""
    work = writer(folder)

    def run(shard_id: int) -> None:
        if shard_id == 3 and not (folder / "died").exists():
            (folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        work(shard_id)

    return run


def deadly(folder: Path) -> Work:
    def run(shard_id: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    return run


def refuser(folder: Path) -> Work:
    def run(shard_id: int) -> None:
        raise ValueError(f"shard {shard_id} cannot be made; give another")

    return run


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name.isdigit()}


@pytest.fixture(autouse=True)
def _no_array(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ID", "COUNT", "MIN"):
        monkeypatch.delenv(f"SLURM_ARRAY_TASK_{name}", raising=False)


@pytest.mark.parametrize(("name", "workers"), [("local", 1), ("local", 2), ("local", 4), ("ray", 2)])
def test_engines_make_the_same_bytes_and_reuse_their_workers(name: str, workers: int, tmp_path: Path) -> None:
    if name == "ray":
        pytest.importorskip("ray")
    done = list(ENGINES[name](MISSING, partial(writer, tmp_path), workers))
    assert sorted(done) == MISSING
    assert bytes_in(tmp_path) == {str(i): bytes([i]) * 10 for i in MISSING}
    kept = {p.name.rsplit("-", 1)[0] for p in tmp_path.glob("by-*")}
    assert 1 <= len(kept) <= workers
    in_this_process = {mark.split("-")[1] == str(os.getpid()) for mark in kept}
    assert in_this_process == {workers == 1}


@pytest.mark.parametrize("name", ["local", "ray"])
def test_killed_worker_loses_only_its_shard(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "ray":
        pytest.importorskip("ray")
    monkeypatch.setattr("smcrep.engines.ATTEMPTS", 2)  # a death is one of them
    assert sorted(ENGINES[name](MISSING, partial(mortal, tmp_path), 2)) == MISSING
    assert (tmp_path / "died").exists()
    assert bytes_in(tmp_path) == {str(i): bytes([i]) * 10 for i in MISSING}


def test_run_fails_after_repeated_deaths_of_workers(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="workers died 3 times"):
        list(local(MISSING, partial(deadly, tmp_path), 2))


@pytest.mark.parametrize(("name", "workers"), [("local", 1), ("local", 2), ("ray", 2)])
def test_error_of_a_worker_is_raised_unchanged(name: str, workers: int, tmp_path: Path) -> None:
    if name == "ray":
        pytest.importorskip("ray")
    with pytest.raises(ValueError, match="cannot be made; give another"):
        list(ENGINES[name](MISSING, partial(refuser, tmp_path), workers))


def test_jobs_of_an_array_cover_all_shards_whenever_they_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "3")
    monkeypatch.setenv("SLURM_ARRAY_TASK_MIN", "1")
    made: list[int] = []
    for number in (2, 1, 3):  # a job that starts late sees fewer missing
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(number))
        made += on_slurm([i for i in MISSING if i not in made], partial(writer, tmp_path))
    assert sorted(made) == MISSING
    assert len(made) == len(MISSING)


def test_slurm_engine_outside_an_array_is_refused() -> None:
    with pytest.raises(ValueError, match="sbatch --array"):
        list(on_slurm(MISSING, partial(writer, Path())))

"""The cells of a sweep, several at once, each in a process of its own with one thread.

A cell is a name and a seed. The work on it is a function of both that leaves a file when it is done: what is left to do
is read from the disk, and an interrupted sweep goes on with the same command.
"""

import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from smcrep.engines import one_thread_each
from smcrep.plugins import load_plugins

Cell = tuple[str, int]
Work = Callable[[str, int], object]


def cell_path(folder: Path, name: str, seed: int) -> Path:
    """The file that a cell leaves in ``folder``, where `finished` finds it."""
    return folder / f"{name}-{seed}.json"


def finished(folder: Path) -> dict[str, dict[int, dict[str, Any]]]:
    """Name -> seed -> what its cell left as a JSON file of ``folder``, with "variant" and "seed" in it."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        cell = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(cell["variant"], {})[cell["seed"]] = cell
    return found


def sweep(cells: Sequence[Cell], work: Work, *, logs: Path, processes: int) -> None:
    """Call ``work(name, seed)`` for each of ``cells`` in their order, ``processes`` at once; a line with the time left
    after each.

    work  a function at the top of a module, or a `functools.partial` of one: it is sent to the processes.
    logs  folder of NAME-SEED.log: what each cell prints.

    A cell that fails ends the sweep with ValueError: its last line, and where the others are. Then, and on SIGINT and
    SIGTERM, cells at work get SIGTERM, on which a training saves a checkpoint.
    Processes are spawned, so a script that calls this needs ``if __name__ == "__main__":``.
    """
    if processes < 1:
        raise ValueError(f"sweep: processes is {processes}; give at least 1")
    logs.mkdir(parents=True, exist_ok=True)
    queue, running, begun = list(cells), dict[int, tuple[Cell, SpawnProcess]](), time.monotonic()
    try:
        while queue or running:
            while queue and len(running) < processes:
                cell = queue.pop(0)
                process = _started(work, cell, _log(logs, cell))
                running[process.sentinel] = cell, process
            for sentinel in wait(list(running)):
                assert isinstance(sentinel, int)
                cell, process = running.pop(sentinel)
                process.join()
                if process.exitcode:
                    raise ValueError(_failed(cell, process.exitcode, _log(logs, cell)))
                left = len(queue) + len(running)
                eta = (time.monotonic() - begun) / (len(cells) - left) * left / 60
                print(f"{_words(cell)} done, {left} left, ETA {eta:.0f} min", flush=True)
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()


def _words(cell: Cell) -> str:
    return "-".join(map(str, cell))


def _log(logs: Path, cell: Cell) -> Path:
    return logs / f"{_words(cell)}.log"


def _failed(cell: Cell, status: int, log: Path) -> str:
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{_words(cell)} failed: {said[-1] if said else f'status {status}'} (all of it: {log})"


def _started(work: Work, cell: Cell, log: Path) -> SpawnProcess:
    # Spawned, not forked: a copy of a process that runs threads (torch, Open3D) may hang in their locks.
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(work, cell, log), name=_words(cell))
    with one_thread_each():
        process.start()
    return process


def _run(work: Work, cell: Cell, log: Path) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(handle, stream.fileno())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    load_plugins()
    work(*cell)


def _end_with_parent() -> None:
    """A cell whose parent was killed would write into the folder of the same command started again."""
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)

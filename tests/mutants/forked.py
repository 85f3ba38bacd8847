"""A function in a child of this process, which has the heavy imports already; ended when its time is over."""

import contextlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

MEMORY = 32 << 30
"""Addresses that a child may take beyond what its parent has; Ray takes a third of the machine's memory for its store
and ends the process where it cannot."""
TIME_IS_OVER = -1


def forked(function: Callable[[], int], folder: Path, *, seconds: float, log: Path) -> int:
    """The status that ``function`` returns, run in ``folder`` with its modules before all others; its words go to
    ``log``. `TIME_IS_OVER` where it takes longer; minus the signal where one ended it."""
    child = os.fork()
    if child == 0:
        _run(function, folder, log)
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
    finally:
        _end(child)  # also where this process is told to end; and what the child started may still run
    os.waitpid(child, 0)
    return TIME_IS_OVER


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _run(function: Callable[[], int], folder: Path, log: Path) -> None:
    status = 70
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        file = log.open("w")
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.stdout = sys.stderr = file
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        os.environ["PYTHONPATH"] = str(folder)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
        status = function()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

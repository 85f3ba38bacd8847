"""After kill -9 and the same command again, is the result the same to the bit?

    python experiments/faults/kills.py --out runs/faults              # 50 kills of each command, 15 minutes on a core
    python experiments/faults/kills.py --out runs/faults --trials 2   # half a minute
    python experiments/faults/kills.py --commands extract_lerobot     # of one command; a finished trial is not repeated

Records kill.generate, kill.train, kill.extract (of a store), kill.extract_lerobot (of a LeRobot set with video): share
of kills, half at random times, half at random writes (a file opened, renamed, linked, removed), after which the same
command ends in the same store, the same weights and losses, the same embeddings as an undisturbed one, with no finished
shard made again and no file left behind.

Leaves claims/faults.json in --out. Expected: 1.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from commands import Child, Operation, fresh, prepared
from scipy.stats import binomtest

from smcrep import script
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims, write_json

WRITES = ("open", "os.rename", "os.remove", "os.link", "os.mkdir")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/faults"), help="folder of scratch files and claims")
    parser.add_argument("--trials", type=script.at_least(1), default=50, help="kills of each command")
    parser.add_argument("--commands", nargs="+", help="names of records, without kill. (default: all)")
    parser.add_argument("--seed", type=script.at_least(0), default=0, help="of the moments of the kills")
    arguments = parser.parse_args()
    ops = prepared(arguments.out / "scratch")
    if unknown := sorted(set(arguments.commands or ops) - set(ops)):
        raise ValueError(f"no command {unknown[0]!r}; give some of {', '.join(ops)}")
    command = f"python experiments/faults/kills.py --trials {arguments.trials} --seed {arguments.seed}"
    for name in arguments.commands or ops:
        begun = time.monotonic()
        record = kills(name, ops[name], arguments.out, arguments.trials, arguments.seed)
        write_claims(arguments.out / "claims/faults.json", stamped({f"kill.{name}": record}, command, begun))


def kill_at_write(folder: Path, number: int) -> Callable[[], object]:
    """In a child: SIGKILL at its ``number``-th write below ``folder``."""
    seen = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        if event in WRITES and str(folder) in str(arguments[0]):
            writes = event != "open" or (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
            seen += bool(writes)
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    return lambda: sys.addaudithook(hook)


def kills(name: str, operation: Operation, out: Path, trials: int, seed: int) -> Record:
    """Of ``trials``, each left in a cell of its own when it is done."""
    scratch = out / "scratch"
    log, wanted = scratch / f"{name}.log", operation.product(scratch / f"{name}-reference")
    begun = time.monotonic()
    Child(operation.command(fresh(scratch / f"{name}-timed")), log).wait()
    duration = time.monotonic() - begun
    writes = count_writes(operation, scratch / f"{name}-counted", log)
    found, identical = list[dict[str, Any]](), 0
    for trial in range(trials):
        cell = out / "cells" / f"{name}-{seed}-{trial}.json"
        if not cell.is_file():
            rng = random.Random(f"{name} {seed} {trial}")
            at = rng.randint(1, writes) if trial % 2 else rng.uniform(0, duration)
            write_json(cell, killed(operation, scratch / f"{name}-{trial}", log, at, wanted))
        found.append(json.loads(cell.read_text(encoding="utf-8")))
        if not found[-1]["same"]:
            print(f"{name}, trial {trial}: differs after the kill: {found[-1]['said']}", flush=True)
        identical += found[-1]["same"] and not found[-1]["made_again"]
        print(f"\r{name}: {identical} of {len(found)} kills left no trace", end="", flush=True)
    print()
    interval = binomtest(identical, trials).proportion_ci(method="exact")
    controls = {"identical": identical, "kills": trials, "at_writes": trials // 2, "writes_of_a_run": writes}
    controls |= {"finished_shards_made_again": sum(each["made_again"] for each in found)}
    controls |= {"finished_shards_kept": sum(each["kept"] for each in found)}
    return Record(identical / trials, (interval.low, interval.high), n=trials, unit="share", controls=controls)


def killed(operation: Operation, out: Path, log: Path, at: float, wanted: dict[str, str]) -> dict[str, Any]:
    """One kill, at the ``at``-th write (int) or after ``at`` seconds (float), and the same command again. A command
    that was done before its time is started anew and killed earlier."""
    while True:
        fresh(out)
        child = Child(operation.command(out), log, kill_at_write(out, at) if isinstance(at, int) else lambda: None)
        died = child.wait() if isinstance(at, int) else child.kill_after(at)
        if died == -signal.SIGKILL:
            break
        at = max(1, at - 1) if isinstance(at, int) else 0.9 * at
    kept = {path: path.stat().st_mtime_ns for path in operation.finished(out)} if out.exists() else {}
    resumed = Child(operation.command(out), log)
    same = resumed.wait() == 0 and operation.product(out) == wanted
    again = sum(path.stat().st_mtime_ns != made for path, made in kept.items() if path.exists())
    fresh(out)
    return {"same": same, "made_again": again, "kept": len(kept), "at": at, "said": resumed.last_line}


def count_writes(operation: Operation, out: Path, log: Path) -> int:
    """Writes of an undisturbed run, by a search: killed at its n-th write or, with fewer writes, not at all."""
    low, high = 1, 2
    while True:
        fresh(out)
        if Child(operation.command(out), log, kill_at_write(out, high)).wait() != -signal.SIGKILL:
            break
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        fresh(out)
        died = Child(operation.command(out), log, kill_at_write(out, middle)).wait() == -signal.SIGKILL
        low, high = (middle, high) if died else (low, middle)
    return low


if __name__ == "__main__":
    script.run("kills", main)

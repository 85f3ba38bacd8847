"""After kill -9 and the same command again, is the result the same to the bit?

    python experiments/faults/kills.py --out runs/faults              # 50 kills of each command, 10 minutes on a core
    python experiments/faults/kills.py --out runs/faults --trials 2   # half a minute

Records kill.generate, kill.train, kill.extract: share of kills, half at random times, half at random writes (a file
opened, renamed, linked, removed), after which the same command ends in the same store, the same weights and losses, the
same embeddings as an undisturbed one, with no finished shard made again and no file left behind.

Leaves claims/faults.json in --out. Expected: 1.
"""

import argparse
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from commands import Child, Operation, fresh, prepared
from scipy.stats import binomtest

from smcrep import script
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims

WRITES = ("open", "os.rename", "os.remove", "os.link", "os.mkdir")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/faults"), help="folder of scratch files and claims")
    parser.add_argument("--trials", type=script.at_least(1), default=50, help="kills of each command")
    parser.add_argument("--seed", type=script.at_least(0), default=0, help="of the moments of the kills")
    arguments = parser.parse_args()
    ops = prepared(arguments.out / "scratch")
    command = f"python experiments/faults/kills.py --trials {arguments.trials} --seed {arguments.seed}"
    for name, operation in ops.items():
        begun = time.monotonic()
        record = kills(name, operation, arguments.out / "scratch", arguments.trials, arguments.seed)
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


def kills(name: str, operation: Operation, scratch: Path, trials: int, seed: int) -> Record:
    log, wanted = scratch / f"{name}.log", operation.product(scratch / f"{name}-reference")
    begun, rng = time.monotonic(), random.Random(f"{name} {seed}")
    Child(operation.command(fresh(scratch / f"{name}-timed")), log).wait()
    duration = time.monotonic() - begun
    writes = count_writes(operation, scratch / f"{name}-counted", log)

    identical = killed = remade = 0
    for trial in range(trials):
        out = scratch / f"{name}-{trial}"
        while True:  # drawn again where the command was done before its kill
            fresh(out)
            if trial % 2:
                died = Child(operation.command(out), log, kill_at_write(out, rng.randint(1, writes))).wait()
            else:
                died = Child(operation.command(out), log).kill_after(rng.uniform(0, duration))
            if died == -signal.SIGKILL:
                break
        killed += 1
        kept = {path: path.stat().st_mtime_ns for path in operation.finished(out)} if out.exists() else {}
        resumed = Child(operation.command(out), log)
        same = resumed.wait() == 0 and operation.product(out) == wanted
        again = sum(path.stat().st_mtime_ns != at for path, at in kept.items() if path.exists())
        identical += same and not again
        remade += again
        if not same:
            print(f"{name}, trial {trial}: differs after the kill: {resumed.last_line}", flush=True)
        fresh(out)
        print(f"\r{name}: {identical} of {killed} kills left no trace", end="", flush=True)
    print()
    interval = binomtest(identical, trials).proportion_ci(method="exact")
    controls = {"identical": identical, "kills": killed, "at_writes": trials // 2, "writes_of_a_run": writes}
    controls |= {"finished_shards_made_again": remade}
    bounds = (interval.low, interval.high)
    return Record(identical / trials, bounds, n=trials, unit="share", controls=controls)


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

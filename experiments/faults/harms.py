"""What does a user see of a full disk, a damaged shard, a second process, and what is lost? Each harm is really done.

    python experiments/faults/harms.py --out runs/faults     # two minutes on a core

Records fault.HARM.COMMAND: 1 where the harm was named in one line, nothing that was whole was lost, and the same
command afterwards ended in the bits of an undisturbed one; else 0. Full and read-only disks are real mounts, in a
namespace of their own; where the system does not let a user mount, they are left out and said so.

Leaves claims/faults.json and faults.md, the table for people, in --out. Expected: 1 everywhere; exit 1 otherwise.
"""

import argparse
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from commands import EXPERIMENTS, GENERATE, Child, Operation, fresh, prepared
from mounts import NotAllowed, SmallDisk

from smcrep import script
from smcrep.provenance import made
from smcrep.results import Record, write_claims


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/faults"), help="folder of scratch files and claims")
    arguments = parser.parse_args()
    scratch = (arguments.out / "scratch").resolve()
    begun, records, rows = time.monotonic(), dict[str, Record](), list[str]()
    for name, outcome in harms(prepared(scratch), scratch):
        seen = outcome.seen.replace(str(scratch) + "/", "")
        controls = asdict(outcome) | {"seen": seen}
        controls.pop("well")
        about = made("python experiments/faults/harms.py", begun)
        records[f"fault.{name}"] = Record(float(outcome.well), unit="share", controls=controls, **about)
        rows.append(f"| {outcome.harm} | `{seen.replace('|', '/')}` | {outcome.lost} |")
        print(f"{'well' if outcome.well else 'NOT WELL'}: {outcome.harm}: {seen}", flush=True)
    write_claims(arguments.out / "claims/faults.json", records)
    table = ["| what was done | what the user sees | what was lost |", "|---|---|---|", *rows]
    (arguments.out / "faults.md").write_text("\n".join(table) + "\n")
    if not all(record.value for record in records.values()):
        raise ValueError("not every harm ended well; see the lines above")


@dataclass(frozen=True)
class Outcome:
    """What a user sees of a harm, and what was lost; well: named in one line, nothing lost that was whole."""

    harm: str
    seen: str
    lost: str
    well: bool


def harms(ops: dict[str, Operation], scratch: Path) -> Iterator[tuple[str, Outcome]]:
    for name, operation in ops.items():
        wanted = operation.product(scratch / f"{name}-reference")
        yield f"sigterm.{name}", terminated(name, operation, scratch, wanted)
        yield f"two_processes.{name}", two_processes(name, operation, scratch, wanted)
        try:
            yield f"disk_full.{name}", disk_full(name, operation, scratch, wanted)
            yield f"read_only.{name}", read_only(name, operation, scratch)
        except NotAllowed as error:
            print(f"left out: full and read-only disk of {name} ({error})")
        if name != "train":
            for harm, damage in (("truncated", truncate), ("flipped_bit", flip)):
                yield f"{harm}.{name}", damaged_shard(harm, damage, name, operation, scratch, wanted)
    for harm, damage in (("truncated", truncate), ("flipped_bit", flip)):
        yield f"{harm}.checkpoint", damaged_checkpoint(harm, damage, ops["train"], scratch)
    yield "foreign.generate", foreign(ops["generate"], [*GENERATE, "--seed", "1"], "generate", scratch)
    yield "foreign.train", foreign(ops["train"], ["--seed", "1"], "train", scratch)


def disk_full(name: str, operation: Operation, scratch: Path, wanted: dict[str, str]) -> Outcome:
    """A disk with room for six tenths of what the command leaves; then it gets more."""
    out = fresh(scratch / f"{name}-full")
    size = sum(path.stat().st_size for path in (scratch / f"{name}-reference").rglob("*") if path.is_file())

    def harm(disk: SmallDisk) -> Outcome:
        child = Child(operation.command(out), scratch / "full.log")
        status, seen = child.wait(), child.last_line
        disk.resize(64 * size)
        ended = Child(operation.command(out), scratch / "full.log").wait() == 0 and operation.product(out) == wanted
        well = status == 1 and one_line(seen, "No space left on device; make room") and "Traceback" not in child.said
        return Outcome(
            f"the disk is full during {name}", seen, "nothing; with room it ends in the same bits", well and ended
        )

    return SmallDisk(out, size * 6 // 10).within(harm, Outcome)


def read_only(name: str, operation: Operation, scratch: Path) -> Outcome:
    out = fresh(scratch / f"{name}-read-only")

    def harm(disk: SmallDisk) -> Outcome:
        disk.make_read_only()
        child = Child(operation.command(out), scratch / "read.log")
        well = child.wait() == 1 and one_line(child.said, "Read-only file system; choose another folder")
        return Outcome(f"{name} into a read-only folder", child.last_line, "nothing", well)

    return SmallDisk(out, 1 << 24).within(harm, Outcome)


def one_line(said: str, words: str) -> bool:
    return words in said and "Traceback" not in said


def terminated(name: str, operation: Operation, scratch: Path, wanted: dict[str, str]) -> Outcome:
    out = fresh(scratch / f"{name}-term")
    child = Child(operation.command(out), scratch / "term.log")
    wait_for(lambda: begun(out))
    os.kill(child.pid, signal.SIGTERM)
    status, seen = child.wait(), child.last_line
    ended = Child(operation.command(out), scratch / "term.log").wait() == 0 and operation.product(out) == wanted
    well = status == 128 + signal.SIGTERM and one_line(seen, "goes on from") and ended
    return Outcome(f"SIGTERM during {name}", seen, "nothing; the same command ends in the same bits", well)


def two_processes(name: str, operation: Operation, scratch: Path, wanted: dict[str, str]) -> Outcome:
    out = fresh(scratch / f"{name}-two")
    first = Child(operation.command(out), scratch / "first.log")
    wait_for(lambda: begun(out))
    os.kill(first.pid, signal.SIGSTOP)
    second = Child(operation.command(out), scratch / "second.log")
    status = second.wait()
    os.kill(first.pid, signal.SIGCONT)
    ended = first.wait() == 0 and operation.product(out) == wanted
    well = status == 1 and one_line(second.said, "another process is writing there") and ended
    return Outcome(f"two processes {name} into one folder", second.last_line, "nothing; the first goes on", well)


def begun(out: Path) -> bool:
    """Whether a shard or a checkpoint is there."""
    return any(out.glob("shards/*.arrow")) or any(out.glob("shard-*")) or any(out.glob("checkpoint/*.pt"))


def wait_for(there: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not there():
        if time.monotonic() > end:
            raise ValueError("faults: a command did not begin to write within two minutes")
        time.sleep(0.002)


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def damaged_shard(
    harm: str, damage: Callable[[Path], None], name: str, operation: Operation, scratch: Path, wanted: dict[str, str]
) -> Outcome:
    out = fresh(scratch / f"{name}-{harm}")
    shutil.copytree(scratch / f"{name}-reference", out)
    shards = operation.finished(out)
    damage(shards[1])
    check = Child([str(EXPERIMENTS / "verify.py"), str(out), "--discard"], scratch / "verify.log")
    named = check.wait() == 1 and one_line(check.said, shards[1].name) and shards[0].name not in check.said
    kept = {path: path.stat().st_mtime_ns for path in shards if path != shards[1]}
    again = Child(operation.command(out), scratch / "again.log").wait()
    only = all(path.stat().st_mtime_ns == at for path, at in kept.items())
    well = named and again == 0 and only and operation.product(out) == wanted
    return Outcome(f"a shard of {name}, {harm.replace('_', ' ')}", check.last_line, "that shard, made again", well)


def damaged_checkpoint(harm: str, damage: Callable[[Path], None], operation: Operation, scratch: Path) -> Outcome:
    out = fresh(scratch / f"checkpoint-{harm}")
    shutil.copytree(scratch / "train-reference", out)
    damage(out / "checkpoint/last.pt")
    child = Child(operation.command(out), scratch / "checkpoint.log")
    ended = child.wait() == 0 and operation.product(out) == operation.product(scratch / "train-reference")
    seen = next((line for line in child.said.splitlines() if "going on from the one before it" in line), "")
    return Outcome(
        f"checkpoint {harm.replace('_', ' ')}",
        seen,
        "steps since the one before it; the weights end the same",
        ended and bool(seen),
    )


def foreign(operation: Operation, changed: list[str], name: str, scratch: Path) -> Outcome:
    out = scratch / f"{name}-reference"
    before = operation.product(out)
    child = Child([*operation.command(out), *changed], scratch / "foreign.log")
    well = child.wait() == 1 and one_line(child.said, "another") and operation.product(out) == before
    return Outcome(f"{name} into the folder of another configuration", child.last_line, "nothing", well)


if __name__ == "__main__":
    script.run("harms", main)

"""Is the package as simple as it says? What a stranger's part touches, what is documented, and what a refactor kept.

    python experiments/structure.py --out experiments/claims/structure.json      # about 5 minutes on 2 cores
    python experiments/structure.py --tiny                                       # seconds: what needs no run

Runs the examples and the parts that tests add from outside and counts the files of smcrep that changed; counts options
of pretrain.py without a sentence, warnings of the documentation, lines. ``--before`` is the commit before the refactor:
both versions train the demo for ten steps on the same world, and both embed the test store with the model that the
older one saved; losses and embeddings must be equal to the bit. Expected: 0, 0, 0, and equal.
"""

import argparse
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from smcrep import script
from smcrep.pretraining import demo
from smcrep.provenance import made
from smcrep.results import Record, write_claims
from smcrep.training.command_line import options

ROOT = Path(__file__).parent.parent
BEFORE = "422b20b"
SMALL = (
    *("demo", "--data.num_objects", "24", "8", "8", "--data.states_per_object", "2", "2", "2"),
    *("--optim.steps", "10", "--log_every", "1", "--probe_every", "5"),
)
EMBED = """
import sys, numpy as np, torch, smcrep
from pathlib import Path
run, data, out = map(Path, sys.argv[1:])
given = np.load(data, allow_pickle=False)
embedding = smcrep.load_model(run)[0].embed(**{name: given[name] for name in given.files})
np.save(out, embedding.fused.numpy())
"""
DATA = """
import sys, numpy as np
from smcrep.data.store import Store
store = Store(sys.argv[1])
np.savez(sys.argv[2], **{n: t.numpy() for n, t in store.read(np.arange(64), ["rgb", "points"]).items()})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file of claims to write (default: only print)")
    parser.add_argument("--before", default=BEFORE, help="commit that the refactor is compared with")
    parser.add_argument("--tiny", action="store_true", help="only what needs no run")
    arguments = parser.parse_args()
    begun = time.monotonic()
    records = lines() | {"help.fields_without_text": without_text()}
    if not arguments.tiny:
        records |= outside() | {"docs.warnings": warnings()} | compared(arguments.before)
    about = made("python experiments/structure.py", begun)
    records = {name: Record(**vars(record) | about) for name, record in records.items()}
    for name, record in records.items():
        print(f"{name}: {record.value:g}  {', '.join(f'{k} {v}' for k, v in record.controls.items())}")
    if arguments.out:
        write_claims(arguments.out, records)


def lines() -> dict[str, Record]:
    lengths = {p: len(p.read_text().splitlines()) for p in sorted((ROOT / "smcrep").rglob("*.py"))}
    longest = max(lengths, key=lambda p: lengths[p])
    return {
        "readme.lines": Record(len((ROOT / "README.md").read_text().splitlines()), unit="lines"),
        "files.median": Record(statistics.median(lengths.values()), n=len(lengths), unit="lines of a file"),
        "files.longest": Record(
            lengths[longest], n=len(lengths), unit="lines", controls={"file": str(longest.relative_to(ROOT))}
        ),
    }


def without_text() -> Record:
    """Options of pretrain.py for whose fields the help has no sentence."""
    command = [sys.executable, str(ROOT / "experiments/pretrain.py"), "demo", "--help"]
    narrow = {**os.environ, "COLUMNS": "80"}  # one column of boxes
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=narrow).stdout
    words: dict[str, str] = {}
    name = ""
    for line in (line.strip("│ ") for line in shown.splitlines()):
        if option := re.match(r"--([\w.]+) \S+(.*)", line):
            name = option[1]
            words[name] = option[2]
        elif box := re.match(r"╭─ ([\w.]+) options", line):
            name = box[1]
            words[name] = ""
        elif line.startswith("╰"):
            name = ""
        elif name:
            words[name] += f" {line}"
    known = options(demo(), ("recipe",))
    missing = set(known) - set(words)
    if missing:
        raise ValueError(f"the help of pretrain.py lacks {', '.join(sorted(missing))}")

    def has_text(name: str) -> bool:
        own = re.sub(r"\(default:.*|\(required\)|─+", "", words[name]).split()
        return len(own) > 1

    kinds = "data.policy.kinds"  # a dictionary: its entries have its sentence
    bare = [name for name in known if not has_text(kinds if name.startswith(kinds) else name)]
    return Record(len(bare), n=len(known), unit="options", controls={"they": ", ".join(bare)} if bare else {})


def outside() -> dict[str, Record]:
    """Files of smcrep that change while a stranger's parts are added and used."""
    before = digest()
    own = ["tests/test_examples.py", "tests/test_outside.py", "tests/testing"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *own]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    passed = int(re.findall(r"(\d+) passed", done.stdout)[-1])
    changed = sum(before.get(path) != now for path, now in digest().items())
    named = sum("proprioception" in p.read_text() for p in (ROOT / "smcrep").rglob("*.py"))
    return {
        "senses.files_touched": Record(named, unit="files of smcrep that name it", controls={"changed": changed}),
        "methods.files_touched": Record(
            changed,
            unit="files of smcrep",
            controls={"kinds": "objective, fusion rule, predictor, indicator, reader, recipe", "tests_passed": passed},
        ),
    }


def digest() -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in (ROOT / "smcrep").rglob("*.py")}


def warnings() -> Record:
    command = [sys.executable, str(ROOT / "docs/build.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = re.findall(r"docs: (\d+) warnings", done.stdout)
    if done.returncode and not found:
        raise ValueError(f"docs/build.py: {done.stderr.strip().splitlines()[-1]}")
    return Record(int(found[-1]), unit="warnings")


def compared(commit: str) -> dict[str, Record]:
    """Ten steps of the demo and an embedding, by both versions."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        older = folder / "older"
        add = ["git", "worktree", "add", "--detach", str(older), commit]
        subprocess.run(add, cwd=ROOT, check=True, capture_output=True)
        try:
            runs = {"older": folder / "run-older", "newer": folder / "run-newer"}
            for name, run in runs.items():
                source = older if name == "older" else ROOT
                python(source, str(source / "experiments/pretrain.py"), *SMALL, "--out", str(run))
            python(ROOT, "-c", DATA, str(runs["newer"] / "stores/test"), str(folder / "data.npz"))
            for name in runs:
                source = older if name == "older" else ROOT
                python(source, "-c", EMBED, str(runs["older"]), str(folder / "data.npz"), str(folder / f"{name}.npy"))
            first, second = (losses(run / "metrics.jsonl") for run in runs.values())
            same = (folder / "older.npy").read_bytes() == (folder / "newer.npy").read_bytes()
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(older)], cwd=ROOT, check=True)
    beside = {"before": commit, "terms": len(first[0]), "steps": len(first)}
    return {
        "refactor.losses_equal": Record(float(first == second), n=len(first), unit="1: to the bit", controls=beside),
        "refactor.embed_equal": Record(float(same), n=64, unit="1: to the bit", controls={"before": commit}),
    }


def losses(path: Path) -> list[dict[str, Any]]:
    clock = ("seconds", "observations_per_s")
    return [{k: v for k, v in json.loads(line).items() if k not in clock} for line in path.read_text().splitlines()]


def python(source: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=source, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"{' '.join(arguments[:2])} failed: {done.stderr.strip().splitlines()[-1]}")


if __name__ == "__main__":
    script.run("structure", main)

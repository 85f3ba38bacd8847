"""The mission in minutes: act on some objects, and know others better.

    python experiments/demo.py --out runs/demo        # what `make demo` runs; about 5 minutes on 2 cores
    python experiments/demo.py --out runs/d --tiny    # the same path in a minute, numbers mean nothing

Runs, one after the other, commands that you can paste: pretraining, the same training without the action (the control
variant), few-shot probes on unseen objects, the collapse audit of both, embeddings on disk, one page with pictures.
Expected: few-shot above the untrained encoder; the action *used* by ours and *ignored* by the variant trained without it.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from smcrep import script
from smcrep.results import Record, commit, machine, read_claims, write_claims

HERE = Path(__file__).parent


def step(words: str, *arguments: str | Path) -> None:
    command = [str(a) for a in arguments]
    print(f"\n== {words}\n   python experiments/{' '.join(command)}", flush=True)
    # Threads that wait asleep rather than spinning: on cores that others use too, spinning costs a factor.
    environment = {"OMP_WAIT_POLICY": "PASSIVE"} | os.environ
    subprocess.run([sys.executable, str(HERE / command[0]), *command[1:]], check=True, env=environment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/demo"))
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--claim", type=Path, help="also write the figures to this file of claims")
    arguments = parser.parse_args()
    out: Path = arguments.out
    control = out.with_name(f"{out.name}-no-action")
    recipe = "tiny" if arguments.tiny else "demo"
    tiny = ["--tiny"] if arguments.tiny else []
    begun = time.monotonic()

    step("1. A world of objects that are acted on, and encoders pretrained in it", "pretrain.py", recipe, "--out", out)
    step(
        "2. The control variant: the same training, without being told the action",
        *("pretrain.py", recipe, "--model.utilisation-action", "False", "--stores", out / "stores", "--out", control),
    )
    step("3. Few-shot probes on objects never seen", "linear_probe.py", "--run", out, "--control", control, *tiny)
    step("4. Is the action used? And in the control variant?", "collapse.py", "--run", out, "--control", control, *tiny)
    step("5. Embeddings on disk", "extract.py", "--run", out)
    step("6. One page with pictures", "report.py", "--run", out, "--control", control)
    minutes = (time.monotonic() - begun) / 60
    print(f"\nThe whole took {minutes:.1f} minutes. Open {out / 'report.html'}")
    if arguments.claim:
        claim(arguments.claim, out, minutes)


def claim(path: Path, out: Path, minutes: float) -> None:
    """The figures of this run as committed records: with the command, the commit and the minutes that made them."""
    setup = Path(sys.prefix) / "setup-minutes"
    made = {"command": f"python experiments/demo.py --claim {path}", "commit": commit(), "machine": machine()}
    records = {"demo.minutes": Record(round(minutes, 2), unit="minutes", minutes=minutes, **made)}
    if setup.exists():
        records["setup.minutes"] = Record(float(setup.read_text()), unit="minutes", **made | {"command": "make setup"})
    for theme in ("recognition", "audit"):
        for name, record in read_claims(out / "claims" / f"{theme}.json").items():
            records[f"demo.{name}"] = Record(**vars(record) | made | {"minutes": minutes})
    write_claims(path, records)


if __name__ == "__main__":
    script.run("demo", main)

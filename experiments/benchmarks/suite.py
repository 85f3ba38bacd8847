"""How long do the checks take that every change must pass?

    python experiments/benchmarks/suite.py      # about 10 minutes: `make test` itself, part by part

`test.minutes` is the wall time of lint, types, unit and tiny, one after the other as `make test` runs them (its set-up
left out); beside it stands each part. A part that fails ends it without a record. Expected: below 20.
"""

import subprocess
import time
from pathlib import Path

import numpy as np
from ratios import CORES, Findings, command_line

from smcrep import script

ROOT = Path(__file__).parents[2]
PARTS = ("lint", "types", "unit", "tiny")


def main() -> None:
    arguments = command_line(__doc__).parse_args()
    findings = Findings(arguments)
    minutes = {}
    for part in PARTS[:1] if arguments.tiny else PARTS:
        begun = time.monotonic()
        subprocess.run(["make", "-C", str(ROOT), part], check=True)
        minutes[part] = (time.monotonic() - begun) / 60
    findings.add("test.minutes", np.array([sum(minutes.values())]), minutes | {"cores": CORES}, unit="minutes")
    findings.end()


if __name__ == "__main__":
    script.run("suite", main)

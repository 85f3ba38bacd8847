"""What does ``import smcrep`` add to ``import torch``, without which nothing here runs?

    python experiments/benchmarks/imports.py        # about 2 minutes; --tiny: seconds

Fresh interpreters in turn, wall time from start to end, the files in the page cache. Expected: 1.0 to 1.3; neither
simulator nor trainer may be in it.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
from ratios import Findings, command_line, interleaved, rate

ROOT = Path(__file__).parents[2]


def importing(module: str) -> float:
    command = [sys.executable, "-c", f"import {module}"]
    return rate(1, lambda: subprocess.run(command, cwd=ROOT, check=True))


if __name__ == "__main__":
    arguments = command_line(__doc__).parse_args()
    findings = Findings(arguments)
    ways = {name: partial(importing, name) for name in ("torch", "smcrep")}
    seconds = {name: 1 / rates for name, rates in interleaved(ways, 1 if arguments.tiny else 20).items()}
    controls = {f"{name}_s": float(np.median(found)) for name, found in seconds.items()}
    findings.add("import.ratio_to_torch", seconds["smcrep"] / seconds["torch"], controls, bar="<= 1.3")
    findings.end()

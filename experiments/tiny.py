"""Every experiment in its tiny form, one after the other, in a folder that is thrown away: does everything run?

python experiments/tiny.py        # about 4 minutes on 2 cores; the last part of `make test`
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from smcrep import script

HERE = Path(__file__).parent
BENCHMARKS = ("store", "world", "physics", "training", "embedding", "growth", "imports", "suite")
MODELNET10 = Path(os.environ.get("SMCREP_DATA", "~/.cache/smcrep/data")).expanduser() / "modelnet10_points1024"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        commands = [["demo.py", "--tiny", "--out", f"{folder}/tiny"], ["check_claims.py"]]
        commands += [
            [
                "generalisation.py",
                "--tiny",
                "--variants",
                "main",
                "equimod",
                "--seeds",
                "0",
                "--out",
                f"{folder}/carries",
            ]
        ]
        commands += [["ablations.py", "--tiny", "--variants", "points", "rgb_so3", "--seeds", "0"]]
        commands[-1] += ["--out", f"{folder}/ablations"]
        commands += [
            [
                "figures/generalisation.py",
                "--cells",
                f"{folder}/carries/cells",
                "--claims",
                f"{folder}/generalisation.json",
            ]
        ]
        commands[-1] += ["--figures", folder]
        commands += [[f"{name}.py", "--tiny", "--out", f"{folder}/{name}"] for name in ("physics", "pretrained")]
        if MODELNET10.is_dir():
            commands += [["modelnet10.py", "--tiny", "--run", f"{folder}/tiny", "--out", f"{folder}/modelnet10"]]
        else:
            print(f"modelnet10.py is left out: there is no {MODELNET10}")
        commands += [[f"benchmarks/{name}.py", "--tiny", "--save", f"{folder}/speed.json"] for name in BENCHMARKS]
        commands += [["benchmarks/imports.py", "--tiny", "--compare", f"{folder}/speed.json"]]
        for command in commands:
            print(f"== python experiments/{' '.join(command)}", flush=True)
            subprocess.run([sys.executable, str(HERE / command[0]), *command[1:]], check=True)


if __name__ == "__main__":
    script.run("tiny", main)

"""The picture of experiments/cifar10.py from its records; it measures nothing.

    python experiments/figures/cifar10.py           # seconds, from experiments/claims/cifar10.json

Writes cifar10.png: accuracy of every variant, and what an equivariance adds to each, with 95 % intervals.
"""

import argparse
from pathlib import Path

import numpy as np

from smcrep.report import marks
from smcrep.report.style import COLOURS, picture
from smcrep.results import Record, read_claims
from smcrep.script import run

ROOT = Path(__file__).parent.parent
GAIN = "cifar10.equimod_gain"
ADDED = ("equimod", "augself")
GAINS = {"equal_time": "EquiMod, equal time", "byol": "BYOL", "vicreg": "VICReg", "augself": "AugSelf, on SimCLR"}
"""Control of the gain -> its words."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=Path, default=ROOT / "claims/cifar10.json", help="records to draw")
    parser.add_argument("--figures", type=Path, default=ROOT / "figures", help="folder of the picture")
    arguments = parser.parse_args()
    records = read_claims(arguments.claims)
    if GAIN not in records:
        raise ValueError(f"{arguments.claims}: no record {GAIN}; run experiments/cifar10.py first")
    gain = records.pop(GAIN)
    shown = {name.removeprefix("cifar10."): found for name, found in records.items()}
    gains = {"EquiMod, on SimCLR": gain} | {
        words: beside(gain, key) for key, words in GAINS.items() if key in gain.controls
    }
    with picture(arguments.figures / "cifar10.png", columns=2, size=(4.2, 3.0)) as (figure, axes):
        for row, (name, found) in enumerate(shown.items()):
            colour = "untrained" if name == "untrained" else "ours" if name.endswith(ADDED) else "simclr"
            marks.dots(axes[0], [found], np.array([row]), COLOURS[colour])
        marks.reference(axes[0], gain.controls["chance"], "chance", vertical=True)
        axes[0].set(yticks=range(len(shown)), yticklabels=[name.replace("_", ", ") for name in shown])
        axes[0].set(xlabel="accuracy of a linear probe")
        marks.dots(axes[1], list(gains.values()), np.arange(len(gains)), COLOURS["ours"])
        marks.reference(axes[1], 0.0, "no gain", vertical=True)
        axes[1].set(yticks=range(len(gains)), yticklabels=list(gains), xlabel="gain in accuracy")
        for axis in axes:
            axis.invert_yaxis()
        figure.subplots_adjust(wspace=0.8)


def beside(gain: Record, control: str) -> Record:
    """One of the other differences, with its interval."""
    value, low, high = (gain.controls[control + end] for end in ("", "_low", "_high"))
    return Record(value, (low, high))


if __name__ == "__main__":
    run("figures/cifar10", main)

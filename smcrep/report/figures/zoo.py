"""The zoo of planted collapse: every detector on every mechanism, and use over training with the alarm."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smcrep.report import marks
from smcrep.report.style import COLOURS, OTHERS, picture
from smcrep.results import Record


def detector_table(records: Mapping[str, Record], path: Path) -> None:
    """AUC of each detector (a row; the first is ours) on each mechanism (a column), .5 being chance. ``records``: of
    each mechanism, by its name."""
    others = [name for name in next(iter(records.values())).controls if name not in ("took", "planted")]
    values = np.array(
        [[r.value for r in records.values()], *([r.controls[name] for r in records.values()] for name in others)]
    )
    with picture(path, size=(0.62 * len(records) + 2.2, 0.36 * len(values) + 1.3)) as (figure, (axis,)):
        image = axis.imshow(values, cmap="RdYlGn", vmin=0, vmax=1, aspect="auto")
        for (y, x), value in np.ndenumerate(values):
            ink = "white" if abs(value - 0.5) > 0.35 else "black"  # the ends of the scale are dark
            axis.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=7, color=ink)
        axis.set_xticks(range(len(records)), [n.replace("_", " ") for n in records], rotation=40, ha="right")
        axis.set_yticks(range(len(values)), [n.replace("_", " ") for n in ("ours", *others)])
        axis.set_title("AUC of each detector on each planted mechanism (chance .5)")
        axis.grid(visible=False)
        figure.colorbar(image, ax=axis, fraction=0.03, pad=0.02)


def use_until_alarm(curves: Mapping[str, Record], path: Path) -> None:
    """Measured use of the signal whose data turn faulty, over training: a panel for each fault. Each record has "rho",
    a list for each run over equal times, and "alarm", the time of each run's alarm as a share of training, or none."""
    with picture(path, 1, len(curves), size=(3.4, 2.6)) as (figure, axes):
        for axis, (name, record) in zip(axes, curves.items(), strict=True):
            for rho, alarm in zip(record.controls["rho"], record.controls["alarm"], strict=True):
                time = (np.arange(len(rho)) + 1) / len(rho)
                axis.plot(time, rho, lw=0.8, alpha=0.5, color=COLOURS["ours"])
                if alarm is not None:
                    axis.axvline(alarm, lw=0.8, alpha=0.5, color=OTHERS[1])
            axis.axvline(record.controls["fault"], lw=1, ls="--", color=COLOURS["chance"])
            axis.set(xlim=(0, 1), ylim=(-0.1, 1.2), xlabel="share of training", ylabel="use (oracle: 1)")
            axis.set_title(name.replace("_", " "))
        figure.tight_layout()
        figure.text(0, -0.03, "dashed: the data turn faulty; brown: alarms of the monitor", fontsize=8)


def retrieval_beside_planning(record: Record, path: Path) -> None:
    """A point for each world model: what counterfactual retrieval says of it (1: always right, 0: by chance) and the
    success of planning with it. "cfr_by_seed" and "success_by_seed" [seeds, models]; beside them two references."""
    with picture(path, size=(4.2, 3.4)) as (_, (axis,)):
        for said, success in zip(record.controls["cfr_by_seed"], record.controls["success_by_seed"], strict=True):
            axis.plot(said, success, "o", ms=4, alpha=0.7, color=COLOURS["ours"])
        marks.reference(axis, record.controls["planning_in_the_world"], "planning in the world itself")
        marks.reference(axis, record.controls["random_actions"], "random actions")
        axis.set(xlabel="counterfactual retrieval (1: always right)", ylabel="success of planning", ylim=(-0.05, 1.1))
        axis.set_title(f"World models; rank correlation {record.value:.2f}")


def use_over_training(history: Sequence[Mapping[str, Any]], signal: str, path: Path) -> None:
    """Of one run that `training.monitor.Monitor` watched: mean of the pairs at every look, and the evidence of collapse
    as a share of what raises the alarm."""
    calls = [record["call"] for record in history]
    with picture(path, size=(5, 3)) as (_, (axis,)):
        axis.plot(
            calls, [r[signal]["mean"] for r in history], color=COLOURS["ours"], label="use (1: always told apart)"
        )
        axis.plot(calls, [r[signal]["evidence"] for r in history], color=OTHERS[1], label="evidence of collapse")
        alarm = next((r["call"] for r in history if r[signal]["verdict"] == "collapsed"), None)
        if alarm is not None:
            axis.axvline(alarm, color=OTHERS[1], ls="--", label="alarm")
        axis.axhline(0, color=COLOURS["chance"], lw=0.8)
        axis.set(xlabel="look", ylim=(-0.3, 1.05))
        axis.set_title(f"Use of {signal.replace('_', ' ')} over training")
        axis.legend()

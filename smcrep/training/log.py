"""What a run says of itself: metrics.jsonl, TensorBoard events, one progress line."""

import json
import time
from pathlib import Path
from typing import Any, TextIO

import torch
from torch import Tensor

from smcrep.files import actionable_errors
from smcrep.progress import progress


class Log:
    """Means over the steps since the last record, written by one process.

    metrics.jsonl holds one record a line, each with its "step" (steps done). On resuming, records of later steps are
    dropped, so that the file reads as if the run had never stopped.
    """

    def __init__(self, out: Path, *, first_step: int, num_steps: int, to: TextIO | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter  # two seconds, which only the writing process pays

        self.path = out / "metrics.jsonl"
        _cut(self.path, first_step)
        self.board = SummaryWriter(out / "tensorboard", purge_step=first_step)
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.bar = progress(num_steps, "train", unit="steps", done=first_step, to=to)
        self.started = time.perf_counter()
        self.marked, self.observations = self.started, 0

    def add(self, values: dict[str, Tensor], observations: int) -> None:
        """Values of one step; a term need not occur at every step."""
        for name, value in values.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1
        self.observations += observations

    def write(self, step: int, extra: dict[str, float]) -> None:
        """A record of the means after ``step`` steps, and the progress line."""
        now = time.perf_counter()
        record = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        rate = self.observations / max(now - self.marked, 1e-9)
        self.record(step, {**record, **extra, "observations_per_s": rate, "seconds": now - self.started})
        self.bar.set_postfix_str(f"loss {record['loss']:.3f}, {rate:,.0f} observations/s", refresh=False)
        self.bar.update(step - self.bar.n)
        self.bar.refresh()
        self.sums, self.counts, self.marked, self.observations = {}, {}, now, 0

    def record(self, step: int, values: dict[str, float]) -> None:
        with actionable_errors(self.path), self.path.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items():
            self.board.add_scalar(name, value, step)

    def state_dict(self) -> dict[str, Any]:
        """The means begun, for the checkpoint: a record then does not depend on where a run was interrupted."""
        return {"sums": {name: total.cpu() for name, total in self.sums.items()}, "counts": dict(self.counts)}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        self.sums = {name: total.to(device) for name, total in state["sums"].items()}
        self.counts = dict(state["counts"])

    def close(self) -> None:
        self.board.close()
        self.bar.close()


def _cut(path: Path, last_step: int) -> None:
    """Keep the records of at most ``last_step`` steps; a line that a crash left half written goes too."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            kept += [line] if json.loads(line)["step"] <= last_step else []
        except (json.JSONDecodeError, KeyError):
            continue
    path.write_text("".join(f"{line}\n" for line in kept))

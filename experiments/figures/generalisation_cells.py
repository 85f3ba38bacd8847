"""The finished cells of experiments/generalisation.py, and the names of what they hold."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from smcrep.probes.intervals import Estimate, over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.results import Record

SENSES = ("fused", "rgb", "points")
VARIANTS = {
    "ours": "ours, vectors only",
    "tensors": "ours, vectors and tensors",
    "no_same_state_negatives": "no same-state negatives",
    "no_cross_modal": "no cross-modal terms",
    "no_residual": "no residual",
    "no_group_action": "no group action (MLP)",
    "equimod": "EquiMod",
    "equimod_tuned": "EquiMod, tuned",
    "simclr": "SimCLR",
    "simclr_tuned": "SimCLR, tuned",
    "vicreg": "VICReg",
    "vicreg_tuned": "VICReg, tuned",
    "no_action": "no action",
    "untrained": "untrained",
}
FACTORS = {
    "only_light": "light", "only_background": "background", "only_camera": "camera", "only_clutter": "clutter",
    "only_noise": "sensor noise", "new_environment": "all five together", "orientation": "any orientation",
}  # fmt: skip
SYMMETRIC_BELOW = 1.25
"""Least change by a turn of 30 degrees or more, over that of a perfect symmetry."""
LAWS = ("identity", "inverse", "composition", "loop", "gain")


class Cells:
    """The finished cells of one folder."""

    def __init__(self, folder: Path) -> None:
        self.by_variant: dict[str, list[dict]] = {}
        for path in sorted(folder.glob("*-*.json")):
            cell = json.loads(path.read_text(encoding="utf-8"))
            self.by_variant.setdefault(cell["variant"], []).append(cell)
        if "main" not in self.by_variant:
            raise ValueError(f"{folder}: no cells of the variant 'main'; run experiments/generalisation.py first")
        self.objects: list[str] = self.by_variant["main"][0]["objects"]
        path = folder / "objects.json"
        known = json.loads(path.read_text(encoding="utf-8"))["least_change_over_floor"] if path.exists() else {}
        self.asymmetric = np.array([known.get(name, np.inf) >= SYMMETRIC_BELOW for name in self.objects])

    def seeds(self, variant: str) -> set[int]:
        return {cell["seed"] for cell in self.by_variant.get(variant, ())}

    def values(self, variant: str, metric: str, seeds: Sequence[int] | None = None) -> np.ndarray:
        """float64 [seeds, objects], of all seeds or of those."""
        kept = [cell for cell in self.by_variant[variant] if seeds is None or cell["seed"] in seeds]
        return np.array([cell["metrics"][metric] for cell in kept])

    def share(
        self, values: np.ndarray, variant: str, unit: str, *, others: Sequence[str] = (), **beside: float
    ) -> Record:
        """Record of accuracies or H@1 [seeds, objects]. others: variants that the controls come from."""
        return self._record(share_over_seeds_and_objects(values), variant, unit, others, beside)

    def record(
        self,
        values: np.ndarray,
        variant: str,
        unit: str,
        statistic: Callable | None = None,
        *,
        others: Sequence[str] = (),
        **beside: float,
    ) -> Record:
        """Of values [seeds, objects] that may have any sign and size, or of a statistic of [seeds, objects, c]."""
        return self._record(over_seeds_and_objects(values, statistic=statistic), variant, unit, others, beside)

    def _record(
        self, found: Estimate, variant: str, unit: str, others: Sequence[str], beside: dict[str, float]
    ) -> Record:
        cells = self.by_variant[variant]
        behind = [cell["commit"] for name in dict.fromkeys((variant, *others)) for cell in self.by_variant[name]]
        return Record(
            found.value, found.ci95, seeds=len(cells), n=found.n, unit=unit, controls=dict(beside),
            command=f"python experiments/generalisation.py --variants {variant}", commit=cells[0]["commit"],
            minutes=round(float(np.mean([cell["train_minutes"] for cell in cells])), 2), machine=cells[0]["machine"],
            commits=tuple(dict.fromkeys(behind)),
        )  # fmt: skip

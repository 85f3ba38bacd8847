"""Is one signal used, or no longer? Sequential tests of one stream of pairs over a run."""

from typing import Any

import numpy as np

from smcrep.probes.collapse.sequential import CollapseEvidence, ShiryaevRoberts, Verdict

BEGIN_ALPHA = 0.05
"""Probability that the begin of use is found where there is none. It costs no false alarm of collapse, as the signal is
then not used: the watch for the end of use begins too soon."""


class SignalWatch:
    """One signal over a run of at most ``horizon`` pairs.

    First `ShiryaevRoberts` looks for the begin of use: the mean of (1 - f) / 2 comes below (1 - u_min) / 2. Until it
    speaks the verdict is "undetermined", however long the model takes to learn. From then on another one, with
    threshold horizon / alpha, watches for the end of use: "collapsed" has a false-alarm probability of at most alpha a
    run, as long as the mean given the past stays at ``u_min`` or above once use was found. A signal that was not found
    used after ``learned_by`` pairs is tested by `CollapseEvidence` from there on; alpha is shared between both.

    To begin with any use above 0 would not do: a signal that is being learned passes there long before it is healthy,
    and would raise the alarm of a healthy run. Nor would `UseEvidence`, which remembers the time before learning.
    """

    def __init__(self, *, u_min: float, horizon: int, alpha: float, learned_by: int | None = None) -> None:
        self.use = ShiryaevRoberts(u_min=(1 - u_min) / 2, horizon=horizon, alpha=BEGIN_ALPHA)
        self.onset = ShiryaevRoberts(u_min=u_min, horizon=horizon, alpha=alpha / 2)
        self.never = CollapseEvidence(u_min=u_min, alpha=alpha / 2)
        self.horizon = horizon
        self.learned_by = horizon if learned_by is None else learned_by
        self.num_pairs = 0
        self.alarm_at = 0

    def update(self, values: np.ndarray) -> Verdict:
        """Take fresh pairs [t]. Beyond the horizon nothing is tested any more: the guarantee has ended."""
        for value in np.asarray(values, np.float64)[: self.horizon - self.num_pairs]:
            self.num_pairs += 1
            if self.use.alarm:
                detector = self.onset
            else:
                self.use.update((1 - value[None]) / 2)
                if self.num_pairs <= self.learned_by:
                    continue
                detector = self.never
            detector.update(value[None])
            if detector.alarm and not self.alarm_at:
                self.alarm_at = self.num_pairs
        return self.verdict

    @property
    def verdict(self) -> Verdict:
        if self.alarm_at:
            return "collapsed"
        return "used" if self.use.alarm else "undetermined"

    @property
    def log_evidence(self) -> float:
        """Of collapse, as a share of the threshold's logarithm: 1 is the alarm."""
        detector = self.onset if self.use.alarm else self.never
        return float(np.clip(detector.log_evidence / detector.log_threshold, 0, 1))

    def state(self) -> dict[str, Any]:
        """Of `restore`, in finite numbers: a detector that has seen no pair has no state."""
        detectors = {name: getattr(self, name) for name in ("use", "onset", "never")}
        states = {name: detector.state() for name, detector in detectors.items() if detector.num_pairs}
        return {"num_pairs": self.num_pairs, "alarm_at": self.alarm_at, **states}

    def restore(self, state: dict[str, Any]) -> None:
        self.num_pairs, self.alarm_at = int(state["num_pairs"]), int(state["alarm_at"])
        for name in ("use", "onset", "never"):
            if name in state:
                getattr(self, name).restore(state[name])

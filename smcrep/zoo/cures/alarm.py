"""The monitor over the models whose collapse comes late: when their cure begins, and what they may go back to."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from smcrep.training.curricula import BestSnapshot
from smcrep.training.signal_watch import SignalWatch
from smcrep.zoo.alarms import ALPHA, U_MIN
from smcrep.zoo.knobs import Stack, stacked
from smcrep.zoo.network import Architecture
from smcrep.zoo.training import Schedule
from smcrep.zoo.watching import Looks
from smcrep.zoo.world import SIGNALS, World

EVERY = 6
"""Steps between looks."""
ROWS = 32
"""Pairs of each look."""


class LateWatch:
    """alarms    index of a late model -> steps done at its alarm on the suspected signal.
    restored  index -> steps done at the look that it went back to."""

    def __init__(
        self,
        late: Sequence[int],
        architecture: Architecture,
        stack: Stack,
        world: World,
        schedule: Schedule,
        generator: torch.Generator,
        signal: int,
    ) -> None:
        self.late, self.signal = list(late), signal
        self.alarms: dict[int, int] = {}
        self.restored: dict[int, int] = {}
        if self.late:
            some = stacked(tuple(stack.specimens[i] for i in self.late))
            self.looks = Looks(architecture, some, world, schedule, generator, every=EVERY, rows=ROWS)
            horizon = (schedule.steps // EVERY) * ROWS
            alpha = ALPHA / len(SIGNALS)
            self.tests = {i: SignalWatch(u_min=U_MIN, horizon=horizon, alpha=alpha) for i in self.late}
            self.snapshots = {i: BestSnapshot() for i in self.late}

    @torch.no_grad()
    def look(self, step: int, weights: dict[str, Tensor], *, goes_back: bool) -> None:
        """After ``step`` steps; ``weights`` of the whole stack, written to where a model goes back."""
        if not self.late or step % EVERY or len(self.alarms) == len(self.late):
            return
        self.looks(step, {name: value[self.late] for name, value in weights.items()})
        for place, i in enumerate(self.late):
            if i in self.alarms:
                continue
            pairs = self.looks.pairs[-1][:, place, self.signal]
            own = {name: value[i] for name, value in weights.items()}
            self.snapshots[i].look(step, float(np.mean(pairs)), own)
            self.tests[i].update(pairs)
            if self.tests[i].alarm_at:
                self.alarms[i] = step
                if goes_back:
                    self.restored[i] = self.snapshots[i].restore(own)

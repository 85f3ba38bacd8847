"""How finely physics is simulated: lengths of steps, and when a body counts as at rest."""

from dataclasses import dataclass

LONGEST_S = 0.004
"""Above half of this the contacts of a sliding body begin to rattle; at this they gain energy."""


@dataclass(frozen=True)
class Stepping:
    """Steps in seconds, at most (a phase is divided evenly), and the speed below which nothing moves any more.

    push_step_s   while the finger presses
    slide_step_s  after a push
    drop_step_s   where nothing pushes: a body falls, bounces, settles
    rest_speed    m/s (of a turning body: of its surface): what has been slower for 10 steps and touches nothing that is
                  faster stands still from then on, and costs nothing. 0: everything is simulated to its end

    Beside steps of 0.1 ms without rest, pushes of the recipe `push` end within 0.3 mm and 0.2 degrees (median; they go
    80 mm), 8 mm and 7 degrees (95 of 100); by `REFERENCE`, three times as slow, within 0.2 mm and 0.1 degrees, 5 mm and
    4 degrees. Beyond are bodies about to tip, which go either way by chance. `experiments/benchmarks/pushes.py`
    measures it.
    """

    push_step_s: float = 0.001
    slide_step_s: float = 0.0025
    drop_step_s: float = 0.001
    rest_speed: float = 0.0005

    def __post_init__(self) -> None:
        for name in ("push_step_s", "slide_step_s", "drop_step_s"):
            if not 0 < getattr(self, name) <= LONGEST_S:
                raise ValueError(f"Stepping: {name} is {getattr(self, name)}; give seconds up to {LONGEST_S}")
        if not 0 <= self.rest_speed <= 0.01:
            raise ValueError(f"Stepping: rest_speed is {self.rest_speed}; give metres a second from 0 to 0.01")


DEFAULT = Stepping()
REFERENCE = Stepping(0.001, 0.001, 0.001, rest_speed=0.0)
"""Every millisecond to the end: what faster settings are measured beside."""

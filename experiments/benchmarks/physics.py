"""How fast are simulated branches beside the bare steps of MuJoCo?

    python experiments/benchmarks/physics.py        # about 1 minute; --tiny: seconds

`smcrep.worlds.dynamics.mechanics.simulate` pushes one object on the table in 8 branches of one state, every millisecond
to the end (`stepping.REFERENCE`); the bare loop is `mujoco.mj_step` with the same models, states, controls and number
of steps, on one thread each. The limit is the loop in C (``nstep``); beside it the loop in Python. Compiled models are
warm in both; the branch's own numbers, the check for overlaps and the one for instability are ours alone. Expected:
above 0.5.
"""

# pyright: reportAttributeAccessIssue=false
# (MuJoCo's names come from a compiled module without stubs.)

import math

import mujoco
import numpy as np
from ratios import Findings, command_line, interleaved, rate

from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.dynamics.bodies import Bodies
from smcrep.worlds.dynamics.mechanics import UnstableSimulation, simulate
from smcrep.worlds.dynamics.stepping import REFERENCE
from smcrep.worlds.objects.source import ProceduralObjects, object_set
from smcrep.worlds.policy import Policy, sample_actions, sample_state
from smcrep.worlds.rendering.environments import ENVIRONMENTS
from smcrep.worlds.world import SETTLE_S, State

BRANCHES, ENVIRONMENT = 8, ENVIRONMENTS["studio"]  # which has no clutter
POLICY = Policy(kinds={"push": 1.0}, support="table", max_angle_deg=10.0, num_branches=BRANCHES, vary_physics=True)


class Pushed:
    """K pushes of one state: for `simulate`, and as models with their first states for `mujoco.mj_step`."""

    def __init__(self, state: State, pushes: list[Push]) -> None:
        self.state, self.pushes = state, pushes
        self.horizons_s = [push.duration_s + SETTLE_S for push in pushes]
        self.pressed = [math.ceil(push.duration_s / REFERENCE.push_step_s) for push in pushes]
        self.alone = math.ceil(SETTLE_S / REFERENCE.slide_step_s)
        self.bodies = [Bodies(state.objects) for _ in pushes]
        for bodies, push in zip(self.bodies, pushes, strict=True):
            bodies.prepare(state.physics, push, state.poses, REFERENCE.rest_speed)
        self.starts = [bodies.data.qpos.copy() for bodies in self.bodies]

    @property
    def steps(self) -> int:
        return sum(self.pressed) + self.alone * len(self.pushes)

    def ours(self) -> None:
        count, s = len(self.pushes), self.state
        starts = np.stack([s.poses] * count)
        simulate(s.objects, starts, [s.physics] * count, self.pushes, self.horizons_s, REFERENCE)

    def bare(self, *, in_c: bool) -> None:
        for bodies, start, pressed in zip(self.bodies, self.starts, self.pressed, strict=True):
            mujoco.mj_resetData(bodies.model, bodies.data)
            bodies.data.qpos[:] = start
            for press, count in ((True, pressed), (False, self.alone)):
                bodies.set_step(0.001, press=press)
                if in_c:
                    mujoco.mj_step(bodies.model, bodies.data, nstep=count)
                else:
                    for _ in range(count):
                        mujoco.mj_step(bodies.model, bodies.data)


def states(num_states: int) -> list[Pushed]:
    """Of different objects; what is unstable is left out."""
    rng, objects, found = np.random.default_rng(0), object_set(ProceduralObjects(4 * num_states)), []
    for object in objects:
        try:
            state = sample_state(POLICY, object, ENVIRONMENT, rng)
            actions = sample_actions(POLICY, state, BRANCHES, rng, environment=ENVIRONMENT)
            pushed = Pushed(state, [action for action in actions if isinstance(action, Push)])
            pushed.ours()
        except UnstableSimulation:
            continue
        found.append(pushed)
        if len(found) == num_states:
            break
    return found


if __name__ == "__main__":
    arguments = command_line(__doc__).parse_args()
    findings = Findings(arguments)
    pushed = states(1 if arguments.tiny else 12)
    steps = sum(one.steps for one in pushed)
    ways = {
        "simulate": lambda: rate(steps, lambda: [one.ours() for one in pushed]),
        "mj_step": lambda: rate(steps, lambda: [one.bare(in_c=True) for one in pushed]),
        "mj_step_in_python": lambda: rate(steps, lambda: [one.bare(in_c=False) for one in pushed]),
    }
    rates = interleaved(ways, 2 if arguments.tiny else 20)
    findings.ratio(
        "physics.ratio_to_bare_step", rates, "simulate", "mj_step", beside=["mj_step_in_python"], bar=">= 0.5"
    )
    findings.end()

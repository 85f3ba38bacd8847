"""How many pushes a second, and how far from where ever smaller steps would end them?

    python experiments/benchmarks/pushes.py        # about 15 minutes; --tiny: seconds

Rows in memory as `worlds.episodes.shard_rows` makes them for the recipe `push` (draws, settling, pushes, pictures,
clouds), in one process, by the default `Stepping` and by `REFERENCE`: every millisecond of every push to its end.
Objects and models are warm in both. `pushes.ratio_to_reference` is the ratio of whole generations,
`pushes.physics_ratio_to_reference` of the states and outcomes alone. Expected: above 4.

`pushes.error_mm` and `pushes.error_deg`: by how much the pushed object (or what it pushes) ends elsewhere than by steps
of 0.1 ms without rest, median over pushes; beside it other quantiles, the same of REFERENCE, and the median way that
pushes go. Expected: below 0.5 mm and 0.5 degrees. The far tail tips over, or not: no step tells.
"""

from dataclasses import replace

import numpy as np
from ratios import CLAIMS, Findings, command_line, interleaved, rate

from smcrep.geometry.rotations import angle_degrees
from smcrep.pretraining.recipes import PUSH
from smcrep.worlds.dynamics.actions import Push
from smcrep.worlds.dynamics.mechanics import UnstableSimulation, simulate
from smcrep.worlds.dynamics.stepping import DEFAULT, REFERENCE, Stepping
from smcrep.worlds.episodes import Episode, draw, shard_rows
from smcrep.worlds.objects.source import ProceduralObjects
from smcrep.worlds.simulation import Simulation
from smcrep.worlds.world import SETTLE_S

STATES_PER_OBJECT = 4
FINE = Stepping(0.0001, 0.0001, 0.0001, rest_speed=0.0)


def episodes(of: Simulation) -> list[Episode]:
    found = []
    for state_id in range(of.num_states):
        for attempt in range(100):
            try:
                found.append(draw(of, state_id, attempt))
                break
            except UnstableSimulation:
                continue
    return found


def ends(episode: Episode, stepping: Stepping) -> np.ndarray:
    """[k, o, 4, 4] after the pushes of an episode, from its state, in metres."""
    before, pushes = episode.observed[0], [action for action in episode.actions if isinstance(action, Push)]
    starts, physics = np.stack([before.poses] * len(pushes)), [after.physics for after in episode.observed[1:]]
    return simulate(before.objects, starts, physics, pushes, [p.duration_s + SETTLE_S for p in pushes], stepping)


def errors(drawn: list[Episode], stepping: Stepping, fine: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """mm and degrees of each push, of the object that errs most."""
    millimetres, degrees = [], []
    for episode, truth in zip(drawn, fine, strict=True):
        found = ends(episode, stepping)
        millimetres.append(1000 * np.linalg.norm((found - truth)[..., :3, 3], axis=-1).max(1))
        between = np.swapaxes(found[..., :3, :3], -1, -2) @ truth[..., :3, :3]
        degrees.append(angle_degrees(between).max(1))
    return np.concatenate(millimetres), np.concatenate(degrees)


def main() -> None:
    arguments = command_line(__doc__).parse_args()
    if not arguments.tiny:
        arguments.save = arguments.save or CLAIMS.with_name("real_files.json")
    findings = Findings(arguments)
    num_objects, rounds = (1, 1) if arguments.tiny else (12, 10)
    default = Simulation(ProceduralObjects(num_objects), policy=PUSH, states_per_object=STATES_PER_OBJECT)
    reference = replace(default, stepping=REFERENCE)
    pushes = default.num_states * PUSH.num_branches
    ways = {
        "default": lambda: rate(pushes, lambda: shard_rows(default, 0)),
        "reference": lambda: rate(pushes, lambda: shard_rows(reference, 0)),
    }
    rates = interleaved(ways, rounds)
    findings.ratio("pushes.ratio_to_reference", rates, "default", "reference", bar=">= 4")
    ways = {
        "default": lambda: rate(pushes, lambda: episodes(default)),
        "reference": lambda: rate(pushes, lambda: episodes(reference)),
    }
    rates = interleaved(ways, rounds)
    findings.ratio("pushes.physics_ratio_to_reference", rates, "default", "reference", bar=">= 4")

    more = replace(default, objects=ProceduralObjects(num_objects if arguments.tiny else 100), states_per_object=1)
    drawn = episodes(more)
    fine = [ends(episode, FINE) for episode in drawn]
    ways_mm = [
        np.linalg.norm((f[:, 0] - e.observed[0].poses[0])[:, :3, 3], axis=-1) for e, f in zip(drawn, fine, strict=True)
    ]
    ours, theirs = errors(drawn, DEFAULT, fine), errors(drawn, REFERENCE, fine)
    for unit, mine, reference_s in zip(("mm", "deg"), ours, theirs, strict=True):
        controls = {f"p{q}": float(np.percentile(mine, q)) for q in (90, 95, 99)}
        controls |= {f"reference_p{q}": float(np.percentile(reference_s, q)) for q in (50, 90, 95, 99)}
        controls |= {"way_mm": 1000 * float(np.median(np.concatenate(ways_mm)))}
        findings.add(f"pushes.error_{unit}", mine, controls, unit=unit, bar="< 0.5")
    findings.end()


if __name__ == "__main__":
    main()

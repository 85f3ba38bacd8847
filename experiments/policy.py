"""Which tasks of Meta-World can tell encoders apart, and do they?

    python experiments/policy.py --out runs/policy                    # in LeRobot's environment; 4 minutes a task
    python experiments/policy.py --run RUN --tasks hammer-v3 --out runs/policy   # and the embedding of RUN
    python experiments/policy.py --tiny --out runs/p                  # two planted tasks, seconds, no simulator

(docs/guides/lerobot.md says how that environment is made.) Behaviour cloning with one head, an MLP that gives the next
five actions, from 25 demonstrations of the scripted expert with noise on what is done; what differs is the input:

    truth           the hand and the true state of the objects
    proprioception  the hand alone
    untrained       the hand and the embedding of picture and cloud by random weights
    ours            the hand and that of --run

A roll-out ends with success or after twice the longest demonstration; one that succeeds at its first step is not
counted. A task tells encoders apart where truth >= .9 and proprioception and untrained <= .7 within a horizon the
simulator allows. Leaves cells and claims/policy.json in --out, the rejected tasks with them; interrupted, the same
command goes on.

    policy.screen         tasks that passed; beside it the number tried
    policy.INPUT.TASK     success; beside it whether the task passed

Expected: fewer than half pass. Where one place suits every object, proprioception opens the drawer.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from smcrep import script
from smcrep.evaluation.sentence import plain
from smcrep.hub import build_model, load_model
from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.probes.intervals import share_over_units
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims, write_json
from smcrep.sweep import cell_path, finished
from smcrep.vla.cloning import clone

TASKS = (
    "drawer-open-v3", "hammer-v3", "door-open-v3", "button-press-topdown-v3", "pick-place-v3", "push-v3",
    "peg-insert-side-v3", "window-open-v3", "sweep-into-v3", "coffee-button-v3",
)  # fmt: skip
CHUNK = 5
NOISE = 0.1
FIRST_DEMONSTRATION, FIRST_ROLLOUT = 100_000, 1000
ENOUGH, TOO_MUCH = 0.9, 0.7
INPUTS = ("truth", "proprioception", "untrained", "ours")


class World(Protocol):
    """A task with an expert. hand [h] and truth [s] as they are now; limit, the longest episode it allows."""

    limit: int
    hand: np.ndarray
    truth: np.ndarray

    def reset(self, seed: int) -> None: ...
    def step(self, action: np.ndarray) -> bool: ...  # whether it has succeeded
    def expert(self) -> np.ndarray: ...  # -1 to 1
    def see(self) -> dict[str, np.ndarray]: ...  # sense -> one item


Look = Callable[[World], np.ndarray]


class Reach:
    """A point in the plane must come within .2 of a target: placed by the seed where ``varies``, else always the same.
    It moves by .1 times the action."""

    limit = 100

    def __init__(self, varies: bool) -> None:
        self.varies = varies

    def reset(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.hand = rng.uniform(-1, 1, 2)
        self.truth = rng.uniform(-1, 1, 2) if self.varies else np.array([0.5, -0.5])

    def step(self, action: np.ndarray) -> bool:
        self.hand = self.hand + 0.1 * np.clip(action, -1, 1)
        return bool(np.linalg.norm(self.truth - self.hand) < 0.2)

    def expert(self) -> np.ndarray:
        return np.clip((self.truth - self.hand) / 0.1, -1, 1)

    def see(self) -> dict[str, np.ndarray]:
        picture = np.zeros((16, 16, 3), np.uint8)
        x, y = ((self.truth + 1) / 2 * 15).round().astype(int)
        picture[y, x] = 255
        return {"rgb": picture}


class MetaworldTask:
    """A task of `lerobot_env_smcrep`; rendered only when it is looked at."""

    def __init__(self, task: str) -> None:
        from lerobot_env_smcrep.metaworld_env import StateMetaworld

        self.limit = 500
        self.env = StateMetaworld(task, episode_length=self.limit, size=128)

    def reset(self, seed: int) -> None:
        self._take(self.env.reset(seed=seed)[0])

    def step(self, action: np.ndarray) -> bool:
        seen, _, _, _, info = self.env.step(action.astype(np.float32))
        self._take(seen)
        return bool(info["is_success"])

    def _take(self, seen: Mapping[str, np.ndarray]) -> None:
        self.hand, self.truth = seen["agent_pos"], seen["environment_state"]

    def expert(self) -> np.ndarray:
        return np.clip(self.env.expert_policy.get_action(self.env.raw), -1, 1)

    def see(self) -> dict[str, np.ndarray]:
        picture, cloud = self.env.see(512)
        return {"rgb": picture, "points": cloud}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/policy"), help="folder of cells and claims")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), help="tasks of Meta-World")
    parser.add_argument("--run", type=Path, help="a trained model, whose embedding is tried too")
    parser.add_argument("--demonstrations", type=script.at_least(2), default=25, help="of the expert, a task")
    parser.add_argument("--rollouts", type=script.at_least(2), default=10, help="of each policy")
    parser.add_argument("--seeds", nargs="+", type=script.at_least(0), default=[0], help="of weights and noise")
    parser.add_argument("--tiny", action="store_true", help="planted tasks: one that passes, one that is too easy")
    given = parser.parse_args()
    begun = time.monotonic()
    tasks = ["reach", "same"] if given.tiny else given.tasks
    inputs = INPUTS if given.run else INPUTS[:-1]
    cells = [(task, source, seed) for seed in given.seeds for task in tasks for source in inputs]
    for task, source, seed in cells:
        path = cell_path(given.out / "cells", f"{task}_{source}", seed)
        if not path.exists():
            world = Reach(task == "reach") if given.tiny else MetaworldTask(task)
            model = None if source in ("truth", "proprioception") else encoder(source, given.run, given.tiny, seed)
            steps = 800 if given.tiny else 2000
            found = cloned(world, looker(source, model), given.demonstrations, given.rollouts, steps, seed)
            write_json(path, {"variant": f"{task}_{source}", "seed": seed, "task": task, "input": source} | found)
            print(f"{task} {source} {seed}: {np.mean(found['success']):.2f} within {found['horizon']}", flush=True)
    words = [f"--tasks {' '.join(tasks)} --seeds {' '.join(map(str, given.seeds))}"]
    words += [f"--demonstrations {given.demonstrations} --rollouts {given.rollouts}"]
    words += [f"--run {given.run}"] if given.run else []
    command = " ".join(["python experiments/policy.py", *words])
    records = stamped(screened(given.out / "cells", tasks), command, begun)
    write_claims(given.out / "claims/policy.json", records)
    for name, record in records.items():
        print(plain(name, record, "passed", "tried", "longest"))


def encoder(source: str, run: Path | None, tiny: bool, seed: int) -> SensorimotorModel:
    if source == "ours":
        assert run is not None
        return load_model(run)[0]
    config = ModelConfig(senses={"rgb": {"size": 16}}) if tiny else ModelConfig()
    if run is not None:  # the same networks
        config = load_model(run)[0].config
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_model(config).eval()


def looker(source: str, model: SensorimotorModel | None) -> Look:
    """World -> float [h + ...]: the hand, and what the input adds."""
    if source == "proprioception":
        return lambda world: world.hand
    if model is None:
        return lambda world: np.concatenate([world.hand, world.truth])
    known = model.config.names

    def look(world: World) -> np.ndarray:
        seen = {name: x[None] for name, x in world.see().items() if name in known}
        return np.concatenate([world.hand, model.embed(seen).fused[0].numpy()])

    return look


def cloned(world: World, look: Look, demonstrations: int, rollouts: int, steps: int, seed: int) -> dict:
    """success of each roll-out, longest (steps of a demonstration), horizon, expert (share of its tries)."""
    rng = np.random.default_rng(seed)
    seen, chunks, longest, tries = demonstrated(world, look, demonstrations, rng)
    act = clone(seen, chunks, steps=steps, seed=seed)
    horizon = min(2 * longest, world.limit)
    success, start = [], FIRST_ROLLOUT
    while len(success) < rollouts:
        done = rolled_out(world, look, act, start, horizon)
        start += 1
        if done != 1:
            success.append(done is not None)
    return {"success": success, "longest": longest, "horizon": horizon, "limit": world.limit,
            "expert": demonstrations / tries}  # fmt: skip


def demonstrated(
    world: World, look: Look, demonstrations: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, int, int]:
    """Seen [n, i], the expert's next actions [n, CHUNK, a] (its last one repeated at the end), the longest
    demonstration, and how many it tried. ValueError where the expert cannot do the task."""
    seen, chunks, longest, kept, tries = [], [], 0, 0, 0
    while kept < demonstrations:
        if tries == 4 * demonstrations:
            raise ValueError(f"the expert succeeded in {kept} of {tries} episodes; take another task")
        world.reset(FIRST_DEMONSTRATION + tries)
        tries += 1
        views, actions = [], []
        for _ in range(world.limit):
            views.append(look(world))
            actions.append(world.expert())
            if world.step(np.clip(actions[-1] + rng.normal(0, NOISE, actions[-1].shape), -1, 1)):
                padded = np.array(actions + actions[-1:] * (CHUNK - 1))
                seen += views
                chunks += [padded[i : i + CHUNK] for i in range(len(actions))]
                longest, kept = max(longest, len(actions)), kept + 1
                break
    return torch.tensor(np.array(seen)).float(), torch.tensor(np.array(chunks)).float(), longest, tries


def rolled_out(
    world: World, look: Look, act: Callable[[np.ndarray], np.ndarray], seed: int, horizon: int
) -> int | None:
    """The step at which it succeeds, from 1; None where it does not. It looks only where a chunk begins."""
    world.reset(seed)
    for step in range(horizon):
        if step % CHUNK == 0:
            actions = act(look(world))
        if world.step(actions[step % CHUNK]):
            return step + 1
    return None


def passes(success: Mapping[str, float], longest: int, limit: int) -> bool:
    """Whether a task tells encoders apart: input -> success, the longest demonstration, what the simulator allows."""
    blind = max(success["proprioception"], success["untrained"])
    return success["truth"] >= ENOUGH and blind <= TOO_MUCH and 2 * longest <= limit


def screened(cells: Path, tasks: list[str]) -> dict[str, Record]:
    found = [cell for seeds in finished(cells).values() for cell in seeds.values() if cell["task"] in tasks]
    records, verdicts = {}, []
    for task in tasks:
        mine = [cell for cell in found if cell["task"] == task]
        tried = {source: [c for c in mine if c["input"] == source] for source in INPUTS}
        success = {s: float(np.mean([x for c in cs for x in c["success"]])) for s, cs in tried.items() if cs}
        longest = max(cell["longest"] for cell in mine)
        verdicts.append(passes(success, longest, mine[0]["limit"]))
        for source, value in success.items():
            each = np.array([x for c in tried[source] for x in c["success"]], float)
            records[f"policy.{source}.{task}"] = Record(
                value, share_over_units(each, np.arange(len(each))).ci95, n=len(each), unit="share",
                controls={"passed": int(verdicts[-1]), "longest": longest, "seeds": len(tried[source])},
            )  # fmt: skip
    screen = Record(sum(verdicts), n=len(tasks), unit="tasks", controls={"tried": len(tasks)})
    return {"policy.screen": screen} | records


if __name__ == "__main__":
    script.run("policy", main)

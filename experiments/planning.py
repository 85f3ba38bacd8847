"""Does cheap counterfactual retrieval say which checkpoint plans well?

    python experiments/planning.py --out runs/planning        # about 8 minutes on one core, 5 seeds
    python experiments/planning.py --tiny --out runs/p        # seconds; the numbers mean nothing

The vector push world: a point pushes a disc over a table, and the disc another one, quasi-static and in closed form;
what is seen are 24 fixed random features of the places of both. It stands in for the simulated push world, in which as
many checkpoints that plan would take hours. Fifteen world models (encoder, predictor, InfoNCE) differ in what was
planted on their action: mixed-up rows, no branches of one state, few steps, a cut wire, another frame. Each is read
twice, on states of their own:

    CFR@8     the share of states in which the outcome predicted from the true action is nearest to the true one among
              those of 8 other actions, rescaled so that chance is 0
    planning  the share of episodes in which the disc ends within 5 cm of its goal, 15 cm away or more at the start:
              the cross-entropy method on predicted latents, 6 pushes, replanned before each

What was planted, and how close is close, were set on seeds 0 and 100, which are not reported.
Leaves cells and claims/collapse.json in --out:

    collapse.planning    Spearman correlation of both over the checkpoints of a seed, mean over seeds. Beside it: the
                         seconds of CFR@8 over those of planning, the same correlation of the validation loss and of the
                         permutation drop, and the success of random actions and of planning in the world itself
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from smcrep import script
from smcrep.probes.intervals import over_seeds
from smcrep.probes.retrieval import rank
from smcrep.provenance import made
from smcrep.results import Record, write_claims, write_json
from smcrep.sweep import cell_path, finished
from smcrep.zoo.push_world import REACH_M, actions, push, states

NUM_FEATURES, LATENT, HIDDEN = 24, 16, 64
STATES, BRANCHES, STEPS, LR, TEMPERATURE = 32, 4, 1500, 2e-3, 0.1
AUDIT_STATES, OTHERS = 256, 8
EPISODES, EPISODE_STEPS, HORIZON = 400, 6, 3
SAMPLES, ELITES, ITERATIONS = 128, 12, 4
FAR_M, CLOSE_M = 0.15, 0.05


@dataclass(frozen=True)
class Checkpoint:
    """What was planted on the action of a model.

    shuffled  share of rows whose action is that of another row.
    branches  outcomes of each state in a batch; 1: every row has a state of its own.
    turned    degrees by which the action is rotated in training.
    cut       whether the action is 0 on its way in, then and after.
    """

    shuffled: float = 0.0
    branches: int = BRANCHES
    steps: float = 1.0
    turned: float = 0.0
    cut: bool = False


CHECKPOINTS = (
    *(Checkpoint(shuffled=share) for share in (0.0, 0.05, 0.1, 0.2, 0.4, 1.0)),
    *(Checkpoint(shuffled=share, branches=1) for share in (0.0, 0.1)),
    *(Checkpoint(steps=share) for share in (0.1, 0.3, 0.6)),
    *(Checkpoint(turned=degrees) for degrees in (20.0, 45.0, 90.0)),
    Checkpoint(cut=True),
)


def tasks(num: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Starts and goals [n, 4]: a goal is where pushes led, the first disc `FAR_M` or more from its start."""
    start = states(20 * num, generator)
    goal = start
    for _ in range(HORIZON):
        goal = push(goal, actions(len(goal), generator=generator))
    far = (goal - start)[:, :2].norm(dim=-1) >= FAR_M
    assert far.sum() >= num
    return start[far][:num], goal[far][:num]


class Sensor:
    """Fixed random features of a state."""

    def __init__(self, generator: torch.Generator) -> None:
        self.weight = 3 * torch.randn(4, NUM_FEATURES, generator=generator)
        self.bias = torch.randn(NUM_FEATURES, generator=generator)

    def __call__(self, state: Tensor) -> Tensor:
        return torch.tanh(state @ self.weight + self.bias)


class WorldModel(nn.Module):
    """Encoder of what is seen and predictor of the next latent."""

    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(NUM_FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, LATENT))
        self.change = nn.Sequential(
            nn.Linear(LATENT + 4, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, LATENT)
        )
        self.heard = 0.0 if cut else torch.tensor([1.0, 1.0, 1 / REACH_M, 1 / REACH_M])

    def predict(self, latent: Tensor, action: Tensor) -> Tensor:
        return latent + self.change(torch.cat([latent, self.heard * action], -1))


def contrast(model: WorldModel, sensor: Sensor, state: Tensor, action: Tensor, told: Tensor) -> Tensor:
    """InfoNCE [] of outcomes [s, k] among all of the batch, by the squared distance of latents."""
    predicted = model.predict(model.encode(sensor(state)), told).flatten(0, 1)
    happened = model.encode(sensor(push(state, action))).flatten(0, 1)
    logits = -(predicted[:, None] - happened[None]).square().sum(-1) / TEMPERATURE
    return cross_entropy(logits, torch.arange(len(logits)))


def turned(action: Tensor, degrees: float) -> Tensor:
    """Start and move of an action [..., 4] rotated by the same angle."""
    cos, sin = float(np.cos(np.deg2rad(degrees))), float(np.sin(np.deg2rad(degrees)))
    x, y = action[..., ::2], action[..., 1::2]
    return torch.stack([cos * x - sin * y, sin * x + cos * y], -1).flatten(-2)


def trained(checkpoint: Checkpoint, sensor: Sensor, seed: int, steps: int) -> WorldModel:
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = WorldModel(checkpoint.cut)
    optimiser = torch.optim.Adam(model.parameters(), LR)
    k = checkpoint.branches
    for _ in range(max(1, round(checkpoint.steps * steps))):
        state = states(STATES * BRANCHES // k, generator)[:, None].expand(-1, k, -1)
        action = actions(*state.shape[:2], generator=generator)
        mixed = action.flatten(0, 1)[torch.randperm(STATES * BRANCHES, generator=generator)].view_as(action)
        told = torch.where(torch.rand(*state.shape[:2], 1, generator=generator) < checkpoint.shuffled, mixed, action)
        loss = contrast(model, sensor, state, action, turned(told, checkpoint.turned))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


@torch.no_grad()
def counterfactual_retrieval(model: WorldModel, sensor: Sensor, generator: torch.Generator) -> float:
    """CFR@8: H@1 among the 9 outcomes of a state, asked for each of its 9 actions, (H - 1/9) / (8/9)."""
    state = states(AUDIT_STATES, generator)
    told = actions(AUDIT_STATES, 1 + OTHERS, generator=generator)
    happened = model.encode(sensor(push(state[:, None], told)))
    begun = model.encode(sensor(state))[:, None].expand(-1, 1 + OTHERS, -1)
    scores = -torch.cdist(model.predict(begun, told), happened).square()
    true = np.broadcast_to(np.arange(1 + OTHERS), scores.shape[:2])
    hits = float(rank(scores.numpy(), true).hits(1).mean())
    return (hits - 1 / (1 + OTHERS)) / (OTHERS / (1 + OTHERS))


@torch.no_grad()
def rivals(model: WorldModel, sensor: Sensor, generator: torch.Generator) -> dict[str, float]:
    """The loss on fresh states, negated, and how much it grows when actions are those of other rows."""
    state = states(AUDIT_STATES, generator)[:, None].expand(-1, BRANCHES, -1)
    action = actions(*state.shape[:2], generator=generator)
    loss, mixed = (float(contrast(model, sensor, state, action, told)) for told in (action, action.roll(1, 0)))
    return {"validation_loss": -loss, "permutation_drop": mixed - loss}


Ahead = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(states [e, 4], goals [e, 4], plans [e, s, h, 4]) -> costs [e, s]."""


def in_the_latent(model: WorldModel, sensor: Sensor) -> Ahead:
    def cost(state: Tensor, goal: Tensor, plans: Tensor) -> Tensor:
        wanted = model.encode(sensor(goal))[:, None]
        latent = model.encode(sensor(state))[:, None].expand(-1, plans.shape[1], -1)
        for step in range(plans.shape[2]):
            latent = model.predict(latent, plans[:, :, step])
        return (latent - wanted).square().sum(-1)

    return cost


def in_the_world(state: Tensor, goal: Tensor, plans: Tensor) -> Tensor:
    """What a planner that knows the world would see."""
    state = state[:, None].expand(-1, plans.shape[1], -1)
    for step in range(plans.shape[2]):
        state = push(state, plans[:, :, step])
    return (state - goal[:, None]).square().sum(-1)


@torch.no_grad()
def success(cost: Ahead, generator: torch.Generator, episodes: int) -> float:
    """Share of episodes whose disc ends within `CLOSE_M` of the goal. Plans by the cross-entropy method (Rubinstein
    1999) over the steps that are left, at most `HORIZON`; the first action is taken."""
    state, goal = tasks(episodes, generator)
    for done in range(EPISODE_STEPS):
        horizon = min(HORIZON, EPISODE_STEPS - done)
        mean = torch.zeros(episodes, 1, horizon, 4)
        std = torch.tensor([1.0, 1.0, REACH_M / 2, REACH_M / 2]).expand_as(mean)
        for _ in range(ITERATIONS):
            plans = mean + std * torch.randn(episodes, SAMPLES, horizon, 4, generator=generator)
            plans[..., 2:] = plans[..., 2:].clamp(-REACH_M, REACH_M)
            best = cost(state, goal, plans).topk(ELITES, 1, largest=False).indices
            elites = plans.gather(1, best[..., None, None].expand(-1, -1, horizon, 4))
            mean, std = elites.mean(1, keepdim=True), elites.std(1, keepdim=True)
        state = push(state, mean[:, 0, 0])
    return float(((state - goal)[:, :2].norm(dim=-1) < CLOSE_M).float().mean())


def random_success(generator: torch.Generator, episodes: int) -> float:
    state, goal = tasks(episodes, generator)
    for _ in range(EPISODE_STEPS):
        state = push(state, actions(episodes, generator=generator))
    return float(((state - goal)[:, :2].norm(dim=-1) < CLOSE_M).float().mean())


def cell(seed: int, tiny: bool) -> dict[str, Any]:
    def fresh(number: int) -> torch.Generator:
        """The same states and plans for all checkpoints."""
        return torch.Generator().manual_seed(1000 * seed + number)

    sensor, episodes = Sensor(fresh(0)), 8 if tiny else EPISODES
    rows, seconds = [], {"cfr": 0.0, "planning": 0.0}
    for number, checkpoint in enumerate(CHECKPOINTS[::4] if tiny else CHECKPOINTS):
        model = trained(checkpoint, sensor, 1000 * seed + 10 + number, 40 if tiny else STEPS)
        begun = time.perf_counter()
        cfr = counterfactual_retrieval(model, sensor, fresh(1))
        read = time.perf_counter()
        planned = success(in_the_latent(model, sensor), fresh(2), episodes)
        seconds["planning"] += time.perf_counter() - read
        seconds["cfr"] += read - begun
        rows.append({**checkpoint.__dict__, "cfr": cfr, "success": planned, **rivals(model, sensor, fresh(3))})
    floor, ceiling = random_success(fresh(2), episodes), success(in_the_world, fresh(2), episodes)
    return {"rows": rows, "seconds": seconds, "random_actions": floor, "planning_in_the_world": ceiling}


def planning_record(cells: list[dict[str, Any]]) -> Record:
    def spearman(own: dict[str, Any], name: str) -> float:
        said, planned = ([row[key] for row in own["rows"]] for key in (name, "success"))
        return (
            float(np.corrcoef(stats.rankdata(said), stats.rankdata(planned))[0, 1])
            if len(set(said)) > 1 < len(set(planned))
            else 0.0
        )

    found = over_seeds(np.array([spearman(own, "cfr") for own in cells]))
    mean = {name: float(np.mean([own[name] for own in cells])) for name in ("random_actions", "planning_in_the_world")}
    cost = [own["seconds"]["cfr"] / own["seconds"]["planning"] for own in cells]
    others = {
        name: float(np.mean([spearman(own, name) for own in cells])) for name in ("validation_loss", "permutation_drop")
    }
    controls = {
        **others,
        "seconds_over_planning": float(np.mean(cost)),
        "checkpoints": len(cells[0]["rows"]),
        "success_by_seed": [[round(row["success"], 3) for row in own["rows"]] for own in cells],
        "cfr_by_seed": [[round(row["cfr"], 3) for row in own["rows"]] for own in cells],
        **mean,
    }
    n = sum(len(own["rows"]) for own in cells)
    interval = max(-1.0, found.ci95[0]), min(1.0, found.ci95[1])
    return Record(found.value, interval, len(cells), n, "Spearman of CFR@8 and success, vector push world", controls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/planning"), help="folder of cells and claims")
    parser.add_argument(
        "--seeds", nargs="+", type=script.at_least(0), default=[1, 2, 3, 4, 5], help="of worlds and weights"
    )
    parser.add_argument("--tiny", action="store_true", help="few checkpoints and steps, to see that it runs")
    arguments = parser.parse_args()
    for seed in arguments.seeds[:2] if arguments.tiny else arguments.seeds:
        path = cell_path(arguments.out / "cells", "planning", seed)
        if not path.exists():
            begun = time.monotonic()
            found = cell(seed, arguments.tiny)
            write_json(path, {"variant": "planning", "seed": seed, **made("", begun), **found})
            print(f"seed {seed}: done", flush=True)
    cells = list(finished(arguments.out / "cells")["planning"].values())
    if len(cells) < 2:
        print("one seed is no sample: the record is made from the second on", flush=True)
        return
    about = {
        "command": f"python experiments/planning.py --seeds {' '.join(str(own['seed']) for own in cells)}",
        "commit": cells[-1]["commit"],
        "commits": tuple(dict.fromkeys(own["commit"] for own in cells)),
        "machine": cells[-1]["machine"],
        "minutes": round(sum(own["minutes"] for own in cells), 2),
    }
    record = replace(planning_record(cells), **about)
    write_claims(arguments.out / "claims/collapse.json", {"collapse.planning": record})
    print(f"collapse.planning: {record.value:.2f} {record.ci95} {record.controls}")


if __name__ == "__main__":
    script.run("planning", main)

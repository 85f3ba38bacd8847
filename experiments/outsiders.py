"""Does the measure of use tell published world models that hear the action from the same ones that collapse?

    python experiments/outsiders.py             # 10 minutes on one core; goes on where it was interrupted
    python experiments/outsiders.py --tiny      # seconds; the numbers mean nothing

Two objectives that are not ours, written from their papers, on a toy after Sensorimotor World Models: pictures of a
point that the action moves, beside points that jump at random.

    smwm, forward     |f(z, a) - z'|^2 + 10 |h(z, z') - a|^2 (arXiv:2606.20104), and without its inverse term
    lewm, detached    |f(z, a) - z'|^2 + .1 SIGReg(z) (LeWorldModel, arXiv:2603.19312), and with z' detached in the
                      first term: two public packages differ in this

Unlike there: perceptrons in place of convolutions and transformers, pictures of 12 x 12, no batch normalisation.

Use: for each state 9 actions and their outcomes, in which the random points jump alike; each action's prediction is to
find its own outcome by squared distance (H@1 from chance, 0, to all, 1). The oracle, who knows the world, has 1.

Leaves in --out cells/NAME-SEED.json and claims/collapse.json:

    collapse.outsiders.smwm      share of seeds in which both are told apart: the test says "used" of one and
                                 "collapsed" of the other, each wrong with a probability of .01 at most
    collapse.outsiders.detach    use attached less use detached
    collapse.outsiders.use.NAME  use of each, with its interval over seeds

Expected: the inverse term decides in every seed. Detached or not, SIGReg forbids the collapse.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from smcrep import script
from smcrep.objectives.sigreg import random_directions, sigreg
from smcrep.probes.collapse import UseStream, pairs, rank_me
from smcrep.probes.intervals import over_seeds, share_over_units
from smcrep.probes.retrieval import rank
from smcrep.provenance import made
from smcrep.results import Record, write_claims, write_json
from smcrep.sweep import cell_path, finished

SIDE, RANDOM_POINTS, FARTHEST = 12, 2, 0.3
"""Pixels; points that jump; longest displacement an axis, of the picture's side."""
LATENT, HIDDEN, BATCH, STEPS, RATE = 16, 128, 256, 1500, 1e-3
INVERSE, SIGREG, SLICES = 10.0, 0.1, 64
STATES, BRANCHES = 400, 9
MODELS = ("smwm", "forward", "lewm", "detached")
COMMAND = "python experiments/outsiders.py"


class WorldModel(nn.Module):
    """Encoder z = e(picture), forward model f(z, a) and inverse model h(z, z')."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = perceptron(2 * SIDE * SIDE, LATENT)
        self.forward_model = perceptron(LATENT + 2, LATENT)
        self.inverse_model = perceptron(2 * LATENT, 2)

    def predict(self, z: Tensor, action: Tensor) -> Tensor:
        return self.forward_model(torch.cat([z, action], -1))


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/outsiders"), help="folder of cells and claims")
    parser.add_argument("--seeds", nargs="+", type=script.at_least(0), default=list(range(10)), help="of all chance")
    parser.add_argument("--tiny", action="store_true", help="two seeds of few steps, to see that it runs")
    arguments = parser.parse_args()
    seeds = [0, 1] if arguments.tiny else arguments.seeds
    for seed in seeds:
        for name in MODELS:
            path = cell_path(arguments.out / "cells", name, seed)
            if path.exists():
                continue
            begun, spent = time.monotonic(), time.process_time()
            found = measured(trained(name, seed, 30 if arguments.tiny else STEPS), seed)
            seconds = time.process_time() - spent
            write_json(path, {"variant": name, "seed": seed, "cpu_seconds": seconds, **made(COMMAND, begun), **found})
            print(f"{name} {seed}: use {found['use']:.3f} ({found['verdict']}), {seconds:.0f} s", flush=True)
    report(arguments.out)


def trained(name: str, seed: int, steps: int) -> WorldModel:
    """Both of a pair begin with the same weights and see the same pictures."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = WorldModel()
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    for _ in range(steps):
        before, action, after = transitions(BATCH, 1, generator)
        loss = objective(model, name, before, action[:, 0], after[:, 0], generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def objective(
    model: WorldModel, name: str, before: Tensor, action: Tensor, after: Tensor, generator: torch.Generator
) -> Tensor:
    """Mean over rows of squared lengths, as both papers; SIGReg over both pictures of all rows."""
    z, outcome = model.encoder(before), model.encoder(after)
    target = outcome.detach() if name == "detached" else outcome
    loss = (model.predict(z, action) - target).square().sum(-1).mean()
    if name == "smwm":
        read = model.inverse_model(torch.cat([z, outcome], -1))
        loss = loss + INVERSE * (read - action).square().sum(-1).mean()
    if name in ("lewm", "detached"):
        both = torch.cat([z, outcome])
        loss = loss + SIGREG * sigreg(both, random_directions(both, SLICES, generator))
    return loss


def transitions(states: int, branches: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures before [s, pixels], actions [s, k, 2] in units of `FARTHEST`, and pictures after [s, k, pixels]. The
    random points jump alike in all branches of a state."""
    position = FARTHEST + (1 - 2 * FARTHEST) * torch.rand(states, 1, 2, generator=generator)
    action = 2 * torch.rand(states, branches, 2, generator=generator) - 1
    beside = torch.rand(2, states, 1, RANDOM_POINTS, 2, generator=generator)
    before = picture(position[:, :, None], beside[0])[:, 0]
    after = picture((position + FARTHEST * action)[:, :, None], beside[1].expand(-1, branches, -1, -1))
    return before, action, after


def picture(own: Tensor, others: Tensor) -> Tensor:
    """[..., 2 x 12 x 12] of points [..., n, 2] in the unit square: a channel for the own point and one for the others,
    each point a Gaussian of .08 of the side."""
    axis = (torch.arange(SIDE) + 0.5) / SIDE

    def channel(points: Tensor) -> Tensor:
        x, y = (torch.exp(-((points[..., i, None] - axis) ** 2) / (2 * 0.08**2)) for i in range(2))
        return (y[..., :, None] * x[..., None, :]).sum(-3).flatten(-2)

    return torch.cat([channel(own), channel(others)], -1)


@torch.no_grad()
def measured(model: WorldModel, seed: int) -> dict[str, Any]:
    before, action, after = transitions(STATES, BRANCHES, torch.Generator().manual_seed(10_000 + seed))
    model = model.double()
    z, seen = model.encoder(before.double()), model.encoder(after.double())
    predicted = model.predict(z[:, None].expand(-1, BRANCHES, -1), action.double())
    scores = -(predicted[:, :, None] - seen[:, None]).square().sum(-1)  # [s, told, seen]
    ranks = rank(scores.numpy(), np.broadcast_to(np.arange(BRANCHES), scores.shape[:2]))
    chance = 1 / BRANCHES
    use = share_over_units(ranks.hits(1).mean(1))
    stream = UseStream(u_min=0.4, horizon=STATES, alpha=0.01)
    rescaled = [(value - chance) / (1 - chance) for value in (use.value, *use.ci95)]
    return {
        "use": rescaled[0],
        "use_between": rescaled[1:],
        "verdict": stream.update(pairs(ranks).mean(1)),
        "rank_me": rank_me(seen.flatten(0, 1).numpy()),
        "deviation": float(seen.flatten(0, 1).std(0).mean()),
    }


def report(out: Path) -> None:
    """Records of the seeds that all four models have."""
    cells = finished(out / "cells")
    seeds = sorted(set.intersection(*(set(cells.get(name, {})) for name in MODELS)))
    if len(seeds) < 2:
        print("records are made from the second seed on", flush=True)
        return
    own = {name: [cells[name][seed] for seed in seeds] for name in MODELS}
    use = {name: np.array([cell["use"] for cell in cells_of]) for name, cells_of in own.items()}
    n = len(seeds)
    records = {}
    for name in MODELS:
        found = over_seeds(use[name])
        controls = {
            "called_used": float(np.mean([cell["verdict"] == "used" for cell in own[name]])),
            "called_collapsed": float(np.mean([cell["verdict"] == "collapsed" for cell in own[name]])),
            "rank_me": float(np.mean([cell["rank_me"] for cell in own[name]])),
            "deviation": float(np.mean([cell["deviation"] for cell in own[name]])),
            "cpu_seconds_at_most": max(cell["cpu_seconds"] for cell in own[name]),
        }
        unit = "use, oracle 1"
        records[f"collapse.outsiders.use.{name}"] = Record(found.value, found.ci95, n, n, unit, controls)
    pairs_of = list(zip(own["smwm"], own["forward"], strict=True))
    apart = np.array([float(a["verdict"] == "used" and b["verdict"] == "collapsed") for a, b in pairs_of])
    told = share_over_units(apart)
    pair = {
        "least_difference": float((use["smwm"] - use["forward"]).min()),
        "cpu_seconds_of_a_pair_at_most": max(a["cpu_seconds"] + b["cpu_seconds"] for a, b in pairs_of),
    }
    records["collapse.outsiders.smwm"] = Record(told.value, told.ci95, n, n, "share of seeds told apart", pair)
    ahead = over_seeds(use["lewm"] - use["detached"])
    records["collapse.outsiders.detach"] = Record(ahead.value, ahead.ci95, n, n, "use attached less detached")
    everything = [cell for cells_of in own.values() for cell in cells_of]
    about = {
        "command": COMMAND,
        "commit": everything[-1]["commit"],
        "commits": tuple(dict.fromkeys(cell["commit"] for cell in everything)),
        "machine": everything[-1]["machine"],
        "minutes": round(sum(cell["minutes"] for cell in everything), 2),
    }
    write_claims(out / "claims/collapse.json", {name: Record(**{**r.__dict__, **about}) for name, r in records.items()})
    for name, record in records.items():
        print(f"{name}: {record.value:.3f} {record.ci95} {record.controls}")


if __name__ == "__main__":
    script.run("outsiders", main)

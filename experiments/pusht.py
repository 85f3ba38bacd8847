"""On logged human pushes, whose embedding predicts best what another action would have done?

    python experiments/pusht.py --out runs/pusht                      # keypoints, 3 seeds: 8 minutes on one core
    python experiments/pusht.py --input pictures --dials 1            # pictures of 48 pixels, 3 seeds: 40 minutes
    python experiments/pusht.py --tiny --seeds 0 --out runs/p         # half a minute

Push-T's 206 human episodes ($SMCREP_DATA/pusht_replay_zarr), split by episode: 140 to train on, 26 to choose on, 40 to
test on. One encoder, one predictor, one number of steps; objectives differ:

    ours      the outcome predicted is found among outcomes of the batch, four of each stretch of an episode
    smwm      forward + weight * inverse loss (Sensorimotor World Models, arXiv:2606.20104)
    lewm      forward + weight * SIGReg (LeWorldModel, arXiv:2603.19312)
    forward   forward alone: what may collapse
    random    forward on a frozen untrained encoder; collapsed: a constant embedding, chance; oracle: the true state

Each has one dial, chosen on the validation episodes by CFR with the first seed that is run; the first value is the
published or usual one.

    pusht.INPUT.METHOD.cfr      counterfactual retrieval among 4 outcomes of states of different episodes that nearly
                                match (40 pixels of 512; the angle counts 60 pixels a radian), chance .25. Beside it:
                                the error of the decoded outcome over that of no change, for all that moves and for the
                                block where it moves; the share of the way from random to oracle; ours minus it, paired

Expected with keypoints: both published objectives near .68, ours near .53, random .37. The true state is no ceiling:
even the true change added to the state of the anchor reads .62, as states match only nearly.

Leaves cells, claims/pusht.json and figures/pusht.png in ``--out``; interrupted, the same command goes on.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep import script
from smcrep.data.readers.pusht import TABLE, PushT
from smcrep.evaluation.comparison import bounds
from smcrep.evaluation.sentence import percent
from smcrep.models.predictors import ResidualMLP
from smcrep.objectives.augself import augself
from smcrep.objectives.equivariant import equivariant_contrast
from smcrep.objectives.forward_model import roll_out
from smcrep.objectives.heads import mlp
from smcrep.objectives.sigreg import random_directions, sigreg
from smcrep.pretraining.recipes import data_folder
from smcrep.probes.intervals import over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.probes.matched_states import counterfactual_retrieval, matched_groups
from smcrep.provenance import made
from smcrep.report import marks
from smcrep.report.style import COLOURS, picture
from smcrep.results import Record, write_claims, write_json
from smcrep.sweep import Cell, cell_path, finished

HORIZON, SPLIT = 8, (140, 26, 40)
DIM, HIDDEN, LR = 64, 256, 2e-3
STRETCH, PER_STRETCH = 24, 4  # control steps around the first transition of a stretch; transitions of each
SIZE, MAX_DISTANCE, ANGLE_PX, MOVED_PX = 4, 40.0, 60.0, 5.0
STEPS = {"keypoints": (300, 32), "pictures": (300, 16)}  # and stretches in a batch
DIALS = {
    "ours": (0.1, 0.05, 0.02),  # temperature
    "smwm": (1.0, 0.1, 10.0),  # weight of the inverse loss
    "lewm": (0.1, 0.01, 1.0),  # weight of SIGReg
    "forward": (0.0,),
    "random": (0.0,),
    "oracle": (0.0,),
}


@dataclass(frozen=True)
class Pushes:
    """n rows of the replay and s transitions among them.

    seen     float32 [n, 20]: pusher and nine points of the block, or uint8 [n, 3, 48, 48]
    state    float32 [n, 6], pixels: pusher x, y, block x, y, ANGLE_PX times cosine and sine of its angle
    before   int64 [s], rows; the outcome is HORIZON rows later
    action   float32 [s, 2 HORIZON], of mean 0 and variance 1 on the training episodes
    episode  int64 [s]; part [s]: 0 train, 1 val, 2 test
    """

    seen: Tensor
    state: Tensor
    before: Tensor
    action: Tensor
    episode: np.ndarray
    part: np.ndarray

    @property
    def after(self) -> Tensor:
        return self.before + HORIZON


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/pusht"), help="folder of cells, claims and figure")
    parser.add_argument("--data-root", type=Path, default=data_folder("pusht_replay_zarr"), help="the replay")
    parser.add_argument("--input", choices=list(STEPS), default="keypoints", help="what the encoder sees")
    parser.add_argument("--methods", nargs="+", choices=list(DIALS), default=list(DIALS), help="which to train")
    parser.add_argument("--dials", type=script.at_least(1), default=3, help="values of each method's dial to try")
    parser.add_argument("--seeds", nargs="+", type=script.at_least(0), default=[0, 1, 2], help="seeds of training")
    parser.add_argument("--tiny", action="store_true", help="five steps, to see that it runs")
    arguments = parser.parse_args()
    cells: list[Cell] = [(f"{arguments.input}_{m}", seed) for seed in arguments.seeds for m in arguments.methods]
    missing = [cell for cell in cells if not cell_path(arguments.out / "cells", *cell).exists()]
    print(f"pusht: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    if missing:
        pushes = load(arguments.data_root, arguments.input)
        for name, seed in missing:
            run_cell(pushes, arguments.out, arguments.dials, arguments.tiny, name, seed)
            print(f"{name}-{seed} done", flush=True)
    report(arguments.out)


def load(path: Path, kind: str) -> Pushes:
    source = PushT(path, HORIZON)
    state = source.state
    angle = ANGLE_PX * np.stack([np.cos(state[:, 4]), np.sin(state[:, 4])], 1)
    if kind == "keypoints":
        points = np.asarray(source.files.arrays["keypoint"][:]).reshape(len(state), -1)
        seen = torch.from_numpy(np.concatenate([state[:, :2], points], 1).astype(np.float32) / TABLE * 2 - 1)
    else:
        every = [source.pictures(rows) for rows in np.array_split(np.arange(len(state)), 64)]
        small = [F.avg_pool2d(torch.from_numpy(x).movedim(-1, 1).float(), 2).round().byte() for x in every]
        seen = torch.cat(small)
    order = np.random.default_rng(0).permutation(len(source.files.ends))
    part = np.searchsorted(np.cumsum(SPLIT)[:2], np.argsort(order), side="right")[source.episodes]
    action = source.paths(np.arange(len(source.rows))).vector()
    train = action[torch.from_numpy(part == 0)]
    action = (action - train.mean(0)) / train.std(0)
    six = torch.from_numpy(np.concatenate([state[:, :4], angle], 1).astype(np.float32))
    return Pushes(seen, six, torch.from_numpy(source.rows), action, source.episodes, part)


class World(nn.Module):
    """Encoder, predictor and inverse model: the same for every objective."""

    def __init__(self, method: str, kind: str) -> None:
        super().__init__()
        num_in = 6 if method == "oracle" else 20
        layers: list[nn.Module] = [nn.Linear(num_in, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, HIDDEN), nn.GELU()]
        if kind == "pictures" and method != "oracle":
            widths = (3, 32, 64, 128)
            convolutions = [nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths)]
            layers = [layer for convolution in convolutions for layer in (convolution, nn.GELU())]
            layers += [nn.Flatten(), nn.Linear(128 * 6 * 6, HIDDEN), nn.GELU()]
        self.encoder = nn.Identity() if method == "oracle" else nn.Sequential(*layers, nn.Linear(HIDDEN, DIM))
        dim = 6 if method == "oracle" else DIM
        self.predictor = ResidualMLP(dim, 2 * HORIZON, HIDDEN)
        self.inverse = mlp(2 * dim, HIDDEN, 2 * HORIZON)
        self.encoder.requires_grad_(method != "random")
        self.method = method

    def encode(self, pushes: Pushes, rows: Tensor) -> Tensor:
        if self.method == "oracle":
            return (pushes.state[rows] - TABLE / 2) / 100
        seen = pushes.seen[rows]
        z = self.encoder(seen.float() / 128 - 1 if seen.dtype == torch.uint8 else seen)
        return F.normalize(z, dim=-1) if self.method == "ours" else z

    def predict(self, z: Tensor, action: Tensor) -> Tensor:
        moved = self.predictor(z, None, action)
        return F.normalize(moved, dim=-1) if self.method == "ours" else moved


def loss(world: World, pushes: Pushes, batch: Tensor, dial: float, generator: torch.Generator) -> Tensor:
    action, both = pushes.action[batch], torch.cat([pushes.before[batch], pushes.after[batch]])
    z, outcome = world.encode(pushes, both).chunk(2)
    predicted = world.predict(z, action)
    if world.method == "ours":
        rows = torch.arange(len(batch))
        every = torch.ones(len(batch), len(batch), dtype=torch.bool)
        return equivariant_contrast(predicted, outcome, rows, every, dial).total
    total = roll_out(predicted[:, None], outcome[:, None], 1.0).total
    if world.method == "smwm":
        total = total + dial * augself(world.inverse(torch.cat([z, outcome], -1)), action).total
    if world.method == "lewm":
        latents = torch.cat([z, outcome])
        total = total + dial * sigreg(latents, random_directions(latents, 256, generator))
    return total


def train(pushes: Pushes, method: str, kind: str, dial: float, seed: int, steps: int) -> World:
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        world = World(method, kind)
    optimiser = torch.optim.AdamW([p for p in world.parameters() if p.requires_grad], lr=LR, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    own = torch.from_numpy(np.flatnonzero(pushes.part == 0))
    episode = torch.from_numpy(pushes.episode)
    for _ in range(steps):
        first = own[torch.randint(len(own), (STEPS[kind][1],), generator=generator)]
        near = torch.randint(-STRETCH, STRETCH + 1, (len(first), PER_STRETCH), generator=generator)
        near[:, 0] = 0
        batch = (first[:, None] + near).clamp(0, len(episode) - 1)
        batch = torch.where(episode[batch] == episode[first][:, None], batch, first[:, None]).unique()
        optimiser.zero_grad()
        loss(world, pushes, batch, dial, generator).backward()
        optimiser.step()
        schedule.step()
    return world.eval()


@torch.no_grad()
def measured(world: World, pushes: Pushes, part: int) -> dict[str, np.ndarray]:
    """Metric -> its value for each episode of ``part``, NaN where it has none."""
    rows = np.flatnonzero(pushes.part == part)
    groups, anchor_episode = groups_of(pushes, rows)
    index = torch.from_numpy(groups)
    start = encoded(world, pushes, pushes.before[index[:, 0]])[:, None].expand(-1, SIZE - 1, -1)
    predicted = world.predict(start, pushes.action[index[:, 1:]])
    outcome = encoded(world, pushes, pushes.after[index.flatten()]).unflatten(0, index.shape)
    hits = counterfactual_retrieval(predicted.numpy(), outcome.numpy()).hits(1).mean(1)
    found = {"cfr": by_episode(hits, anchor_episode, pushes, part)}

    fitted = torch.from_numpy(np.flatnonzero(pushes.part == 0)[::3])
    design = with_one(encoded(world, pushes, pushes.before[fitted]))
    weights = torch.linalg.solve(
        design.mT @ design + 1e-6 * len(design) * torch.eye(design.shape[1], dtype=torch.float64),
        design.mT @ pushes.state[pushes.before[fitted]].double(),
    )
    own = torch.from_numpy(rows)
    moved = with_one(world.predict(encoded(world, pushes, pushes.before[own]), pushes.action[own])) @ weights
    true, begun = pushes.state[pushes.after[own]].double(), pushes.state[pushes.before[own]].double()
    pushed = (true - begun)[:, 2:].norm(dim=1) > MOVED_PX
    for name, keep, columns in (("all", torch.ones_like(pushed), slice(0, 6)), ("block", pushed, slice(2, 6))):
        error, still = ((x - true)[keep, columns].square().sum(1).numpy() for x in (moved, begun))
        episodes = pushes.episode[rows][keep.numpy()]
        each = [by_episode(x, episodes, pushes, part) for x in (error, still)]
        found[f"error_{name}"], found[f"still_{name}"] = each
    return found


def groups_of(pushes: Pushes, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 [g, SIZE] of transitions whose states nearly match, the same for every method; the anchors' episodes."""
    state = pushes.state[pushes.before[torch.from_numpy(rows)]].numpy()
    rng = np.random.default_rng(0)
    groups = rows[matched_groups(state, pushes.episode[rows], size=SIZE, max_distance=MAX_DISTANCE, rng=rng)]
    return groups, pushes.episode[groups[:, 0]]


def encoded(world: World, pushes: Pushes, rows: Tensor) -> Tensor:
    return torch.cat([world.encode(pushes, piece) for piece in rows.split(1024)])


def with_one(z: Tensor) -> Tensor:
    return torch.cat([z.double(), torch.ones(len(z), 1, dtype=torch.float64)], 1)


def by_episode(values: np.ndarray, episodes: np.ndarray, pushes: Pushes, part: int) -> np.ndarray:
    every = np.unique(pushes.episode[pushes.part == part])
    return np.array([values[episodes == i].mean() if (episodes == i).any() else np.nan for i in every])


def run_cell(pushes: Pushes, out: Path, num_dials: int, small: bool, name: str, seed: int) -> None:
    begun, (kind, method) = time.monotonic(), name.split("_")
    steps = 5 if small else STEPS[kind][0]
    known = finished(out / "cells").get(name, {}).values()
    dials = {cell["dial"] for cell in known} or DIALS[method][:num_dials]
    worlds = {dial: train(pushes, method, kind, dial, seed, steps) for dial in dials}
    chosen = max(worlds, key=lambda dial: float(np.nanmean(measured(worlds[dial], pushes, 1)["cfr"])))
    metrics = measured(worlds[chosen], pushes, 2)
    true, groups = pushes.state.numpy(), groups_of(pushes, np.flatnonzero(pushes.part == 2))[0]
    before, after = (true[rows.numpy()[groups]] for rows in (pushes.before, pushes.after))
    for control, predicted in {
        "true_change": before[:, :1] + (after - before)[:, 1:],
        "no_change": np.repeat(before[:, :1], SIZE - 1, 1),
    }.items():
        hits = counterfactual_retrieval(predicted, after).hits(1).mean(1)
        metrics[control] = by_episode(hits, pushes.episode[groups[:, 0]], pushes, 2)
    about = {"variant": name, "seed": seed, "dial": chosen, "groups": len(groups)}
    about |= made(f"python experiments/pusht.py --input {kind} --methods {method} --seeds {seed}", begun)
    listed = {k: [None if np.isnan(x) else round(float(x), 5) for x in v] for k, v in metrics.items()}
    write_json(cell_path(out / "cells", name, seed), about | {"metrics": listed})


def report(out: Path) -> None:
    """Records and picture of all cells that there are."""
    cells, records = finished(out / "cells"), dict[str, Record]()
    for name in (f"{kind}_{method}" for kind in STEPS for method in DIALS):
        if name in cells:
            kind, method = name.split("_")
            records[f"pusht.{kind}.{method}.cfr"] = record(name, cells, partial(_of, kind))
    write_claims(out / "claims/pusht.json", records)
    draw(records, out / "figures/pusht.png")
    for name, found in records.items():
        print(percent(f"CFR among 4, test episodes, {name}", found, "chance", "random", "oracle", "ours_ahead"))


def _of(kind: str, method: str) -> str:
    return f"{kind}_{method}"


def record(name: str, cells: dict[str, dict[int, dict]], of: Callable[[str], str]) -> Record:
    """CFR of the cells of a method, with floors and ceiling of the same input beside it."""
    own, random, oracle, ours = (cells.get(x, {}) for x in (name, of("random"), of("oracle"), of("ours")))
    about = next(iter(own.values()))
    cfr = share_over_seeds_and_objects(values(own, "cfr"))
    controls: dict[str, object] = {"chance": 1 / SIZE, "collapsed": 1 / SIZE}
    for control in ("no_change", "true_change"):
        controls[control] = round(float(values(own, control).mean()), 4)
    for floor, there in (("random", random), ("oracle", oracle)):
        if there:
            controls[floor] = round(float(values(there, "cfr").mean()), 4)
    if random and oracle:
        low, high = values(random, "cfr").mean(), values(oracle, "cfr").mean()
        controls["share_of_headroom"] = round(float((cfr.value - low) / (high - low)), 3)
    for part in ("all", "block"):
        pairs = np.stack([values(own, f"error_{part}"), values(own, f"still_{part}")], -1)
        share = over_seeds_and_objects(pairs, statistic=lambda means: np.sqrt(means[..., 0] / means[..., 1]))
        controls |= bounds(f"error_{part}", share)
    both = sorted(set(own) & set(ours))
    if own is not ours and both:
        apart = values({s: ours[s] for s in both}, "cfr") - values({s: own[s] for s in both}, "cfr")
        controls |= bounds("ours_ahead", over_seeds_and_objects(apart))
    controls |= {"dials": [own[seed]["dial"] for seed in sorted(own)], "groups": about["groups"]}
    kind, method = name.split("_")
    return Record(
        cfr.value,
        cfr.ci95,
        seeds=len(own),
        n=cfr.n,
        unit=f"H@1 of {SIZE}, matched states of test episodes",
        controls=controls,
        command=f"python experiments/pusht.py --input {kind} --methods ours random oracle {method}",
        commit=about["commit"],
        minutes=round(float(np.mean([cell["minutes"] for cell in own.values()])), 2),
        machine=about["machine"],
    )


def values(cells: dict[int, dict], metric: str) -> np.ndarray:
    """float64 [seeds, episodes], of the episodes that have the metric."""
    found = np.array([cells[seed]["metrics"][metric] for seed in sorted(cells)], np.float64)
    return found[:, ~np.isnan(found).any(0)]


def draw(records: dict[str, Record], path: Path) -> None:
    kinds = list(dict.fromkeys(name.split(".")[1] for name in records))
    with picture(path, columns=len(kinds), size=(3.6, 2.6)) as (_, axes):
        for axis, kind in zip(axes, kinds, strict=True):
            shown = {name.split(".")[2]: found for name, found in records.items() if name.split(".")[1] == kind}
            for row, (method, found) in enumerate(shown.items()):
                low, high = found.ci95 or (found.value, found.value)
                axis.plot([low, high], [row, row], lw=2, color=COLOURS.get(method, COLOURS["simclr"]))
                axis.plot(found.value, row, "o", color=COLOURS.get(method, COLOURS["simclr"]))
            marks.reference(axis, 1 / SIZE, "chance", vertical=True)
            axis.set(yticks=range(len(shown)), yticklabels=list(shown), xlabel="CFR among 4: H@1")
            axis.set_title(kind, pad=16)
            axis.invert_yaxis()


if __name__ == "__main__":
    script.run("pusht", main)

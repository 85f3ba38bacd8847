"""Does the embedding help control? An object in the hand is turned until it looks as in a goal's picture and cloud.

    python experiments/tabletop.py --out runs/tabletop            # three seeds: some 50 minutes on 2 cores
    python experiments/tabletop.py --seeds 0 --inputs ours truth
    python experiments/tabletop.py --tiny --out runs/t            # a minute; the numbers mean nothing

The task is `smcrep.evaluation.turn_to_match`: procedural objects that no encoder and no policy was trained on, at most
30 degrees a step, ten steps, any symmetric answer counts, starts that match already are not drawn. Behaviour cloning
with one head (`smcrep.vla.cloning`) from 600 demonstrations on 200 training objects, with noise on what is done; what
differs is what the head is told of now and of the goal:

    truth          both orientations
    nothing        no more than the demonstrations' mean
    ours           the fused embedding of recipe `demo`; ours_rgb, ours_points: of one sense alone
    ours_planned   the same, and no demonstrations: the turn whose predicted embedding is the goal's (pose_search)
    simclr         fused embedding of the same recipe, stores and steps with SimCLR's objective
    untrained      of the same networks before their first step
    imagenet       picture alone: a map of EfficientNet-Lite0, 2 x 2 places
    moved_cloud    nothing learned, no demonstrations: the turn that brings the sensed cloud nearest to the goal's

Success is asked again, with the policies as they are, where the picture is dark or the cloud jitters (now, not at the
goal), where either is absent, and in environments that were never seen.

    tabletop.INPUT                  success; beside it that under each condition
    tabletop.gap_closed             (ours - untrained) / (truth - untrained)
    tabletop.ours_minus_BASELINE    simclr, imagenet: paired by object and seed
    tabletop.under_failure          ours minus the better of ours_rgb and ours_points, in the condition where that is
                                    least; beside it the others

Leaves cells/INPUT-SEED.json, claims/vla.json and figures/tabletop.png in --out; interrupted, the same command goes on.
Expected: ours above every other encoder, and planned, without demonstrations, above every cloned policy; geometry above
it. A cloned policy does not know what to do without a sense that its demonstrations had.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import roma
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from smcrep import script
from smcrep.corruptions import CORRUPTIONS
from smcrep.evaluation.comparison import bounds
from smcrep.evaluation.pose_search import NUM_BEST, coarse_to_fine, turn_between
from smcrep.evaluation.sentence import percent
from smcrep.evaluation.turn_to_match import TurnToMatch
from smcrep.geometry.points import chamfer
from smcrep.geometry.rotations import rotation_grid
from smcrep.hub import build_model
from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.models.patches import PatchEncoder
from smcrep.objectives import SimCLRWeights
from smcrep.pretraining import Run, demo, pretrain, tiny
from smcrep.pretraining.variants import with_recipe
from smcrep.probes.intervals import Estimate, over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.provenance import made
from smcrep.report.style import colours, picture
from smcrep.results import Record, write_claims, write_json
from smcrep.senses import POINTS, RGB
from smcrep.sweep import cell_path, finished
from smcrep.training.build import build_seeded_model
from smcrep.transition import FUSED
from smcrep.vla.cloning import clone
from smcrep.worlds.objects.source import ProceduralObjects, object_set
from smcrep.worlds.rendering.environments import TEST_ENVIRONMENTS, TRAIN_ENVIRONMENTS

INPUTS = (
    *("truth", "ours", "ours_rgb", "ours_points", "ours_planned"),
    *("moved_cloud", "simclr", "imagenet", "untrained", "nothing"),
)
PLANNED = ("ours_planned", "moved_cloud")
TRAINING_OBJECTS, TEST_OBJECTS = 5_000, 6_000
"""Seeds of their sets, the same for every seed: runs take small ones."""
STEPS, SHOWN, NOISE, MAX_DEG = 10, 6, 0.15, 30.0
"""Of an episode, and of a demonstration; radians of noise on what a demonstration does; of one step."""
CLEAN, NEW = "clean", "new_environments"
FAULTS = {
    **{"dark": (RGB.name, "darkness"), "no_rgb": (RGB.name, "absent")},
    **{"jitter": (POINTS.name, "jitter"), "no_points": (POINTS.name, "absent")},
}
"""Condition -> the sense that fails, and how: the middle of its severities."""
CONDITIONS = (CLEAN, *FAULTS, NEW)
WORDS = ("clean", "picture\ndark", "no\npicture", "cloud\njitters", "no\ncloud", "new\nplaces")
IMAGENET, IMAGENET_SIZE, GRID = "tf_efficientnet_lite0", 128, 1024
FEW_POINTS, SHARE, NUM_TRIALS = 96, 0.75, 64
"""Of a cloud that is turned; the share of them that is compared (`smcrep.geometry.points.chamfer`); turns tried around
each of the best."""

ALIKE = {"ours_planned": "ours", "ours_rgb": RGB.name, "ours_points": POINTS.name}
"""Input -> whose colour it has."""
NAMES = {
    **{"truth": "true orientations", "ours": "ours, fused", "ours_rgb": "ours, picture", "ours_points": "ours, cloud"},
    **{"ours_planned": "ours, no demonstrations", "simclr": "SimCLR, fused", "imagenet": "ImageNet, picture"},
    **{"moved_cloud": "the cloud, turned", "untrained": "untrained, fused", "nothing": "nothing"},
}

Cells = Mapping[str, Mapping[int, dict]]
Seen = Mapping[str, NDArray]
Look = Callable[[TurnToMatch, Seen, bool], NDArray]
"""The task, what is seen, and whether that is the goal -> float [n, i]."""
Act = Callable[[TurnToMatch, NDArray], NDArray]
"""The task and what the head is told [n, i] of now and of the goal -> rotation vectors [n, 3] in units of MAX_DEG."""


@dataclass(frozen=True)
class Size:
    """Objects and episodes to train on and to test on; steps of cloning."""

    objects: tuple[int, int] = (200, 60)
    episodes: tuple[int, int] = (600, 180)
    steps: int = 1500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/tabletop"), help="folder of runs, cells and claims")
    parser.add_argument("--inputs", nargs="+", choices=INPUTS, default=list(INPUTS), help="which policies to try")
    parser.add_argument("--seeds", nargs="+", type=script.at_least(0), default=[0, 1, 2], help="of everything")
    parser.add_argument("--tiny", action="store_true", help="few steps and episodes, to see that it runs")
    given = parser.parse_args()
    size = Size((6, 4), (8, 8), 20) if given.tiny else Size()
    run = replace(tiny() if given.tiny else demo(), stores=given.out / "stores")
    for seed in given.seeds:
        missing = [name for name in given.inputs if not cell_path(given.out / "cells", name, seed).exists()]
        if missing:
            run_seed(run, given.out, size, missing, seed)
    report(given.out)


def run_seed(run: Run, out: Path, size: Size, names: list[str], seed: int) -> None:
    begun = time.monotonic()
    models = {name: model_of(name, run, out, seed) for name in sorted({name.split("_")[0] for name in names})}
    resolution = {"image_size": run.data.image_size, "num_points": run.data.num_points, "max_deg": MAX_DEG}
    train, test = (
        list(object_set(ProceduralObjects(number, first)))
        for number, first in zip(size.objects, (TRAINING_OBJECTS, TEST_OBJECTS), strict=True)
    )
    looks = {name: look(name, models[name.split("_")[0]]) for name in names}
    taught = {name: own for name, own in looks.items() if name not in PLANNED}
    seen, actions = dict[str, NDArray](), np.zeros((0, 3))
    if taught:
        task = TurnToMatch(train, TRAIN_ENVIRONMENTS, size.episodes[0], seed, **resolution)
        seen, actions = demonstrated(task, taught, seed)
    for name in names:
        model = models[name.split("_")[0]]
        act = planner(model, seed) if name in PLANNED else cloned(seen[name], actions, size.steps, seed)
        found = {}
        for condition in [CLEAN] if name in ("truth", "nothing", *PLANNED) else CONDITIONS:
            environments = TEST_ENVIRONMENTS if condition == NEW else TRAIN_ENVIRONMENTS
            task = TurnToMatch(test, environments, size.episodes[1], seed, **resolution)
            found[condition] = by_object(rolled_out(task, looks[name], act, condition, seed), task.object_ids)
        about = {"variant": name, "seed": seed, "episodes": size.episodes[1], "success": found}
        about |= made(f"python experiments/tabletop.py --inputs {name} --seeds {seed}", begun)
        write_json(cell_path(out / "cells", name, seed), about)
        print(f"{name} {seed}: " + ", ".join(f"{c} {np.mean(x):.2f}" for c, x in found.items()), flush=True)


def model_of(name: str, run: Run, out: Path, seed: int) -> SensorimotorModel | PatchEncoder | None:
    """Trained where it is not yet; None for what has no model."""
    if name in ("truth", "nothing", "moved"):
        return None
    if name == "imagenet":
        settings = {"encoder": IMAGENET, "weights": "package", "size": IMAGENET_SIZE}
        return PatchEncoder(build_model(ModelConfig(senses={RGB.name: settings})).eval(), RGB.name)
    own = with_recipe(run, seed=seed, probe_every=0)
    if name == "untrained":
        return build_seeded_model(own.recipe).eval()
    if name == "simclr":
        own = with_recipe(own, objective=SimCLRWeights())
    return pretrain(replace(own, out=out / f"runs/{name}-{seed}")).model


def look(name: str, model: SensorimotorModel | PatchEncoder | None) -> Look:
    def embedded(task: TurnToMatch, seen: Seen, of_goal: bool) -> NDArray:
        if name == "moved_cloud":
            return seen[POINTS.name].reshape(len(task), -1)
        if name == "truth":
            return task.orientations()[:, int(of_goal)].reshape(len(task), 9)
        if isinstance(model, PatchEncoder):
            given = seen.get(RGB.name, np.zeros((len(task), 1, 1, 3), np.uint8))
            return places(model, given)
        source = sense if (sense := name.partition("_")[2]) in (RGB.name, POINTS.name) else FUSED
        given = {s: x for s, x in seen.items() if source in (s, FUSED)}
        if model is None or not given:  # nothing is told
            return np.zeros((len(task), model.config.embed_dim if model else 1))
        return model.embed(given).of(source).numpy()

    return embedded


@torch.no_grad()
def places(model: PatchEncoder, pictures: NDArray) -> NDArray:
    """float [n, 4 c]: the map of each picture uint8 [n, h, w, 3], at 2 x 2 places."""
    found = []
    for some in torch.from_numpy(pictures).split(64):
        maps = model.forward_patches(some).mT.unflatten(2, model.grid)
        found.append(adaptive_avg_pool2d(maps, 2).flatten(1))
    return torch.cat(found).numpy()


def demonstrated(task: TurnToMatch, looks: Mapping[str, Look], seed: int) -> tuple[dict[str, NDArray], NDArray]:
    """Input -> what its head is told [s n, i] while an expert turns the objects, and what the expert does [s n, 3]; an
    episode goes on at its goal, where there is little left to do."""
    rng, goals, actions = np.random.default_rng(seed), task.see_goals(), []
    told = {name: own(task, goals, True) for name, own in looks.items()}
    seen: dict[str, list[NDArray]] = {name: [] for name in looks}
    for _ in range(SHOWN):
        now, left = task.see(), task.left() / np.radians(MAX_DEG)
        actions.append(left / np.maximum(1, np.linalg.norm(left, axis=1, keepdims=True)))
        for name, own in looks.items():
            seen[name].append(np.concatenate([own(task, now, False), told[name]], 1))
        task.step(actions[-1] * np.radians(MAX_DEG) + rng.normal(0, NOISE, left.shape))
    return {name: np.concatenate(parts) for name, parts in seen.items()}, np.concatenate(actions)


def cloned(seen: NDArray, actions: NDArray, steps: int, seed: int) -> Act:
    act = clone(torch.tensor(seen).float(), torch.tensor(actions).float(), steps=steps, seed=seed)
    return lambda task, told: act(told)


def planner(model: SensorimotorModel | PatchEncoder | None, seed: int) -> Act:
    """No demonstration: the whole turn that leads to the goal by the predictor's word, or, without a model, by the
    clouds; as much of it as one step allows. Where the object is held is known to who holds it."""
    assert not isinstance(model, PatchEncoder)
    grid, generator = torch.from_numpy(rotation_grid(GRID)).float(), torch.Generator().manual_seed(seed)

    def act(task: TurnToMatch, told: NDArray) -> NDArray:
        now, goal = torch.tensor(told).float().chunk(2, 1)
        held = torch.from_numpy(task.centres()).float()
        if model is None:
            clouds = [x.unflatten(1, (-1, 3)) - held[:, None] for x in (now, goal)]
            turns = torch.stack([nearest_turn(a, b, grid, generator) for a, b in zip(*clouds, strict=True)])
        else:
            turns = turn_between(model, now, goal, held, grid, generator)
        whole = roma.rotmat_to_rotvec(turns.double()).numpy() / np.radians(MAX_DEG)
        return whole / np.maximum(1, np.linalg.norm(whole, axis=1, keepdims=True))

    return act


def nearest_turn(now: Tensor, goal: Tensor, grid: Tensor, generator: torch.Generator) -> Tensor:
    """[3, 3] that brings the cloud ``now`` [n, 3] nearest to ``goal`` [n, 3], both about where the object is held: the
    best of ``grid``, then of turns around the best."""
    now, goal = now[:FEW_POINTS], goal[:FEW_POINTS]  # stored in random order

    def best(rotations: Tensor) -> Tensor:
        apart = torch.cat([chamfer(now @ some.mT, goal, share=SHARE) for some in rotations.split(256)])
        return rotations[apart.topk(NUM_BEST, largest=False).indices]

    return coarse_to_fine(best, grid, generator, num_trials=NUM_TRIALS)[0]


def rolled_out(task: TurnToMatch, look: Look, act: Act, condition: str, seed: int) -> NDArray[np.bool_]:
    """bool [n]: which episodes match within STEPS."""
    generator, done = torch.Generator().manual_seed(seed), np.zeros(len(task), bool)
    goals = look(task, task.see_goals(), True)
    for _ in range(STEPS):
        now = harmed(task.see(), condition, generator)
        actions = act(task, np.concatenate([look(task, now, False), goals], 1)) * np.radians(MAX_DEG)
        done |= task.step(np.where(done[:, None], 0, actions))
    return done


def harmed(seen: Seen, condition: str, generator: torch.Generator) -> Seen:
    if condition not in FAULTS:
        return seen
    sense, kind = FAULTS[condition]
    if kind == "absent":
        return {name: data for name, data in seen.items() if name != sense}
    data = torch.from_numpy(seen[sense])
    return {**seen, sense: CORRUPTIONS[sense, kind](data, torch.full((len(data),), 0.5), generator).numpy()}


def by_object(success: NDArray[np.bool_], object_ids: NDArray[np.int64]) -> list[float]:
    """Success of each object's episodes, rounded."""
    return [round(float(success[object_ids == i].mean()), 4) for i in np.unique(object_ids)]


def report(out: Path) -> None:
    cells = {name: own for name in INPUTS if (own := finished(out / "cells").get(name))}
    records = {f"tabletop.{name}": of_input(name, cells) for name in cells} | differences(cells)
    write_claims(out / "claims/vla.json", records)
    for name, record in records.items():
        print(percent(name, record, "condition", *CONDITIONS[1:]))
    draw(records, out / "figures/tabletop.png")


def values(cells: Cells, name: str, condition: str = CLEAN) -> NDArray:
    """[seeds, objects]: the same objects for every seed."""
    return np.array([cells[name][seed]["success"][condition] for seed in sorted(cells[name])])


def of_input(name: str, cells: Cells) -> Record:
    found = share_over_seeds_and_objects(values(cells, name))
    controls: dict[str, object] = {"episodes": int(sum(cell["episodes"] for cell in cells[name].values()))}
    for condition in next(iter(cells[name].values()))["success"]:
        controls |= bounds(condition, share_over_seeds_and_objects(values(cells, name, condition)))
    return stamped_of(Record(found.value, found.ci95, n=found.n, unit="success", controls=controls), cells, [name])


def differences(cells: Cells) -> dict[str, Record]:
    """Of inputs that were run with the same seeds."""
    records = {}
    alike = {name for name in cells if cells[name].keys() == cells.get("ours", {}).keys()}
    if {"ours", "untrained", "truth"} <= alike:
        three = np.stack([values(cells, name) for name in ("ours", "untrained", "truth")], -1)
        found = over_seeds_and_objects(three, statistic=gap_closed)
        record = Record(found.value, found.ci95, n=found.n, unit="share of (truth - untrained)")
        records["tabletop.gap_closed"] = stamped_of(record, cells, ["ours", "untrained", "truth"])
    for name in sorted({"simclr", "imagenet"} & alike):
        found = over_seeds_and_objects(values(cells, "ours") - values(cells, name))
        record = Record(found.value, found.ci95, n=found.n, unit="success, difference")
        records[f"tabletop.ours_minus_{name}"] = stamped_of(record, cells, ["ours", name])
    if {"ours", "ours_rgb", "ours_points"} <= alike:
        apart = {c: over_best_sense(cells, c) for c in CONDITIONS}
        worst = min(FAULTS, key=lambda c: apart[c].value)
        controls: dict[str, object] = {"condition": worst}
        for condition, found in apart.items():
            controls |= bounds(condition, found)
        found = apart[worst]
        record = Record(found.value, found.ci95, n=found.n, unit="success, difference", controls=controls)
        records["tabletop.under_failure"] = stamped_of(record, cells, ["ours", "ours_rgb", "ours_points"])
    return records


def gap_closed(means: NDArray) -> NDArray:
    """Of means [..., 3]: ours, untrained, truth."""
    return (means[..., 0] - means[..., 1]) / (means[..., 2] - means[..., 1])


def over_best_sense(cells: Cells, condition: str) -> Estimate:
    """Fused minus the sense that is better under that condition."""
    alone = max(("ours_rgb", "ours_points"), key=lambda name: values(cells, name, condition).mean())
    return over_seeds_and_objects(values(cells, "ours", condition) - values(cells, alone, condition))


def stamped_of(record: Record, cells: Cells, names: list[str]) -> Record:
    own = [cell for name in names for cell in cells[name].values()]
    seeds = sorted({cell["seed"] for cell in own})
    return replace(
        record, seeds=len(seeds), command=f"python experiments/tabletop.py --seeds {' '.join(map(str, seeds))}",
        commit=own[0]["commit"], commits=tuple(sorted({cell["commit"] for cell in own})), machine=own[0]["machine"],
        minutes=round(sum(max(c["minutes"] for c in own if c["seed"] == seed) for seed in seeds), 1),
    )  # fmt: skip


def draw(records: Mapping[str, Record], path: Path) -> None:
    """Left: success of each input; right: of those that see, under each condition."""
    names = [name for name in INPUTS if f"tabletop.{name}" in records]
    if len(names) < 2:
        return
    palette = colours([ALIKE.get(name, name) for name in names])
    with picture(path, 1, 2, (4.6, 3.2), widths=(1, 1.25)) as (_, (left, right)):
        for at, name in enumerate(reversed(names)):
            record, colour = records[f"tabletop.{name}"], palette[ALIKE.get(name, name)]
            assert record.ci95
            left.barh(at, record.value, color=colour, height=0.65)
            left.plot(record.ci95, (at, at), color="#707070", linewidth=1.2)
        left.set_yticks(range(len(names)), [NAMES[name] for name in reversed(names)])
        left.set(xlim=(0, 1), xlabel="share of episodes that match the goal", title="Turned as in the goal's view")
        left.grid(axis="y", visible=False)
        seeing = [name for name in names if CONDITIONS[-1] in records[f"tabletop.{name}"].controls]
        for shift, name in zip(np.linspace(-0.25, 0.25, len(seeing)), seeing, strict=True):
            own, colour = records[f"tabletop.{name}"].controls, palette[ALIKE.get(name, name)]
            for at, condition in enumerate(CONDITIONS):
                right.plot([at + shift] * 2, [own[f"{condition}_low"], own[f"{condition}_high"]], color=colour)
            places_of = np.arange(len(CONDITIONS)) + shift
            right.plot(places_of, [own[c] for c in CONDITIONS], "o", color=colour, markersize=4, label=NAMES[name])
        right.set_xticks(range(len(CONDITIONS)), WORDS)
        right.set(ylim=(0, 1), title="The same policies where something is wrong")
        right.grid(axis="x", visible=False)
        right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncol=3)


if __name__ == "__main__":
    script.run("tabletop", main)

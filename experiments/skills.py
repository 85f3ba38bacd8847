"""Among several things on a table, is the one found that a phrase names, where none of them was ever trained on?

    python experiments/skills.py --run runs/generalisation/runs/main-0       # some 12 minutes on one core
    python experiments/skills.py --tiny --run runs/demo --out runs/skills    # seconds

The run's model is frozen. On its maps of pictures a mask head is trained, and of crops its embedding is aligned with
phrases ("the red mug", MiniLM's vector), in scenes of five procedural objects, which no run trains on. Then in scenes
of five others each is asked for: the mask of "the object" finds things, the alignment of their crops chooses
(`smcrep.vla.pointing`). Interrupted, the same command goes on. Leaves claims/vla.json and figures/skills.png in --out:

    vla.skill_choice    share of phrases for which the thing chosen is the one that is named. Beside it chance (one of
                        five), alignment of what an encoder without training says of the same crops, alignment to
                        shuffled phrases, choice by the head's mask of the phrase itself, and choice among true masks
    vla.skill_mask_iou  mean intersection over union of the thing chosen and the named object's true mask; beside it
                        that of all things with all objects, and of the things chosen rightly

Expected: above three times chance; of true masks more than four times: most of what is missing is that things which
touch in the picture are found as one.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from smcrep import script
from smcrep.evaluation.sentence import plain
from smcrep.extraction.manifest import sha256
from smcrep.files import atomic_write
from smcrep.hub import build_model, model_folder
from smcrep.models.model import SensorimotorModel
from smcrep.models.weights import WEIGHTS
from smcrep.pretraining import load
from smcrep.probes.intervals import over_units, share_over_units
from smcrep.progress import progress
from smcrep.provenance import stamped
from smcrep.report.style import COLOURS, bare, picture
from smcrep.results import Record, write_claims, write_json
from smcrep.vla.alignment import Aligner
from smcrep.vla.mask_head import MaskHead, intersection_over_union, mask_loss
from smcrep.vla.picture_maps import PictureMaps
from smcrep.vla.pointing import ANYTHING, TEXT, VISION, crop, crop_vectors, mask_finder, patches
from smcrep.vla.skill_task import Scenes, draw_scenes, kept, phrases_of
from smcrep.vla.text import HashedNGrams, MiniLM
from smcrep.worlds.objects.source import ProceduralObjects, object_set

NEW_OBJECTS = 7_000
"""Seed of the set of objects: runs take small ones."""
K, PICTURE = 5, 256
"""Things in a scene, and pixels of a side."""
HEAD_BATCH, HEAD_LR, ALIGN_BATCH, ALIGN_LR, ALIGN_DIM, WEIGHT_DECAY = 8, 2e-3, 256, 1e-3, 64, 0.1
CROP_MARGINS = (0.05, 0.3)
"""Of the crops that are aligned: what is found later is not as exact as a true mask."""
THRESHOLD, SHOWN, AT_ONCE = 0.5, 8, 100
WAYS = ("chosen", "untrained_encoder", "shuffled_phrases", "by_mask_of_phrase", "true_masks")
"""Of choosing, the first as `smcrep.vla.pointing` does."""
RIGHT, WRONG = COLOURS["oracle"], COLOURS["untrained"]


@dataclass(frozen=True)
class Sizes:
    objects: int
    held_out: int
    train: int
    test: int
    seeds: int
    head_steps: int
    align_steps: int


FULL, TINY = Sizes(600, 150, 500, 100, 2, 200, 300), Sizes(40, 20, 8, 3, 1, 4, 10)


class Task:
    """Scenes of objects to train on and of those held out; ``vectors`` [p, d] of all ``phrases`` and, last, of
    `ANYTHING`; phrase int64 [objects]: which is whose."""

    def __init__(self, out: Path, sizes: Sizes, tiny: bool) -> None:
        self.sizes, objects = sizes, object_set(ProceduralObjects(sizes.objects, NEW_OBJECTS))
        said = phrases_of(objects)
        self.phrases = [*sorted(set(said)), ANYTHING]
        self.phrase = torch.tensor([self.phrases.index(each) for each in said])
        torch.manual_seed(0)
        self.vectors = (HashedNGrams() if tiny else MiniLM())(self.phrases).detach()
        last = sizes.objects - sizes.held_out
        parts = {"train": (np.arange(last), sizes.train), "test": (np.arange(last, sizes.objects), sizes.test)}
        self.scenes = {}
        for i, (split, (candidates, num)) in enumerate(parts.items()):
            path = out / f"scenes-{split}-{num}.safetensors"
            new = None
            if not path.is_file():
                new = draw_scenes(objects, said, candidates, num, k=K, size=PICTURE, seed=(NEW_OBJECTS, i))
            self.scenes[split] = kept(path, new)

    def texts(self, names: Sequence[str]) -> Tensor:
        """The text encoder: [n, d] of phrases that are known."""
        return self.vectors[[self.phrases.index(name) for name in names]]


class Eyes:
    """An encoder of pictures: its maps, and its embedding of crops. name: of its files, which are kept in ``out``."""

    def __init__(self, out: Path, name: str, model: SensorimotorModel, sense: str) -> None:
        self.out, self.name, self.model, self.sense = out, name, model, sense
        self.maps = PictureMaps(model, sense)

    def vectors(self, crops: list[np.ndarray]) -> Tensor:
        return crop_vectors(self.model, self.sense, np.stack(crops))

    def seen_maps(self, split: str, scenes: Scenes) -> list[Tensor]:
        """float16 [n, c_i, s_i, s_i] of the pictures."""

        def of(rows: range) -> dict[str, Tensor]:
            maps = [self.maps(scenes.picture[i : i + 1]) for i in rows]
            return {f"map{i}": torch.cat(each).half() for i, each in enumerate(zip(*maps, strict=True))}

        found = self._in_parts(f"maps-{split}", len(scenes.picture), of)
        return [found[f"map{i}"] for i in range(len(found))]

    def seen_crops(self, split: str, scenes: Scenes) -> Tensor:
        """[n, k, d]: vectors of the crops of the things by their true masks."""

        def of(rows: range) -> dict[str, Tensor]:
            rng, crops = np.random.default_rng([NEW_OBJECTS, rows.start]), []
            for i in rows:
                one, masks = scenes.picture[i].numpy(), scenes.masks(torch.tensor([i]))[0].numpy()
                crops.append(self.vectors([crop(one, mask, rng.uniform(*CROP_MARGINS)) for mask in masks]))
            return {"crops": torch.stack(crops)}

        return self._in_parts(f"crops-{split}", len(scenes.picture), of)["crops"]

    def _in_parts(self, what: str, num: int, of: Callable[[range], dict[str, Tensor]]) -> dict[str, Tensor]:
        """What ``of`` gives of all rows, in files of `AT_ONCE` rows."""
        found: list[dict[str, Tensor]] = []
        with progress(num, f"{what} {self.name}", unit="scenes") as bar:
            for first in range(0, num, AT_ONCE):
                rows = range(first, min(first + AT_ONCE, num))
                path = self.out / f"{what}-{self.name}-{rows.start}-{rows.stop}.safetensors"
                if not path.is_file():
                    with atomic_write(path) as temporary:
                        save_file(of(rows), temporary)
                found.append(load_file(path))
                bar.update(len(rows))
        return {name: torch.cat([part[name] for part in found]) for name in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run")
    parser.add_argument("--sense", default="rgb", help="the model's sense that sees pictures (default: rgb)")
    parser.add_argument("--out", type=Path, default=Path("runs/skills"), help="folder of scenes, heads and claims")
    parser.add_argument("--tiny", action="store_true", help="few scenes and steps, no weights of a text encoder")
    arguments = parser.parse_args()
    begun, out = time.monotonic(), arguments.out
    out.mkdir(parents=True, exist_ok=True)
    model = load(arguments.run).model
    task = Task(out, TINY if arguments.tiny else FULL, arguments.tiny)
    key = sha256(model_folder(arguments.run) / WEIGHTS)[:8]
    eyes = Eyes(out, key, model, arguments.sense)
    blank = Eyes(out, f"{key}-untrained", untrained(model), arguments.sense)
    cells, records = list[dict[str, Any]](), dict[str, Record]()
    for seed in range(task.sizes.seeds):
        cells.append(cell(eyes, blank, task, seed))
        records = stamped(
            claims(cells, task.scenes["test"].thing), f"python experiments/skills.py --run {arguments.run}", begun
        )
        write_claims(out / "claims/vla.json", records)
        draw(out / "figures/skills.png", task, load_file(out / f"cell-{key}-0.safetensors")["chosen"], cells[0])
    for name, record in records.items():
        print(plain(name, record, *record.controls))


def untrained(model: SensorimotorModel) -> SensorimotorModel:
    """The same networks, without what any training or package gave them."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return build_model(model.config).eval()


def cell(eyes: Eyes, blank: Eyes, task: Task, seed: int) -> dict[str, Any]:
    """What is measured of one seed; kept, as the head is."""
    path = eyes.out / f"cell-{eyes.name}-{seed}.json"
    if not path.is_file():
        head = trained_head(eyes.out / f"masks-{eyes.name}-{seed}.safetensors", eyes, task, seed)
        found, regions = measured(eyes, blank, task, head, seed)
        with atomic_write(path.with_suffix(".safetensors")) as temporary:
            save_file({"chosen": regions}, temporary)
        write_json(path, found)
    return json.loads(path.read_text(encoding="utf-8"))


def trained_head(path: Path, eyes: Eyes, task: Task, seed: int) -> MaskHead:
    """Masks of the phrases of all things in a scene, of anything, and of a phrase that nothing there has (no place)."""
    torch.manual_seed(seed)
    head, scenes = MaskHead(eyes.maps.num_channels, task.vectors.shape[1]), task.scenes["train"]
    if path.is_file():
        head.load_state_dict(load_file(path))
        return head.eval()
    maps, steps = eyes.seen_maps("train", scenes), task.sizes.head_steps
    trained_on = task.phrase[scenes.thing].unique()
    optimiser = torch.optim.AdamW(head.parameters(), HEAD_LR, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, HEAD_LR, total_steps=steps)
    with progress(steps, path.stem, unit="steps") as bar:
        for _ in range(steps):
            rows = torch.randint(len(scenes.thing), (HEAD_BATCH,))
            named = task.phrase[scenes.thing[rows]]
            absent = torch.stack([other(each, trained_on) for each in named])
            asked = torch.cat([named, torch.full_like(absent, len(task.phrases) - 1), absent], 1)
            masks = scenes.masks(rows).float()
            masks = torch.cat([masks, masks.sum(1, keepdim=True), torch.zeros_like(masks[:, :1])], 1)
            logits = head([m[rows].float() for m in maps], task.vectors[asked])
            optimiser.zero_grad()
            loss = mask_loss(logits, F.adaptive_avg_pool2d(masks, logits.shape[-1]))
            loss.total.backward()
            optimiser.step()
            schedule.step()
            bar.set_postfix(loss=f"{float(loss.total):.3f}")
            bar.update()
    with atomic_write(path) as temporary:
        save_file(head.state_dict(), temporary)
    return head.eval()


def other(named: Tensor, phrases: Tensor) -> Tensor:
    """int64 [1]: one of ``phrases`` that is none of ``named``."""
    left = phrases[~torch.isin(phrases, named)]
    return left[torch.randint(len(left), (1,))]


def trained_aligner(task: Task, crops: Tensor, phrase: Tensor, seed: int) -> Aligner:
    """Of crops [n, d] and their phrases int64 [n]."""
    torch.manual_seed(seed)
    aligner = Aligner({VISION: crops.shape[1], TEXT: task.vectors.shape[1]}, ALIGN_DIM)
    optimiser = torch.optim.AdamW(aligner.parameters(), ALIGN_LR, weight_decay=WEIGHT_DECAY)
    for _ in range(task.sizes.align_steps):
        rows = torch.randint(len(crops), (ALIGN_BATCH,))
        optimiser.zero_grad()
        aligner.loss({VISION: crops[rows], TEXT: task.vectors[phrase[rows]]}, phrase[rows]).total.backward()
        optimiser.step()
    return aligner.eval()


def measured(eyes: Eyes, blank: Eyes, task: Task, head: MaskHead, seed: int) -> tuple[dict[str, Any], Tensor]:
    """Of each thing of each scene, [n][k]: whether it was chosen, by each of `WAYS`, and how well what was chosen
    covers it; and of each scene how well all regions cover all things. Then what was chosen in the first scenes, bool
    [SHOWN, k, h, w]."""
    train, scenes = task.scenes["train"], task.scenes["test"]
    phrase = task.phrase[train.thing].flatten()
    shuffled = torch.from_numpy(np.random.default_rng(seed).permutation(len(task.phrases)))[phrase]
    crops, of_blank = (each.seen_crops("train", train).flatten(0, 1) for each in (eyes, blank))
    aligner, wrong = (trained_aligner(task, crops, of, seed) for of in (phrase, shuffled))
    without = trained_aligner(task, of_blank, phrase, seed)
    true_crops, maps = eyes.seen_crops("test", scenes), eyes.seen_maps("test", scenes)
    find = mask_finder(eyes.maps, head, task.texts)
    found: dict[str, list[Any]] = {name: [] for name in (*WAYS, "iou", "iou_anything", "regions")}
    shown = []
    for i in range(len(scenes.thing)):
        one, masks = scenes.picture[i].numpy(), scenes.masks(torch.tensor([i]))[0]
        texts = task.vectors[task.phrase[scenes.thing[i]]]
        anything = find(one, ANYTHING) > THRESHOLD
        regions = torch.from_numpy(patches(anything.numpy()))
        there = [crop(one, region) for region in regions.numpy()]
        vectors, blanks = (each.vectors(there) if there else crops[:0] for each in (eyes, blank))
        scores = {
            "chosen": cosines(aligner, vectors, texts),
            "untrained_encoder": cosines(without, blanks, texts),
            "shuffled_phrases": cosines(wrong, vectors, texts),
            "by_mask_of_phrase": by_mask(head, [m[i : i + 1].float() for m in maps], texts, regions),
        }
        for way, score in scores.items():
            found[way].append(right(regions, masks, score))
        found["true_masks"].append(right(masks, masks, cosines(aligner, true_crops[i], texts)))
        chosen = regions[scores["chosen"].argmax(0)] if there else torch.zeros_like(masks)
        found["iou"].append(intersection_over_union(chosen, masks).tolist())
        found["iou_anything"].append(float(intersection_over_union(anything, masks.any(0))))
        found["regions"].append(len(regions))
        shown += [chosen] * (i < SHOWN)
    return found, torch.stack(shown)


@torch.no_grad()
def by_mask(head: MaskHead, maps: list[Tensor], texts: Tensor, regions: Tensor) -> Tensor:
    """[r, k]: the mean probability, over each region bool [r, h, w], of the mask of each of texts [k, d]."""
    logits = head(maps, texts[None])
    named = F.interpolate(logits, size=(PICTURE, PICTURE), mode="bilinear")[0].sigmoid()
    return torch.einsum("rhw,khw->rk", regions.float(), named) / regions.sum((1, 2))[:, None]


@torch.no_grad()
def cosines(aligner: Aligner, vectors: Tensor, texts: Tensor) -> Tensor:
    """[r, k] of crops [r, d] and texts [k, d] in the aligner's space."""
    z = aligner({VISION: vectors, TEXT: texts})
    return z[VISION] @ z[TEXT].T


def right(regions: Tensor, masks: Tensor, scores: Tensor) -> list[float]:
    """Of each thing [k] 1 where the region bool [r, h, w] of the highest of ``scores`` [r, k] shows more of it than of
    any other thing, masks bool [k, h, w]; else 0. A region belongs to one thing, so chance is one of k."""
    if not len(regions):
        return [0.0] * len(masks)
    shown = torch.einsum("rhw,khw->rk", regions.float(), masks.float())
    owner = torch.where(shown.amax(1) > 0, shown.argmax(1), -1)
    return (owner[scores.argmax(0)] == torch.arange(len(masks))).float().tolist()


def claims(cells: list[dict[str, Any]], thing: Tensor) -> dict[str, Record]:
    """thing int64 [n, k]: the objects of the scenes, the units of intervals."""
    units = np.concatenate([[f"{seed} {each}" for each in thing.flatten().tolist()] for seed in range(len(cells))])

    def all_of(name: str) -> np.ndarray:
        return np.concatenate([np.ravel(each[name]) for each in cells])

    hits, covered = all_of("chosen"), all_of("iou")
    choice, iou = share_over_units(hits, units), over_units(covered, units)
    beside = {"chance": 1 / thing.shape[1]} | {way: float(all_of(way).mean()) for way in WAYS[1:]}
    beside["k"] = thing.shape[1]
    about = {
        "iou_of_right_choices": float(covered[hits == 1].mean()) if hits.any() else 0.0,
        "iou_anything": float(all_of("iou_anything").mean()),
        "regions": float(all_of("regions").mean()),
    }
    counts: dict[str, Any] = {"seeds": len(cells), "n": len(hits)}
    return {
        "vla.skill_choice": Record(choice.value, choice.ci95, unit="share of phrases", controls=beside, **counts),
        "vla.skill_mask_iou": Record(iou.value, iou.ci95, unit="IoU", controls=about, **counts),
    }


def draw(path: Path, task: Task, chosen: Tensor, found: dict[str, Any]) -> None:
    """The first scenes, none left out, each with one of its phrases: what was chosen is lit up, green where rightly."""
    scenes, columns = task.scenes["test"], min(4, len(chosen))
    with picture(path, -(-len(chosen) // columns), columns, size=(2.2, 2.4)) as (_, axes):
        for axis in axes:
            bare(axis)
        for i, axis in zip(range(len(chosen)), axes, strict=False):
            thing = i % scenes.thing.shape[1]
            hit, region = bool(found["chosen"][i][thing]), chosen[i, thing].numpy()
            dimmed = np.where(region[..., None], scenes.picture[i].numpy(), scenes.picture[i].numpy() // 3)
            axis.imshow(dimmed)
            if region.any():
                axis.contour(region, levels=[0.5], colors=[RIGHT if hit else WRONG], linewidths=1.2)
            axis.set_title(task.phrases[int(task.phrase[scenes.thing[i, thing]])], fontsize=8)


if __name__ == "__main__":
    script.run("skills", main)

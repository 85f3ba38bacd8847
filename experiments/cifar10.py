"""On CIFAR-10, what does EquiMod add to SimCLR, BYOL and VICReg at equal steps?

    python experiments/cifar10.py --out runs/cifar10                                # 5 seeds: an hour on 2 cores
    python experiments/cifar10.py --variants simclr simclr_equimod --seeds 0 1
    python experiments/cifar10.py --epochs 800 --batch 512 --network resnet18 --device cuda    # as published
    python experiments/cifar10.py --tiny --out runs/c                               # seconds, pictures made up

The action of a view is its augmentation (crop, flip, colours, grey; the published views, which have no blur). Every
variant has the same network (four blocks of convolutions), steps, batches and views; only losses differ. Where an
equivariance is trained, the picture itself is seen beside its two views (EquiMod, arXiv:2211.01244), so a step costs
half as much again: `simclr_longer` is SimCLR with as many pictures seen.

Each invariance has one dial of three values, the first of them published: SimCLR's temperature, BYOL's momentum,
VICReg's weights. Every variant, with or without an equivariance, tries the same three with the first seed that is run,
and keeps what k-NN likes best on 5,000 training pictures that are held out. Weights of EquiMod and AugSelf are the
published ones.

    cifar10.VARIANT             accuracy of a linear probe on the test pictures, 10,000 labels; beside it k-NN, the
                                share of the action that is linear in the features of picture and view, seconds a step
    cifar10.equimod_gain        simclr_equimod minus simclr, paired by seed and test pictures; beside it the same with
                                BYOL, with VICReg, with AugSelf instead, and against `simclr_longer`

Published: 90.96 -> 92.79 with SimCLR, 90.44 -> 91.57 with BYOL, ResNet-18, 800 epochs, LARS (here AdamW). The pictures
of $SMCREP_DATA/cifar10_jpeg are JPEG copies, so figures are near those of the original and not the same; give the
original's folder as --data-root. Leaves cells and claims/cifar10.json in ``--out`` (experiments/figures/cifar10.py
draws them); interrupted, the same command goes on, and a cell that is written is done.
"""

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from torch import Tensor

from smcrep import script
from smcrep.data.readers.cifar import open_cifar10
from smcrep.data.readers.images import open_parquet
from smcrep.evaluation.comparison import bounds
from smcrep.evaluation.sentence import percent
from smcrep.files import atomic_write
from smcrep.objectives import BYOL, AugSelf, CombinedWeights, EquiMod, NTXent, VICReg
from smcrep.objectives.equivariance import Equivariance, NoEquivariance
from smcrep.objectives.invariance import Invariance
from smcrep.pretraining.recipes import data_folder
from smcrep.probes.intervals import Estimate, over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.probes.knn import knn_classify
from smcrep.probes.linear import linear_classify
from smcrep.provenance import made
from smcrep.results import Record, write_claims, write_json
from smcrep.sweep import Cell, cell_path, finished, sweep
from smcrep.training import plain_pictures
from smcrep.training.plain_pictures import BACKBONES, LR, Network, augmented, scale

SIDE, NUM_CLASSES = 32, 10
NUM_VAL, NUM_LABELLED, NUM_BLOCKS, NUM_ACTIONS = 5_000, 10_000, 100, 2_000
"""Training pictures held out; labels that probes are fitted to; blocks of neighbouring test pictures (the unit of the
intervals; in the copies, a block holds as many of each class); views that the action is read from."""
UNTRAINED, WARM = "untrained", 20  # steps at rate 0: statistics of BatchNorm follow the pictures, weights stay
DIALS: dict[str, Sequence[Invariance]] = {
    "simclr": (NTXent(0.5), NTXent(0.2), NTXent(0.1)),
    "byol": (BYOL(0.996), BYOL(0.99), BYOL(0.97)),
    "vicreg": (VICReg(25, 25, 1), VICReg(25, 25, 5), VICReg(10, 25, 1)),
}
EQUIVARIANCES: dict[str, Equivariance] = {"equimod": EquiMod(), "augself": AugSelf()}
VARIANTS = (
    *("simclr", "simclr_longer", "simclr_equimod", "simclr_augself", "byol", "byol_equimod", "vicreg"),
    *("vicreg_equimod", UNTRAINED),
)
GAINS = {
    "byol": ("byol_equimod", "byol"),
    "vicreg": ("vicreg_equimod", "vicreg"),
    "augself": ("simclr_augself", "simclr"),
    "equal_time": ("simclr_equimod", "simclr_longer"),
}
"""Beside cifar10.equimod_gain: what minus what."""
PUBLISHED = {"simclr": 0.9096, "simclr_equimod": 0.9279, "byol": 0.9044, "byol_equimod": 0.9157}


@dataclass(frozen=True)
class Budget:
    """What every cell of a sweep has in common."""

    steps: int
    batch: int
    network: str
    device: str
    tiny: bool


@dataclass(frozen=True)
class Data:
    """pictures uint8 [n, 32, 32, 3], labels int64 [n], part int64 [n]: 0 train, 1 val, 2 test."""

    pictures: Tensor
    labels: Tensor
    part: Tensor

    def rows(self, part: int, at_most: int | None = None) -> Tensor:
        return torch.nonzero(self.part == part)[:at_most, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/cifar10"), help="folder of cells and claims")
    parser.add_argument(
        "--data-root", type=Path, default=data_folder("cifar10_jpeg"), help="CIFAR-10, Parquet or its own"
    )
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="which to train")
    parser.add_argument(
        "--seeds", nargs="+", type=script.at_least(0), default=[0, 1, 2, 3, 4], help="seeds of training"
    )
    parser.add_argument("--steps", type=script.at_least(1), default=360, help="of training, each")
    parser.add_argument("--epochs", type=script.at_least(1), help="instead of steps: times that each picture is seen")
    parser.add_argument("--batch", type=script.at_least(2), default=128, help="pictures a step, seen as two views each")
    parser.add_argument("--network", choices=list(BACKBONES), default="conv4", help="what is trained")
    parser.add_argument("--device", default="cpu", help="torch's name of where it is trained")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=os.cpu_count() or 1, help="cells at once, one thread each"
    )
    parser.add_argument("--tiny", action="store_true", help="three steps on pictures made up, to see that it runs")
    arguments = parser.parse_args()
    out, prepared = arguments.out, arguments.out / "pictures.safetensors"
    data = prepare(arguments.data_root, prepared, small=arguments.tiny)
    batch = 32 if arguments.tiny else arguments.batch
    per_epoch = len(data.rows(0)) // batch
    if not per_epoch:
        raise ValueError(f"--batch is {batch}, and there are {len(data.rows(0))} pictures to train on; give fewer")
    steps = 3 if arguments.tiny else arguments.epochs * per_epoch if arguments.epochs else arguments.steps
    budget = Budget(steps, batch, arguments.network, arguments.device, arguments.tiny)
    refuse_other_cells(out, budget)
    cells: list[Cell] = [(variant, seed) for seed in arguments.seeds for variant in arguments.variants]
    missing = [cell for cell in cells if not cell_path(out / "cells", *cell).exists()]
    print(f"cifar10: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    work = partial(run_cell, prepared, out, budget)
    known = finished(out / "cells")
    first = [cell for i, cell in enumerate(missing) if cell[0] not in [*known, *(name for name, _ in missing[:i])]]
    for stage in (first, [cell for cell in missing if cell not in first]):  # the first chooses the dials
        sweep(stage, work, logs=out / "logs", processes=arguments.processes)
    report(out)


def prepare(root: Path, path: Path, *, small: bool) -> Data:
    """Pictures and labels, decoded once into the file ``path``."""
    if not path.exists():
        made_of = made_up() if small else decoded(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            save_file(asdict(made_of), temporary)
    return Data(**load_file(path))


def decoded(root: Path) -> Data:
    pictures, labels, part = [], [], []
    for split in ("train", "test"):
        there = (
            open_parquet(root / f"{split}.parquet") if (root / "train.parquet").exists() else open_cifar10(root, split)
        )
        pictures += [there.decode(i, SIDE) for i in range(len(there))]
        labels.append(there.labels)
        number = np.full(len(there), 2 if split == "test" else 0)
        number[len(there) - NUM_VAL :] = number[len(there) - NUM_VAL :].clip(1)
        part.append(number)
    return Data(torch.from_numpy(np.stack(pictures)), *(torch.from_numpy(np.concatenate(x)) for x in (labels, part)))


def made_up() -> Data:
    """A colour for each class, under noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(600) % NUM_CLASSES
    colour = rng.integers(0, 256, (NUM_CLASSES, 1, 1, 3))[labels]
    pictures = (colour + rng.normal(0, 60, (len(labels), SIDE, SIDE, 3))).clip(0, 255).astype(np.uint8)
    part = np.repeat([0, 1, 2], [300, 100, 200])
    return Data(torch.from_numpy(pictures), torch.from_numpy(labels), torch.from_numpy(part))


def refuse_other_cells(out: Path, budget: Budget) -> None:
    others = [cell["budget"] for seeds in finished(out / "cells").values() for cell in seeds.values()]
    if other := next((b for b in others if b != asdict(budget)), None):
        apart = ", ".join(f"{k} {other[k]} there, {v} here" for k, v in asdict(budget).items() if other[k] != v)
        raise ValueError(f"{out}: holds cells of another budget ({apart}); give another --out")


def candidates(variant: str) -> list[CombinedWeights]:
    """One of them for each value of the dial."""
    base, _, added = variant.partition("_")
    if variant == UNTRAINED:
        return [CombinedWeights(NTXent(), NoEquivariance())]
    return [CombinedWeights(dial, EQUIVARIANCES.get(added, NoEquivariance())) for dial in DIALS[base]]


def train(data: Data, weights: CombinedWeights, seed: int, budget: Budget, *, steps: int, lr: float = LR) -> Network:
    return plain_pictures.train(
        data.pictures[data.rows(0)], weights, seed=seed, steps=steps, batch=budget.batch, network=budget.network,
        device=budget.device, lr=lr,
    )  # fmt: skip


@torch.no_grad()
def encoded(network: Network, pictures: Tensor, device: str) -> np.ndarray:
    """float32 [n, d], of the backbone in evaluation mode."""
    return torch.cat([network.features(part.to(device)).cpu() for part in pictures.split(512)]).numpy()


def chosen(data: Data, name: str, seed: int, budget: Budget, dials: Sequence[int]) -> tuple[Network, int]:
    """The network of the dial that k-NN likes best on the validation pictures; of one dial alone, that."""
    steps = WARM if name == UNTRAINED else budget.steps * 3 // 2 if name == "simclr_longer" else budget.steps
    lr, found, labelled = (
        0.0 if name == UNTRAINED else LR,
        list[tuple[float, int, Network]](),
        data.rows(0, NUM_LABELLED),
    )
    for dial in dials:
        network = train(data, candidates(name)[dial], seed, budget, steps=steps, lr=lr)
        if len(dials) == 1:
            return network, dial
        known, asked = (encoded(network, data.pictures[rows], budget.device) for rows in (labelled, data.rows(1)))
        labels = knn_classify(known, data.labels[labelled].numpy(), asked, k=20)
        found.append((float((labels == data.labels[data.rows(1)].numpy()).mean()), -dial, network))
    best = max(found, key=lambda each: each[:2])  # of equals, the published value
    return best[2], -best[1]


def measured(network: Network, data: Data, device: str) -> dict[str, np.ndarray]:
    """Accuracies of both probes in each block of test pictures, and R2 of the action that ridge regression reads from
    picture and view, mean over the numbers that vary."""
    labelled, test = data.rows(0, NUM_LABELLED), data.rows(2)
    known, asked = (encoded(network, data.pictures[rows], device) for rows in (labelled, test))
    labels, true = (data.labels[rows].numpy() for rows in (labelled, test))
    found = {
        "linear": in_blocks(linear_classify(known, labels, asked, strength=1.0) == true),
        "knn": in_blocks(knn_classify(known, labels, asked, k=20) == true),
    }
    sides = []
    for part in (0, 2):
        pictures = data.pictures[data.rows(part, NUM_ACTIONS)]
        views, action = augmented(pictures, 1, torch.Generator().manual_seed(part), scale(SIDE))
        both = [encoded(network, x, device) for x in (pictures, views[:, 0])]
        sides.append((np.concatenate(both, 1), action[:, 0].numpy()[:, np.isfinite(scale(SIDE)[1].numpy())]))
    (x, y), (queries, wanted) = sides
    mean, std = x.mean(0), x.std(0) + 1e-6
    read = Ridge(alpha=100.0).fit((x - mean) / std, y).predict((queries - mean) / std)
    return found | {"action_r2": np.array([r2_score(wanted, read)])}


def in_blocks(hits: np.ndarray) -> np.ndarray:
    return np.array([block.mean() for block in np.array_split(hits, NUM_BLOCKS)])


def run_cell(prepared: Path, out: Path, budget: Budget, name: str, seed: int) -> None:
    begun, data = time.monotonic(), Data(**load_file(prepared))
    known = {cell["dial"] for cell in finished(out / "cells").get(name, {}).values()}
    dials = sorted(known) or range(len(candidates(name)))
    network, dial = chosen(data, name, seed, budget, list(dials))
    trained = time.monotonic()
    metrics = measured(network, data, budget.device)
    about = {"variant": name, "seed": seed, "dial": dial, "budget": asdict(budget)}
    about["seconds_per_step"] = round((trained - begun) / len(dials) / budget.steps, 3)
    about |= made(f"python experiments/cifar10.py --variants {name} --seeds {seed}{options(asdict(budget))}", begun)
    write_json(
        cell_path(out / "cells", name, seed),
        about | {"metrics": {k: np.round(v, 5).tolist() for k, v in metrics.items()}},
    )


def options(budget: dict) -> str:
    words = "".join(f" --{name} {budget[name]}" for name in ("steps", "batch", "network", "device"))
    return " --tiny" if budget["tiny"] else words


def report(out: Path) -> None:
    """Records of all cells that there are."""
    cells = {name: own for name in VARIANTS if (own := finished(out / "cells").get(name))}
    records = {f"cifar10.{name}": record(name, cells) for name in cells}
    if difference(cells, "simclr_equimod", "simclr", "linear"):
        records["cifar10.equimod_gain"] = gain(cells)
    write_claims(out / "claims/cifar10.json", records)
    for name, found in records.items():
        print(percent(f"{name}, linear probe, test pictures", found, "chance", "untrained", "knn", "action_r2", "byol"))


def record(name: str, cells: dict[str, dict[int, dict]]) -> Record:
    """Linear accuracy of the cells of a variant, with k-NN and the floors beside it."""
    own = cells[name]
    accuracy = share_over_seeds_and_objects(values(own, "linear"))
    controls: dict[str, object] = {"chance": 1 / NUM_CLASSES, **floor(cells)}
    controls |= bounds("knn", share_over_seeds_and_objects(values(own, "knn")))
    controls["action_r2"] = round(float(values(own, "action_r2").mean()), 4)
    controls["seconds_per_step"] = round(float(np.mean([cell["seconds_per_step"] for cell in own.values()])), 3)
    dial = next(iter(own.values()))["dial"]
    controls["dial"] = str(candidates(name)[dial].invariance)
    if name in PUBLISHED:
        controls["published"] = PUBLISHED[name]
    return stamped(accuracy.value, accuracy.ci95, accuracy.n, "accuracy", controls, cells, [name])


def gain(cells: dict[str, dict[int, dict]]) -> Record:
    """simclr_equimod minus simclr by the linear probe, and the other differences."""
    found = difference(cells, "simclr_equimod", "simclr", "linear")
    assert found
    controls: dict[str, object] = {"chance": 1 / NUM_CLASSES, **floor(cells)}
    controls["published"] = round(PUBLISHED["simclr_equimod"] - PUBLISHED["simclr"], 4)
    pairs = {"knn": ("simclr_equimod", "simclr", "knn")} | {k: (*pair, "linear") for k, pair in GAINS.items()}
    for control, (a, b, metric) in pairs.items():
        if apart := difference(cells, a, b, metric):
            controls |= bounds(control, apart)
    used = [name for name in VARIANTS if name in cells]
    return stamped(found.value, found.ci95, found.n, "accuracy, difference", controls, cells, used)


def difference(cells: dict[str, dict[int, dict]], a: str, b: str, metric: str) -> Estimate | None:
    """Of the seeds that both have; None where there is none."""
    both = sorted(set(cells.get(a, {})) & set(cells.get(b, {})))
    if not both:
        return None
    first, second = (values({seed: cells[name][seed] for seed in both}, metric) for name in (a, b))
    return over_seeds_and_objects(first - second)


def floor(cells: dict[str, dict[int, dict]]) -> dict[str, float]:
    untrained = cells.get(UNTRAINED)
    if not untrained:
        return {}
    means = {metric: round(float(values(untrained, metric).mean()), 4) for metric in ("linear", "knn", "action_r2")}
    return {"untrained": means["linear"], "untrained_knn": means["knn"], "untrained_action_r2": means["action_r2"]}


def values(cells: dict[int, dict], metric: str) -> np.ndarray:
    """float64 [seeds, blocks]."""
    return np.array([cells[seed]["metrics"][metric] for seed in sorted(cells)])


def stamped(
    value: float,
    ci95: tuple[float, float],
    n: int,
    unit: str,
    controls: dict[str, object],
    cells: dict[str, dict[int, dict]],
    used: list[str],
) -> Record:
    own = [cell for name in used for cell in cells[name].values()]
    seeds = sorted(cells[used[0]])
    words = f"--variants {' '.join(used)} --seeds {' '.join(map(str, seeds))}{options(own[0]['budget'])}"
    return Record(
        value,
        ci95,
        seeds=len(seeds),
        n=n,
        unit=f"{unit}, test pictures",
        controls=controls,
        command=f"python experiments/cifar10.py {words}",
        commit=own[0]["commit"],
        commits=tuple(dict.fromkeys(cell["commit"] for cell in own)),
        minutes=round(float(np.mean([cell["minutes"] for cell in own])), 2),
        machine=own[0]["machine"],
    )


if __name__ == "__main__":
    script.run("cifar10", main)

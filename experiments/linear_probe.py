"""What do frozen embeddings tell about objects never seen, from few labels?

    python experiments/linear_probe.py --run runs/demo [--control runs/demo-no-action]      # about 30 s on 2 cores

On the run's test store: few-shot recognition of single objects and of families (k = 1, 5, 10, 20), k-NN, a linear probe
of families, relative pose.
Beside each figure: chance, the same network untrained, and with --control the same training without the action. What a
probe fits, it fits on training objects. Expected: recognition well above the untrained encoder.

Leaves claims/recognition.json and pictures in the run's folder.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.encoded import Encoded, encode
from smcrep.hub import build_model, load_model
from smcrep.models.model import SensorimotorModel
from smcrep.probes.few_shot import few_shot
from smcrep.probes.intervals import Estimate
from smcrep.probes.knn import knn_probe, neighbours
from smcrep.probes.linear import linear_probe
from smcrep.probes.pose import Pose, pose_probe
from smcrep.report import figures
from smcrep.results import Record, commit, machine, write_claims
from smcrep.training.run_folder import store_path
from smcrep.transition import Embedding

SHOTS = (1, 5, 10, 20)
SEED = 0
NUM_POSE_PAIRS = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--control", type=Path, help="run of the variant trained without the action")
    parser.add_argument("--store", type=Path, help="objects to be questioned about (default: the run's test store)")
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--n-way", type=int, default=15, help="objects to tell apart (families: all there are)")
    parser.add_argument("--tiny", action="store_true", help="few episodes, to see that it runs")
    arguments = parser.parse_args()
    begun = time.monotonic()
    train = Store(store_path(arguments.run, "train"))
    test = Store(arguments.store or store_path(arguments.run, "test"))
    episodes = 5 if arguments.tiny else arguments.episodes
    model = load_model(arguments.run)[0]
    torch.manual_seed(SEED)
    variants = {"ours": model, "untrained": build_model(model.config).eval()}
    if arguments.control:
        variants["no_action"] = load_model(arguments.control)[0]

    rows = np.arange(test.num_rows)
    embeddings = {variant: embed(encoder, test, rows) for variant, encoder in variants.items()}
    records = recognition(embeddings, test, episodes, arguments.n_way)
    records |= nearest(embeddings, test)
    records |= linear(variants, train, test)
    records |= pose(variants, train, test, steps=20 if arguments.tiny else 600)
    draw_shots(records, arguments.run)
    draw_embedding(embeddings["ours"], test, arguments.run)

    minutes = (time.monotonic() - begun) / 60
    made = {"command": f"python experiments/linear_probe.py --run {arguments.run}", "commit": commit()}
    made |= {"machine": machine(), "minutes": round(minutes, 2)}
    write_claims(arguments.run / "claims/recognition.json", {k: Record(**vars(r) | made) for k, r in records.items()})
    for name in ("few_shot.objects.fused.1", "few_shot.objects.fused.5", "few_shot.families.fused.5", "pose.fused"):
        if name in records:
            record = records[name]
            beside = ", ".join(f"{k} {v:.3g}" for k, v in record.controls.items() if not k.endswith(("_low", "_high")))
            print(f"{name}: {record.value:.3g} [{record.ci95[0]:.3g}, {record.ci95[1]:.3g}]  ({beside})")


def embed(model: SensorimotorModel, store: Store, rows: np.ndarray) -> Embedding:
    sensed = store.read(rows, list(model.config.senses))
    return model.embed(rgb=sensed.get("rgb"), points=sensed.get("points"))


def parts(embedding: Embedding) -> list[str]:
    return ["fused", *embedding.names]


def recognition(variants: dict[str, Embedding], store: Store, episodes: int, n_way: int) -> dict[str, Record]:
    """few_shot.objects.SENSE.K: telling single objects apart; few_shot.families.SENSE.K: families, by other objects."""
    per_state = store.num_branches + 1
    objects, families = (np.repeat(ids, per_state) for ids in (store.object_ids, store.class_ids))
    states = np.repeat(np.arange(store.num_states), per_state)
    several = [c for c in np.unique(families) if len(np.unique(objects[families == c])) > 1]
    shown = np.isin(families, several)
    tasks = {"objects": (objects, states, np.ones_like(shown)), "families": (families, objects, shown)}
    records: dict[str, Record] = {}
    for task, (labels, groups, rows) in tasks.items():
        num_classes = len(np.unique(labels[rows]))
        if num_classes < 2:
            continue  # a folder of single meshes has no families
        ways = min(n_way, num_classes) if task == "objects" else num_classes
        for part in parts(variants["ours"]):
            for k in SHOTS:
                try:
                    found = {
                        variant: few_shot(
                            e.invariant(part)[rows].cpu().numpy(),
                            labels[rows],
                            groups[rows],
                            k_shot=k,
                            n_way=ways,
                            num_episodes=episodes,
                            rng=np.random.default_rng(SEED),  # the same episodes for every variant
                        )
                        for variant, e in variants.items()
                    }
                except ValueError as error:
                    print(f"{task}, {k} shots: left out ({error})", file=sys.stderr)
                    continue
                records[f"few_shot.{task}.{part}.{k}"] = beside(found, chance=1 / ways, n_way=ways)
    return records


def beside(found: dict[str, Estimate], unit: str = "accuracy", **controls: float) -> Record:
    """Ours as a record, the other variants and their intervals beside it."""
    ours = found["ours"]
    for variant, estimate in found.items():
        if variant != "ours":
            controls |= {
                variant: estimate.value,
                f"{variant}_low": estimate.ci95[0],
                f"{variant}_high": estimate.ci95[1],
            }
    return Record(ours.value, ours.ci95, n=ours.n, unit=unit, controls=controls)


def nearest(variants: dict[str, Embedding], store: Store) -> dict[str, Record]:
    """knn.objects.SENSE: one half of the states votes on the objects of the other."""
    per_state = store.num_branches + 1
    labels, states = np.repeat(store.object_ids, per_state), np.repeat(np.arange(store.num_states), per_state)
    shown = _first_half(store.object_ids)[states]
    chance = 1 / len(np.unique(labels))
    records = {}
    for part in parts(variants["ours"]):
        found = {}
        for variant, e in variants.items():
            z = e.invariant(part).cpu().numpy()
            rng = np.random.default_rng(SEED)
            found[variant] = knn_probe(z[shown], labels[shown], z[~shown], labels[~shown], labels[~shown], rng=rng)
        records[f"knn.objects.{part}"] = beside(found, chance=chance)
    return records


def linear(variants: dict[str, SensorimotorModel], train: Store, test: Store) -> dict[str, Record]:
    """linear.families: logistic regression on the fused embedding of training objects, asked about families of unseen
    ones; left out where the two share fewer than two families (a folder of single meshes)."""
    shared = sorted(set(_families(train)) & set(_families(test)))
    if len(shared) < 2:
        return {}
    found = {}
    for variant, model in variants.items():
        z, labels, objects = {}, {}, {}
        for name, store in (("train", train), ("test", test)):
            states = np.flatnonzero(np.isin(_families(store), shared))
            before = embed(model, store, states * (store.num_branches + 1))
            z[name] = before.invariant().cpu().numpy()
            labels[name], objects[name] = _families(store)[states], store.object_ids[states]
        found[variant] = linear_probe(
            z["train"], labels["train"], z["test"], labels["test"], objects["test"], rng=np.random.default_rng(SEED)
        )
    majority = max(np.unique(_families(test), return_counts=True)[1]) / test.num_states
    return {"linear.families": beside(found, chance=1 / len(shared), majority=float(majority))}


def _families(store: Store) -> np.ndarray:
    """str [s]: family of the object of each state."""
    return np.array(store.classes)[store.class_ids]


def _first_half(object_ids: np.ndarray) -> np.ndarray:
    """bool [s]: every other state of each object."""
    seen: dict[int, int] = {}
    turn = []
    for i in object_ids.tolist():
        turn.append(seen.get(i, 0) % 2 == 0)
        seen[i] = seen.get(i, 0) + 1
    return np.array(turn)


def pose(variants: dict[str, SensorimotorModel], train: Store, test: Store, steps: int) -> dict[str, Record]:
    """pose.SENSE: median geodesic error in degrees of a probe that reads the turn from the embeddings before and after;
    fitted on training objects, asked about unseen ones."""
    stores = {"train": train, "test": test}
    states = {"train": np.arange(min(train.num_states, NUM_POSE_PAIRS // train.num_branches)), "test": None}
    seen = {
        variant: {name: encode(model, store, states[name]) for name, store in stores.items()}
        for variant, model in variants.items()
    }
    records = {}
    for part in ("fused", *next(iter(variants.values())).config.senses):
        found: dict[str, Pose] = {}
        for variant, encoded in seen.items():
            pairs = {name: _turns(each, part) for name, each in encoded.items()}
            groups = np.repeat(test.object_ids, test.num_branches)
            rng = np.random.default_rng(SEED)
            found[variant] = pose_probe(pairs["train"], pairs["test"], groups, rng=rng, steps=steps)
        ours = found["ours"]
        controls = {"constant": ours.constant_deg.value, "median": ours.median_deg}
        estimates = {variant: p.mean_deg for variant, p in found.items()}
        records[f"pose.{part}"] = beside(estimates, unit="mean degrees", **controls)
    return records


def _turns(encoded: Encoded, part: str) -> tuple:
    """(h1, h2, R2 R1^T) of every before -> outcome."""
    z, rotation = encoded.latent[part].numpy(), encoded.pose[..., :3, :3].numpy()
    turned = rotation[:, 1:] @ rotation[:, :1].swapaxes(-1, -2)
    before = np.repeat(z[:, :1], turned.shape[1], 1)
    return before.reshape(-1, z.shape[-1]), z[:, 1:].reshape(-1, z.shape[-1]), turned.reshape(-1, 3, 3)


def baseline_record(record: Record, variant: str) -> Record:
    return Record(
        record.controls[variant], (record.controls[f"{variant}_low"], record.controls[f"{variant}_high"]), n=record.n
    )


def draw_shots(records: dict[str, Record], run: Path) -> None:
    for task in ("objects", "families"):
        found = {name: r for name, r in records.items() if name.startswith(f"few_shot.{task}.")}
        if not found:
            continue
        curves: dict[str, dict[int, Record]] = {}
        for name, record in found.items():
            _, _, part, k = name.split(".")
            curves.setdefault(part, {})[int(k)] = record
            if part == "fused":
                for variant in ("no_action", "untrained"):
                    if variant in record.controls:
                        curves.setdefault(variant, {})[int(k)] = baseline_record(record, variant)
        record = next(iter(found.values()))
        title = f"Unseen {task}, {record.controls['n_way']}-way"
        figures.few_shot(curves, record.controls["chance"], title, run / f"figures/few_shot_{task}.png")


def draw_embedding(ours: Embedding, store: Store, run: Path) -> None:
    """A map of a dozen objects, and nearest neighbours of single looks among the other states."""
    from sklearn.manifold import TSNE  # seconds to import, and only pictures need it

    per_state = store.num_branches + 1
    names = {o.object_id: o.name for o in store.objects}
    chosen = np.unique(store.object_ids)[:12]
    states = np.repeat(np.arange(store.num_states), per_state)
    rows = np.flatnonzero(np.isin(store.object_ids[states], chosen))[:1500]
    perplexity = min(30.0, (len(rows) - 1) / 3)
    what, how = (
        TSNE(perplexity=perplexity, init="pca", random_state=SEED).fit_transform(z[rows].cpu().numpy())
        for z in (ours.invariant(), ours.equivariant())
    )
    rotation = store.read(rows, ["pose"])["pose"].numpy()[:, :3, :3]
    heading = np.degrees(np.arctan2(rotation[:, 0, 1], rotation[:, 0, 0]))  # of the object's x axis in the image
    labels = [names[i] for i in store.object_ids[states[rows]].tolist()]
    figures.embedding_map(what, how, labels, heading, run / "figures/map.png")
    if "rgb" not in store.schema.columns:
        return
    first = np.arange(store.num_states) * per_state
    queries = [int(np.flatnonzero(store.object_ids == i)[0]) for i in chosen[:6]]
    invariant = ours.invariant()[first].cpu().numpy()
    _, order = neighbours(invariant, invariant[queries], min(7, len(first)))
    found = np.array([[i for i in row if i != q][: order.shape[1] - 1] for q, row in zip(queries, order, strict=True)])
    same = store.object_ids[found] == store.object_ids[queries][:, None]
    images = store.read(first, ["rgb"])["rgb"].numpy()
    figures.neighbours(images, queries, found, same, run / "figures/neighbours.png")


if __name__ == "__main__":
    script.run("linear_probe", main)

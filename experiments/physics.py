"""Are mass and friction used where the outcome of a push depends on them? And does a push reveal them?

    python experiments/physics.py --out runs/physics --seeds 0 1 2        # minutes stand in its records
    python experiments/physics.py --out runs/p --data.root FOLDER         # what follows is for pretrain.py: meshes
    python experiments/physics.py --tiny --out runs/p                     # a minute; the numbers mean nothing

Objects on a table are pushed; what they look like says nothing of their mass and friction. Trained on states that
branch over the push and states that branch over physics (`pretrain.py push`), the model is asked, about objects never
seen: this push, this mass, this friction, which of 8 outcomes? Use is the gain over a mismatched signal, as a share of the
oracle's (see collapse.py).

    physics.utilisation.SENSE            8 settings of mass and friction, one state, one push; the bar is .7
    physics.utilisation_shuffled.SENSE   the same, told the settings of the state in random order: 0, or something leaks
    physics.action_utilisation.SENSE     16 pushes, one physics
    physics.reveal.NAME          R2 = 1 - squared error / that of the mean over test outcomes, of a probe that reads
                                 mass (its logarithm) and friction from the embeddings before and after a known push;
                                 beside it the same without the embedding after. A constant reads 0 at most.

Leaves claims/physics.json and figures/physics.png in ``--out``. The command goes on where it was interrupted.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.neural_network import MLPRegressor

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.encoded import Encoded, encode
from smcrep.evaluation.signals import signal_hits
from smcrep.geometry.physics import PHYSICS_NAMES
from smcrep.hub import build_model, load_model
from smcrep.models.model import FUSED, SensorimotorModel
from smcrep.probes.collapse.oracle import oracle_hits
from smcrep.probes.collapse.utilisation import utilisation
from smcrep.probes.intervals import Estimate, over_seeds_and_units
from smcrep.probes.physics import physics_probe
from smcrep.report import figures
from smcrep.results import Record, commit, machine, write_claims
from smcrep.training.run_folder import store_path
from smcrep.worlds.generate import Simulation, generate
from smcrep.worlds.rendering.environments import noisiest_depth_sigma

NUM_PHYSICS, NUM_PUSHES = 8, 16
REVEALED = {"log_mass": "mass", "friction": "friction"}
HERE = Path(__file__).parent
TINY = (
    *("--data.num-objects", "6", "3", "3", "--data.states-per-object", "2", "2", "2", "--data.image-size", "32"),
    *("--data.num-points", "32", "--optim.steps", "4", "--optim.batch-states", "4"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/physics"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of training; the worlds are the same")
    parser.add_argument("--states", type=int, default=120, help="test states of each question")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that simulate")
    parser.add_argument("--tiny", action="store_true", help="few states, few steps, to see that it runs")
    arguments, of_training = parser.parse_known_args()
    out: Path = arguments.out
    begun = time.monotonic()
    shared = ["--data.processes", str(arguments.processes), *(TINY if arguments.tiny else ()), *of_training]
    runs = [train(out, seed, shared) for seed in arguments.seeds]
    stores = audit_stores(out, runs[0], 6 if arguments.tiny else arguments.states, arguments.processes)
    oracles = {signal: oracle(store) for signal, store in stores.items()}
    models = [load_model(run)[0] for run in runs]
    torch.manual_seed(0)
    untrained = build_model(models[0].config).eval()

    asked = [ask(model, stores, oracles) for model in models]
    dull = ask(untrained, stores, oracles)
    records = pooled(asked, dull)
    fitted_on = Store(store_path(runs[0], "train"))
    records |= pooled([revealed(model, fitted_on, stores["physics"]) for model in models])
    made = {"command": " ".join(["python experiments/physics.py", *sys.argv[1:]]), "commit": commit()}
    made |= {"machine": machine(), "minutes": round((time.monotonic() - begun) / 60, 2), "seeds": len(runs)}
    records = {name: Record(**vars(record) | made) for name, record in records.items()}
    write_claims(out / "claims/physics.json", records)
    draw(asked, stores["physics"], records, out)
    for name, record in records.items():
        assert record.ci95
        beside = ", ".join(f"{k} {v:.3g}" for k, v in record.controls.items() if isinstance(v, float))
        print(f"{name}: {record.value:.3g} [{record.ci95[0]:.3g}, {record.ci95[1]:.3g}]  ({beside})")


def train(out: Path, seed: int, more: list[str]) -> Path:
    """The run of one seed; all share their stores."""
    run = out / f"seed-{seed}"
    command = ["pretrain.py", "push", "--out", str(run), "--stores", str(out / "stores"), "--seed", str(seed), *more]
    # Threads that wait asleep rather than spinning: on cores that others use too, spinning costs a factor.
    environment = {"OMP_WAIT_POLICY": "PASSIVE"} | os.environ
    subprocess.run([sys.executable, str(HERE / command[0]), *command[1:]], check=True, env=environment)
    return run


def audit_stores(out: Path, run: Path, num_states: int, processes: int) -> dict[str, Store]:
    """signal -> store of test objects, each state branched over that signal alone and into one mismatched outcome."""
    base = Simulation.from_json(Store(store_path(run, "test")).manifest.config["simulation"])
    per_object = max(1, num_states // len(base.object_set))
    stores = {}
    for signal, candidates in (("physics", NUM_PHYSICS), ("action", NUM_PUSHES)):
        policy = replace(base.policy, num_branches=candidates + 1, branch_over=signal)
        asked = replace(base, policy=policy, states_per_object=per_object, depth=True, seed=base.seed + 1)
        folder = out / f"stores/{signal}-{num_states}"
        stores[signal] = Store(generate(asked, folder, processes=processes))
    return stores


def oracle(store: Store) -> tuple[np.ndarray, np.ndarray]:
    depth = store.targets(np.arange(store.num_states)).depth_after
    assert depth is not None  # audit_stores asks for it
    environments = store.manifest.config["simulation"]["environments"]
    return oracle_hits(depth.numpy(), noisiest_depth_sigma(environments, depth.numpy()))


Answers = dict[str, tuple[Estimate, dict[str, float]]]
"""Name of a figure -> estimate, and what stands beside it."""


class Asked:
    """One model: its answers, and its scores [s, n, n] of the candidates of every physics query."""

    def __init__(self, answers: Answers, scores: dict[str, np.ndarray]) -> None:
        self.answers, self.scores = answers, scores


def ask(model: SensorimotorModel, stores: dict[str, Store], oracles: dict[str, tuple]) -> Asked:
    answers: Answers = {}
    scores: dict[str, np.ndarray] = {}
    for signal, store in stores.items():
        encoded = encode(model, store)
        for sense in (FUSED, *model.config.senses):
            hits = signal_hits(model, encoded, sense, rng=np.random.default_rng(0))
            true, shuffled, wrong = (
                measured(given, hits.mismatched, oracles[signal], encoded.object_ids)
                for given in (hits.true, hits.shuffled, hits.wrong)
            )
            if signal == "action":
                answers[f"physics.action_utilisation.{sense}"] = true
            else:
                answers[f"physics.utilisation.{sense}"] = true
                beside = shuffled[1] | {"always_another": wrong[0].value}
                answers[f"physics.utilisation_shuffled.{sense}"] = shuffled[0], beside
                scores[sense] = hits.scores
    return Asked(answers, scores)


def measured(
    given: np.ndarray, mismatched: np.ndarray, oracles: tuple[np.ndarray, np.ndarray], object_ids: np.ndarray
) -> tuple[Estimate, dict[str, float]]:
    """Use of what the model was ``given``; the unit of its interval is the object."""
    columns = (column.ravel() for column in (given, mismatched, *oracles))
    found = utilisation(*columns, np.repeat(object_ids, given.shape[1]), rng=np.random.default_rng(0))
    beside = {"hit": found.model_true, "chance": found.model_mismatched}
    beside |= {"oracle_hit": found.oracle_true, "oracle_chance": found.oracle_mismatched}
    return found.utilisation or Estimate(0.0, (0.0, 0.0), found.model_gain.n), beside


def revealed(model: SensorimotorModel, fitted_on: Store, test: Store) -> Asked:
    """What a probe reads of physics with and without the observation after; fitted on training objects, on states that
    branch over physics: where all outcomes of a state share one, a probe learns states by heart."""
    masses = fitted_on.targets(np.arange(fitted_on.num_states), depth=False).physics[..., 0]
    varied = np.flatnonzero(np.ptp(masses.numpy(), axis=1) > 0)
    views = [encode(model, fitted_on, varied), encode(model, test)]
    (seen, physics), (test_seen, test_physics) = (pushes(e, after=True) for e in views)
    (unseen, _), (test_unseen, _) = (pushes(e, after=False) for e in views)
    groups = np.repeat(views[1].object_ids, test.manifest.num_branches)
    probe = partial(MLPRegressor, hidden_layer_sizes=(64,), early_stopping=True, alpha=1.0, random_state=0)
    found = [
        physics_probe(
            a, physics, b, test_physics, groups, names=PHYSICS_NAMES, rng=np.random.default_rng(0), regression=probe
        )
        for a, b in ((seen, test_seen), (unseen, test_unseen))
    ]
    answers: Answers = {}
    for name, short in REVEALED.items():
        with_it, without = (scores[name] for scores in found)
        beside = {"without_after": without.r2.value, "constant": 0.0, "rank_correlation": with_it.spearman.value}
        beside |= {"rank_correlation_low": with_it.spearman.ci95[0], "rank_correlation_without": without.spearman.value}
        answers[f"physics.reveal.{short}"] = with_it.r2, beside
    return Asked(answers, {})


def pushes(encoded: Encoded, *, after: bool) -> tuple[np.ndarray, np.ndarray]:
    """One row an outcome: features [s k, f] and physics [s k, p]."""
    assert encoded.physics is not None
    z = encoded.latent[FUSED]
    k = encoded.physics.shape[1]
    parts = [z[:, :1].expand(-1, k, -1), encoded.action.vector()]
    if after:
        parts += [z[:, 1:], z[:, 1:] - z[:, :1]]
    return torch.cat(parts, -1).flatten(0, 1).numpy(), encoded.physics.flatten(0, 1).numpy()


def pooled(asked: list[Asked], untrained: Asked | None = None) -> dict[str, Record]:
    records = {}
    for name in asked[0].answers:
        found = [each.answers[name] for each in asked]
        whole = over_seeds_and_units([estimate for estimate, _ in found])
        controls: dict[str, object] = {key: float(np.mean([beside[key] for _, beside in found])) for key in found[0][1]}
        if untrained:
            controls["untrained"] = untrained.answers[name][0].value
        controls["each_seed"] = [estimate.value for estimate, _ in found]
        unit = "R2" if ".reveal." in name else "utilisation"
        records[name] = Record(whole.value, whole.ci95, n=whole.n, unit=unit, controls=controls)
    return records


def draw(asked: list[Asked], store: Store, records: dict[str, Record], out: Path) -> None:
    """Which outcome is expected of which mass, beside the figures."""
    physics = encoded_masses(store)
    order = np.argsort(physics, 1)
    told = np.zeros((NUM_PHYSICS, NUM_PHYSICS))
    for each in asked:
        by_mass = np.take_along_axis(np.take_along_axis(each.scores[FUSED], order[:, :, None], 1), order[:, None], 2)
        for column in range(NUM_PHYSICS):
            told[:, column] += (by_mass.argmax(-1) == column).mean(0) / len(asked)
    utilisations = {
        words: {sense: records[f"physics.{name}.{sense}"] for sense in asked[0].scores}
        for words, name in (
            ("physics", "utilisation"),
            ("physics, shuffled", "utilisation_shuffled"),
            ("action", "action_utilisation"),
        )
    }
    reveal = {short: records[f"physics.reveal.{short}"] for short in REVEALED.values()}
    figures.physics(told, utilisations, reveal, out / "figures/physics.png")


def encoded_masses(store: Store) -> np.ndarray:
    """log mass [s, n] of the candidates."""
    return store.targets(np.arange(store.num_states), depth=False).physics[:, :NUM_PHYSICS, 0].numpy()


if __name__ == "__main__":
    script.run("physics", main)

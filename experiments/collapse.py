"""Does the model use the action, and physics, or does it score well without them?

    python experiments/collapse.py --run runs/demo [--control runs/demo-no-action]        # about 60 s on 2 cores

From each audited state the world branches into 17 outcomes, under 17 actions (or 17 physics settings and one push) and
nothing else changed. 16 are candidates; the 17th signal is the mismatched one. Then
use = (H@1 with the true signal - with the mismatched one) / (the oracle's - the same). The oracle knows the simulator and
not the encoder: it ranks candidates by their noise-free depth, those closer than the sensor's noise being equal.
Expected: action used in the run, ignored in the variant trained without it.

Leaves claims/audit.json and pictures in the run's folder (and claims in the control's).
"""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.encoded import encode, predict
from smcrep.evaluation.signals import signal_hits
from smcrep.geometry.action import KINDS
from smcrep.hub import build_model, load_model
from smcrep.models.model import FUSED, SensorimotorModel
from smcrep.probes.collapse.indicators import rank_me
from smcrep.probes.collapse.oracle import oracle_hits
from smcrep.probes.collapse.utilisation import Utilisation, another_state, utilisation
from smcrep.probes.intervals import Estimate
from smcrep.probes.retrieval import Ranks, rank_same_state, same_state_scores, summarise
from smcrep.report import figures
from smcrep.results import Record, commit, machine, write_claims
from smcrep.training.run_folder import store_path
from smcrep.transition import Transition
from smcrep.worlds.generate import Simulation, generate
from smcrep.worlds.rendering.environments import noisiest_depth_sigma

NUM_CANDIDATES = 16
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--control", type=Path, help="run of the variant trained without the action")
    parser.add_argument("--states", type=int, default=240, help="states audited for each signal")
    parser.add_argument("--tiny", action="store_true", help="few states, to see that it runs")
    arguments = parser.parse_args()
    begun = time.monotonic()
    stores = audit_stores(arguments.run, 8 if arguments.tiny else arguments.states)
    runs = {"ours": arguments.run} | ({"no_action": arguments.control} if arguments.control else {})
    models = {variant: load_model(run)[0] for variant, run in runs.items()}
    torch.manual_seed(SEED)
    models["untrained"] = build_model(models["ours"].config).eval()

    audits = {variant: {s: audit(model, store, s) for s, store in stores.items()} for variant, model in models.items()}
    for variant, run in runs.items():
        records = claims(variant, audits)
        minutes = round((time.monotonic() - begun) / 60, 2)
        made = {"command": f"python experiments/collapse.py --run {run}", "commit": commit(), "machine": machine()}
        made |= {"minutes": minutes}
        write_claims(run / "claims/audit.json", {k: Record(**vars(r) | made) for k, r in records.items()})
        draw_utilisation(records, run)
        for name, record in records.items():
            if name.startswith(("utilisation.", "outcome.")) and name.endswith(("fused", "rgb", "points")):
                words = record.controls.get("verdict", "")
                print(f"{run.name}: {name}: {record.value:.3g} [{record.ci95[0]:.3g}, {record.ci95[1]:.3g}] {words}")
    draw_outcomes(audits["ours"]["action"], stores["action"], arguments.run)


def audit_stores(run: Path, num_states: int) -> dict[str, Store]:
    """signal -> store of test objects, each state branched over that signal alone, with noise-free depth."""
    test = Store(store_path(run, "test"))
    base = Simulation.from_json(test.manifest.config["simulation"])
    per_object = max(1, num_states // len(test.objects))
    states = {
        "action": per_object,
        "physics": max(1, per_object // 4),
    }  # a push is simulated, a turn in the hand is not
    policies = {
        "action": replace(base.policy, num_branches=NUM_CANDIDATES + 1, branch_over="action"),
        "physics": replace(
            base.policy,
            num_branches=NUM_CANDIDATES + 1,
            branch_over="physics",
            kinds={"push": 1.0},
            support="table",
            vary_physics=True,
        ),
    }
    stores = {}
    for signal, policy in policies.items():
        simulation = replace(base, policy=policy, states_per_object=states[signal], depth=True, seed=base.seed + 1)
        stores[signal] = Store(
            generate(simulation, run / f"stores/audit-{signal}-{num_states}", processes=os.cpu_count() or 1)
        )
    return stores


class Audited:
    """One model on one store: per sense, scores of the candidates under the true signal and under mismatched ones."""

    def __init__(
        self,
        signal_utilisation: dict[str, Utilisation],
        ranks: dict[str, Ranks],
        scores: dict[str, np.ndarray],
        more: dict,
    ):
        self.utilisation, self.ranks, self.scores, self.more = signal_utilisation, ranks, scores, more


def audit(model: SensorimotorModel, store: Store, signal: str) -> Audited:
    encoded, states = encode(model, store), np.arange(store.num_states)
    depth = store.targets(states).depth_after
    assert depth is not None  # audit_stores asks for it
    environments = store.manifest.config["simulation"]["environments"]
    oracle_true, oracle_mismatched = oracle_hits(depth.numpy(), noisiest_depth_sigma(environments, depth.numpy()))
    clusters = np.repeat(states, NUM_CANDIDATES)
    utilisations, ranks, scores, more = {}, {}, {}, {}
    for sense in (FUSED, *model.config.senses):
        rng = np.random.default_rng(SEED)
        hits = signal_hits(model, encoded, sense, rng=rng)
        scores[sense], ranks[sense] = hits.scores, rank_same_state(hits.scores)
        utilisations[sense] = utilisation(
            hits.true.ravel(),
            hits.mismatched.ravel(),
            oracle_true.ravel(),
            oracle_mismatched.ravel(),
            clusters,
            rng=rng,
        )
        other = another_state(len(states), rng)
        physics = None if encoded.physics is None else encoded.physics[other]
        stolen = predict(model, encoded, sense, action=encoded.action[other], physics=physics)[:, :NUM_CANDIDATES]
        outcome = encoded.equivariant(sense)[:, 1 : NUM_CANDIDATES + 1]
        more[sense] = {
            "mismatched": float(hits.mismatched.mean()),
            "other_state": float(rank_same_state(same_state_scores(stolen.numpy(), outcome.numpy())).hits(1).mean()),
            "rankme": rank_me(encoded.equivariant(sense)[:, 1:].flatten(0, 1).numpy()),
            "rankme_invariant": rank_me(encoded.invariant(sense)[:, 1:].flatten(0, 1).numpy()),
        }
    return Audited(utilisations, ranks, scores, more)


def claims(variant: str, audits: dict[str, dict[str, Audited]]) -> dict[str, Record]:
    """outcome.SENSE: H@1 among 16; outcome_mrr.SENSE; utilisation.SIGNAL.SENSE; rankme.SENSE."""
    own = audits[variant]
    records: dict[str, Record] = {}
    for sense, ranks in own["action"].ranks.items():
        found = summarise(ranks, rng=np.random.default_rng(SEED))
        more = own["action"].more[sense]
        controls = {"chance": found.chance_hits[1], "mismatched_action": more["mismatched"]}
        controls["other_state_action"] = more["other_state"]
        for other, its in audits.items():
            if other not in (variant, "ours"):
                theirs = summarise(its["action"].ranks[sense], rng=np.random.default_rng(SEED)).hits[1]
                controls |= {other: theirs.value, f"{other}_low": theirs.ci95[0], f"{other}_high": theirs.ci95[1]}
        hit = found.hits[1]
        records[f"outcome.{sense}"] = Record(hit.value, hit.ci95, n=hit.n, unit="H@1 of 16", controls=controls)
        mrr = {"chance": found.chance_mrr, "hit_at_5": found.hits[5].value}
        records[f"outcome_mrr.{sense}"] = Record(found.mrr.value, found.mrr.ci95, n=hit.n, unit="MRR", controls=mrr)
        rank = {"invariant_part": more["rankme_invariant"]}
        records[f"rankme.{sense}"] = Record(more["rankme"], unit="effective rank", controls=rank)
    for signal, audited in own.items():
        for sense, it in audited.utilisation.items():
            value = it.utilisation or Estimate(0.0, (0.0, 0.0), it.model_gain.n)
            controls = {"verdict": it.verdict, "model_gain": it.model_gain.value, "oracle_gain": it.oracle_gain.value}
            controls |= {"oracle_true": it.oracle_true, "oracle_mismatched": it.oracle_mismatched}
            record = Record(value.value, value.ci95, n=value.n, unit="utilisation", controls=controls)
            records[f"utilisation.{signal}.{sense}"] = record
    return records


def draw_utilisation(records: dict[str, Record], run: Path) -> None:
    groups: dict[str, dict[str, Record]] = {}
    for name, record in records.items():
        if name.startswith("utilisation."):
            _, signal, sense = name.split(".")
            groups.setdefault(sense, {})[signal] = record
    figures.bars(
        groups, ("not used", 0.0), "Use of each signal (1: as the simulator could)", run / "figures/utilisation.png"
    )
    hits = {n.removeprefix("outcome."): r for n, r in records.items() if n.startswith("outcome.")}
    variants = {"fused": hits}
    for variant in ("no_action", "untrained"):
        if f"{variant}_low" in next(iter(hits.values())).controls:
            variants[variant] = {
                s: Record(r.controls[variant], (r.controls[f"{variant}_low"], r.controls[f"{variant}_high"]))
                for s, r in hits.items()
            }
    title = "The true outcome among 16, unseen objects (H@1)"
    figures.bars(
        {"ours" if a == "fused" else a: r for a, r in variants.items()},
        ("chance", 1 / 16),
        title,
        run / "figures/outcome.png",
    )


def draw_outcomes(audited: Audited, store: Store, run: Path, shown: int = 6) -> None:
    """The best guesses for one action of each of a few states, one an object."""
    states = np.unique(store.object_ids, return_index=True)[1][:shown]
    transition = store.transitions(states)
    order = np.argsort(-audited.scores["fused"][states, 0], -1)[:, :5]
    captions = [_words(transition, i) for i in range(len(states))]
    candidates = transition.after["rgb"].numpy()[:, :NUM_CANDIDATES]
    truth = np.zeros(len(states), int)
    before = transition.before["rgb"].numpy()
    figures.outcomes(before, candidates, order, truth, captions, run / "figures/outcomes.png")


def _words(transition: Transition, state: int) -> str:
    motion = transition.action.motion[state, 0, :3, :3]
    angle = float(torch.rad2deg(torch.arccos(((motion.trace() - 1) / 2).clamp(-1, 1))))
    return f"{KINDS[int(transition.action.kind[state, 0])]} {angle:.0f}°"


if __name__ == "__main__":
    script.run("collapse", main)

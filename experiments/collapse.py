"""Are the action and the physics used, or does the model score well without them? The collapse audit.

    python experiments/collapse.py --run runs/demo [--baseline runs/demo-no-action]       # about 60 s on 2 cores
    python experiments/collapse.py --module examples.audit_your_own:leaky                 # any model; here 10 s
    python experiments/collapse.py --policy package.module:factory --dataset FOLDER       # a policy, logged data alone
    python experiments/collapse.py --plant leak --recipe ycb --out runs/planted           # a run that loses a signal

Each audited state has 17 outcomes, of 17 actions (or of one push under 17 physics samples), and differs in nothing
else. 16 are candidates; the 17th has the mismatched signal. Utilisation of a signal = (H@1 with the true signal - with
the mismatched one) / (the same difference for the oracle). The oracle knows the simulator and not the encoder: it ranks
candidates by their noise-free depth, those closer than the sensor's noise being equal.
Expected: the action is used by the run and ignored by the baseline trained without it.

``--module package.module:factory`` audits somebody else's model: factory() gives what `probes.collapse.audit` takes, an
adapter and its data. Modules are looked for in the current folder too.

``--policy package.module:factory`` audits a policy on a LeRobotDataset that it did not learn from: factory() gives a
function of observations by name (vectors [b, d], cameras uint8 [b, h, w, 3], "task" a list of sentences) to the chunk
of actions [b, h, a]. ``--signals`` names what it reads, where that is not all; NAME.before are the ``--before`` frames
before. What each signal is worth is learned from half of the episodes.

``--plant NAME`` trains a recipe that loses a signal on purpose and audits it: without the action (no_action), without
mass and friction (hidden_mass), with the action painted into the picture before it (leak); "none" is the control. The
stores in --out/stores are shared. It prints what the audit should name; a plant that does not take reads as healthy.
The rows of the audit show the leak too; the figures of hits are of clean pictures.

Leaves claims/audit.json, figures, and for each signal audit-SIGNAL.json and .txt (every reading, the mechanism in
sentences) in the folders of both runs; of a module or a policy audit.json, audit.txt and use.png
in --out.
"""

import argparse
import importlib
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from smcrep import script
from smcrep.data.store import Store
from smcrep.evaluation.audit import Audit, audit, audit_store, oracle
from smcrep.evaluation.audited_model import audited_model
from smcrep.evaluation.comparison import bounds
from smcrep.evaluation.encoded import predict
from smcrep.evaluation.sentence import percent, plain
from smcrep.evaluation.world import simulation_of
from smcrep.geometry.action import KINDS
from smcrep.models.model import SensorimotorModel
from smcrep.pretraining import RECIPES, load, pretrain
from smcrep.pretraining.planted import PLANTS, Leak
from smcrep.probes.collapse import AuditReport, advice
from smcrep.probes.collapse import audit as audit_signals
from smcrep.probes.collapse.indicators import rank_me
from smcrep.probes.collapse.utilisation import another_state
from smcrep.probes.intervals import Estimate
from smcrep.probes.retrieval import rank_same_state, same_state_scores, summarise
from smcrep.provenance import stamped
from smcrep.report import figures
from smcrep.results import Record, write_claims, write_json
from smcrep.senses import RGB
from smcrep.training.build import build_seeded_model
from smcrep.transition import FUSED, Transition

NUM_CANDIDATES = 16
SEED = 0
BASELINES = ("no_action", "untrained")
NUM_ACTIONS = 5
MOST_FRAMES = 2000
NUM_SHOWN, NUM_GUESSES = 6, 5
"""States and guesses in the figure of outcomes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    audited = parser.add_mutually_exclusive_group(required=True)
    audited.add_argument("--run", type=Path, help="folder of the run to audit")
    audited.add_argument("--module", help="package.module:factory of another model to audit")
    audited.add_argument("--policy", help="package.module:factory of a policy to audit on --dataset")
    audited.add_argument("--plant", choices=list(PLANTS), help="train --recipe with this fault, and audit it")
    parser.add_argument("--recipe", default="demo", choices=list(RECIPES), help="that --plant trains")
    parser.add_argument("--dataset", type=Path, help="folder of a LeRobotDataset that the policy did not learn from")
    parser.add_argument("--signals", nargs="+", default=[], help="what the policy reads (default: all observations)")
    parser.add_argument("--before", type=script.at_least(0), default=0, help="frames of signals called NAME.before")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/audit"), help="of the audit of a module or a policy, or of planted runs"
    )
    parser.add_argument("--baseline", type=Path, help="folder of the run trained without the action")
    parser.add_argument("--states", type=script.at_least(1), default=240, help="states that are audited for the action")
    parser.add_argument(
        "--processes", type=script.at_least(1), default=os.cpu_count() or 1, help="processes that simulate"
    )
    parser.add_argument("--tiny", action="store_true", help="few states, to see that it runs")
    arguments = parser.parse_args()
    if arguments.module or arguments.policy:
        report = audit_of_others(arguments)
        write_report(report, arguments.out / "audit", arguments.out / "use.png")
        print(report.text())
        return
    begun = time.monotonic()
    if arguments.plant:
        arguments.run = planted_run(arguments)
    runs = {"ours": load(arguments.run)} | ({"no_action": load(arguments.baseline)} if arguments.baseline else {})
    stores = audit_stores(arguments.run, 8 if arguments.tiny else arguments.states, arguments.processes)
    known = {signal: oracle(store) for signal, store in stores.items()}
    models = {variant: run.model for variant, run in runs.items()}
    models["untrained"] = build_seeded_model(runs["ours"].recipe).eval()

    audits = {v: {s: audit(model, store, known[s]) for s, store in stores.items()} for v, model in models.items()}
    for variant, run in runs.items():
        records = claims(models[variant], audits, variant)
        records = stamped(records, f"python experiments/collapse.py --run {run.path}", begun)
        write_claims(run.path / "claims/audit.json", records)
        draw_utilisation(models[variant], records, run.path)
        say(models[variant], records, run.path.name)
        for signal, store in stores.items():
            explain(models[variant], store, signal, run.path, arguments.plant)
        draw_five_actions(audits[variant]["action"], stores["action"], run.path)
    draw_outcomes(audits["ours"]["action"], stores["action"], arguments.run)


def audit_stores(run: Path, num_states: int, processes: int) -> dict[str, Store]:
    """Signal -> store of test objects whose states branch over that signal alone."""
    test = load(run).store("test")
    per_object = max(1, num_states // len(test.objects))
    policy = replace(simulation_of(test).policy, num_branches=NUM_CANDIDATES + 1)
    push = replace(policy, branch_over="physics", kinds={"push": 1.0}, support="table", vary_physics=True)
    signals = {  # a push takes a simulation, a turn in the hand takes none
        "action": (replace(policy, branch_over="action"), per_object),
        "physics": (push, max(1, per_object // 4)),
    }
    return {
        signal: audit_store(
            test,
            of_signal,
            run / f"stores/audit-{signal}-{num_states}",
            states_per_object=states,
            processes=processes,
        )
        for signal, (of_signal, states) in signals.items()
    }


def claims(model: SensorimotorModel, audits: dict[str, dict[str, Audit]], variant: str) -> dict[str, Record]:
    """outcome.SOURCE: H@1 among 16; outcome_mrr.SOURCE; utilisation.SIGNAL.SOURCE; rankme.SOURCE. A source is a sense,
    or fused."""
    records: dict[str, Record] = {}
    action = audits[variant]["action"]
    encoded = action.encoded
    for source in model.sources:
        found = summarise(rank_same_state(action.hits[source].scores), encoded.object_ids)
        hit, mrr = found.hits[1], {"chance": found.chance_mrr, "hit_at_5": found.hits[5].value}
        given = action.hits[source]
        controls = {
            "chance": found.chance_hits[1],
            "mismatched_is_chance_by_construction": float(given.mismatched.mean()),
        }
        controls |= {"shuffled_action": float(given.shuffled.mean()), "wrong_action": float(given.wrong.mean())}
        controls["other_state_action"] = other_state_hits(model, action, source)
        for baseline in (name for name in BASELINES if name in audits and name != variant):
            scores = audits[baseline]["action"].hits[source].scores
            theirs = summarise(rank_same_state(scores), encoded.object_ids)
            controls |= bounds(baseline, theirs.hits[1])
        records[f"outcome.{source}"] = Record(hit.value, hit.ci95, n=hit.n, unit="H@1 of 16", controls=controls)
        records[f"outcome_mrr.{source}"] = Record(found.mrr.value, found.mrr.ci95, n=hit.n, unit="MRR", controls=mrr)
        invariant, equivariant = (
            rank_me(part(source)[:, 1:].flatten(0, 1).numpy()) for part in (encoded.invariant, encoded.equivariant)
        )
        rank = Record(equivariant, unit="effective rank", controls={"invariant_part": invariant})
        records[f"rankme.{source}"] = rank
    for signal, audited in audits[variant].items():
        for source in model.sources:
            records[f"utilisation.{signal}.{source}"] = utilisation_record(audited, source)
    return records


def other_state_hits(model: SensorimotorModel, audited: Audit, source: str) -> float:
    """H@1 conditioned on the actions (and physics) of another state."""
    encoded = audited.encoded
    other = another_state(len(encoded.object_ids), np.random.default_rng(SEED))
    physics = None if encoded.physics is None else encoded.physics[other]
    predicted = predict(model, encoded, source, action=encoded.action[other], physics=physics)
    outcome = encoded.equivariant(source)[:, 1:]
    scores = same_state_scores(predicted[:, :NUM_CANDIDATES].numpy(), outcome[:, :NUM_CANDIDATES].numpy())
    return float(rank_same_state(scores).hits(1).mean())


def utilisation_record(audited: Audit, source: str) -> Record:
    found = audited.utilisation(source, audited.encoded.object_ids)
    value = found.utilisation or Estimate(0.0, (0.0, 0.0), found.model_gain.n)
    controls = {"verdict": found.verdict, "model_gain": found.model_gain.value, "oracle_gain": found.oracle_gain.value}
    controls |= {"oracle_true": found.oracle_true, "oracle_mismatched": found.oracle_mismatched}
    return Record(value.value, value.ci95, n=value.n, unit="utilisation", controls=controls)


def say(model: SensorimotorModel, records: dict[str, Record], run: str) -> None:
    print(f"{run}, unseen objects:")
    for source in model.sources:
        words, controls = f"H@1 of {NUM_CANDIDATES}, {source}", ("chance", "shuffled_action", *BASELINES[::-1])
        print(f"  {percent(words, records[f'outcome.{source}'], *controls)}")
    for signal, words in {"action": "the action", "physics": "physics"}.items():
        for source in model.sources:
            record = records[f"utilisation.{signal}.{source}"]
            print(f"  {plain(f'utilisation of {words}, {source}', record)}: {record.controls['verdict']}")


def planted_run(arguments: argparse.Namespace) -> Path:
    """Folder of the run of --recipe with --plant."""
    plant, out = PLANTS[arguments.plant], arguments.out / arguments.plant
    run = RECIPES["tiny" if arguments.tiny else arguments.recipe]()
    run = replace(run, recipe=plant.recipe(run.recipe), out=out, stores=arguments.out / "stores")
    run = replace(run, data=replace(run.data, processes=arguments.processes))
    compute = replace(run.compute, cache="none")  # what is kept of the stored pictures would lack what is painted in
    pretrain(replace(run, compute=compute), changed=plant.source)
    lost = f"{plant.signal} as {plant.mechanism.replace('_', ' ')}" if plant.signal else "no signal"
    print(f"planted: {arguments.plant}; the audit should name {lost}")
    return out


def leaking_rows(model: SensorimotorModel, store: Store, leak: Leak) -> Tensor:
    """[states * branches, 2 d + 1]: what RGB says of the picture before, the action of each row painted into it."""
    found = []
    for state in range(store.num_states):
        given = store.transitions(np.array([state]), [RGB.name])
        before = given.before[RGB.name][0].expand(given.action.kind.shape[1], -1, -1, -1)
        held = model.embed({RGB.name: leak.painted(before, given.action[0])}).beliefs
        sense = held.names.index(RGB.name)
        precision = held.log_precision.expand_as(held.mean)
        found.append(torch.cat([held.mean, precision, torch.ones_like(held.mean[..., :1])], -1)[:, sense])
    return torch.cat(found)


def audit_of_others(arguments: argparse.Namespace) -> AuditReport:
    generator = torch.Generator().manual_seed(SEED)
    if arguments.module:
        return audit_signals(*made_by(arguments.module), generator=generator)
    if not arguments.dataset:
        raise ValueError("--policy needs --dataset, the demonstrations on which it is audited")
    from smcrep.vla.lerobot_log import audit_on

    act, most = made_by(arguments.policy), 16 if arguments.tiny else MOST_FRAMES
    report, faults = audit_on(
        act, arguments.dataset, arguments.signals, num_before=arguments.before, most=most, generator=generator
    )
    for line in faults:
        print(f"left out: {line}")
    return report


def made_by(name: str) -> Any:
    """What the factory ``package.module:factory`` gives: an adapter and its data, or a policy."""
    module, colon, factory = name.partition(":")
    if not colon:
        raise ValueError(f"{name}: give package.module:factory")
    sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(importlib.import_module(module), factory)()
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(f"{name}: {error}; give a module that can be imported, and its function") from None


def explain(model: SensorimotorModel, store: Store, signal: str, run: Path, plant: str | None) -> None:
    """The whole audit of the signal that branches in ``store``, fused; prints its sentences."""
    adapter, data = audited_model(model, store)
    if plant == "leak":
        data = replace(
            data, batch=dict(data.batch) | {RGB.name: leaking_rows(model, store, Leak.of(load(run).store("train")))}
        )
    report = audit_signals(adapter, data, generator=torch.Generator().manual_seed(SEED))
    write_report(report, run / f"audit-{signal}", run / f"figures/use-{signal}.png")
    diagnosis = report.signals[signal].diagnosis if signal in report.signals else None
    if diagnosis:
        told = " ".join(diagnosis.sentences + advice(diagnosis.name))
        print(f"  {signal}: {diagnosis.name.replace('_', ' ')}. {told}")


def write_report(report: AuditReport, path: Path, figure: Path) -> None:
    write_json(path.with_suffix(".json"), report.to_json())
    path.with_suffix(".txt").write_text(report.text() + "\n", encoding="utf-8")
    use = {
        name: next(
            signal.readings[key] for key in ("utilisation", "share", "drop.derangement") if key in signal.readings
        )
        for name, signal in report.signals.items()
    }
    records = {name: Record(e.value, e.ci95, n=e.n) for name, e in use.items()}
    diagnoses = {name: signal.diagnosis.name for name, signal in report.signals.items()}
    figures.use_of_signals(records, diagnoses, "lost with the signal of another row, of what all signals bring", figure)


def draw_utilisation(model: SensorimotorModel, records: dict[str, Record], run: Path) -> None:
    groups = {
        source: {signal: records[f"utilisation.{signal}.{source}"] for signal in ("action", "physics")}
        for source in model.sources
    }
    title = "Utilisation of each signal (1: as the oracle)"
    figures.bars(groups, ("not used", 0.0), title, run / "figures/utilisation.png")
    hits = {source: records[f"outcome.{source}"] for source in model.sources}
    variants = {"ours": hits}
    for name in BASELINES:
        if f"{name}_low" in hits[FUSED].controls:
            variants[name] = {
                source: Record(r.controls[name], (r.controls[f"{name}_low"], r.controls[f"{name}_high"]))
                for source, r in hits.items()
            }
    title = f"The true outcome among {NUM_CANDIDATES}, unseen objects (H@1)"
    figures.bars(variants, ("chance", 1 / NUM_CANDIDATES), title, run / "figures/outcome.png")


def draw_outcomes(audited: Audit, store: Store, run: Path) -> None:
    """The best guesses for one action of each of a few states, one an object; only where there are pictures."""
    if RGB.name not in store.senses:
        return
    states = np.unique(store.object_ids, return_index=True)[1][:NUM_SHOWN]
    transition = store.transitions(states, [RGB.name])
    order = np.argsort(-audited.hits[FUSED].scores[states, 0], -1)[:, :NUM_GUESSES]
    captions = [in_words(transition, i) for i in range(len(states))]
    candidates = transition.after[RGB.name].numpy()[:, :NUM_CANDIDATES]
    truth = np.zeros(len(states), int)
    before = transition.before[RGB.name].numpy()
    figures.outcomes(before, candidates, order, truth, captions, run / "figures/outcomes.png")


def draw_five_actions(audited: Audit, store: Store, run: Path) -> None:
    """What happens and what is expected after five actions of the state whose five are found about as often as all."""
    if RGB.name not in store.senses:
        return
    hits = audited.hits[FUSED]
    state = int(np.abs(hits.true[:, :NUM_ACTIONS].mean(1) - hits.true.mean()).argmin())
    transition = store.transitions(np.array([state]), [RGB.name])
    after = transition.after[RGB.name].numpy()[0, :NUM_CANDIDATES]
    guess = hits.scores[state, :NUM_ACTIONS].argmax(-1)
    captions = [in_words(transition, 0, i) for i in range(NUM_ACTIONS)]
    figures.five_actions(
        transition.before[RGB.name].numpy()[0],
        after[:NUM_ACTIONS],
        after[guess],
        (guess == np.arange(NUM_ACTIONS)).tolist(),
        captions,
        run / "figures/five_actions.png",
    )


def in_words(transition: Transition, state: int, branch: int = 0) -> str:
    """An action of a state."""
    motion = transition.action.motion[state, branch, :3, :3]
    angle = float(torch.rad2deg(torch.arccos(((motion.trace() - 1) / 2).clamp(-1, 1))))
    return f"{KINDS[int(transition.action.kind[state, branch])]} {angle:.0f}°"


if __name__ == "__main__":
    script.run("collapse", main)

"""One page about a run: what it was trained on, what it knows of objects never seen, whether it uses the action.

    python experiments/report.py --run runs/demo [--baseline runs/demo-no-action]

Gathers what pretrain.py, linear_probe.py and collapse.py left in the run's folder into report.html (self-contained) and
report.json. Seconds.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from smcrep import script
from smcrep.data.store import Store
from smcrep.pretraining.folder import store_path
from smcrep.report import figures
from smcrep.report.figures.baselines import baselines
from smcrep.report.page import Section, write_page
from smcrep.report.style import label
from smcrep.results import Record, read_claims
from smcrep.training.online import N_WAY

Records = dict[str, Record]
WORDS = {
    "used": "used: conditioned on the true {signal} rather than a mismatched one, the model ranks the true outcome "
    "first more often.",
    "ignored": "ignored: conditioned on a mismatched {signal}, the model ranks the true outcome first just as often.",
    "not identifiable": "not identifiable: in these states even the simulator, given the true {signal}, does not "
    "separate the outcomes better than given a mismatched one. Nothing can be said about the model.",
    "undecided": "undecided: the interval of the utilisation is too wide for a verdict; audit more states.",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--baseline", type=Path, help="run of the baseline that is not conditioned on the action")
    arguments = parser.parse_args()
    run: Path = arguments.run
    store_path(run, "test")  # says so where this is no run
    sections = [training(run)]
    if (run / "claims/recognition.json").exists():
        sections += recognition(run)
    if (run / "claims/audit.json").exists():
        sections += audit(run, arguments.baseline)
    recipe = json.loads((run / "recipe.json").read_text())
    lead = (
        f"Recipe {recipe['name']}: encoders of {' and '.join(recipe['model']['senses'])}, trained to predict the "
        "embedding after an action from the one before it, then frozen and evaluated on objects never seen in training."
    )
    page = write_page(run, f"smcrep: {run.name}", lead, sections)
    print(f"report: {page}")


def training(run: Path) -> Section:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    path = run / "figures/curves.png"
    figures.curves([json.loads(line) for line in lines if line], path, chance=probe_chance(run))
    words = (
        "Loss terms in the groups in which the objective averages them, and the online probes on validation objects. "
        "The dashed floor is what the equivariant terms cannot fall below without the action. Of gradients: the cosine "
        "between those of two terms in the last weights that they share, where 100 steps were made; below 0 a step "
        "that lowers one raises the other."
    )
    return Section("Training", pictures=[(path, words)])


def probe_chance(run: Path) -> dict[str, float]:
    """Level of each online probe without any knowledge (see smcrep/training/online.py)."""
    val = Store(store_path(run, "val"))
    _, objects_of_class = np.unique([o.class_id for o in val.objects], return_counts=True)
    ways = int((objects_of_class > 1).sum())
    ways = ways if ways > 1 else len(val.objects)
    return {"few_shot": 1 / min(N_WAY, ways), "retrieval": 1 / val.num_branches}


def recognition(run: Path) -> list[Section]:
    records = read_claims(run / "claims/recognition.json")
    few = {k: r for k, r in records.items() if k.startswith("few_shot.")}
    others = {k: r for k, r in records.items() if k not in few}
    best = records["few_shot.objects.fused.5"]
    words = [
        f"From 5 labelled observations of each of {best.controls['n_way']} objects never seen in training, the frozen "
        f"fused embedding classifies {best.value:.0%} of the others correctly; the untrained encoder "
        f"{best.controls['untrained']:.0%}, chance {best.controls['chance']:.0%}.",
        *(above_chance(sense, record) for sense, record in by_sense(few, "few_shot.objects.", ".1").items()),
    ]
    shots, rest = run / "figures/few_shot.png", run / "figures/baselines.png"
    figures.few_shot_by_sense(shot_curves(few), shots)
    if panels := measures(others):
        figures.against_baselines(panels, rest)
    seen = [
        (run / "figures/map.png", "The fused embedding of unseen objects, in the plane (t-SNE)."),
        (run / "figures/neighbours.png", "Nearest neighbours among other states; green: the same object."),
    ]
    caption = "Accuracy by class means, each sense beside its baselines and chance; bands: 95 %; scales differ."
    beside = "Filled: this run; hollow: its baselines; dashed: chance, or one constant answer; lines: 95 %."
    return [
        Section("Few labels, unseen objects", words, [(shots, caption)], few),
        Section(
            "Nearest neighbours, linear probe, relative pose",
            pictures=[(rest, beside)] if panels else [],
            records=others,
        ),
        Section("What the embedding looks like", pictures=[p for p in seen if p[0].exists()]),
    ]


def by_sense(records: Records, head: str, tail: str = "") -> Records:
    """SENSE -> record of "HEAD SENSE TAIL"."""
    found = {n.removeprefix(head): r for n, r in records.items() if n.startswith(head) and n.endswith(tail)}
    return {n.removesuffix(tail): r for n, r in found.items() if "." not in n.removesuffix(tail)}


def above_chance(sense: str, record: Record) -> str:
    chance, (low, high) = record.controls["chance"], record.ci95 or (record.value, record.value)
    side = "above" if low > chance else "below" if high < chance else "not distinguishable from"
    return (
        f"{label(sense)}, 1 label: {record.value:.1%} [{low:.1%}, {high:.1%}], {side} chance ({chance:.1%}), "
        f"{record.value / chance:.1f} times it."
    )


def shot_curves(few: Records) -> dict[str, tuple[float, dict[str, dict[str, dict[int, Record]]]]]:
    """Title of a task -> (chance, {sense: {the sense or a baseline: {shots: record}}})."""
    tasks: dict[str, tuple[float, dict[str, dict[str, dict[int, Record]]]]] = {}
    for name, record in sorted(few.items(), key=lambda item: ".objects." not in item[0]):
        _, task, sense, shots = name.split(".")
        title = f"{task}, {record.controls['n_way']}-way"
        _, senses = tasks.setdefault(title, (float(record.controls["chance"]), {}))
        for variant, drawn in {sense: record, **baselines(record)}.items():
            senses.setdefault(sense, {}).setdefault(variant, {})[int(shots)] = drawn
    return tasks


def measures(records: Records) -> dict[str, Records]:
    """Title of a panel -> {sense: record}."""
    panels: dict[str, Records] = {}
    for title, head in {"k-NN, objects": "knn.objects.", "Relative pose, error": "pose."}.items():
        panels[title] = by_sense(records, head)
    if "linear.families" in records:
        panels["Linear probe, families"] = {"fused": records["linear.families"]}
    return {title: found for title, found in panels.items() if found}


def audit(run: Path, control: Path | None) -> list[Section]:
    records = read_claims(run / "claims/audit.json")
    outcome = {k: r for k, r in records.items() if k.startswith("outcome")}
    rest = {k: r for k, r in records.items() if k not in outcome}
    verdicts, words = {}, []
    for name, record in rest.items():
        kind, _, tail = name.partition(".")
        if kind != "utilisation":
            continue
        signal, sense = tail.split(".")
        verdict = str(record.controls["verdict"])
        verdicts[f"{signal}, by {label(sense)}"] = verdict
        words.append(f"{label(sense)}: the {signal} is {WORDS[verdict].format(signal=signal)}")
    if control and (control / "claims/audit.json").exists():
        for name, record in read_claims(control / "claims/audit.json").items():
            if name.startswith("utilisation.action."):
                sense = label(name.split(".")[-1])
                verdicts[f"action, by {sense}, in the variant trained without it"] = str(record.controls["verdict"])
    ranked = [
        (run / "figures/five_actions.png", "One state and five actions: what happens, and what the model expects."),
        (run / "figures/outcome.png", "H@1: the true outcome of an action ranked first among 16 of the same state."),
        (run / "figures/outcomes.png", "Outcomes as the model ranks them among 16; green: the true one."),
    ]
    used = (run / "figures/utilisation.png", "Utilisation of each signal: 1 is what the simulator gains from it.")
    return [
        Section("The outcome of an action", pictures=[p for p in ranked if p[0].exists()], records=outcome),
        Section("Collapse audit: is the signal used?", words, [used], rest, verdicts),
    ]


if __name__ == "__main__":
    script.run("report", main)

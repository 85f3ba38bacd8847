"""One page about a run: what it was trained on, what it knows of objects never seen, whether it uses the action.

    python experiments/report.py --run runs/demo [--control runs/demo-no-action]

Gathers what pretrain.py, linear_probe.py and collapse.py left in the run's folder into report.html (self-contained) and
report.json. Seconds.
"""

import argparse
import json
from pathlib import Path

from smcrep import script
from smcrep.report import figures
from smcrep.report.page import Section, write_page
from smcrep.results import read_claims
from smcrep.training.run_folder import store_path

WORDS = {
    "used": "used: knowing the true {signal} rather than another state's helps the model find the true outcome.",
    "ignored": "ignored: with another state's {signal} the model finds the true outcome just as often.",
    "not identifiable": "not identifiable: in these states even the simulator, told the true {signal}, could not tell "
    "the outcomes apart better than with another's. Nothing can be said about the model.",
    "undecided": "undecided: the interval of use is too wide for a verdict; audit more states.",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--control", type=Path, help="run of the variant trained without the action")
    arguments = parser.parse_args()
    run: Path = arguments.run
    store_path(run, "test")  # says so where this is no run
    sections = [training(run)]
    if (run / "claims/recognition.json").exists():
        sections += recognition(run)
    if (run / "claims/audit.json").exists():
        sections += audit(run, arguments.control)
    recipe = json.loads((run / "recipe.json").read_text())
    lead = (
        f"Recipe {recipe['name']}: encoders of {' and '.join(recipe['model']['senses'])} trained to predict the "
        "embedding after an action from the one before it, then frozen and questioned about objects never seen."
    )
    page = write_page(run, f"smcrep: {run.name}", lead, sections)
    print(f"report: {page}")


def training(run: Path) -> Section:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    path = run / "figures/curves.png"
    figures.curves([json.loads(line) for line in lines if line], path)
    return Section("Training", pictures=[(path, "Every term of the objective, and the online probe.")])


def recognition(run: Path) -> list[Section]:
    records = read_claims(run / "claims/recognition.json")
    few = {k: r for k, r in records.items() if k.startswith("few_shot.")}
    best = records["few_shot.objects.fused.5"]
    words = [
        f"From 5 labelled looks at each of {best.controls['n_way']} objects never seen in training, the frozen fused "
        f"embedding names {best.value:.0%} of new looks rightly; the untrained encoder "
        f"{best.controls['untrained']:.0%}, chance {best.controls['chance']:.0%}."
    ]
    pictures = [
        (run / "figures/few_shot_objects.png", "Few-shot recognition of single objects, by class means; bands: 95 %."),
        (
            run / "figures/few_shot_families.png",
            "Few-shot recognition of families; support and query are other objects.",
        ),
    ]
    seen = [
        (run / "figures/map.png", "The fused embedding of unseen objects, in the plane."),
        (run / "figures/neighbours.png", "Nearest neighbours among other states: green is the same object."),
    ]
    others = {k: r for k, r in records.items() if not k.startswith("few_shot.")}
    return [
        Section("Few labels, unseen objects", words, [p for p in pictures if p[0].exists()], few),
        Section("What the embedding looks like", pictures=[p for p in seen if p[0].exists()]),
        Section("Pose, neighbours, physics", records=others),
    ]


def audit(run: Path, control: Path | None) -> list[Section]:
    records = read_claims(run / "claims/audit.json")
    outcome = {k: r for k, r in records.items() if k.startswith("outcome.")}
    rest = {k: r for k, r in records.items() if not k.startswith("outcome.")}
    verdicts, words = {}, []
    for name, record in rest.items():
        kind, _, tail = name.partition(".")
        if kind != "utilisation":
            continue
        signal, sense = tail.split(".")
        verdict = str(record.controls["verdict"])
        verdicts[f"{signal}, by {sense}"] = verdict
        words.append(f"{sense.capitalize()}: the {signal} is {WORDS[verdict].format(signal=signal)}")
    if control and (control / "claims/audit.json").exists():
        for name, record in read_claims(control / "claims/audit.json").items():
            if name.startswith("utilisation.action."):
                verdicts[f"action, by {name.split('.')[-1]}, in the variant trained without it"] = str(
                    record.controls["verdict"]
                )
    pictures = [
        (run / "figures/outcome.png", "Finding the true outcome of an action among 16 outcomes of the same state."),
        (
            run / "figures/utilisation.png",
            "Use of each signal: 1 is as much as the simulator itself could use it, 0 is not at all.",
        ),
    ]
    shown = [
        (
            run / "figures/outcomes.png",
            "What the model expects after an action: its best guesses among 16; green is true.",
        )
    ]
    return [
        Section(
            "What comes of an action", pictures=[p for p in (pictures[0], *shown) if p[0].exists()], records=outcome
        ),
        Section("Collapse audit: is the signal used?", words, [pictures[1]], rest, verdicts),
    ]


if __name__ == "__main__":
    script.run("report", main)

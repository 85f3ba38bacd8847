"""Which outcome did the action have, where a sense was faulty before it? The suite of fusion, asked for the outcome.

    python experiments/fusion_outcomes.py --runs runs/ycb     # after experiments/fusion.py; 10 minutes a run
    python experiments/fusion_outcomes.py --tiny                    # after its tiny form; the numbers mean nothing

For each of 16 actions of a state, the true outcome is to be found among the 16 of that state: unseen scans and 100 new
procedural objects, the cells of experiments/fusion.py. The fault is in the observation before the action; outcomes are
seen without. Heads are those that experiments/fusion.py tuned, in the same --out; what is left to calibrate here is
fitted on validation objects.

Beside ours: the embedding of the head, every rule without weights (with the predictor of the run), each sense alone,
the mean of their scores, and `told`, which knows the faulty sense and leaves it out where that is better. Methods that
learn an embedding of their own are not asked: actions do not turn it, so it expects no outcome.

Leaves in --out outcome_cells/FAULT-SEED.json (H@1 of each method and object) and claims/fusion_outcomes.json:

    fusion.outcome.cell.FAULT           H@1 of ours, the others beside it
    fusion.outcome.never_worse.cells    cells in which ours loses more than a point to the best of each sense alone and
                                        equal weights, or may lose more than two (bound over all cells at once)
    fusion.outcome.gain.noisy, .clean   ours less the best static rule; .over_embedding: less the head's embedding
    fusion.outcome.regret               share of what `told` finds that ours does not

Expected: what one embedding loses where a sense holds another object, the decision over hypotheses does not.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from smcrep import script
from smcrep.evaluation.broken_senses import SEVERITIES, Fault, all_faults
from smcrep.evaluation.fusion_data import Sizes, broken_queries, gather, make_stores
from smcrep.evaluation.fusion_outcome_records import outcome_records
from smcrep.evaluation.fusion_outcomes import decided, hits, joined, outcomes_of, predictor, rule_scores, sense_scores
from smcrep.evaluation.fusion_records import CLEAN, EMBEDDING, OURS, TOLD
from smcrep.fusion import RULES
from smcrep.fusion.head import DirectionHead
from smcrep.fusion.same_outcome import SameOutcome, fit_same_outcome
from smcrep.fusion.same_thing import SameThing
from smcrep.models.model import SensorimotorModel
from smcrep.pretraining import load
from smcrep.provenance import made
from smcrep.results import write_claims, write_json
from smcrep.sweep import cell_path, finished

SIZES = Sizes(states=4, branches=16)
TINY_SIZES = Sizes(12, 8, 8, states=2, branches=4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", help="the runs that experiments/fusion.py judged, in its order")
    parser.add_argument("--out", type=Path, default=Path("runs/fusion"), help="its folder; cells are added there")
    parser.add_argument("--tiny", action="store_true", help="few objects, one severity, the tiny run")
    arguments = parser.parse_args()
    if not arguments.runs and not arguments.tiny:
        raise ValueError("fusion_outcomes: no runs; give --runs FOLDER of those that experiments/fusion.py judged")
    runs = arguments.runs or [arguments.out / "run"]
    command = f"python experiments/fusion_outcomes.py --runs {' '.join(map(str, runs))}"
    for seed, path in enumerate(runs):
        judge(path, seed, arguments, command)
    records = outcome_records(finished(arguments.out / "outcome_cells"), command)
    write_claims(arguments.out / "claims/fusion_outcomes.json", records)
    for name in sorted(name for name in records if ".cell." not in name):
        print(f"{name}: {records[name].value:.3f} {records[name].ci95 or ''}")


def judge(path: Path, seed: int, arguments: argparse.Namespace, command: str) -> None:
    """All cells of one run."""
    run, begun, cells_folder = load(path), time.monotonic(), arguments.out / "outcome_cells"
    model = run.model.eval()
    faults = all_faults(model.config.names, (1.0,) if arguments.tiny else SEVERITIES)
    cells: dict[str, Fault | None] = {CLEAN: None, **{str(fault): fault for fault in faults}}
    missing = {name: fault for name, fault in cells.items() if not cell_path(cells_folder, name, seed).exists()}
    print(f"fusion_outcomes, {path}: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    if not missing:
        return
    head, sizes = tuned_head(model, arguments.out / f"tuned/{OURS}-{seed}.safetensors"), SIZES
    if arguments.tiny:
        sizes = TINY_SIZES
    stores = make_stores(run.store, arguments.out / "outcome_stores", sizes, ("val", "test"), processes=2)
    folder = arguments.out / f"outcome_beliefs/{seed}"
    sets = {split: gather(model, own, folder / split) for split, own in stores.items()}
    val, test = (outcomes_of(model, sets[split]) for split in ("val", "test"))
    method = SameOutcome(head)
    fit_same_outcome(method, predictor(model, val.condition), val.before, val.after)
    rules = {EMBEDDING: head, **RULES}
    observed = {name: joined(model, rule, test.after) for name, rule in rules.items()}
    for i, (name, fault) in enumerate(missing.items()):
        before = broken_queries(model, sets["test"], (fault,) if fault else (), folder / "test")
        alone = {own: sense_scores(model, own, test, before) for own in before.names}
        scores = {OURS: decided(model, method, test, before)}
        scores |= {m: rule_scores(model, rules[m], seen, test.condition, before) for m, seen in observed.items()}
        scores |= {f"only_{own}": each for own, each in alone.items()} | {"mean_score": np.sum(list(alone.values()), 0)}
        hit = {m: hits(each, test.objects) for m, each in scores.items()}
        hit[TOLD] = hit[EMBEDDING]
        if fault:
            left_out = torch.tensor([own != fault.sense for own in before.names])
            without = replace(before, present=before.present & left_out)
            told = rule_scores(model, head, observed[EMBEDDING], test.condition, without)
            hit[TOLD] = max(hit[EMBEDDING], hits(told, test.objects), key=sum)
        found = {m: own.tolist() for m, own in hit.items()}
        about = {"variant": name, "seed": seed, "senses": model.config.names, "num_outcomes": sizes.branches}
        about |= {"in_training": fault is None or fault.in_training} | made(command, begun)
        write_json(cell_path(cells_folder, name, seed), about | {"accuracy": found})
        means = {m: round(100 * sum(v) / len(v), 1) for m, v in found.items()}
        left = (time.monotonic() - begun) / (i + 1) * (len(missing) - i - 1) / 60
        print(f"{name}: {means} ({len(missing) - i - 1} left, ETA {left:.0f} min)", flush=True)


def tuned_head(model: SensorimotorModel, path: Path) -> DirectionHead:
    """That of experiments/fusion.py."""
    if not path.is_file():
        raise ValueError(f"{path} is not there; run experiments/fusion.py with the same --runs and --out first")
    config = model.config
    method = SameThing(DirectionHead(len(config.names), config.invariant_dim, config.equivariant_dim))
    method.load_state_dict(load_file(path))
    return method.eval().head.requires_grad_(False)


if __name__ == "__main__":
    script.run("fusion_outcomes", main)

"""Does the fused embedding follow the right sense when sensors fail, beside everything one would take instead?

    python experiments/fusion.py --runs runs/ycb                  # of experiments/pretrain.py; more of them: more seeds
    python experiments/fusion.py --runs runs/ycb --methods ours equal --trials 1
    python experiments/fusion.py --tiny                              # a minute; the numbers mean nothing

The encoders stay as they are. Heads are learned on 200 procedural objects that no encoder saw and the scans of the
run's training, a copy of whose observations has faulty sensors (kinds of training), tuned on 60 others and the
validation scans by the same number of trials each, and judged once on 100 more, those of families held out among
them, and the unseen scans. A cell is a kind of fault of
one sense at one severity, half of the kinds in no training: the queries are faulty, the labelled observations are not.
Beliefs of each cell are kept; interrupted, the same command goes on.

Swapped reliability, with --swapped: all is learned anew, by the settings chosen, where one sense alone was ever faulty;
in the test that sense is sound and another is faulty, as badly as its kinds go.

Leaves in --out cells/FAULT-SEED.json (accuracy of each method and object, 15-way, 5 labels), tuned/ and claims/:

    fusion.cell.FAULT                 accuracy of ours, the others beside it
    fusion.never_worse.cells          cells in which ours loses more than a point to the best of each sense alone, equal
                                      weights and the tuned late-fusion transformer, or may lose more than two (bound
                                      over all cells at once)
    fusion.gain.noisy, .clean         ours less the best static rule, mean over faulty cells and clean
    fusion.swapped.never_worse.cells, .gain.noisy     the same of swapped reliability
    fusion.dropout.beyond             ours less the other sense alone, where one is absent from every query

Expected: ours is never worse where a fault can be seen in the reading or in its disagreement with another sense.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from smcrep import script
from smcrep.evaluation.broken_senses import SEVERITIES, Fault, all_faults
from smcrep.evaluation.fused_recognition import TEMPERATURE, by_object, recognised, scored
from smcrep.evaluation.fusion_checks import describe, true_fault
from smcrep.evaluation.fusion_data import (
    Sizes,
    broken_queries,
    faulty_rows,
    gather,
    make_stores,
    with_sense,
)
from smcrep.evaluation.fusion_fit import FitData, Reader
from smcrep.evaluation.fusion_methods import Embedded, FixedRule, Only, Told, Unweighted
from smcrep.evaluation.fusion_records import (
    CLEAN,
    DESTROYED,
    EMBEDDING,
    OURS,
    SWAPPED,
    TOLD,
    UNWEIGHTED,
    fusion_records,
)
from smcrep.files import atomic_write
from smcrep.fusion import RULES
from smcrep.fusion.baselines.fitting import drawn_by, fit, fit_decider
from smcrep.fusion.baselines.methods import METHODS, build
from smcrep.fusion.baselines.tuning import SPACE, choice, log_uniform, tune
from smcrep.fusion.directions import SHRINKAGE
from smcrep.fusion.fit_variance import VarianceFit
from smcrep.fusion.head import DirectionHead, fit_head
from smcrep.fusion.learn_directions import DirectionLearning
from smcrep.fusion.method import Decider, FitSettings
from smcrep.fusion.same_thing import SameThing, fit_same_thing
from smcrep.models.model import SensorimotorModel
from smcrep.pretraining import load, pretrain, tiny
from smcrep.provenance import made
from smcrep.results import write_claims, write_json
from smcrep.senses import DEPTH, MASK, POINTS, RGB
from smcrep.sweep import cell_path, finished
from smcrep.transition import concatenate

DESTROYING = {RGB.name: "darkness", POINTS.name: "jitter", DEPTH.name: "missing_returns", MASK.name: "noise_blobs"}
"""Kind of each sense that at severity 1 leaves nothing of it."""
N_WAY, K_SHOT, NUM_QUERY, EPISODES = 15, 5, 7, 200  # 21,000 queries a cell
COPIES = 2


@dataclass(frozen=True)
class OurSettings:
    """Of `fit_directions`, `learn_directions` and `fit_variance`."""

    shrinkage: float = SHRINKAGE
    turn_lr: float = 2e-3
    temperature: float = 0.1
    lr: float = 2e-3
    sense_dropout: float = 0.25
    beta: float = 0.5
    steps: int = 1500


OUR_SPACE = {
    "shrinkage": choice(0.1, 0.3, 0.6, 0.9),
    "turn_lr": log_uniform(1e-3, 8e-3),
    "temperature": choice(0.05, 0.1, 0.2),
    "lr": log_uniform(5e-4, 5e-3),
    "sense_dropout": choice(0.1, 0.25, 0.4),
    "beta": choice(0.0, 0.5, 1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", help="folders of pretrained runs, one a seed")
    parser.add_argument("--out", type=Path, default=Path("runs/fusion"), help="folder of stores, beliefs and cells")
    learned = [OURS, *RULES, *METHODS]
    parser.add_argument("--methods", nargs="+", default=learned, choices=learned, help="which are judged")
    parser.add_argument("--trials", type=script.at_least(1), default=20, help="settings tried for each method")
    parser.add_argument("--swapped", action="store_true", help="the cells of swapped reliability too")
    parser.add_argument("--tiny", action="store_true", help="a run of seconds, few objects, one severity")
    arguments = parser.parse_args()
    if not arguments.runs and not arguments.tiny:
        raise ValueError("fusion: no runs; give --runs FOLDER of experiments/pretrain.py, one for each seed")
    runs = arguments.runs or [pretrain(replace(tiny(), out=arguments.out / "run"), progress=False).path]
    for seed, path in enumerate(runs):
        judge(path, seed, arguments)
    report(arguments.out, command_of(runs, arguments))


def command_of(runs: Sequence[Path], arguments: argparse.Namespace) -> str:
    """With what decides the numbers: runs, methods, trials."""
    words = [
        f"--runs {' '.join(map(str, runs))}",
        f"--methods {' '.join(arguments.methods)}",
        f"--trials {arguments.trials}",
        *(["--swapped"] if arguments.swapped else []),
    ]
    return " ".join(["python experiments/fusion.py", *words])


def judge(path: Path, seed: int, arguments: argparse.Namespace) -> None:
    """All cells of one run."""
    small, run = arguments.tiny, load(path)
    sizes = Sizes(12, 8, 8, states=4, branches=2) if small else Sizes()
    model, begun = run.model.eval(), time.monotonic()
    faults = all_faults(model.config.names, (1.0,) if small else SEVERITIES)
    ruined = tuple(Fault(name, DESTROYING[name], 1.0) for name in model.config.names if name in DESTROYING)
    cells: dict[str, tuple[Fault, ...]] = {CLEAN: (), **{str(fault): (fault,) for fault in faults}, DESTROYED: ruined}
    trained = {f"{SWAPPED}.{fault}": fault for fault in all_faults(model.config.names, (1.0,))}
    every = [*cells, *(trained if arguments.swapped else ())]
    left = [name for name in every if not cell_path(arguments.out / "cells", name, seed).exists()]
    print(f"fusion, {path}: {len(every) - len(left)} of {len(every)} cells are there already", flush=True)
    if not left:
        return
    missing = {name: own for name, own in cells.items() if name in left}
    stores = make_stores(run.store, arguments.out / "stores", sizes, processes=2)
    folder = arguments.out / f"beliefs/{seed}"
    sets = {split: gather(model, own, folder / split) for split, own in stores.items()}
    shots = {"n_way": 3, "k_shot": 1} if small else {"n_way": N_WAY, "k_shot": K_SHOT}
    faulty = {s: faulty_rows(model, sets[s], folder / s, copies=1 if small else COPIES) for s in ("fit", "val")}
    data = FitData(model.config.invariant_dim, sets, faulty, shots, num_query=NUM_QUERY)
    names = [*arguments.methods, *(f"only_{name}" for name in model.config.names)]
    readers = {name: tuned(name, data, arguments, seed) for name in names}
    if OURS in readers:
        head = readers[OURS].method.head
        readers |= {EMBEDDING: Reader(Embedded(head)), UNWEIGHTED: Reader(Unweighted(head))}
    draws, whole = data.draws("test", 10 if small else EPISODES), sets["test"].gallery
    gallery = {m: reader.read(whole) for m, reader in readers.items()}
    with torch.no_grad():
        known = {m: None if isinstance(r.method, Decider) else r.method(gallery[m]) for m, r in readers.items()}
        looked = readers[OURS].method.head.look(whole) if OURS in readers else None
    for i, (name, own) in enumerate(missing.items()):
        queries = broken_queries(model, sets["test"], own, folder / "test")
        found = {
            m: by_object(recognised(r.method, gallery[m], r.read(queries), draws, known=known[m]), draws).tolist()
            for m, r in readers.items()
        }
        about: dict[str, Any] = {"variant": name, "seed": seed, "shots": shots}
        about |= {"in_training": all(fault.in_training for fault in own), "faults": [asdict(fault) for fault in own]}
        if looked:
            ours, clean = readers[OURS].method, whole[torch.from_numpy(sets["test"].queries)]
            head = ours.head
            told = Told(head, true_fault(head, clean, queries))
            found[TOLD] = by_object(recognised(told, whole, queries, draws, known=known[UNWEIGHTED]), draws).tolist()
            seen = describe(head, looked, clean, queries, sets["test"].query_objects, draws)
            sure = scored(ours, gallery[OURS], ours.looks(queries), draws).exp().amax(-1).mean()
            about |= {"described": asdict(seen), "senses": model.config.names, "confidence": float(sure)}
        about |= made(command_of([path], arguments), begun)
        write_json(cell_path(arguments.out / "cells", name, seed), about | {"accuracy": found})
        means = {m: round(100 * float(np.mean(v)), 1) for m, v in found.items()}
        left_min = (time.monotonic() - begun) / (i + 1) * (len(missing) - i - 1) / 60
        print(f"{name}: {means} ({len(missing) - i - 1} left, ETA {left_min:.0f} min)", flush=True)
    swapped = {name: fault for name, fault in trained.items() if name in left}
    for m, sense in enumerate(model.config.names):
        own = {name: fault for name, fault in swapped.items() if fault.sense != sense}
        if own:
            judge_swapped(model, m, own, data, folder, seed, arguments, path)


def judge_swapped(
    model: SensorimotorModel,
    m: int,
    cells: Mapping[str, Fault],
    data: FitData,
    folder: Path,
    seed: int,
    arguments: argparse.Namespace,
    path: Path,
) -> None:
    """Cells of which the faults are of other senses than sense m, which alone is faulty in training."""
    begun, sets = time.monotonic(), data.sets
    faulty = {
        split: [with_sense(sets[split].gallery, rows, m) for rows in copies] for split, copies in data.given.items()
    }
    one_faulty = FitData(data.dim, sets, faulty, data.shots, num_query=data.num_query)
    names = [*arguments.methods, *(f"only_{name}" for name in model.config.names)]
    readers = {name: learned_anew(name, one_faulty, arguments, seed) for name in names}
    draws, whole = data.draws("test", 10 if arguments.tiny else EPISODES), sets["test"].gallery
    gallery = {name: reader.read(whole) for name, reader in readers.items()}
    for i, (name, fault) in enumerate(cells.items()):
        queries = broken_queries(model, sets["test"], (fault,), folder / "test")
        found = {
            k: by_object(recognised(r.method, gallery[k], r.read(queries), draws), draws).tolist()
            for k, r in readers.items()
        }
        about = {"variant": name, "seed": seed, "shots": data.shots, "in_training": False, "faults": [asdict(fault)]}
        about |= {"accuracy": found} | made(command_of([path], arguments), begun)
        write_json(cell_path(arguments.out / "cells", name, seed), about)
        print(f"{name}: ours {100 * float(np.mean(found.get(OURS, [0]))):.1f} ({len(cells) - i - 1} left)", flush=True)


def learned_anew(name: str, data: FitData, arguments: argparse.Namespace, seed: int) -> Reader:
    """The method by the settings of tuned/, learned from ``data``."""
    path = arguments.out / f"tuned/{name}-{seed}.json"
    if not path.is_file():  # nothing to learn
        return tuned(name, data, arguments, seed)
    kind = OurSettings if name == OURS else FitSettings
    settings = kind(**json.loads(path.read_text(encoding="utf-8"))["settings"])
    return learned(name, data, settings, torch.Generator().manual_seed(seed))


def tuned(name: str, data: FitData, arguments: argparse.Namespace, seed: int) -> Reader:
    """The method with the settings that validation objects chose among ``arguments.trials``, kept in tuned/. One that
    has no weights is tried on the invariant part and on all numbers."""
    start: Any = OurSettings() if name == OURS else FitSettings()
    if not list(made_of(name, data, start, torch.Generator()).method.parameters()):
        tried = [learned(name, data, replace(start, whole=whole), torch.Generator()) for whole in (False, True)]
        return max(tried, key=data.score)
    path = arguments.out / f"tuned/{name}-{seed}.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if known.get("trials") == arguments.trials:
        reader = made_of(name, data, type(start)(**known["settings"]), torch.Generator())
        reader.method.load_state_dict(load_file(path.with_suffix(".safetensors")))
        return replace(reader, method=reader.method.eval())
    begun, generator = time.monotonic(), torch.Generator().manual_seed(seed)
    if arguments.tiny:
        start = replace(start, steps=20)
    space = OUR_SPACE if name == OURS else SPACE
    found = tune(partial(learned, name, data), space, arguments.trials, data.score, generator, start)
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {k: v.contiguous() for k, v in found.method.method.state_dict().items()}
    with atomic_write(path.with_suffix(".safetensors")) as temporary:
        save_file(weights, temporary)
    write_json(path, {"trials": arguments.trials, "score": found.score, "settings": asdict(found.settings)})
    took = time.monotonic() - begun
    print(f"{name}: {found.score:.3f} on validation objects, {arguments.trials} trials, {took:.0f} s", flush=True)
    return found.method


def made_of(name: str, data: FitData, settings: Any, generator: torch.Generator) -> Reader:
    num_senses, whole = data.clean.mean.shape[1:]
    if name == OURS:
        with drawn_by(generator):
            return Reader(SameThing(DirectionHead(num_senses, data.dim, whole - data.dim), temperature=TEMPERATURE))
    dim = None if settings.whole else data.dim
    if name in RULES:
        return Reader(FixedRule(RULES[name]), dim)
    if name.startswith("only_"):
        return Reader(Only(data.clean.names.index(name.removeprefix("only_"))), dim)
    return Reader(build(name, num_senses, whole if settings.whole else data.dim, settings, generator), dim)


def learned(name: str, data: FitData, settings: Any, generator: torch.Generator) -> Reader:
    reader = made_of(name, data, settings, generator)
    method = reader.method
    if name == OURS:
        values = {f.name: getattr(settings, f.name) for f in fields(VarianceFit) if hasattr(settings, f.name)}
        fit_head(
            method.head, data.clean, data.rows, data.objects, data.val_gallery,
            group=data.val_group, shrinkage=settings.shrinkage, settings=VarianceFit(**values), generator=generator,
            learning=DirectionLearning(lr=settings.turn_lr, temperature=settings.temperature),
        )  # fmt: skip
        ways = {"num_ways": data.shots["n_way"], "num_shots": data.shots["k_shot"]}
        fit_same_thing(method, data.clean, concatenate(data.faulty), data.objects, generator=generator, **ways)
        return replace(reader, method=method.eval())

    rows = reader.read(data.rows)

    def validation(own: nn.Module) -> float:
        return data.score(replace(reader, method=own))

    if isinstance(method, Decider):
        decisions = data.decisions(rows, generator)
        method = fit_decider(reader.method, decisions, settings, generator=generator, validation=validation)
    else:
        method = fit(method, rows, data.label, settings, generator=generator, validation=validation)
    return replace(reader, method=method)


def report(out: Path, command: str) -> None:
    """Records of all cells that there are."""
    records = fusion_records(finished(out / "cells"), command)
    write_claims(out / "claims/fusion.json", records)
    for name in sorted(records.keys() - {name for name in records if ".cell." in name}):
        print(f"{name}: {records[name].value:.3f} {records[name].ci95 or ''}")


if __name__ == "__main__":
    script.run("fusion", main)

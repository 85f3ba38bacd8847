"""How often do our 95 % intervals hold the truth?

    python experiments/interval_coverage.py                            # 2 minutes: 4,000 repetitions of each setting
    python experiments/interval_coverage.py --tiny --out runs/c        # seconds

Plants accuracies of S seeds and O objects: the log odds of a query have an effect of the seed, of the object and of
both; every object has 192 binary queries. Counts how often the interval holds the expected value over new seeds and
objects (with one seed: over new objects), for shares (typical, high, near 1, seeds that differ much), for the paired
difference of two variants and for the ratio of two metrics of the same objects. Beside it the percentile bootstrap over
both, which was used before. Expected: 93 to 97 %, near 1 with few objects more; the bootstrap below 92.

Leaves claims/real_files.json in ``--out``: interval.coverage, the mean over all settings; each stands beside it.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import special

from smcrep import script
from smcrep.probes.intervals import Estimate, over_seeds_and_objects, share_over_seeds_and_objects
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims

SHAPES = ((3, 15), (3, 7), (1, 15), (3, 39))
QUERIES = 192
WITHIN = 0.3
"""Deviation of the log odds of one object in one seed around the sum of both effects."""
LATER = 0.7
"""How much lower the log odds are at the last step of a roll-out than at the first, for the ratio of both."""
REPETITIONS = 4000
RESAMPLES = 500


@dataclass(frozen=True)
class World:
    """Log odds of a query: their middle, and the deviations between seeds and between objects."""

    middle: float
    by_seed: float
    by_object: float


WORLDS = {
    "typical": World(0.3, 0.2, 1.0),  # mean .56
    "high": World(2.5, 0.2, 1.0),  # mean .89
    "near_1": World(3.5, 0.2, 1.0),  # mean .95
    "seeds_differ": World(0.3, 0.6, 0.6),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/coverage"), help="folder of the claims")
    parser.add_argument("--tiny", action="store_true", help="few repetitions, to see that it runs")
    arguments = parser.parse_args()
    begun, repetitions = time.monotonic(), 50 if arguments.tiny else REPETITIONS
    found: dict[str, float] = {}
    before: dict[str, float] = {}
    for seeds, objects in SHAPES:
        for name, world in WORLDS.items():
            rng = np.random.default_rng(0)
            values = queried(log_odds(world, seeds, objects, repetitions, rng), rng)
            truth, setting = expected(world, seeds), f"{name}_{seeds}x{objects}"
            found[f"share_{setting}"] = held(values, share_over_seeds_and_objects, truth)
            before[f"share_{setting}"] = held(values, percentile_bootstrap, truth)
        one, other = (log_odds(WORLDS["high"], seeds, objects, repetitions, np.random.default_rng(i)) for i in (1, 2))
        rng = np.random.default_rng(3)
        ahead = queried(one, rng) - queried(other, rng)
        found[f"difference_{seeds}x{objects}"] = held(ahead, over_seeds_and_objects, 0)
        steps = np.stack([queried(one - LATER, rng), queried(one, rng)], -1)
        later = replace(WORLDS["high"], middle=WORLDS["high"].middle - LATER)
        truth = expected(later, seeds) / expected(WORLDS["high"], seeds)
        found[f"ratio_{seeds}x{objects}"] = held(steps, ratio, truth)
        print(f"{seeds} x {objects} after {(time.monotonic() - begun) / 60:.1f} minutes", flush=True)
    lowest, highest = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    controls = {"lowest": f"{lowest} {found[lowest]:.3f}", "highest": f"{highest} {found[highest]:.3f}", **found}
    controls["percentile_bootstrap"] = float(np.mean(list(before.values())))
    controls["percentile_bootstrap_lowest"] = min(before.values())
    value = float(np.mean(list(found.values())))
    record = Record(value, n=repetitions * len(found), unit="share of intervals that hold the truth", controls=controls)
    write_claims(
        arguments.out / "claims/real_files.json",
        stamped({"interval.coverage": record}, "python experiments/interval_coverage.py", begun),
    )
    for name, share in found.items():
        print(f"{name}: {share:.3f}" + (f" (percentile bootstrap {before[name]:.3f})" if name in before else ""))
    print(f"interval.coverage: {value:.3f}; lowest {controls['lowest']}, highest {controls['highest']}")


def log_odds(world: World, seeds: int, objects: int, repetitions: int, rng: np.random.Generator) -> np.ndarray:
    """[repetitions, seeds, objects]. A single seed has no effect: its interval speaks of that model alone."""
    odds = world.middle + world.by_object * rng.normal(size=(repetitions, 1, objects))
    if seeds > 1:
        odds = odds + world.by_seed * rng.normal(size=(repetitions, seeds, 1))
    return odds + WITHIN * rng.normal(size=(repetitions, seeds, objects))


def queried(odds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The share of `QUERIES` that are right."""
    return rng.binomial(QUERIES, special.expit(odds)) / QUERIES


def expected(world: World, seeds: int) -> float:
    """Mean share over all objects and seeds: the log odds are normal."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    deviation = np.hypot.reduce([world.by_object, world.by_seed if seeds > 1 else 0.0, WITHIN])
    return float(weights @ special.expit(world.middle + deviation * nodes) / weights.sum())


def held(values: np.ndarray, estimate: Callable[[np.ndarray], Estimate], truth: float) -> float:
    intervals = (estimate(each).ci95 for each in values)
    return float(np.mean([low <= truth <= high for low, high in intervals]))


def ratio(values: np.ndarray) -> Estimate:
    return over_seeds_and_objects(values, statistic=lambda means: means[..., 0] / means[..., 1])


def percentile_bootstrap(values: np.ndarray) -> Estimate:
    """Seeds and objects drawn with replacement, independently of each other (Owen 2007)."""
    rng = np.random.default_rng(0)
    by_seed, by_object = (rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n for n in values.shape)
    low, high = np.percentile(((by_seed @ values) * by_object).sum(1), [2.5, 97.5])
    return Estimate(float(values.mean()), (float(low), float(high)), values.shape[1])


if __name__ == "__main__":
    script.run("interval_coverage", main)

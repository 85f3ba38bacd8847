"""Speeds as ratios: two ways timed in turn on the same cores, an interval over rounds, records, and the ones before.

Seconds depend on the machine and what else runs on it; the ratio to a peer, or to a limit, hardly does. Each benchmark
here answers one question, and all end alike: a line for each ratio, the records (`--save`; by default
experiments/claims/speed.json, in the tiny form nothing), and the same ratios in another file (`--compare`).
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from smcrep.provenance import made
from smcrep.results import Record, read_claims, write_claims

CLAIMS = Path(__file__).parents[1] / "claims" / "speed.json"
CORES = os.cpu_count() or 1
Rates = dict[str, np.ndarray]
"""Name of a way -> float64 [rounds]: observations (or what is counted) a second."""


def command_line(doc: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="seconds, to see that it runs; writes only to --save")
    parser.add_argument("--save", type=Path, metavar="FILE", help=f"file of claims to add to (default: {CLAIMS.name})")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="file of claims to print beside what is found")
    return parser


def rate(count: int, work: Callable[[], object]) -> float:
    """``count`` over the seconds that ``work`` takes."""
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def interleaved(ways: Mapping[str, Callable[[], float]], rounds: int) -> Rates:
    """The rate of every way, one after the other, round by round; a round before them, which warms what can be warm,
    does not count."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for round_id in range(rounds + 1):
        for name, way in ways.items():
            value = way()
            if round_id:
                found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}


def median(values: np.ndarray) -> tuple[float, tuple[float, float] | None]:
    """Median over rounds [r], with its interval over rounds: between two of them, beyond either of which the median
    lies with a chance of at most 2.5 % (the sign test's). Of fewer than 6 rounds it is their range, which covers
    less; a single round has none."""
    if len(values) == 1:
        return float(values[0]), None
    below = int(stats.binom.ppf(0.025, len(values), 0.5))
    ordered = np.sort(values)
    return float(np.median(values)), (float(ordered[max(below - 1, 0)]), float(ordered[-max(below, 1)]))


class Findings:
    """What one benchmark finds; the minutes of its records count from here to `end`."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments, self.begun = arguments, time.monotonic()
        self.found: dict[str, dict[str, Any]] = {}

    def ratio(
        self, name: str, rates: Rates, over: str, under: str, *, beside: Sequence[str] = (), bar: str = ""
    ) -> None:
        """``over`` / ``under`` of each round; both rates and those of the peers ``beside`` go along."""
        controls = {f"{way}_per_s": float(np.median(rates[way])) for way in (over, under, *beside)}
        self.add(name, rates[over] / rates[under], controls, bar=bar)

    def add(
        self, name: str, values: np.ndarray, controls: dict[str, float], *, unit: str = "ratio", bar: str = ""
    ) -> None:
        """One number a round; ``bar`` says what is required of it, and is only printed."""
        value, interval = median(np.asarray(values, np.float64))
        self.found[name] = {"value": value, "ci95": interval, "n": len(values), "unit": unit, "controls": controls}
        beside = ", ".join(f"{key} {_number(number)}" for key, number in controls.items())
        print(f"{name}: {_shown(value, interval)}{f'; required: {bar}' if bar else ''} ({beside})", flush=True)

    def end(self) -> dict[str, Record]:
        """Writes the records and prints those of ``--compare`` beside them."""
        given = vars(self.arguments).items()
        on = [f"--{name}" for name, value in given if value is True]
        on += [f"--{name} {value}" for name, value in given if isinstance(value, int) and not isinstance(value, bool)]
        about = made(" ".join(["python", f"experiments/benchmarks/{Path(sys.argv[0]).name}", *on]), self.begun)
        records = {name: Record(**found, **about) for name, found in self.found.items()}
        if self.arguments.compare:
            compare(records, self.arguments.compare)
        path = self.arguments.save or (None if self.arguments.tiny else CLAIMS)
        if path:
            write_claims(path, records)
        return records


def compare(records: Mapping[str, Record], path: Path) -> None:
    """One line for each record: what it is, what it was in the file at ``path``, and whether the intervals meet."""
    try:
        before = read_claims(path)
    except (OSError, ValueError) as error:
        print(f"nothing to compare with: {error}")
        return
    for name, now in records.items():
        was = before.get(name)
        if was is None or was.ci95 is None or now.ci95 is None:
            print(f"{name}: {_shown(now.value, now.ci95)}, without one before")
            continue
        meet = now.ci95[0] <= was.ci95[1] and was.ci95[0] <= now.ci95[1]
        words = "the intervals overlap" if meet else f"{now.value / was.value - 1:+.0%}: the intervals lie apart"
        print(f"{name}: {_shown(now.value, now.ci95)}, was {_shown(was.value, was.ci95)} at {was.commit}; {words}")


def _shown(value: float, interval: tuple[float, float] | None) -> str:
    return _number(value) + (f" [{_number(interval[0])}, {_number(interval[1])}]" if interval else "")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

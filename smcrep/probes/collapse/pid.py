"""Is a signal worth anything in the data? What two signals say of a target, parted into redundant, unique, synergistic.

A property of the data, not of a model: a signal that says nothing new (no unique, no synergistic part) is rightly
ignored.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from scipy import linalg
from sklearn.cluster import KMeans

from smcrep.probes.collapse.jackknife import over_left_out
from smcrep.probes.inputs import finite, one_a_row, scaled
from smcrep.probes.intervals import Estimate

BARRIERS = tuple(10.0**-power for power in range(2, 10))
"""Weights of the barrier, in nats; one of w leaves the minimum by at most w times the number of cells."""
MOST_STEPS = 60
NUM_GROUPS = 10
"""Of the jackknife: each costs a search."""


@dataclass(frozen=True)
class Parts:
    """Bits. redundant + unique_1 + unique_2 + synergistic = I(Y; X1, X2), redundant + unique_1 = I(Y; X1)."""

    redundant: float
    unique_1: float
    unique_2: float
    synergistic: float


def pid(joint: np.ndarray) -> Parts:
    """Parts of the information of a joint distribution p(y, x1, x2) [c, k1, k2] by the measure of Bertschinger et al.
    2014 (BROJA): with Q the distributions that have p's pairs (y, x1) and (y, x2),

        synergistic = I_p(Y; X1, X2) - min_Q I_Q(Y; X1, X2),    unique_1 = min_Q I_Q(Y; X1, X2) - I(Y; X2)

    The minimum is that of a convex function over a polytope, found by Newton steps within a logarithmic barrier, to
    1e-6 bits. Cost grows with the cube of c k1 k2: milliseconds for 100 cells.
    """
    p = np.asarray(joint, np.float64)
    if p.ndim != 3 or not np.isfinite(p).all() or (p < 0).any() or not p.sum() > 0:
        raise ValueError(f"pid: joint distribution {p.shape}; give finite p(y, x1, x2) >= 0")
    p = p / p.sum()
    whole, first, second = (_information(x) for x in (p, p.sum(2)[:, :, None], p.sum(1)[:, None]))
    least = float(np.clip(_information(_least_informative(p)), max(first, second), whole))  # clips rounding alone
    return Parts(first + second - least, least - second, least - first, whole - least)


def pid_estimate(y: np.ndarray, x1: np.ndarray, x2: np.ndarray, units: np.ndarray | None = None) -> dict[str, Estimate]:
    """Names of `Parts` -> bits, from rows of whole numbers [n] (`discretised`), with an interval over units (jackknife
    of `NUM_GROUPS`).

    The frequencies stand for p, which makes information too large, synergy above all: by about (c - 1) (k1 k2 - 1) /
    (2 n ln 2) bits of the whole for c, k1 and k2 values. Take few values and many rows, and read it against
    `pid_null`.
    """
    columns = [one_a_row("pid", name, v, len(y)) for name, v in (("y", y), ("x1", x1), ("x2", x2))]
    coded = [np.unique(column, return_inverse=True)[1] for column in columns]
    sizes = [int(column.max()) + 1 for column in coded]

    def part(name: str) -> Callable[..., float]:
        return lambda *rows: asdict(pid(_joint(rows, sizes)))[name]

    return {
        name: over_left_out(part(name), *coded, units=units, num_groups=NUM_GROUPS)
        for name in Parts.__dataclass_fields__
    }


def pid_null(y: np.ndarray, x1: np.ndarray, x2: np.ndarray, *, rng: np.random.Generator, num_draws: int = 16) -> Parts:
    """Mean parts where the target is that of another row: what `pid_estimate` reads of nothing at all."""
    coded = [np.unique(column, return_inverse=True)[1].ravel() for column in (y, x1, x2)]
    sizes = [int(column.max()) + 1 for column in coded]
    drawn = [pid(_joint((rng.permutation(coded[0]), *coded[1:]), sizes)) for _ in range(num_draws)]
    return Parts(*(float(np.mean([asdict(d)[name] for d in drawn])) for name in Parts.__dataclass_fields__))


def discretised(x: np.ndarray, num_values: int, *, rng: np.random.Generator) -> np.ndarray:
    """int64 [n]: the nearest of ``num_values`` means of [n, ...] (k-means of the scaled numbers), so that a signal in
    many dimensions becomes one that counts can be made of. What lies within a cluster is lost."""
    rows = np.asarray(x, np.float64).reshape(len(x), -1)
    finite("discretised", x=rows)
    means = KMeans(num_values, random_state=int(rng.integers(2**31)))
    return means.fit_predict(scaled(rows)[0]).astype(np.int64)


def _joint(columns: tuple[np.ndarray, ...], sizes: list[int]) -> np.ndarray:
    counts = np.zeros(sizes)
    np.add.at(counts, tuple(column.ravel() for column in columns), 1)
    return counts / counts.sum()


def _least_informative(p: np.ndarray) -> np.ndarray:
    """[c, k1, k2]: of all distributions with the pairs (y, x1) and (y, x2) of p, that with the least I(Y; X1, X2)."""
    rows, columns, of_y = p.sum(2), p.sum(1), p.sum((1, 2), keepdims=True)
    start = np.divide(rows[:, :, None] * columns[:, None], of_y, out=np.zeros_like(p), where=of_y > 0)
    y, i, j = np.nonzero(start)
    k1, k2 = p.shape[1:]
    margins = np.zeros((len(p) * (k1 + k2), len(y)))
    margins[y * k1 + i, np.arange(len(y))] = 1
    margins[len(p) * k1 + y * k2 + j, np.arange(len(y))] = 1
    free = linalg.null_space(margins)
    cell = i * k2 + j
    same = cell[:, None] == cell
    q = start[y, i, j]
    for weight in BARRIERS if free.shape[1] else ():
        for _ in range(MOST_STEPS):
            over = same @ q  # R(x1, x2) of each cell
            slope = np.log(q / over) - weight / q
            curve = np.diag(1 / q + weight / q**2) - same / over[:, None]
            step = free @ np.linalg.solve(free.T @ curve @ free, -free.T @ slope)
            if -slope @ step < weight * 1e-3:
                break
            q = q + _length(q, step, same, weight, slope @ step) * step
    found = np.zeros_like(p)
    found[y, i, j] = q
    return found


def _length(q: np.ndarray, step: np.ndarray, same: np.ndarray, weight: float, slope: float) -> float:
    """How far along the step: inside the polytope, and halved until the function falls (Armijo)."""

    def value(x: np.ndarray) -> float:
        return float((x * np.log(x / (same @ x))).sum() - weight * np.log(x).sum())

    shrinking = step < 0
    length = min(1.0, 0.99 * float((-q[shrinking] / step[shrinking]).min(initial=np.inf)))
    before = value(q)
    while length > 1e-12 and value(q + length * step) > before + 1e-4 * length * slope:
        length /= 2
    return length


def _information(joint: np.ndarray) -> float:
    """I(Y; X1, X2) in bits of [c, k1, k2]."""
    independent = joint.sum((1, 2), keepdims=True) * joint.sum(0, keepdims=True) / joint.sum()
    there = joint > 0
    return float((joint[there] * np.log2(joint[there] / independent[there])).sum())

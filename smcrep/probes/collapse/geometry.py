"""All that is read from embeddings alone, each with an interval: which directions do they fill?"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from smcrep.probes.collapse.alignment import cone, modality_gap, uniformity
from smcrep.probes.collapse.cka import cka
from smcrep.probes.collapse.dimension import two_nn
from smcrep.probes.collapse.indicators import checked, participation_ratio, rank_me, stable_rank
from smcrep.probes.collapse.jackknife import over_left_out
from smcrep.probes.collapse.lidar import lidar
from smcrep.probes.collapse.null import isotropic_null
from smcrep.probes.collapse.rsa import distances, rsa
from smcrep.probes.inputs import CONSTANT
from smcrep.probes.intervals import Estimate, over_units

MOST_ROWS = 1024
"""Rows that indicators are computed of: some cost n^2, and the interval is by units, of which there are fewer."""


@dataclass(frozen=True)
class Orbit:
    """What a model predicts for the k values of one signal from one and the same state.

    signal     [s, k, ...], scaled so that a distance of 1 is as much in each dimension.
    predicted  [s, k, d].
    units      [s] object of each state; None: every state is one.
    """

    signal: np.ndarray
    predicted: np.ndarray
    units: np.ndarray | None = None


def geometry(
    embeddings: Mapping[str, np.ndarray],
    units: np.ndarray | None = None,
    *,
    groups: np.ndarray | None = None,
    orbits: Mapping[str, Orbit] | None = None,
    rng: np.random.Generator,
) -> dict[str, dict[str, Estimate]]:
    """Readings of each embedding, of each pair of them ("a, b"), and of each orbit ("orbit of SIGNAL").

    embeddings  name (a sense, fused) -> [n, d] of the same n observations.
    units       [n] state or object of each row, which intervals are over.
    groups      [n] or [n, g]: what each row is a view of, for `lidar`.

    rank_share, participation, stable_rank, uniformity, cone, dimension, lidar; of pairs cka and, where they have one d,
    gap; of orbits rsa (k >= 3) and the rank share of what is predicted, less its mean over the orbit.
    """
    rows = _some(len(next(iter(embeddings.values()))), rng) if embeddings else np.arange(0)
    units = rows if units is None else np.asarray(units)[rows]
    chosen = {name: checked(z)[rows] for name, z in embeddings.items()}
    found = {name: _of_one(z, units, None if groups is None else groups[rows], rng) for name, z in chosen.items()}
    for a, b in combinations(chosen, 2):
        pair = {"cka": over_left_out(cka, chosen[a], chosen[b], units=units)}
        if chosen[a].shape == chosen[b].shape:
            pair["gap"] = over_left_out(modality_gap, chosen[a], chosen[b], units=units)
        found[f"{a}, {b}"] = pair
    return found | {f"orbit of {name}": _of_orbit(orbit, rng) for name, orbit in (orbits or {}).items()}


def rank_share(z: np.ndarray, units: np.ndarray | None, rng: np.random.Generator) -> Estimate:
    """RankMe over its mean on isotropic rows of the same shape: 1 for isotropic embeddings of any shape."""
    null = float(isotropic_null(rank_me, *z.shape, rng=rng, num_draws=4).mean())
    return over_left_out(lambda rows: rank_me(rows) / null, z, units=units)


def _of_one(
    z: np.ndarray, units: np.ndarray, groups: np.ndarray | None, rng: np.random.Generator
) -> dict[str, Estimate]:
    indicators = {"participation": participation_ratio, "stable_rank": stable_rank, "uniformity": uniformity}
    found = {"rank_share": rank_share(z, units, rng)}
    found |= {name: over_left_out(f, z, units=units) for name, f in (indicators | {"cone": cone}).items()}
    dimension, count = two_nn(z), len(np.unique(units))
    half = 1.96 * dimension / np.sqrt(max(count - 2, 1))  # its asymptotic deviation; a jackknife does not fit it
    found["dimension"] = Estimate(dimension, (dimension - half, dimension + half), count)
    if groups is not None:
        found["lidar"] = over_left_out(lidar, z, groups, units=units)
    return found


def _of_orbit(orbit: Orbit, rng: np.random.Generator) -> dict[str, Estimate]:
    predicted = np.asarray(orbit.predicted, np.float64)
    s, k, d = predicted.shape
    signal = np.asarray(orbit.signal, np.float64).reshape(s, k, -1)
    centred = predicted - predicted.mean(1, keepdims=True)
    if np.linalg.norm(centred) <= CONSTANT * np.linalg.norm(predicted):  # rounding of one point would fill all of space
        centred = np.zeros_like(centred)
    found = {}
    if k >= 3:
        similarity = rsa(distances(signal), distances(centred), rng=rng, num_permutations=0)
        found["rsa"] = over_units(similarity.each, orbit.units)
    centred = centred.reshape(s * k, d)
    units = np.repeat(np.arange(s) if orbit.units is None else np.asarray(orbit.units), k)
    rows = _some(s * k, rng)
    found["rank_share"] = rank_share(centred[rows], units[rows], rng)
    return found


def _some(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.permutation(n)[:MOST_ROWS])

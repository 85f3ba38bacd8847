"""Clouds as real cameras and users give them, and the recognition that is left: k-NN among 30 unseen objects, the
labelled observations being clean."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from smcrep.data.store import Store
from smcrep.models.model import SensorimotorModel
from smcrep.probes.intervals import over_units, share_over_units
from smcrep.probes.knn import knn_classify
from smcrep.results import Record
from smcrep.senses import POINTS

N_WAY, NUM_NEIGHBOURS, NUM_EPISODES = 30, 20, 10
NUM_VIEWS = 4
"""Observations of a state that are recognised; more of them say little new."""
CLEAN = "clean"

Harm = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""(float32 [n, 3], generator) -> what is given instead: float32 [m, 3]."""


def _unseen(value: float, share: float) -> Harm:
    """So large a share of the points, one at least, reads ``value``."""
    return lambda cloud, rng: _replaced(cloud, share, lambda some: np.full_like(some, value), rng)


def _outliers(cloud: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """5 % lie anywhere in a ball of three times the radius."""

    def anywhere(some: np.ndarray) -> np.ndarray:
        direction = rng.normal(size=some.shape)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        return cloud.mean(0) + 3 * _radius(cloud) * rng.random((len(some), 1)) ** (1 / 3) * direction

    return _replaced(cloud, 0.05, anywhere, rng)


def _flying(cloud: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """5 % lie 5 to 30 cm behind the object on their pixel's ray, as pixels between it and the background do."""
    return _replaced(cloud, 0.05, lambda some: some * (1 + rng.uniform(0.05, 0.3, (len(some), 1)) / some[:, 2:]), rng)


def _wall(cloud: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """5 % lie on a patch of 20 x 20 cm, 15 cm behind the middle."""
    low, high = np.array([-0.1, -0.1, 0.15]), np.array([0.1, 0.1, 0.17])
    return _replaced(cloud, 0.05, lambda some: cloud.mean(0) + rng.uniform(low, high, some.shape), rng)


def _fewer(num: int) -> Harm:
    return lambda cloud, rng: cloud[rng.permutation(len(cloud))[:num]]


def _more(num: int) -> Harm:
    """Points that the cloud does not have lie half a millimetre from those it has."""

    def more(cloud: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        near = cloud[rng.integers(len(cloud), size=num - len(cloud))]
        return np.concatenate([cloud, near + rng.normal(0, 0.0005, near.shape)])

    return more


HARMS: dict[str, Harm] = {
    CLEAN: lambda cloud, rng: cloud,
    "one zero": _unseen(0.0, 0.0),
    "one NaN": _unseen(np.nan, 0.0),
    "5 % zeros": _unseen(0.0, 0.05),
    "5 % outliers": _outliers,
    "5 % flying": _flying,
    "5 % wall": _wall,
    "padded by one": lambda cloud, rng: np.concatenate([cloud, np.repeat(cloud[:1], len(cloud), 0)]),
    "padded evenly": lambda cloud, rng: np.concatenate([cloud, cloud[: len(cloud) // 2]]),
    "millimetres": lambda cloud, rng: 1000 * cloud,
    "16 points": _fewer(16),
    "32 points": _fewer(32),
    "64 points": _fewer(64),
    "128 points": _fewer(128),
    "1000 points": _more(1000),
    "5000 points": _more(5000),
}


@dataclass(frozen=True)
class Harmed:
    """correct     float64 [queries], the share of episodes in which each is recognised; None: refused
    object_ids  int64 [queries]
    refusal     the words in which the clouds are refused"""

    correct: np.ndarray | None
    object_ids: np.ndarray
    refusal: str = ""


def harmed_clouds(model: SensorimotorModel, store: Store, *, harms: dict[str, Harm] = HARMS) -> dict[str, Harmed]:
    """Harm -> what it leaves. Half of the states of each object are labelled, observed cleanly; `NUM_VIEWS`
    observations of each other state are harmed and recognised."""
    states = np.arange(store.num_states)
    transition = store.transitions(states, (POINTS.name,))
    clouds = transition.observations[POINTS.name].numpy()
    object_ids = transition.object_id.numpy()
    rank = np.array([(object_ids[:i] == own).sum() for i, own in enumerate(object_ids)])
    labelled = rank < (np.bincount(object_ids)[object_ids] + 1) // 2
    gallery = _embedded(model, clouds[labelled].reshape(-1, *clouds.shape[2:]))
    labels = np.repeat(object_ids[labelled], clouds.shape[1])
    queries = clouds[~labelled, :NUM_VIEWS].reshape(-1, *clouds.shape[2:])
    asked = np.repeat(object_ids[~labelled], min(NUM_VIEWS, clouds.shape[1]))
    found = {}
    for name, harm in harms.items():
        rng = np.random.default_rng(0)
        given = np.stack([harm(cloud, rng) for cloud in queries]).astype(np.float32)
        try:
            z, refusal = _embedded(model, given), ""
        except ValueError as error:
            z, refusal = None, str(error)
        correct = None if z is None else _recognised(gallery, labels, z, asked)
        found[name] = Harmed(correct, asked, refusal)
    return found


def records(harmed: dict[str, Harmed], untrained: dict[str, Harmed]) -> dict[str, Record]:
    """``clouds.robust.HARM`` -> accuracy lost to it, 0 where it is refused; ``clouds.robust.accuracy.HARM``: what is
    left. Intervals are over objects, the loss is paired by query."""
    clean, made = harmed[CLEAN], {}
    assert clean.correct is not None
    num_objects = len(np.unique(clean.object_ids))
    controls = {"chance": 1 / min(N_WAY, num_objects), "n_way": min(N_WAY, num_objects)}
    for name, found in harmed.items():
        key = name.replace(" %", "_percent").replace(" ", "_")
        if found.correct is None:
            made[f"clouds.robust.{key}"] = Record(0.0, unit="accuracy lost", controls={"refused": found.refusal})
            continue
        left = share_over_units(found.correct, found.object_ids)
        of_untrained = untrained[name].correct
        own = controls | ({} if of_untrained is None else {"untrained": float(of_untrained.mean())})
        made[f"clouds.robust.accuracy.{key}"] = Record(left.value, left.ci95, n=left.n, unit="accuracy", controls=own)
        if name != CLEAN:
            lost = over_units(clean.correct - found.correct, found.object_ids)
            made[f"clouds.robust.{key}"] = Record(lost.value, lost.ci95, n=lost.n, unit="accuracy lost", controls=own)
    return made


def _embedded(model: SensorimotorModel, clouds: np.ndarray) -> np.ndarray:
    """float32 [b, di] of clouds [b, n, 3], by the cloud alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the count of unseen points, which are planted here
        embedding = model.embed({POINTS.name: clouds}, chunk=max(1, 65_536 // clouds.shape[1]))
    return embedding.invariant(POINTS.name).cpu().numpy()


def _recognised(gallery: np.ndarray, labels: np.ndarray, z: np.ndarray, object_ids: np.ndarray) -> np.ndarray:
    """float64 [queries]: the share of episodes, of those with its object in, in which a query is recognised."""
    names, rng = np.unique(object_ids), np.random.default_rng(0)
    hits, met = np.zeros(len(z)), np.zeros(len(z))
    num_rounds = max(1, NUM_EPISODES * min(N_WAY, len(names)) // len(names))
    for _ in range(num_rounds):  # every object is in as many episodes, give or take one
        order = rng.permutation(names)
        for start in range(0, len(names), N_WAY):
            ways = np.roll(order, -start)[:N_WAY]
            ours, theirs = np.isin(object_ids, ways), np.isin(labels, ways)
            hits[ours] += knn_classify(gallery[theirs], labels[theirs], z[ours], k=NUM_NEIGHBOURS) == object_ids[ours]
            met += ours
    return hits / met


def _radius(cloud: np.ndarray) -> float:
    return float(np.linalg.norm(cloud - cloud.mean(0), axis=1).max())


def _replaced(
    cloud: np.ndarray, share: float, by: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    cloud = cloud.copy()
    rows = rng.permutation(len(cloud))[: max(1, round(share * len(cloud)))]
    cloud[rows] = by(cloud[rows])
    return cloud

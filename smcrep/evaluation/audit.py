"""The collapse audit of a model: states of the test objects that branch over one signal alone, what the oracle gains
from that signal, and what the model does."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from smcrep.data.store import Store
from smcrep.evaluation.encoded import Encoded, encode
from smcrep.evaluation.signals import SignalHits, signal_hits
from smcrep.evaluation.world import simulation_of
from smcrep.models.model import SensorimotorModel
from smcrep.probes.collapse.oracle import oracle_hits
from smcrep.probes.collapse.utilisation import Utilisation, utilisation
from smcrep.worlds.generate import generate
from smcrep.worlds.policy import Policy
from smcrep.worlds.rendering.environments import noisiest_depth_sigma

Given = Literal["true", "shuffled", "wrong"]
"""What a model is conditioned on; see `SignalHits`."""


class Oracle(NamedTuple):
    """H@1 [s, n] of the ranking by the simulator, given the true signal and given the mismatched one."""

    true: np.ndarray
    mismatched: np.ndarray


@dataclass(frozen=True)
class Audit:
    """One model on a store of n + 1 outcomes a state, the last of which has the mismatched signal.

    hits  source (a sense, or "fused") -> H@1 of its predictions among the n candidates.
    """

    encoded: Encoded
    oracle: Oracle
    hits: dict[str, SignalHits]

    def utilisation(self, source: str, clusters: np.ndarray, *, given: Given = "true", seed: int = 0) -> Utilisation:
        """Utilisation by ``source`` of the signal that it is ``given``. clusters [s]: outermost unit of each state,
        which the interval is over: its object."""
        hits = self.hits[source]
        scores = (getattr(hits, given), hits.mismatched, self.oracle.true, self.oracle.mismatched)
        each, rng = np.repeat(clusters, hits.true.shape[1]), np.random.default_rng(seed)
        return utilisation(*[score.ravel() for score in scores], clusters=each, rng=rng)


def audit_store(test: Store, policy: Policy, out: Path, *, states_per_object: int, processes: int = 1) -> Store:
    """The objects, cameras and senses of ``test`` in other states, which branch as ``policy`` says; with the noise-free
    depth that the oracle needs."""
    base = simulation_of(test)
    simulation = replace(base, policy=policy, states_per_object=states_per_object, clean_depth=True, seed=base.seed + 1)
    return Store(generate(simulation, out, processes=processes))


def oracle(store: Store) -> Oracle:
    """Of a store that `audit_store` made."""
    depth = store.targets(np.arange(store.num_states)).depth_after
    if depth is None:
        raise ValueError(f"{store.path}: no clean_depth in it, which the oracle ranks by; make it with audit_store")
    sigma = noisiest_depth_sigma(simulation_of(store).environments, depth.numpy())
    return Oracle(*oracle_hits(depth.numpy(), sigma))


def audit(model: SensorimotorModel, store: Store, known: Oracle, *, seed: int = 0) -> Audit:
    """The hits of ``model`` by each of its sources; ``known``: the `oracle` of the same store."""
    encoded = encode(model, store)
    hits = {source: signal_hits(model, encoded, source, rng=np.random.default_rng(seed)) for source in model.sources}
    return Audit(encoded, known, hits)

"""The world that made a store, to see its objects again under other conditions."""

from smcrep.data.store import Store
from smcrep.worlds.simulation import Simulation


def simulation_of(store: Store) -> Simulation:
    """What made ``store``. ValueError where it was not simulated."""
    record = store.manifest.config.get("simulation")
    if record is None:
        raise ValueError(f"{store.path}: no simulation made this store; give one that `smcrep.worlds` made")
    return Simulation.from_json(record)

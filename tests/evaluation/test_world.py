"""A store says which world made it; one that no world made is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from smcrep.data.store import Store
from smcrep.evaluation.world import simulation_of
from smcrep.worlds.generate import generate
from smcrep.worlds.objects.source import ProceduralObjects
from smcrep.worlds.policy import Policy
from smcrep.worlds.simulation import Simulation
from tests.data.stores import random_store

SIMULATION = Simulation(
    ProceduralObjects(2), policy=Policy(num_branches=2), states_per_object=1, image_size=16, num_points=8
)


def test_the_simulation_of_a_store_is_the_one_it_was_made_by(tmp_path: Path) -> None:
    assert simulation_of(Store(generate(SIMULATION, tmp_path, progress=False))) == SIMULATION
    assert replace(SIMULATION, seed=1) != SIMULATION


def test_a_store_that_was_recorded_has_none(tmp_path: Path) -> None:
    random_store(tmp_path)
    with pytest.raises(ValueError, match="no simulation made this store"):
        simulation_of(Store(tmp_path))

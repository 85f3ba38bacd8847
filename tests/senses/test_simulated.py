"""What the simulated world gives each sense: rows that its check accepts; no sense changes another."""

from dataclasses import replace

import numpy as np
import pytest

from smcrep.senses import DEPTH, SENSES, Rendered, Sense
from smcrep.worlds.episodes import draw, shard_rows
from smcrep.worlds.objects.source import ProceduralObjects
from smcrep.worlds.policy import Policy
from smcrep.worlds.simulation import Simulation
from tests.senses.strangers import registered

Rows = dict[str, np.ndarray]

HELD = Simulation(
    ProceduralObjects(2), ("night",), Policy(num_branches=2), states_per_object=2, image_size=24, num_points=16,
    senses=tuple(SENSES), clean_depth=True,
)  # fmt: skip
"""Of every sense; objects in the hand, clutter about them, by a noisy sensor."""
ON_TABLE = replace(HELD, policy=Policy({"push": 1.0}, "table", num_branches=2), objects=ProceduralObjects(1))


@pytest.fixture(scope="module")
def held() -> Rows:
    return shard_rows(HELD, 0)[0]


def test_rows_are_those_of_the_schema(held: Rows) -> None:
    assert HELD.schema.check(held, "here") == 2 * 2 * 3
    assert set(HELD.senses) | {"clean_depth"} <= set(held)


@pytest.mark.parametrize("name", HELD.senses)
def test_rows_pass_the_check_of_their_sense_and_are_encoded(name: str, held: Rows) -> None:
    sense = SENSES[name]
    checked = sense.check(held[name])
    assert np.array_equal(checked.numpy(), held[name])
    features = sense.encoder(sense.fit(sense.settings(), checked), 8)(checked)
    for feature in features:
        assert feature.isfinite().all()
        assert len(feature.detach().round(decimals=5).unique(dim=0)) == len(checked)  # every observation is another


def test_stored_depth_is_the_noisy_one_and_clean_depth_another(held: Rows) -> None:
    noisy, clean = held["depth"], held["clean_depth"]
    read = (noisy > 0) & (clean > 0)
    assert 0 < np.abs(noisy - clean)[read].mean() < 0.05
    assert ((noisy == 0) & (clean > 0)).any()  # pixels that read nothing
    assert HELD.schema.columns["depth"].unit != HELD.schema.columns["clean_depth"].unit


def test_mask_is_the_pixels_of_the_object(held: Rows) -> None:
    """In the hand nothing but the object has a depth, unless there is clutter about it."""
    alone = shard_rows(replace(HELD, environments=("studio",)), 0)[0]
    np.testing.assert_array_equal(alone["mask"] == 1, alone["clean_depth"] > 0)
    assert alone["mask"].any(axis=(1, 2)).all()
    assert (held["clean_depth"][held["mask"] == 1] > 0).all()
    assert (held["mask"] < (held["clean_depth"] > 0)).any()  # clutter is not the object


def test_mask_leaves_out_the_table_that_the_object_stands_on() -> None:
    """The object's vertices, projected, bound its pixels on every side; the table has a depth too."""
    rows = shard_rows(replace(ON_TABLE, states_per_object=1), 0)[0]
    states = draw(ON_TABLE, 0).observed
    assert (rows["mask"].sum((1, 2)) < (rows["clean_depth"] > 0).sum((1, 2))).all()
    for mask, pose, state in zip(rows["mask"], rows["pose"].astype(np.float64), states, strict=True):
        vertices = state.objects[0].vertices.astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]
        pixels = state.camera.project(vertices)  # (column, row)
        row, column = np.nonzero(mask)
        found = np.array([[column.min(), row.min()], [column.max() + 1, row.max() + 1]])
        expected = np.stack([pixels.min(0), pixels.max(0)]).clip(0, HELD.image_size)
        assert np.abs(found - expected).max() < 1.5


@pytest.mark.parametrize("senses", [("rgb", "points"), ("points",), ("mask", "points", "rgb")])
def test_no_sense_changes_the_bytes_of_another(senses: tuple[str, ...], held: Rows) -> None:
    few = shard_rows(replace(HELD, senses=senses, clean_depth=False), 0)[0]
    assert set(held) - set(few) == {*HELD.senses, "clean_depth"} - set(senses)
    for name, value in few.items():
        assert value.tobytes() == held[name].tobytes(), name


def noisy_sense(name: str) -> Sense:
    """Depth with noise drawn from the generator that the simulator hands out."""

    def simulate(views: Rendered) -> np.ndarray:
        return views.depth + views.rng.normal(size=views.depth.shape).astype(np.float32)

    return replace(DEPTH, name=name, simulate=simulate)


def test_what_a_sense_draws_changes_no_other_sense(held: Rows) -> None:
    with registered(noisy_sense("sonar"), noisy_sense("radar")):
        rows, reordered = (
            shard_rows(replace(HELD, senses=senses), 0)[0]
            for senses in (("sonar", "rgb", "points", "radar"), ("radar", "points", "sonar"))
        )
    for name in ("rgb", "points", "clean_depth"):
        assert rows[name].tobytes() == held[name].tobytes()
    for name in ("sonar", "radar", "points"):
        assert rows[name].tobytes() == reordered[name].tobytes()
    sonar, radar = (rows[name] - held["depth"] for name in ("sonar", "radar"))
    assert abs(np.corrcoef(sonar.ravel(), radar.ravel())[0, 1]) < 0.1
    assert abs(np.corrcoef(sonar[0].ravel(), sonar[3].ravel())[0, 1]) < 0.2  # another state, another draw


def test_sense_that_is_not_simulated_is_refused() -> None:
    words = "the sense 'touch' does not say how it is simulated; give it `simulate`"
    with registered(replace(DEPTH, name="touch", simulate=None)), pytest.raises(ValueError, match=words):
        replace(HELD, senses=("rgb", "touch"))
    with pytest.raises(ValueError, match="there is no sense 'touch'"):
        replace(HELD, senses=("rgb", "touch"))

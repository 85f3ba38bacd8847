"""Stores of a run: the three splits share no object, and real meshes are split as a file says."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from smcrep.data.store import Store
from smcrep.pretraining import Data, Run, stores
from smcrep.pretraining.stores import (
    BESIDE,
    SPLITS,
    YCB_SPLIT,
    mesh_sources,
    procedural_sources,
    shares,
    simulations,
    some_states,
)
from smcrep.senses import SENSES
from smcrep.worlds.objects.families import FAMILIES
from smcrep.worlds.objects.source import MeshObjects, ObjectSet, ProceduralObjects


@pytest.fixture(scope="module")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 8 boxes, "box_0" to "box_7"."""
    folder = tmp_path_factory.mktemp("meshes")
    for i in range(8):
        trimesh.creation.box((0.05, 0.05, 0.05 + 0.01 * i)).export(folder / f"box_{i}.ply")
    return folder


def with_meshes(run: Run, meshes: Path, **changes: object) -> Run:
    return replace(run, data=replace(run.data, root=meshes, **changes))


def test_splits_are_stored_and_kept(run: Run) -> None:
    made = stores(run, progress=False)
    assert tuple(made) == SPLITS
    assert [store.path for store in made.values()] == [run.out / "stores" / split for split in SPLITS]
    for i, store in enumerate(made.values()):
        assert store.num_branches == run.data.num_branches[i]
        assert store.num_states == run.data.num_objects[i] * run.data.states_per_object[i]
        assert store.senses == run.recipe.model.names
    before = {path: path.stat().st_mtime_ns for path in run.out.rglob("*.arrow")}
    stores(run, progress=False)
    assert {path: path.stat().st_mtime_ns for path in run.out.rglob("*.arrow")} == before


def test_splits_of_one_or_of_different_seeds_share_no_object() -> None:
    seen = [source for seed in range(3) for source in procedural_sources(Data(seed=seed)).values()]
    assert len({source.seed for source in seen}) == 9
    corners = [ObjectSet(replace(source, num=1))[0].vertices.tobytes() for source in seen]
    assert len(set(corners)) == 9


@pytest.mark.parametrize("is_meshes", [False, True])
def test_worlds_of_the_splits_share_no_object_and_no_draw(run: Run, meshes: Path, is_meshes: bool) -> None:
    """By the vertices of what is simulated, not by what its record says."""
    found = simulations(with_meshes(run, meshes) if is_meshes else run)
    shapes = {split: {o.vertices.tobytes() for o in simulation.object_set} for split, simulation in found.items()}
    assert all(shapes[split] for split in SPLITS)
    assert sum(map(len, shapes.values())) == len(set.union(*shapes.values()))
    assert len({float(simulation.rng(0, 0).random()) for simulation in found.values()}) == len(SPLITS)


def test_stores_of_a_run_hold_different_objects(run: Run) -> None:
    made = stores(run, progress=False)
    seen = {split: {cloud.tobytes() for cloud in clouds(store)} for split, store in made.items()}
    assert all(len(s) > 1 for s in seen.values())
    assert sum(map(len, seen.values())) == len(set.union(*seen.values()))
    names = {split: {entry.name for entry in store.objects} for split, store in made.items()}
    assert not names["train"] & names["test"]
    assert not names["train"] & names["val"]
    assert not names["val"] & names["test"]


def clouds(store: Store) -> np.ndarray:
    return store.read(np.arange(store.num_states) * (store.num_branches + 1), ["points"])["points"].numpy()


def test_stores_lie_in_a_folder_that_runs_can_share(run: Run, tmp_path: Path) -> None:
    elsewhere = replace(run, stores=tmp_path / "shared", data=replace(run.data, num_objects=(1, 1, 1)))
    assert stores(elsewhere, progress=False)["val"].path == tmp_path / "shared" / "val"


@pytest.mark.parametrize("senses", [("points",), tuple(SENSES)])
def test_senses_of_the_model_are_simulated(run: Run, senses: tuple[str, ...]) -> None:
    model = replace(run.recipe.model, senses=senses)
    found = simulations(replace(run, recipe=replace(run.recipe, model=model)))
    assert {simulation.senses for simulation in found.values()} == {senses}


def test_sense_without_a_simulator_is_refused_before_anything_is_made(run: Run, tmp_path: Path) -> None:
    from tests.senses.strangers import TOUCH, registered

    with registered(TOUCH):
        model = replace(run.recipe.model, senses=("rgb", "touch"))
        of_touch = replace(run, recipe=replace(run.recipe, model=model), out=tmp_path / "run")
        with pytest.raises(ValueError, match="the sense 'touch' does not say how it is simulated"):
            stores(of_touch, progress=False)
    assert not (tmp_path / "run").exists()


def test_held_out_families_are_left_out_of_every_split() -> None:
    found = procedural_sources(Data(held_out_families=("mug", "can")))
    for source in found.values():
        assert set(source.families) == set(FAMILIES) - {"mug", "can"}
    assert procedural_sources(Data())["train"].families == ()


def test_meshes_are_split_without_overlap_the_same_each_time(run: Run, meshes: Path) -> None:
    found = mesh_sources(with_meshes(run, meshes).data)
    names = [name for source in found.values() for name in source.names]
    assert sorted(names) == [f"box_{i}" for i in range(8)]
    assert all(source.names for source in found.values())
    assert found == mesh_sources(with_meshes(run, meshes).data)
    assert found["train"].families == found["train"].names  # each object is its own family


def test_meshes_are_split_as_a_file_says(run: Run, meshes: Path, tmp_path: Path) -> None:
    chosen = {"train": ["box_3"], "val": ["box_1"], "test": ["box_0", "box_7"], "kind": {"box_3": "crate"}}
    (tmp_path / "split.json").write_text(json.dumps(chosen))
    found = mesh_sources(with_meshes(run, meshes, split=tmp_path / "split.json").data)
    assert {split: list(source.names) for split, source in found.items()} == {s: chosen[s] for s in SPLITS}
    assert found["train"].families == ("crate",)
    assert found["test"].families == ("box_0", "box_7")


def test_scans_of_ycb_are_split_as_the_package_says(run: Run, tmp_path: Path) -> None:
    """Wherever all of them are in the folder, others may lie beside them."""
    split = json.loads(YCB_SPLIT.read_text())
    names = [name for part in SPLITS for name in split[part]]
    for name in [*names, "another"]:
        (tmp_path / f"{name}.off").write_text("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")
    found = mesh_sources(with_meshes(run, tmp_path).data)
    assert {part: list(source.names) for part, source in found.items()} == {part: split[part] for part in SPLITS}


def test_procedural_objects_beside_meshes_are_for_training_alone(run: Run, meshes: Path) -> None:
    beside = with_meshes(run, meshes, procedural=5, procedural_states=3)
    found = simulations(beside)
    assert tuple(found) == (*SPLITS, BESIDE)
    assert isinstance(found["train"].objects, MeshObjects)
    assert isinstance(found[BESIDE].objects, ProceduralObjects)
    assert found[BESIDE].num_states == 5 * 3
    assert found[BESIDE].policy == found["train"].policy
    assert tuple(simulations(with_meshes(run, meshes))) == SPLITS


@pytest.mark.parametrize(("share", "expected"), [(0.5, [2, 2]), (0.65, [1, 3]), (0.01, [3, 1]), (0.99, [1, 3])])
def test_every_batch_holds_both_sorts_of_objects(run: Run, meshes: Path, share: float, expected: list[int]) -> None:
    assert run.recipe.optim.batch_states == 4
    assert shares(with_meshes(run, meshes, procedural=5, procedural_share=share)) == expected
    assert shares(with_meshes(run, meshes)) == shares(run) == [4]


def test_states_for_probes_are_the_same_on_every_call(run: Run) -> None:
    store = stores(run, progress=False)["train"]
    assert isinstance(store, Store)
    states = some_states(store, 3)
    assert len(np.unique(states)) == 3
    assert (np.diff(states) > 0).all()
    np.testing.assert_array_equal(states, some_states(store, 3))
    np.testing.assert_array_equal(some_states(store, 10**6), np.arange(store.num_states))


def test_faulty_sensors_are_of_training_alone(run: Run, meshes: Path) -> None:
    asked = simulations(with_meshes(run, meshes, procedural=5, corrupted=0.3))
    assert {split: simulation.corrupted for split, simulation in asked.items()} == {
        "train": 0.3, BESIDE: 0.3, "val": 0.0, "test": 0.0,
    }  # fmt: skip

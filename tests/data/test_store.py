"""Laws: random and sequential reads agree; memory does not grow with the store; errors name the file and the remedy."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smcrep.data.schema import image_schema, unpack_action
from smcrep.data.shard import open_shard, write_shard
from smcrep.data.store import Store, identity, read_manifest, shard_path, verify
from tests.data.stores import SMALL, random_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random_store(tmp_path)
    return tmp_path


def test_random_and_sequential_reads_agree_with_what_was_written(tmp_path: Path) -> None:
    written = random_store(tmp_path)
    store = Store(tmp_path)
    assert (store.num_states, store.num_rows, store.num_branches) == (12, 36, 2)
    everything = store.read(np.arange(36), list(SMALL.columns))
    rows = np.random.default_rng(0).integers(0, 36, 200).astype(np.uint64)
    for name, array in written.items():
        assert everything[name].numpy().tobytes() == array.tobytes()
        assert torch.equal(store.read(rows, [name])[name], torch.from_numpy(array[rows])), name
        for row in range(36):
            assert torch.equal(store.read(np.array([row]), [name])[name][0], everything[name][row])


def test_large_columns_take_the_same_way(tmp_path: Path) -> None:
    schema = image_schema(32, 11)  # rgb rows of 3 kB
    written = random_store(tmp_path, k=1, schema=schema)
    rows = np.random.default_rng(0).permutation(24)
    assert torch.equal(Store(tmp_path).read(rows, ["rgb"])["rgb"], torch.from_numpy(written["rgb"][rows]))


def test_what_was_read_is_a_copy(folder: Path) -> None:
    store = Store(folder)
    store.read(np.array([3]), ["rgb"])["rgb"].zero_()
    assert store.read(np.array([3]), ["rgb"])["rgb"].any()


def test_transitions_and_targets_hold_the_rows_of_their_states(tmp_path: Path) -> None:
    written = {name: torch.from_numpy(a) for name, a in random_store(tmp_path).items()}
    store = Store(tmp_path)
    states = np.array([7, 0, 11])
    t, y = store.transitions(states), store.targets(states)
    assert set(t.before) == {"rgb", "points"}
    for i, s in enumerate(states.tolist()):
        for sense in ("rgb", "points"):
            assert torch.equal(t.before[sense][i], written[sense][3 * s])
            assert torch.equal(t.after[sense][i], written[sense][3 * s + 1 : 3 * s + 3])
        assert torch.equal(t.action.vector()[i], unpack_action(written["action"][3 * s + 1 : 3 * s + 3]).vector())
        assert t.physics is not None
        assert torch.equal(t.physics[i], written["physics"][3 * s + 1 : 3 * s + 3])
        assert (t.state_id[i], t.object_id[i], y.class_id[i]) == (s, s % 5, 7 + s % 5)
        assert torch.equal(y.pose_before[i], written["pose"][3 * s])
        assert torch.equal(y.pose_after[i], written["pose"][3 * s + 1 : 3 * s + 3])
        assert y.depth_after is not None
        assert torch.equal(y.depth_after[i], written["clean_depth"][3 * s + 1 : 3 * s + 3])
    assert all(p.all() for p in [*t.before.present.values(), *t.after.present.values()])
    assert t.after.present["rgb"].shape == (3, 2)
    assert set(store.transitions(states, ["points"]).after) == {"points"}
    assert store.targets(states, clean_depth=False).depth_after is None
    np.testing.assert_array_equal(store.object_ids, np.arange(12) % 5)
    np.testing.assert_array_equal(store.class_ids, 7 + np.arange(12) % 5)


def test_hugging_face_datasets_opens_the_same_bytes(tmp_path: Path) -> None:
    written = random_store(tmp_path)
    table: Any = Store(tmp_path).dataset.with_format("arrow")[[20, 3, 35]]
    points = np.frombuffer(b"".join(table.column("points").to_pylist()), np.float32).reshape(3, 5, 3)
    np.testing.assert_array_equal(points, written["points"][[20, 3, 35]])
    assert table.column("state_id").to_pylist() == [6, 1, 11]


@pytest.mark.parametrize("rows", [[-1], [36], [0.5], [[1]]])
def test_rows_that_are_not_there_are_named(folder: Path, rows: list) -> None:
    with pytest.raises(ValueError, match=r"the store has rows 0\.\.35|1-d array of integers"):
        Store(folder).read(np.array(rows), ["rgb"])
    with pytest.raises(ValueError, match=r"states 3\.\.12 requested, the store has 0\.\.11"):
        Store(folder).targets(np.array([3, 12]))
    with pytest.raises(ValueError, match=r"no columns \['touch'\]; the store has \["):
        Store(folder).read(np.array([0]), ["touch"])


def test_a_missing_or_damaged_manifest_is_named(folder: Path) -> None:
    path = folder / "manifest.json"
    whole = json.loads(path.read_text())
    with pytest.raises(ValueError, match="is not a store; check the path"):
        Store(folder / "nowhere")
    path.write_text(json.dumps(whole)[:-9])
    with pytest.raises(ValueError, match=r"manifest.json: damaged manifest .* generate the store again"):
        Store(folder)
    for field in whole.keys() - {"sha256"}:  # stores from before there were seals have none
        path.write_text(json.dumps({n: v for n, v in whole.items() if n != field}))
        with pytest.raises(ValueError, match=rf"manifest.json: .*{field}"):
            Store(folder)
    path.write_text(json.dumps(whole | {"schema": whole["schema"] | {"version": 7}}))
    with pytest.raises(ValueError, match="schema version 7"):
        Store(folder)
    path.write_text(json.dumps(whole | {"num_branches": 3}))
    with pytest.raises(ValueError, match=r"shard-00001.arrow: 9 rows, but a state has 4 observations"):
        Store(folder)
    path.write_text(json.dumps(whole | {"num_shards": 0}))
    with pytest.raises(ValueError, match="the store has no shards; generate at least one state"):
        Store(folder)


def test_manifest_round_trip(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert (manifest.schema, manifest.num_branches, manifest.classes) == (SMALL, 2, ("a", "b"))
    assert (manifest.objects[3].name, manifest.config) == ("o3", {"seed": 0})


def test_verify_finds_the_flipped_bit_and_the_missing_shard(folder: Path) -> None:
    verify(folder)
    path = shard_path(folder, 1)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"shard-00001.arrow: sha256 .* corrupt; delete it and generate"):
        verify(folder)
    path.unlink()
    with pytest.raises(ValueError, match=r"shard-00001.arrow: shard is missing"):
        Store(folder)


ROOT = Path(__file__).parents[2]
MEMORY = """
import sys, numpy as np
from smcrep.data.store import Store

def private_mib():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

for folder in sys.argv[1:]:
    store = Store(folder)
    for rows in np.array_split(np.random.default_rng(0).permutation(store.num_rows), store.num_rows // 64):
        store.read(rows, ["rgb"])
    print(private_mib())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_store(tmp_path: Path) -> None:
    """Private memory after reading all of a 4 MB, then all of a 64 MB store at random (the map is page cache)."""
    folders = []
    for num_states in (128, 2048):
        folders.append(str(tmp_path / str(num_states)))
        random_store(Path(folders[-1]), shards=(num_states,), k=1, schema=image_schema(72, 11))
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *folders], capture_output=True, text=True, check=True, cwd=ROOT
    )
    small, large = map(float, done.stdout.split())
    assert large - small < 16


@pytest.mark.situation
def test_stores_that_differ_in_one_value_have_another_identity(tmp_path: Path) -> None:
    for name in ("a", "b"):
        random_store(tmp_path / name)
    assert identity(tmp_path / "a") == identity(tmp_path / "b")
    rows = {name: column.copy() for name, column in open_shard(shard_path(tmp_path / "b", 1), SMALL).items()}
    rows["rgb"][0, 0, 0, 0] ^= 1
    write_shard(shard_path(tmp_path / "b", 1), SMALL, rows)
    assert identity(tmp_path / "a") != identity(tmp_path / "b")
    assert (tmp_path / "a/manifest.json").read_bytes() == (tmp_path / "b/manifest.json").read_bytes()

"""Push-T episodes as transitions: targets relative to the pusher, nothing over the end of an episode, faults named."""

import math
from pathlib import Path

import numpy as np
import pytest

from smcrep.data.loader import TransitionLoader
from smcrep.data.readers.pusht import PusherPath, PushT, block_pose
from tests.data.hostile import answers

zarr = pytest.importorskip("zarr")
ENDS = (6, 6, 8, 14)  # an empty episode and one of two rows
H = 2


def replay(path: Path, **others: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    found = {
        "img": np.repeat(np.arange(14.0, dtype=np.float32), 48).reshape(14, 4, 4, 3) * 10,
        "state": rng.uniform(0, 512, (14, 5)).astype(np.float32),
        "action": rng.uniform(0, 512, (14, 2)).astype(np.float32),
    } | others
    group = zarr.open_group(str(path), mode="w")
    for name, value in found.items():
        group.create_array(f"data/{name}", data=value, chunks=(5, *value.shape[1:]))
    group.create_array("meta/episode_ends", data=np.array(others.get("ends", ENDS), np.int64))
    return found


def test_transitions_stay_within_their_episode(tmp_path: Path) -> None:
    replay(tmp_path / "a")
    source = PushT(tmp_path / "a", H)
    assert source.rows.tolist() == [0, 1, 2, 3, 8, 9, 10, 11]
    assert source.object_ids.tolist() == [0] * 4 + [3] * 4
    said = "\n".join(source.report)
    assert "14 rows in 4 episodes; rgb is data/img" in said
    assert "episode 1 has 0 frames" in said
    assert "episode 2 is too short for 2 steps" in said


def test_a_transition_is_read_as_planted(tmp_path: Path) -> None:
    given = replay(tmp_path / "a")
    transition, targets = PushT(tmp_path / "a", H).load(np.array([5, 1]), epoch=0)  # rows 9 and 1
    assert transition.before["rgb"][:, 0, 0, 0].tolist() == [90, 10]
    assert transition.after["rgb"][:, 0, 0, 0, 0].tolist() == [110, 30]
    vector = transition.action.vector()
    assert vector.shape == (2, 1, 2 * H)
    for i, row in enumerate((9, 1)):
        wanted = [(given["action"][row + t, c] - given["state"][row, c]) / 512 for t in range(H) for c in range(2)]
        np.testing.assert_allclose(vector[i, 0], wanted, rtol=1e-5)
        pose, (_, _, x, y, angle) = targets.pose_after[i, 0], given["state"][row + H]
        tip = (pose.numpy() @ np.array([0.1, 0, 0, 1])).tolist()
        assert tip[:2] == pytest.approx([x / 512 + 0.1 * math.cos(angle), y / 512 + 0.1 * math.sin(angle)], abs=1e-5)
    assert targets.object_id.tolist() == [3, 0]


def test_loader_takes_it_with_episodes_apart(tmp_path: Path) -> None:
    replay(tmp_path / "a")
    batch, _ = next(TransitionLoader(PushT(tmp_path / "a", H), batch_states=2, seed=0, prefetch=0))
    assert sorted(batch.object_id.tolist()) == [0, 3]
    assert PusherPath.identity(2, 3).vector().shape == (2, 3, 2)


def test_rows_that_are_not_finite_and_copies_are_named(tmp_path: Path) -> None:
    state = replay(tmp_path / "a")["state"].copy()
    state[8:14] = state[0:6]
    replay(tmp_path / "a", state=state)
    assert "1 of 3 training items are copies: episode 3 of episode 0" in "\n".join(PushT(tmp_path / "a", H).report)
    state[2, 4] = np.nan
    replay(tmp_path / "a", state=state)
    source = PushT(tmp_path / "a", H)
    assert source.rows.tolist() == [3, 8, 9, 10, 11]
    assert "1 rows are not finite, first 2" in "\n".join(source.report)


def test_wrong_replays_are_one_line(tmp_path: Path) -> None:
    assert "not zarr episodes" in answers(lambda: PushT(tmp_path / "nowhere", H))
    replay(tmp_path / "a", state=np.zeros((14, 4), np.float32))
    assert "data/state is not [n, 5] (it is [14, 4])" in answers(lambda: PushT(tmp_path / "a", H))
    replay(tmp_path / "b")
    assert "no episode has 31 good rows" in answers(lambda: PushT(tmp_path / "b", 30))
    assert "give at least 1" in answers(lambda: PushT(tmp_path / "b", 0))
    chunk = next(p for p in (tmp_path / "b/data/action/c").rglob("*") if p.is_file())
    chunk.write_bytes(chunk.read_bytes()[:5])
    assert "data/action cannot be read" in answers(lambda: PushT(tmp_path / "b", H))


def test_damaged_pictures_are_named_when_they_are_read(tmp_path: Path) -> None:
    replay(tmp_path / "a")
    source = PushT(tmp_path / "a", H)
    for chunk in (p for p in (tmp_path / "a/data/img/c").rglob("*") if p.is_file()):
        chunk.write_bytes(b"x")
    assert "leave its episode out" in answers(lambda: source.load(np.array([5]), 0))  # chunk 0 was looked at


def test_pose_turns_x_towards_y() -> None:
    pose = block_pose(np.array([0, 0, 256, 128, math.pi / 2]))
    np.testing.assert_allclose(pose[:3, 0], [0, 1, 0], atol=1e-6)
    assert pose[:3, 3].tolist() == [0.5, 0.25, 0]

"""Every row of a LeRobotDataset gives the frame recorded with it; what is broken is named, and the rest is read."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from smcrep.data.readers.depth_clouds import Intrinsics
from smcrep.data.readers.lerobot import LeRobotRows
from smcrep.data.readers.lerobot_files import formatted
from tests.data.readers.lerobot_sets import (
    CAMERA,
    DEPTH,
    SIDE,
    codes_of,
    edit_info,
    edit_table,
    row_of,
    small_set,
)

ROWS = 15


@pytest.fixture
def v3(tmp_path: Path) -> Path:
    return small_set(tmp_path / "set")


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    return small_set(tmp_path / "set", version=2)


def rows_shown(source: LeRobotRows, rows: range) -> list[int | None]:
    return [None if x is None else row_of(x) for x in source.read(rows, ["rgb"]).data["rgb"]]


@pytest.mark.parametrize("version", [2, 3])
def test_each_row_gives_the_frame_of_its_time_in_any_order(tmp_path: Path, version: int) -> None:
    source = LeRobotRows(small_set(tmp_path / "set", version=version))
    assert source.num_rows == ROWS
    assert source.faults == ()
    assert rows_shown(source, range(ROWS)) == list(range(ROWS))
    for rows in (range(12, 15), range(3, 7), range(8, 9), range(0, 2), range(6, 11)):
        assert rows_shown(source, rows) == list(rows)


def test_index_names_episodes_frames_tasks_and_files(v3: Path) -> None:
    index = LeRobotRows(v3).index(range(4, 11))
    assert list(index["episode_index"]) == [0, 1, 1, 1, 1, 2, 2]
    assert list(index["frame_index"]) == [4, 0, 1, 2, 3, 0, 1]
    assert index["task"] == ["push"] * 7
    assert index["file"] == ["data/chunk-000/file-000.parquet"] * 5 + ["data/chunk-000/file-001.parquet"] * 2


def test_recorders_that_stamp_the_end_of_a_frame_lose_none(v2: Path) -> None:
    for path in (v2 / "data").rglob("*.parquet"):
        edit_table(path, lambda t: t.set_column(2, "timestamp", pa.array(t["timestamp"].to_numpy() + np.float32(0.1))))
    assert rows_shown(LeRobotRows(v2), range(ROWS)) == list(range(ROWS))


def test_depth_video_gives_metres_and_clouds(tmp_path: Path) -> None:
    """By LeRobot's own formula: log(z + .5) from .1 to 2 m in 4095 steps."""
    source = LeRobotRows(small_set(tmp_path / "set", depth=True), intrinsics=Intrinsics(40.0, 50.0, 15.5, 14.5))
    assert source.senses == ("rgb", "depth", "points")
    read = source.read(range(6, 8), ["depth", "points"])
    depth, cloud = read.data["depth"][1], read.data["points"][1]
    assert depth is not None
    assert cloud is not None
    low, high = np.log(0.6), np.log(2.5)
    expected = np.exp(low + codes_of(7) / 4095 * (high - low)) - 0.5
    assert (depth[0] == 0).all()
    np.testing.assert_allclose(depth[1:], expected[1:], rtol=1e-5)
    assert cloud.shape == (SIDE * (SIDE - 1), 3)
    pixel = 9 * SIDE + 4  # the first line reads nothing
    z = depth[10, 4]
    np.testing.assert_allclose(cloud[pixel], [(4 - 15.5) * z / 40, (10 - 14.5) * z / 50, z], rtol=1e-5)


def test_clouds_of_a_column_are_read_as_they_are(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set")

    def with_clouds(table: pa.Table) -> pa.Table:
        clouds = [[float(row), 0.0, 1.0, 0.0, float(row), 2.0] for row in range(len(table))]
        return table.append_column("observation.points", pa.array(clouds, pa.list_(pa.float32())))

    for path in sorted((root / "data").rglob("*.parquet")):
        edit_table(path, with_clouds)
    source = LeRobotRows(root, columns={"points": "observation.points"})
    (cloud,) = source.read(range(2, 3), ["points"]).data["points"]
    assert cloud is not None
    np.testing.assert_array_equal(cloud, [[2, 0, 1], [0, 2, 2]])


def test_named_cameras_are_taken_and_unknown_ones_refused(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set", depth=True)
    assert LeRobotRows(root, {"rgb": CAMERA}).senses == ("rgb",)
    with pytest.raises(ValueError, match=r"no camera or column 'observation\.images\.top' for 'rgb'; it has"):
        LeRobotRows(root, {"rgb": "observation.images.top"})


def test_missing_video_fails_its_own_rows(v3: Path) -> None:
    path = v3 / "videos" / CAMERA / "chunk-000" / "file-000.mp4"
    path.unlink()
    source = LeRobotRows(v3)
    assert rows_shown(source, range(ROWS)) == [None] * 9 + list(range(9, ROWS))
    failed = source.read(range(ROWS), ["rgb"]).failed
    assert set(failed) == set(range(9))
    assert failed[0] == f"{path}: no such video"


@pytest.mark.parametrize("harm", ["truncated", "no video", "unknown codec"])
def test_broken_video_fails_its_own_rows(v3: Path, harm: str) -> None:
    path = v3 / "videos" / CAMERA / "chunk-000" / "file-001.mp4"
    content = path.read_bytes()
    harmed = {
        "truncated": content[:200],
        "no video": b"not a video at all",
        "unknown codec": content.replace(b"avc1", b"zzz1"),
    }
    path.write_bytes(harmed[harm])
    failed = LeRobotRows(v3).read(range(ROWS), ["rgb"]).failed
    assert set(failed) == set(range(9, ROWS))
    assert failed[9].startswith(str(path))
    assert "\n" not in failed[9]
    if harm == "unknown codec":
        assert "its codec is not known" in failed[9]


def test_state_that_is_not_finite_fails_its_row(v3: Path) -> None:
    def harm(table: pa.Table) -> pa.Table:
        state = np.array(table["observation.state"].to_pylist(), np.float32)
        state[3, 1] = np.nan
        return table.set_column(
            0, "observation.state", pa.FixedSizeListArray.from_arrays(pa.array(state.reshape(-1)), 2)
        )

    edit_table(v3 / "data" / "chunk-000" / "file-000.parquet", harm)
    read = LeRobotRows(v3).read(range(ROWS), ["rgb"])
    assert read.failed == {3: "observation.state is not finite (episode 0, 0.300 s)"}
    assert read.data["rgb"][3] is None


def test_truncated_table_is_named_and_the_others_read(v3: Path) -> None:
    path = v3 / "data" / "chunk-000" / "file-000.parquet"
    path.write_bytes(path.read_bytes()[:-10])
    source = LeRobotRows(v3)
    assert source.num_rows == 6
    assert rows_shown(source, range(6)) == list(range(9, ROWS))
    assert any(line.startswith(f"{path}: not a whole Parquet file") for line in source.faults)
    assert any("2 listed episodes have no file with their data: 0, 1" in line for line in source.faults)


def test_damaged_row_group_fails_its_own_rows(v3: Path) -> None:
    path = v3 / "data" / "chunk-000" / "file-000.parquet"
    content = bytearray(path.read_bytes())
    content[4:40] = bytes(36)  # the first column of the first row group of 4
    path.write_bytes(bytes(content))
    read = LeRobotRows(v3).read(range(ROWS), ["rgb"])
    assert set(read.failed) == {0, 1, 2, 3}
    assert read.failed[0].startswith(str(path))


@pytest.mark.parametrize("version", [2, 3])
def test_listed_episodes_without_data_are_named(tmp_path: Path, version: int) -> None:
    root = small_set(tmp_path / "set", version=version)
    (root / "data" / "chunk-000" / ("file-001.parquet" if version == 3 else "episode_000002.parquet")).unlink()
    source = LeRobotRows(root)
    assert source.faults == (f"{root}: 1 listed episodes have no file with their data: 2",)
    assert rows_shown(source, range(9)) == list(range(9))


def test_episode_of_0_frames_is_named(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set")
    path = root / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    edit_table(path, lambda t: t.set_column(2, "length", pa.array([5, 0, 6])))
    assert LeRobotRows(root).faults == (f"{root}: 1 listed episodes have 0 frames: 1",)


def test_empty_metadata_are_named_and_the_files_decide(v2: Path) -> None:
    (v2 / "meta" / "info.json").write_text("")
    source = LeRobotRows(v2)
    assert "info.json: cannot be read" in source.faults[0]
    assert rows_shown(source, range(ROWS)) == list(range(ROWS))


def test_wrong_paths_of_videos_are_found_by_their_names(v2: Path) -> None:
    edit_info(v2, video_path="video/chunk-{episode_index:03d}/{video_key}/episode_{episode_index:06d}.mp4")
    assert rows_shown(LeRobotRows(v2), range(ROWS)) == list(range(ROWS))


def test_path_that_leaves_the_folder_is_not_followed(v3: Path) -> None:
    outside = v3.parent / "outside.mp4"
    (v3 / "videos" / CAMERA / "chunk-000" / "file-001.mp4").rename(outside)
    edit_info(v3, video_path="../outside.mp4")
    failed = LeRobotRows(v3).read(range(9, ROWS), ["rgb"]).failed
    assert "'../outside.mp4' leaves the folder" in failed[9]


def test_only_plain_fields_of_a_path_are_filled_in() -> None:
    values = {"chunk_index": 3, "video_key": "a"}
    assert formatted("v/{video_key}/chunk-{chunk_index:03d}", values) == "v/a/chunk-003"
    assert formatted("{chunk_index:>999999999}{video_key.__class__}", values) == (
        "{chunk_index:>999999999}{video_key.__class__}"
    )
    with pytest.raises(ValueError, match="needs file_index, which the metadata do not give"):
        formatted("{file_index:03d}", values)


def test_set_without_a_video_is_refused_with_what_is_missing(v3: Path) -> None:
    for path in (v3 / "videos").rglob("*.mp4"):
        path.unlink()
    with pytest.raises(ValueError, match=f"no camera in it has a video .*no video of '{CAMERA}'"):
        LeRobotRows(v3)


def test_fingerprint_changes_with_tables_videos_and_notes(v3: Path) -> None:
    before = LeRobotRows(v3).fingerprint()
    assert LeRobotRows(v3).fingerprint() == before
    edit_info(v3, fps=20)
    changed = LeRobotRows(v3).fingerprint()
    assert changed != before
    path = v3 / "videos" / CAMERA / "chunk-000" / "file-001.mp4"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    assert LeRobotRows(v3).fingerprint() != changed


def test_depth_maps_are_not_taken_for_pictures(tmp_path: Path) -> None:
    source = LeRobotRows(small_set(tmp_path / "set", depth=True))
    assert source.columns == {"rgb": CAMERA, "depth": DEPTH}

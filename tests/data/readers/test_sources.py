"""Folders of pictures and clouds, tables and zarr episodes as sources: each row its own, faults named and survived."""

import io
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from smcrep.data.readers.cloud_files import CloudFiles
from smcrep.data.readers.depth_clouds import Intrinsics, cloud_of_depth
from smcrep.data.readers.depth_video import depth_of_codes
from smcrep.data.readers.picture_files import PictureFiles
from smcrep.data.readers.source import Source
from smcrep.data.readers.table_rows import TableRows
from smcrep.data.readers.zarr_episodes import ZarrEpisodes

zarr = pytest.importorskip("zarr")


def picture(row: int) -> np.ndarray:
    return np.full((8, 9, 3), 10 * row, np.uint8)


def encoded(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def shown(source: Source, rows: range) -> list[int | None]:
    found = source.read(rows, ["rgb"]).data["rgb"]
    return [None if x is None else round(float(x.mean()) / 10) for x in found]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for row, name in enumerate(("a/0.png", "a/deep/1.png", "b/2.png", "3.png")):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture(row)))
    return tmp_path / "pictures"


def test_pictures_of_any_depth_in_the_order_of_their_paths(pictures: Path) -> None:
    (pictures / "notes.txt").write_text("x")
    source = PictureFiles(pictures)
    assert source.num_rows == 4
    assert shown(source, range(4)) == [3, 0, 1, 2]
    assert shown(source, range(1, 3)) == [0, 1]
    assert source.index(range(4)) == {
        "file": ["3.png", "a/0.png", "a/deep/1.png", "b/2.png"], "class": ["", "a", "a", "b"],
    }  # fmt: skip
    assert source.report == (f"{pictures}: 4 pictures; 1 other files",)


def test_broken_picture_and_link_out_of_the_folder_fail_alone(pictures: Path) -> None:
    outside = pictures.parent / "outside.png"
    outside.write_bytes(encoded(picture(9)))
    (pictures / "a" / "0.png").write_bytes(b"no picture")
    (pictures / "b" / "link.png").symlink_to(outside)
    read = PictureFiles(pictures).read(range(5), ["rgb"])
    assert set(read.failed) == {1, 4}
    assert read.failed[1].startswith("a/0.png: not a readable image")
    assert "leaves the folder" in read.failed[4]


def test_fingerprint_of_a_folder_changes_with_names_and_bytes(pictures: Path) -> None:
    before = PictureFiles(pictures).fingerprint()
    (pictures / "3.png").rename(pictures / "4.png")
    renamed = PictureFiles(pictures).fingerprint()
    assert renamed != before
    (pictures / "4.png").write_bytes(encoded(picture(7)))
    assert PictureFiles(pictures).fingerprint() != renamed


def test_clouds_of_every_format_are_the_same_points(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0.1, 1, (20, 3)).astype(np.float32)
    np.save(tmp_path / "a.npy", np.concatenate([points, np.zeros((20, 3), np.float32)], 1))  # with colours
    lines = [" ".join(f"{x:.7g}" for x in p) for p in points]
    (tmp_path / "b.xyz").write_text("\n".join(lines))
    (tmp_path / "c.csv").write_text("\n".join(line.replace(" ", ",") for line in lines))
    header = "ply\nformat ascii 1.0\nelement vertex 20\n" + "".join(f"property float {c}\n" for c in "xyz")
    (tmp_path / "d.ply").write_text(header + "end_header\n" + "\n".join(lines) + "\n")
    (tmp_path / "._a.npy").write_bytes(b"left by another system")
    (tmp_path / "notes.md").write_text("of the day")
    source = CloudFiles(tmp_path)
    assert source.report == (f"{tmp_path}: 4 clouds; 2 other files",)
    read = source.read(range(4), ["points"])
    assert read.failed == {}
    for cloud in read.data["points"]:
        np.testing.assert_allclose(cloud, points, rtol=1e-5)
    assert source.index(range(3, 4))["file"] == ["d.ply"]


def test_wrong_clouds_fail_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((0, 3)))
    np.save(tmp_path / "b.npy", np.zeros((4, 2)))
    np.save(tmp_path / "c.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "d.xyz").write_text("a b c")
    np.save(tmp_path / "e.npy", np.ones((4, 3)))
    failed = CloudFiles(tmp_path).read(range(5), ["points"]).failed
    words = ("no points in it", "expected numbers", "allow_pickle=False", "d.xyz: not a readable cloud")
    assert set(failed) == {0, 1, 2, 3}
    for row, expected in enumerate(words):
        assert expected in failed[row]


def table(root: Path) -> Path:
    """Two files of 3 rows in row groups of 2: picture, cloud, depth in millimetres, label."""
    root.mkdir(parents=True, exist_ok=True)
    for number in range(2):
        rows = range(3 * number, 3 * number + 3)
        columns = {
            "image": [{"bytes": encoded(picture(row)), "path": None} for row in rows],
            "points": [[[0.1 * row, 0.2, 0.5], [0.0, 0.1, 0.6]] for row in rows],
            "depth": [encoded(np.full((8, 8), 500 + row, np.uint16)) for row in rows],
            "label": list(rows),
        }
        pq.write_table(pa.table(columns), root / f"part-{number}.parquet", row_group_size=2)
    return root


def test_tables_give_pictures_clouds_and_depth(tmp_path: Path) -> None:
    source = TableRows(table(tmp_path / "tables"))
    assert source.senses == ("rgb", "points", "depth")
    assert shown(source, range(6)) == list(range(6))
    assert shown(source, range(3, 5)) == [3, 4]
    read = source.read(range(4, 5), ["points", "depth"]).data
    np.testing.assert_allclose(read["points"][0], [[0.4, 0.2, 0.5], [0.0, 0.1, 0.6]], rtol=1e-6)
    np.testing.assert_allclose(read["depth"][0], 0.504, rtol=1e-6)
    assert source.index(range(1, 5)) == {"label": [1, 2, 3, 4]}
    assert TableRows(tmp_path / "tables" / "part-1.parquet", {"rgb": "image"}).senses == ("rgb",)
    with pytest.raises(ValueError, match=r"no column 'photo' for 'rgb'; it has image, points, depth, label"):
        TableRows(tmp_path / "tables", {"rgb": "photo"})


def test_truncated_and_damaged_tables_lose_their_own_rows(tmp_path: Path) -> None:
    root = table(tmp_path / "tables")
    shutil.copy(root / "part-0.parquet", root / "part-2.parquet")
    (root / "part-2.parquet").write_bytes((root / "part-2.parquet").read_bytes()[:-20])
    content = bytearray((root / "part-1.parquet").read_bytes())
    content[4:60] = bytes(56)  # the pictures of its first row group
    (root / "part-1.parquet").write_bytes(bytes(content))
    source = TableRows(root)
    assert source.num_rows == 6
    assert len(source.faults) == 1
    assert "part-2.parquet: not a whole Parquet file" in source.faults[0]
    assert shown(source, range(6)) == [0, 1, 2, None, None, 5]
    assert "part-1.parquet" in source.read(range(3, 4), ["rgb"]).failed[3]


def test_paths_in_a_table_do_not_leave_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(encoded(picture(1)))
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "here.png").write_bytes(encoded(picture(2)))
    images = [{"bytes": None, "path": "../secret.png"}, {"bytes": None, "path": "here.png"}]
    pq.write_table(pa.table({"image": images}), tmp_path / "tables" / "t.parquet")
    source = TableRows(tmp_path / "tables" / "t.parquet")
    assert shown(source, range(2)) == [None, 2]
    assert "'../secret.png' leaves the folder" in source.read(range(1), ["rgb"]).failed[0]


def episodes(root: Path, *, rows: int = 7, ends: tuple[int, ...] = (3, 7)) -> Path:
    group = zarr.open_group(str(root), mode="w", zarr_format=2)
    data, meta = group.create_group("data"), group.create_group("meta")
    images = np.stack([picture(row) for row in range(rows)]).astype(np.float32)
    state = np.arange(2.0 * rows).reshape(rows, 2).astype(np.float32)
    for name, values in (("img", images), ("state", state)):
        array = data.create_array(name, shape=values.shape, chunks=(3, *values.shape[1:]), dtype="f4")
        array[:] = values
    meta.create_array("episode_ends", shape=(len(ends),), dtype="i8")[:] = np.array(ends)
    return root


def test_zarr_episodes_give_pictures_and_where_they_are(tmp_path: Path) -> None:
    source = ZarrEpisodes(episodes(tmp_path / "z"))
    assert source.faults == ()
    assert shown(source, range(7)) == list(range(7))
    assert source.read(range(1), ["rgb"]).data["rgb"][0].dtype == np.uint8  # type: ignore[union-attr]
    index = source.index(range(1, 6))
    assert index["episode_index"].tolist() == [0, 0, 1, 1, 1]
    assert index["frame_index"].tolist() == [1, 2, 0, 1, 2]


def test_faults_of_zarr_episodes_are_named_and_survived(tmp_path: Path) -> None:
    root = episodes(tmp_path / "z", ends=(3, 3, 9))
    group = zarr.open_group(str(root), mode="r+")
    group["data/state"][4] = np.nan
    next((root / "data" / "img").glob("2.*")).write_bytes(b"damaged")
    source = ZarrEpisodes(root)
    assert any("episode 1 has 0 frames" in line for line in source.faults)
    assert any("episode_ends ends at row 9, the arrays at 7" in line for line in source.faults)
    read = source.read(range(7), ["rgb"])
    assert set(read.failed) == {4, 6}
    assert read.failed[4] == "data/state is not finite in row 4"
    assert "data/img: chunk 2 cannot be read" in read.failed[6]
    with pytest.raises(ValueError, match="not zarr episodes"):
        ZarrEpisodes(tmp_path)


def test_a_wall_before_the_camera_is_a_plane_of_points() -> None:
    """Depth z(u, v) of the plane n . p = .6: every point of the cloud lies on it, at the pixel where it was seen."""
    camera, normal = Intrinsics(50.0, 60.0, 10.0, 8.0), np.array([0.3, -0.2, 1.0])
    v, u = np.mgrid[:16, :20]
    ray = np.stack([(u - 10) / 50, (v - 8) / 60, np.ones_like(u)], -1)
    depth = 0.6 / (ray @ normal)
    cloud = cloud_of_depth(depth, camera)
    np.testing.assert_allclose(cloud @ normal, 0.6, rtol=1e-5)
    np.testing.assert_allclose(50 * cloud[:, 0] / cloud[:, 2] + 10, u.ravel(), atol=1e-3)
    few = cloud_of_depth(depth, camera, 100)
    assert few.shape == (100, 3)
    assert len(np.unique(few, axis=0)) == 100
    with pytest.raises(ValueError, match="reads nothing"):
        cloud_of_depth(np.zeros((4, 4)), camera)


def test_depth_codes_end_at_their_limits() -> None:
    codes = np.array([[0, 1, 2048, 4095]])
    linear = depth_of_codes(codes, depth_min=0.0, depth_max=4.095, shift=0, use_log=False)
    np.testing.assert_allclose(linear, [[0, 0.001, 2.048, 4.095]], rtol=1e-5)
    with pytest.raises(ValueError, match="is no encoding of depth"):
        depth_of_codes(codes, depth_min=0.0, depth_max=-1.0, shift=3.5, use_log=True)

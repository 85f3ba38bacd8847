"""Embeddings in a copy of a LeRobotDataset: every row its own, all statistics those of numpy, no video touched."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smcrep.extraction.extract import extract
from smcrep.extraction.lerobot_copy import ENVIRONMENT_STATE, Injected, feature_lines, inject
from smcrep.extraction.lerobot_episodes import EpisodeStatistics
from smcrep.extraction.manifest import EmbeddingManifest
from smcrep.extraction.output import Output
from smcrep.extraction.shards import load_embeddings
from smcrep.extraction.sources import SourceSpec
from smcrep.extraction.statistics import NAMES, QUANTILES, statistics, statistics_of
from tests.data.readers.lerobot_sets import CAMERA, edit_info, edit_table, small_set
from tests.extraction.extractions import small_model

PARTS = ("fused.invariant", "rgb.tokens", "weight", "precision", "p_value")


def embedded(folder: Path, root: Path) -> tuple[Path, EmbeddingManifest]:
    run = small_model(folder / "run")
    out = folder / "embeddings"
    spec = SourceSpec("lerobot", str(root))
    return out, extract(run, spec, out, senses=["rgb"], output=Output(PARTS, "float16"), rows_per_shard=4)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, np.ndarray]]:
    """(the set, its copy, its embeddings)."""
    folder = tmp_path_factory.mktemp("made")
    root = small_set(folder / "set")
    out, manifest = embedded(folder, root)
    done = inject(root, out, folder / "copy")
    assert done.left_out == ("smcrep.p_value is not written: the model does not say it of every row",)
    return root, folder / "copy", {k: v.numpy() for k, v in load_embeddings(out, manifest).items()}


def column(root: Path, name: str) -> np.ndarray:
    paths = sorted((root / "data").rglob("*.parquet"))
    return np.concatenate([np.array(pq.read_table(path)[name].to_pylist()) for path in paths])


def test_each_row_has_its_own_embedding_beside_what_it_had(made: tuple) -> None:
    root, copy, found = made
    assert (column(copy, "index") == np.arange(15)).all()
    np.testing.assert_array_equal(column(copy, ENVIRONMENT_STATE), found["fused.invariant"].astype(np.float32))
    np.testing.assert_array_equal(column(copy, "smcrep.rgb.tokens"), found["rgb.tokens"].astype(np.float32))
    np.testing.assert_array_equal(column(copy, "smcrep.precision"), found["precision"])
    np.testing.assert_array_equal(column(copy, "smcrep.present"), [[1.0, 0.0]] * 15)
    for name in ("observation.state", "action", "timestamp"):
        np.testing.assert_array_equal(column(copy, name), column(root, name))


def test_features_are_listed_with_their_shapes_and_none_is_a_second_state(made: tuple) -> None:
    root, copy, found = made
    features = json.loads((copy / "meta" / "info.json").read_text())["features"]
    before = json.loads((root / "meta" / "info.json").read_text())["features"]
    added = {name: feature for name, feature in features.items() if name not in before}
    assert {n: f["shape"] for n, f in added.items()} == {
        ENVIRONMENT_STATE: [8], "smcrep.rgb.tokens": list(found["rgb.tokens"].shape[1:]), "smcrep.weight": [2],
        "smcrep.precision": [2], "smcrep.present": [2],
    }  # fmt: skip
    assert all(f["dtype"] == "float32" and f["names"] is None for f in added.values())
    assert {n: f for n, f in features.items() if n in before} == before
    policy_inputs = [name for name in added if name.startswith(("observation", "action"))]
    assert policy_inputs == [ENVIRONMENT_STATE]
    schema = pq.read_schema(copy / "data" / "chunk-000" / "file-000.parquet")
    assert schema.field(ENVIRONMENT_STATE).type == pa.list_(pa.float32(), 8)


def test_all_ten_statistics_are_those_of_numpy(made: tuple) -> None:
    root, copy, _ = made
    stats = json.loads((copy / "meta" / "stats.json").read_text())
    assert stats["action"] == json.loads((root / "meta" / "stats.json").read_text())["action"]
    for name in (ENVIRONMENT_STATE, "smcrep.rgb.tokens", "smcrep.weight"):
        x = column(copy, name).astype(np.float64)
        flat = x.reshape(-1, x.shape[-1])
        assert set(stats[name]) == set(NAMES)
        assert stats[name]["count"] == [len(flat)]
        for key, expected in (("min", flat.min(0)), ("max", flat.max(0)), ("mean", flat.mean(0)), ("std", flat.std(0))):
            np.testing.assert_allclose(stats[name][key], expected, rtol=1e-5, atol=1e-6)
        for key, q in QUANTILES.items():
            np.testing.assert_allclose(stats[name][key], np.quantile(flat, q, axis=0), rtol=1e-5, atol=1e-6)


def test_each_episode_has_the_statistics_of_its_rows(made: tuple) -> None:
    _, copy, _ = made
    table = pq.read_table(copy / "meta" / "episodes" / "chunk-000" / "file-000.parquet")
    x, episode = column(copy, ENVIRONMENT_STATE), column(copy, "episode_index")
    assert table["length"].to_pylist() == [5, 4, 6]
    for key in NAMES:
        held = table[f"stats/{ENVIRONMENT_STATE}/{key}"].to_pylist()
        for number in range(3):
            np.testing.assert_allclose(held[number], statistics(x[episode == number])[key], rtol=1e-6)


def test_an_episode_without_rows_has_no_statistics_and_the_others_keep_theirs(tmp_path: Path) -> None:
    """Of episodes 0, 1, 2 the second has none; the table lists them in another order."""
    x = np.arange(8.0).reshape(4, 2)
    episodes = EpisodeStatistics(["x"])
    episodes.add(np.array([0, 0, 2]), {"x": x[:3]})
    episodes.add(np.array([2]), {"x": x[3:]})
    episodes.end()
    pq.write_table(pa.table({"episode_index": [1, 2, 0, 1]}), tmp_path / "before.parquet")
    episodes.write(tmp_path / "before.parquet", tmp_path / "after.parquet")
    table = pq.read_table(tmp_path / "after.parquet")
    assert table["stats/x/mean"].to_pylist() == [None, [5.0, 6.0], [1.0, 2.0], None]
    assert table["stats/x/count"].to_pylist() == [None, [2], [2], None]


def test_normalised_by_the_written_statistics_the_column_is_standard(made: tuple) -> None:
    _, copy, _ = made
    stats = json.loads((copy / "meta" / "stats.json").read_text())[ENVIRONMENT_STATE]
    x = column(copy, ENVIRONMENT_STATE)
    z = (x - np.array(stats["mean"])) / np.array(stats["std"])
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(z.std(0), 1, atol=1e-3)
    assert abs(x.std(0) - 1).max() > 0.05, "these embeddings are standard as they are: the test shows nothing"


def test_no_video_is_copied_or_touched(made: tuple) -> None:
    root, copy, _ = made
    videos = sorted(p.relative_to(root) for p in root.rglob("*.mp4"))
    assert len(videos) == 2
    assert [p.relative_to(copy) for p in sorted(copy.rglob("*.mp4"))] == videos
    for path in videos:
        assert (root / path).samefile(copy / path)


def test_on_another_disk_videos_are_linked_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = small_set(tmp_path / "set")
    out, _ = embedded(tmp_path, root)

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    inject(root, out, tmp_path / "copy")
    videos = sorted((tmp_path / "copy").rglob("*.mp4"))
    assert len(videos) == 2
    assert all(path.is_symlink() and path.read_bytes() for path in videos)


def test_rows_without_an_embedding_have_the_mean_and_no_sense(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set")
    (root / "videos" / CAMERA / "chunk-000" / "file-001.mp4").unlink()
    out, manifest = embedded(tmp_path, root)
    inject(root, out, tmp_path / "copy")
    whole = column(tmp_path / "copy", ENVIRONMENT_STATE)
    stats = json.loads((tmp_path / "copy" / "meta" / "stats.json").read_text())[ENVIRONMENT_STATE]
    made = load_embeddings(out, manifest)["fused.invariant"][:9].numpy().astype(np.float64)
    assert stats["count"] == [9]
    np.testing.assert_allclose(stats["mean"], made.mean(0), rtol=1e-6)
    np.testing.assert_allclose(whole[9:], np.tile(made.mean(0), (6, 1)), rtol=1e-5)
    present = column(tmp_path / "copy", "smcrep.present")
    assert present[:9, 0].all()
    assert not present[9:].any()


def test_statistics_in_blocks_of_columns_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, manifest = embedded(tmp_path, small_set(tmp_path / "set"))
    none = np.empty(0, np.int64)
    whole = {name: statistics_of(name, manifest, out, none) for name in ("fused.invariant", "rgb.tokens")}
    monkeypatch.setattr("smcrep.extraction.statistics.BLOCK_BYTES", 15 * 4 * 3)
    for name, expected in whole.items():
        found = statistics_of(name, manifest, out, none)
        for key in NAMES:
            np.testing.assert_allclose(found[key], expected[key], rtol=1e-12, atol=1e-12)


def test_what_cannot_be_copied_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    root = small_set(tmp_path / "set")
    out, _ = embedded(tmp_path, root)
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="there: exists; choose a new folder"):
        inject(root, out, tmp_path / "there")
    with pytest.raises(ValueError, match=r"holds no 'fused' but fused\.invariant, .*; extract it, or name another"):
        inject(root, out, tmp_path / "copy", part="fused")
    edit_table(root / "data" / "chunk-000" / "file-000.parquet", lambda t: t.slice(1))
    with pytest.raises(ValueError, match="embeddings of another source"):
        inject(root, out, tmp_path / "copy")
    edit_info(root, codebase_version="v2.1")
    with pytest.raises(ValueError, match=r"not a LeRobotDataset v3\.0; convert it first"):
        inject(root, out, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_the_option_without_which_lerobot_does_not_normalise_is_said(made: tuple) -> None:
    lines = list(feature_lines(Injected({ENVIRONMENT_STATE: "fused"}, ())))
    told = {line.split()[1]: line for line in lines if line.startswith("train ")}
    assert all('"ENV":"MEAN_STD"' in line for line in told.values())
    assert '"ACTION":"MEAN_STD"' in told["act"]
    assert '"ACTION":"MIN_MAX"' in told["diffusion"]  # as LeRobot's own default


def test_a_camera_that_was_named_with_its_numbers_is_found_again_for_the_copy(tmp_path: Path) -> None:
    root, out = small_set(tmp_path / "set"), tmp_path / "embeddings"
    spec = SourceSpec("lerobot", str(root), {"rgb": CAMERA}, (30.0, 30.0, 16.0, 16.0))
    run = small_model(tmp_path / "run")
    manifest = extract(run, spec, out, senses=["rgb"], output=Output(("fused.invariant",), "float16"), rows_per_shard=8)
    assert inject(root, out, tmp_path / "copy").features[ENVIRONMENT_STATE] == "fused.invariant"
    expected = load_embeddings(out, manifest)["fused.invariant"].numpy().astype(np.float32)
    np.testing.assert_array_equal(column(tmp_path / "copy", ENVIRONMENT_STATE), expected)

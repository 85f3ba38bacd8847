"""An extraction from what users have: what is broken is in a table and the status, the rest is whole; at any size."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from smcrep.data.readers.picture_files import PictureFiles
from smcrep.extraction.extract import extract, verify
from smcrep.extraction.index import FAILURES, INDEX, failures
from smcrep.extraction.manifest import EmbeddingManifest, check, read_manifest
from smcrep.extraction.output import Output, embedded
from smcrep.extraction.shards import load_embeddings, row_bytes
from smcrep.extraction.sources import SourceSpec, parse
from smcrep.hub import load_model
from tests.data.readers.lerobot_sets import CAMERA, small_set
from tests.extraction.extractions import small_model, small_store

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "run")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    root = small_set(tmp_path / "set")
    (root / "videos" / CAMERA / "chunk-000" / "file-001.mp4").unlink()
    return root


def test_failed_rows_are_zeros_named_in_the_index_and_in_a_table(run: Path, broken: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = extract(run, SourceSpec("lerobot", str(broken)), out, senses=["rgb"], rows_per_shard=4)
    assert verify(out, manifest) == []
    found, model = load_embeddings(out, manifest), load_model(run)[0]
    source = manifest.source.open()
    pictures = np.stack(source.read(range(9), ["rgb"]).data["rgb"])  # type: ignore[arg-type]
    expected = model.embed(rgb=pictures)
    torch.testing.assert_close(found["fused"][:9], expected.fused, atol=1e-5, rtol=0)
    assert not found["fused"][9:].any()
    assert found["present"].tolist() == [[True, False]] * 9 + [[False, False]] * 6
    assert found["p_value"].isnan().all()
    index = pq.read_table(out / INDEX)
    words = index["failed"].to_pylist()
    assert words[:9] == [None] * 9
    assert all("file-001.mp4: no such video" in line for line in words[9:])
    assert index["episode_index"].to_pylist() == [0] * 5 + [1] * 4 + [2] * 6
    table = pq.read_table(out / FAILURES)
    assert table["row"].to_pylist() == list(range(9, 15))
    num, (line,) = failures(out)
    assert num == 6
    assert line.startswith("6 rows: ")


def test_the_command_names_what_failed_and_ends_with_status_1(
    run: Path, broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--run", str(run), "--source", f"lerobot:{broken}", "--out", str(tmp_path / "out"), "--senses", "rgb"]
    monkeypatch.setattr(sys, "argv", ["extract.py", *options])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "experiments" / "extract.py"), run_name="__main__")
    assert "6 of 15 rows have no embedding, the other rows are whole" in str(ended.value)  # in words: status 1
    printed = capsys.readouterr().out
    assert "9 embeddings of" in printed
    assert "failed: 6 rows: " in printed


def test_a_source_of_which_no_row_can_be_embedded_is_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"a\.png: not a readable image"):
        extract(run, SourceSpec("images", str(tmp_path / "pictures")), tmp_path / "out", senses=["rgb"])
    assert not (tmp_path / "out").exists()


def test_pictures_of_all_sizes_and_one_that_the_model_refuses(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    sizes = [(20, 30), (16, 16), (3, 3), (20, 30), (40, 16)]  # 3 x 3 is too small to see anything
    for i, (height, width) in enumerate(sizes):
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    manifest = extract(run, SourceSpec("images", str(folder)), tmp_path / "out", senses=["rgb"])
    found, model = load_embeddings(tmp_path / "out", manifest), load_model(run)[0]
    data = PictureFiles(folder).read(range(5), ["rgb"]).data["rgb"]
    for i in (0, 1, 3, 4):
        torch.testing.assert_close(found["fused"][i], model.embed(rgb=data[i][None]).fused[0], atol=1e-5, rtol=0)
    num, (line,) = failures(tmp_path / "out")
    assert num == 1
    assert "rgb is 3 x 3 pixels, too small" in line


def test_parts_precision_and_length_are_as_asked(run: Path) -> None:
    model = load_model(run)[0]
    rng = np.random.default_rng(0)
    senses = {"rgb": torch.from_numpy(rng.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8))}
    senses["points"] = torch.from_numpy(rng.normal(0, 0.05, (3, 20, 3)).astype(np.float32)) + torch.tensor([0, 0, 0.5])
    whole = model.embed(senses)
    parts = ("fused", "fused.invariant", "points.equivariant", "rgb.tokens", "points.tokens", "weight")
    found = embedded(model, senses, Output(parts))
    assert set(found) == {*parts, "present"}
    torch.testing.assert_close(found["fused.invariant"], whole.fused[:, :8])
    torch.testing.assert_close(found["points.equivariant"], whole.senses["points"][:, 8:])
    torch.testing.assert_close(found["weight"], whole.weight)
    half = embedded(model, senses, Output(parts, "float16", normalised=True))
    assert half["fused"].dtype == half["rgb.tokens"].dtype == torch.float16
    assert half["weight"].dtype == torch.float32
    torch.testing.assert_close(half["fused"], F.normalize(whole.fused, dim=-1).half())
    torch.testing.assert_close(half["fused.invariant"], F.normalize(whole.fused[:, :8], dim=-1).half())
    with pytest.raises(ValueError, match=r"part 'fused\.tokens' is not known; give one of fused, rgb, points"):
        Output(("fused.tokens",)).of(("rgb", "points"))


def test_tokens_are_the_deepest_map_by_rows_and_points_before_their_maximum(run: Path) -> None:
    model = load_model(run)[0]
    rng = np.random.default_rng(1)
    senses = {"rgb": torch.from_numpy(rng.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8))}
    senses["points"] = torch.from_numpy(rng.normal(0, 0.05, (2, 30, 3)).astype(np.float32)) + torch.tensor([0, 0, 0.5])
    found = embedded(model, senses, Output(("rgb.tokens", "points.tokens")))
    encoder = model.encoders["rgb"]
    with torch.no_grad():
        last = encoder.backbone(encoder.channels(senses["rgb"]))[-1]  # type: ignore[operator]
        pooled = model.encoders["points"].backbone(_centred(model, senses["points"]))  # type: ignore[operator]
    width = last.shape[-1]
    for row, column in ((0, 0), (0, 3), (5, 2)):
        torch.testing.assert_close(found["rgb.tokens"][:, row * width + column], last[:, :, row, column])
    assert found["points.tokens"].shape == (2, 64, 256)
    torch.testing.assert_close(found["points.tokens"].amax(1), pooled)  # 64 tokens of 30 points: none is left out


def _centred(model: torch.nn.Module, points: torch.Tensor) -> torch.Tensor:
    from smcrep.encoders.cloud import prepared

    cloud, centre = prepared(points)
    return (cloud - centre) / model.encoders["points"].scale_m  # type: ignore[index,operator,union-attr]


def test_manifest_has_config_transform_and_fingerprint_and_opens_its_source(run: Path, tmp_path: Path) -> None:
    root = small_set(tmp_path / "set", depth=True)
    spec = parse(f"lerobot:{root}", [f"rgb={CAMERA}", "depth=observation.images.depth"], "40,40,15.5,15.5")
    manifest = extract(run, spec, tmp_path / "out", output=Output(("fused",), "float16", normalised=True))
    again = read_manifest(tmp_path / "out")
    assert again == manifest
    assert again.source == spec
    assert again.config == json.loads(json.dumps(load_model(run)[3]["config"]))
    assert again.transform["senses"] == ["rgb", "points"]
    assert (again.dtype, again.normalised, again.parts) == ("float16", True, ("fused",))
    with pytest.raises(ValueError, match=r"holds another extraction \(normalised differ\)"):
        extract(run, spec, tmp_path / "out", output=Output(("fused",), "float16"))
    with pytest.raises(ValueError, match=r"holds another extraction \(transform differ\)"):
        extract(run, replace(spec, intrinsics=(41, 40, 15.5, 15.5)), tmp_path / "out",
                output=Output(("fused",), "float16", True))  # fmt: skip


@pytest.mark.parametrize("text", ["fire:x", "lerobot:/nowhere", "zarr:/nowhere", "images:/nowhere", "clouds:/nowhere"])
def test_sources_that_are_none_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+; [^\n]+|^[^\n]+$") as caught:
        parse(text).open()
    assert "nowhere" in str(caught.value) or "fire" in str(caught.value)


def test_options_of_sources_that_are_none_are_refused() -> None:
    assert parse("images:a:b").path == "a:b"
    assert parse("folder") == SourceSpec("store", "folder")
    with pytest.raises(ValueError, match="give SENSE=COLUMN"):
        parse("images:a", ["rgb"])
    with pytest.raises(ValueError, match="give four numbers of pixels"):
        parse("images:a", [], "1,2,3")
    with pytest.raises(ValueError, match="focal lengths above 0"):
        _ = parse("images:a", [], "0,2,3,4").camera


def test_1e8_rows_are_planned_without_a_gap_or_an_overlap() -> None:
    """254 numbers in float16, weight, precision, p-value and presence of two senses, row: 64 MiB a shard."""
    tensors = {"fused": torch.zeros(1, 254, dtype=torch.float16), "row": torch.zeros(1, dtype=torch.int64)}
    tensors |= {name: torch.zeros(1, 2) for name in ("weight", "precision", "p_value")}
    tensors["present"] = torch.zeros(1, 2, dtype=torch.bool)
    size = (64 << 20) // row_bytes(tensors)
    manifest = EmbeddingManifest("s", "0", "m", "0", 10**8, size, 254, 128, ("rgb", "points"), "0")
    check(manifest)
    assert row_bytes(tensors) == 254 * 2 + 3 * 8 + 2 + 8
    assert manifest.num_shards < 1000
    ends = [manifest.rows(i) for i in range(manifest.num_shards)]
    assert ends[0].start == 0
    assert ends[-1].stop == 10**8
    assert all(a.stop == b.start for a, b in pairwise(ends))
    assert len({manifest.shard(Path(), i) for i in range(manifest.num_shards)}) == manifest.num_shards


EXTRACT = """
import sys
from pathlib import Path
from smcrep.extraction.extract import extract
extract(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), rows_per_shard=1)
"""


def test_killed_it_goes_on_and_ends_with_the_same_bytes(run: Path, tmp_path: Path) -> None:
    """kill -9 once some shards are there; then the same call, in this process."""
    store, out, whole = small_store(tmp_path / "store"), tmp_path / "out", tmp_path / "whole"
    process = subprocess.Popen([sys.executable, "-c", EXTRACT, str(run), str(store), str(out)], cwd=ROOT)
    while process.poll() is None and len(list(out.glob("shard-*"))) < 3:
        time.sleep(0.005)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    manifest = extract(run, store, out, rows_per_shard=1)
    assert verify(out, manifest) == []
    extract(run, store, whole, rows_per_shard=1)
    names = sorted(path.name for path in whole.iterdir())
    assert sorted(path.name for path in out.iterdir()) == names
    assert all((out / n).read_bytes() == (whole / n).read_bytes() for n in names if n.startswith("shard"))

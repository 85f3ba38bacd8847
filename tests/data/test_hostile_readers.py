"""Whatever a file contains, its reader returns it or raises a ValueError of one line with a remedy. Every fault that
the fuzzer found is a case here."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from smcrep.data.readers import images, modelnet
from smcrep.data.readers.images import open_folder, open_parquet
from smcrep.data.readers.modelnet import open_modelnet10
from smcrep.data.schema import VERSION, Schema
from smcrep.data.shard import open_shard, sidecar
from smcrep.data.store import Store, read_manifest, shard_path
from smcrep.extraction.manifest import EmbeddingManifest
from smcrep.extraction.manifest import read_manifest as read_embeddings
from smcrep.extraction.shards import fault, load_embeddings
from smcrep.models.config import ModelConfig
from smcrep.models.weights import read_config
from smcrep.pretraining import tiny
from smcrep.pretraining.folder import store_path
from smcrep.results import read_claims
from smcrep.training import checkpoint
from smcrep.training.recipes import Recipe
from tests.data.stores import SMALL, random_store

ROBUST = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
DEEP = "[" * 100_000
ANYTHING: list[Any] = [
    None,
    True,
    -1,
    0,
    10**12,
    10**400,
    1.5,
    float("inf"),
    float("nan"),
    "x",
    "",
    [],
    [[1]],
    {},
    {"a": 1},
]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


def answers(read: Callable[[], Any], where: str = "") -> str:
    """ "" where it reads, else its one line; any other exception is a fault."""
    found: Exception | None = None
    try:
        read()
    except ValueError as error:
        found = error
    if found is not None:
        words = str(found)
        assert type(found) is ValueError, repr(found)
        assert len(words.splitlines()) == 1, words
        assert where in words
        assert ";" in words, words
        return words
    return ""


def replaced(value: dict[str, Any]) -> list[dict[str, Any]]:
    """``value`` with every field, one after the other, of every wrong type, or left out; one level below too."""
    found = []
    for name, inner in value.items():
        found += [value | {name: wrong} for wrong in ANYTHING]
        found += [{n: v for n, v in value.items() if n != name}]
        if isinstance(inner, dict):
            found += [value | {name: inner | {field: wrong}} for field in list(inner)[:4] for wrong in ANYTHING]
    return found


# ---- stores


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    random_store(folder, shards=(2,), k=1)
    return folder


def test_manifest_with_any_wrong_field_is_refused_in_one_line(store: Path) -> None:
    path = store / "manifest.json"
    whole = path.read_text()
    try:
        for value in replaced(json.loads(whole)):
            path.write_text(json.dumps(value))
            answers(lambda: Store(store), str(store))
        for text in (DEEP, "[]", "3", '{"schema": 1' + "0" * 5000 + "}", "\x00", ""):
            path.write_text(text)
            assert "generate" in answers(lambda: Store(store), str(path))
        path.write_text(json.dumps(json.loads(whole) | {"num_branches": -1}))
        assert "num_branches -1" in answers(lambda: read_manifest(store))
        path.write_text(json.dumps(json.loads(whole) | {"num_shards": 10**12}))
        assert "shard-00001.arrow: shard is missing" in answers(lambda: Store(store))
    finally:
        path.write_text(whole)
    assert Store(store).num_states == 2


@ROBUST
@given(value=JSON)
def test_schema_of_any_json_is_refused_in_one_line(value: Any) -> None:
    schema = SMALL.to_json()
    answers(lambda: Schema.from_json(value, "m"), "m")
    answers(lambda: Schema.from_json({"version": VERSION, "columns": value}, "m"), "m")
    answers(lambda: Schema.from_json({"version": VERSION, "columns": {"rgb": value}}, "m"), "m")
    for field in ("shape", "dtype", "unit", "frame"):
        answers(
            lambda f=field: Schema.from_json(schema | {"columns": {"a": schema["columns"]["rgb"] | {f: value}}}, "m")
        )


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"dtype": "O"}, "dtype 'O'"),
        ({"dtype": "V99999999999"}, "dtype 'V99999999999'"),
        ({"dtype": "(1000000,1000000)f8"}, "dtype"),
        ({"dtype": ["f4"]}, "dtype"),
        ({"shape": [10**12]}, r"shape \[1000000000000\]"),
        ({"shape": [-1]}, "shape"),
        ({"shape": [0]}, "shape"),
        ({"shape": [float("inf")]}, "infinity"),
        ({"unit": 3}, "unit or frame"),
    ],
)
def test_invalid_column_is_refused(column: dict[str, Any], words: str) -> None:
    whole = {"shape": [2], "dtype": "float32", "unit": "m", "frame": ""}
    with pytest.raises(ValueError, match=f"^m: the schema is damaged.*{words}.*generate the store again"):
        Schema.from_json({"version": VERSION, "columns": {"x": whole | column}}, "m")


@ROBUST
@given(place=st.floats(0, 1, exclude_max=True), new=st.binary(min_size=1, max_size=8))
def test_damaged_shard_reads_or_is_refused_in_one_line(store: Path, place: float, new: bytes) -> None:
    path, whole = shard_path(store, 0), shard_path(store, 0).read_bytes()
    at = int(place * len(whole))
    damaged = path.with_name("shard-00009.arrow")
    damaged.write_bytes((whole[:at] + new + whole[at + len(new) :])[: len(whole)])
    sidecar(damaged).write_bytes(sidecar(path).read_bytes())

    def read() -> None:
        for array in open_shard(damaged, SMALL).values():
            array.tobytes()

    answers(read, str(damaged))


@ROBUST
@given(note=JSON)
def test_note_of_any_json_is_refused_in_one_line(store: Path, note: Any) -> None:
    damaged = shard_path(store, 8)
    damaged.write_bytes(b"ab")
    sidecar(damaged).write_text(json.dumps(note))
    assert answers(lambda: open_shard(damaged, SMALL), "shard-00008")
    sidecar(damaged).write_text(DEEP)
    assert answers(lambda: open_shard(damaged, SMALL), "shard-00008")


# ---- pictures


def png(size: tuple[int, int] = (4, 4), declared: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "png")
    whole = buffer.getvalue()
    head = struct.pack(">II", *(declared or size)) + whole[24:29]
    return whole[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + whole[33:]


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some damage before it refuses the file
@ROBUST
@given(place=st.floats(0, 1), new=st.binary(min_size=1, max_size=8), length=st.integers(0, 9))
def test_damaged_image_reads_or_is_refused_in_one_line(
    tmp_path_factory: Any, place: float, new: bytes, length: int
) -> None:
    folder, whole = tmp_path_factory.getbasetemp() / "pictures", png()
    (folder / "a").mkdir(parents=True, exist_ok=True)
    at = int(place * len(whole))
    (folder / "a" / "b.png").write_bytes(whole[:at] + new + whole[at + length :])
    answers(lambda: open_folder(folder).decode(0, 8), "b.png")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("size", [(9000, 9000), (10_000, 10_000), (60_000, 60_000)])
def test_image_of_absurd_size_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.png").write_bytes(png(declared=size))
    assert "pixels" in answers(lambda: open_folder(tmp_path).decode(0, 8), "b.png")


def table(path: Path, *, label: int = 0, note: str = "{}", count: int = 1) -> Path:
    items = pa.array(
        [{"bytes": png(), "path": "a/b.png"}] * count, pa.struct({"bytes": pa.binary(), "path": pa.string()})
    )
    rows = pa.table({"img": items, "label": pa.array([label] * count, pa.int64())})
    pq.write_table(rows.replace_schema_metadata({"huggingface": note}), path)
    return path


def test_parquet_file_above_the_limits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "label 1000000000000 at row 0" in answers(lambda: open_parquet(table(tmp_path / "a", label=10**12)))
    names = json.dumps({"info": {"features": {"label": {"names": ["one"]}}}})
    assert "label 3 with 1 class names" in answers(lambda: open_parquet(table(tmp_path / "b", label=3, note=names)))
    for note in ("{", "[]", '{"info": 3}', '{"info": {"features": {"label": {"names": [3]}}}}', DEEP):
        assert open_parquet(table(tmp_path / "c", note=note)).classes == ("a",)
    path = table(tmp_path / "d", count=20_000)
    assert path.stat().st_size < 100_000  # one picture, repeated
    monkeypatch.setattr(images, "MAX_TABLE_BYTES", 500_000)
    assert "more than 500000 bytes; cut it into several files" in answers(lambda: open_parquet(path))


def test_images_of_mixed_size_are_read_at_one_size(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number, size in enumerate([(1, 1), (3, 200), (200, 3), (64, 64)]):
        (tmp_path / "a" / f"{number}.png").write_bytes(png(size))
    pictures = open_folder(tmp_path)
    assert {pictures.decode(i, 16).shape for i in range(len(pictures))} == {(16, 16, 3)}


# ---- ModelNet


def archive(**others: bytes) -> bytes:
    rows = {
        "points_u16": np.ones((2, 4, 3), np.uint16),
        "offset": np.zeros((2, 3)),
        "scale": np.ones(2),
        "label": np.array([0, 1]),
        "id": np.array([b"a", b"b"]),
        "is_test": np.array([False, True]),
        "classes": np.array([b"a", b"b"]),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in rows.items():
            one = io.BytesIO()
            np.save(one, array)
            file.writestr(f"{name}.npy", others.get(name, one.getvalue()))
    return buffer.getvalue()


HEAD = b"\x93NUMPY\x01\x00v\x00"


@pytest.mark.parametrize(
    "field",
    [
        b"no array",  # numpy hands such bytes on
        HEAD + b"{'descr': '<u2', 'fortran_order': False, 'shape': (2, 4, 3)".ljust(117) + b"\n",  # a tokenizer's error
        HEAD + b"{'descr': '<u2', 'fortran_order': False, 'shape': (1000000000000, 4, 3), }".ljust(117) + b"\n",
        HEAD + b"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }".ljust(117) + b"\n" + b"\x80\x04N.",
        HEAD + b"__import__('os').system('false')".ljust(117) + b"\n",
        b"",
    ],
)
def test_modelnet_field_that_is_no_array_is_refused(tmp_path: Path, field: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(archive(points_u16=field))
    assert "unpack modelnet10_points1024 again" in answers(lambda: open_modelnet10(tmp_path / "a.npz"), "a.npz")


def test_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelnet, "MAX_BYTES", 1 << 20)
    (tmp_path / "a.npz").write_bytes(archive(points_u16=bytes(1 << 24)))
    assert (tmp_path / "a.npz").stat().st_size < 1 << 15
    assert "bytes when unpacked, limit 1048576" in answers(lambda: open_modelnet10(tmp_path / "a.npz"))


@ROBUST
@given(place=st.floats(0, 1), new=st.binary(min_size=1, max_size=8), length=st.integers(0, 9))
def test_damaged_archive_reads_or_is_refused_in_one_line(
    tmp_path_factory: Any, place: float, new: bytes, length: int
) -> None:
    path, whole = tmp_path_factory.getbasetemp() / "a.npz", archive()
    for damaged, name in ((whole, None), (whole[30 + 14 :], "points_u16")):
        at = int(place * len(damaged))
        bytes_ = damaged[:at] + new + damaged[at + length :]
        path.write_bytes(bytes_ if name is None else archive(**{name: bytes_}))
        answers(lambda: open_modelnet10(path), "a.npz")


# ---- models, runs, embeddings, records


CONFIG = {"format": "smcrep", "config": ModelConfig().to_json(), "provenance": {}}


def test_configuration_with_any_wrong_field_is_refused_in_one_line(tmp_path: Path) -> None:
    wrong = [CONFIG | {"config": inner} for inner in replaced(ModelConfig().to_json())]
    for record in wrong + replaced(CONFIG):
        (tmp_path / "config.json").write_text(json.dumps(record))
        answers(lambda: read_config(tmp_path), "config.json")
    (tmp_path / "config.json").write_text(DEEP)
    assert answers(lambda: read_config(tmp_path), "config.json")


def test_recipe_with_any_wrong_field_is_refused_in_one_line(tmp_path: Path) -> None:
    for record in replaced(tiny().recipe.to_json()):
        answers(lambda r=record: Recipe.from_json(r))
        torch.save({"version": 1, "recipe": record}, checkpoint.path_in(tmp_path))
        answers(lambda: checkpoint.load(tmp_path, tiny().recipe), "last.pt")
    for record in (None, 3, "x", [1], {}):
        assert answers(lambda r=record: Recipe.from_json(r))  # type: ignore[arg-type]


EMBEDDINGS = EmbeddingManifest("s", "0", "m", "0", 4, 2, 4, 1, ("rgb",), "0")


def test_manifest_of_embeddings_with_any_wrong_field_is_refused_in_one_line(tmp_path: Path) -> None:
    whole = {**EMBEDDINGS.__dict__, "senses": ["rgb"]}
    for record in replaced(whole):
        (tmp_path / "manifest.json").write_text(json.dumps(record))
        answers(lambda: read_embeddings(tmp_path), "manifest.json")
    for wrong in ({"rows_per_shard": 0}, {"num_rows": 10**12, "rows_per_shard": 1}, {"extra": 1}, {"senses": [3]}):
        (tmp_path / "manifest.json").write_text(json.dumps(whole | wrong))
        assert "extract again" in answers(lambda: read_embeddings(tmp_path), "manifest.json")
    (tmp_path / "manifest.json").write_text(DEEP)
    assert answers(lambda: read_embeddings(tmp_path), "manifest.json")


def test_missing_or_damaged_shard_of_embeddings_is_refused(tmp_path: Path) -> None:
    assert "shard-00000.safetensors: missing; run the extraction again" in answers(
        lambda: load_embeddings(tmp_path, EMBEDDINGS)
    )
    huge = b'{"fused":{"dtype":"F32","shape":[1000000000000,4],"data_offsets":[0,16000000000000]}}'
    for content in (struct.pack("<Q", 2**62), struct.pack("<Q", len(huge)) + huge, b"", b"\x80\x04junkjunk"):
        EMBEDDINGS.shard(tmp_path, 0).write_bytes(content)
        assert "cannot be read" in str(fault(0, EMBEDDINGS, tmp_path))


@ROBUST
@given(value=JSON)
def test_records_and_stores_of_any_json_are_refused_in_one_line(tmp_path_factory: Any, value: Any) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name, record in (("claims.json", {"claims": value}), ("claims.json", {"claims": {"a": value}})):
        (folder / name).write_text(json.dumps(record))
        answers(lambda: read_claims(folder / "claims.json"), "claims.json")
    for record in (value, {"tra\nin": "x", "test": "x"}, {"train": value}):
        (folder / "stores.json").write_text(json.dumps(record))
        answers(lambda: store_path(folder, "train"), "stores.json")

"""Every reader as a function of the bytes of one file, with small valid files to begin from."""

import io
import json
import pickle
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import trimesh
from PIL import Image

from smcrep.data.readers import images, modelnet
from smcrep.data.readers import parquet as tables
from smcrep.data.readers.cifar import open_cifar10
from smcrep.data.readers.three_d_ie_bench import read_latent
from smcrep.data.schema import Column, Schema
from smcrep.data.shard import open_shard, sidecar, write_shard
from smcrep.data.splits import read_split_file
from smcrep.data.store import Manifest, Store, StoredObject, shard_path, write_manifest
from smcrep.encoders.pretrained import read_image_weights
from smcrep.extraction.manifest import read_manifest
from smcrep.models.config import ModelConfig
from smcrep.models.weights import read_config
from smcrep.pretraining.folder import store_path
from smcrep.results import read_claims
from smcrep.senses import pictures
from smcrep.training import checkpoint
from smcrep.training.recipes import Recipe
from smcrep.worlds.objects import mesh_checks, meshes

Target = Callable[[bytes], None]
# Smaller than for a user, so that what meets a bound costs milliseconds.
mesh_checks.MAX_BYTES = modelnet.MAX_BYTES = 1 << 24
mesh_checks.MAX_TEXELS = pictures.MAX_PIXELS = 1 << 22
tables.MAX_TABLE_BYTES = 1 << 24
mesh_checks.MAX_LINES = meshes.MAX_FACES = 20_000

HOME = Path(tempfile.mkdtemp(prefix="smcrep-fuzz-"))
SCHEMA = Schema(
    {"points": Column((2, 3), "float32", "m", "camera")}
    | {name: Column((), "int64") for name in ("state_id", "object_id", "class_id", "environment_id")}
)


def mesh(suffix: str) -> Target:
    def read(content: bytes) -> None:
        path = _written(f"mesh/a.{suffix}", content)
        check_mesh(meshes.load_mesh(path, scale_to_diameter_m=0.1))

    return read


def check_mesh(found: meshes.ObjectModel) -> None:
    assert np.isfinite(found.vertices).all()
    assert np.isfinite(found.uv).all()
    assert len(found.faces)
    assert 0 <= found.faces.min() <= found.faces.max() < len(found.vertices)
    assert found.texture.dtype == np.uint8
    assert found.texture.ndim == 3


def material(content: bytes) -> None:
    _written("mesh/thing.mtl", content)
    check_mesh(meshes.load_mesh(_written("mesh/thing.obj", OBJ), scale_to_diameter_m=0.1))


def manifest(content: bytes) -> None:
    _written("store/manifest.json", content)
    _read(Store(HOME / "store"))


def note(content: bytes) -> None:
    path = HOME / "shard/shard-00000.arrow"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(ARROW)
    sidecar(path).write_bytes(content)
    open_shard(path, SCHEMA)


def shard(content: bytes) -> None:
    path = _written("shard/shard-00000.arrow", content)
    sidecar(path).write_text(json.dumps({"rows": 4, "bytes": len(content), "sha256": ""}))
    for array in open_shard(path, SCHEMA).values():
        array.tobytes()


def _read(store: Store) -> None:
    store.targets(np.arange(store.num_states))
    len(store.object_ids)


def npz(content: bytes) -> None:
    modelnet.open_modelnet10(_written("a.npz", content))


def npy(content: bytes) -> None:
    """A field of the archive, which the archive's checksum would otherwise shield."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(NPZ)) as whole, zipfile.ZipFile(buffer, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, content if name == "points_u16.npy" else whole.read(name))
    npz(buffer.getvalue())


def picture(content: bytes) -> None:
    _written("pictures/class/a.png", content)
    assert images.open_folder(HOME / "pictures").decode(0, 8).shape == (8, 8, 3)


def cifar(name: str, split: str) -> Target:
    def read(content: bytes) -> None:
        found = open_cifar10(_written(f"{name}/{name}", content).parent, split)
        assert found.decode(0, 32).shape == (32, 32, 3)
        assert found.labels.max() < len(found.classes)

    return read


def latent(content: bytes) -> None:
    assert np.isfinite(read_latent(_written("latent_0.npy", content))).all()


def parquet(content: bytes) -> None:
    found = images.open_parquet(_written("a.parquet", content))
    found.decode(0, 8)
    assert found.labels.max() < len(found.classes)


def model_config(content: bytes) -> None:
    _written("model/config.json", content)
    read_config(HOME / "model")


def safetensors(content: bytes) -> None:
    read_image_weights(_written("weights.safetensors", content))


def torch_file(content: bytes) -> None:
    read_image_weights(_written("weights.pth", content))


def run_state(content: bytes) -> None:
    _written("run/last.pt", content)
    checkpoint.load(HOME / "run", Recipe())


def recipe(content: bytes) -> None:
    """As a checkpoint holds it: any JSON, in a file that is whole."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        return
    Recipe.from_json(record)


def embeddings(content: bytes) -> None:
    _written("embeddings/manifest.json", content)
    read_manifest(HOME / "embeddings").rows(0)


def stores(content: bytes) -> None:
    _written("stores/stores.json", content)
    store_path(HOME / "stores", "train")


def split(content: bytes) -> None:
    read_split_file(_written("split.json", content))


def claims(content: bytes) -> None:
    read_claims(_written("claims.json", content))


def _written(name: str, content: bytes) -> Path:
    path = HOME / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


def _tetrahedron(**visual: object) -> trimesh.Trimesh:
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3.0]])
    return trimesh.Trimesh(corners, [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], process=False, **visual)


def _exported(suffix: str, **options: object) -> bytes:
    content = _tetrahedron(**options.pop("visual", {})).export(file_type=suffix, **options)  # type: ignore[arg-type]
    return content.encode() if isinstance(content, str) else content


PNG = _saved(lambda f: Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(f, "png"))
_written("mesh/tex.png", PNG)
OBJ = (
    b"mtllib thing.mtl\nusemtl m\nv 0 0 0\nv 0 .1 0\nv 0 .1 .1\nv 0 0 .1\n"
    b"vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n"
)
MTL = b"newmtl m\nKd 1 1 1\nmap_Kd -s 1 1 1 tex.png\n"
_written("mesh/thing.mtl", MTL)
PLY_LISTS = (
    b"ply\nformat ascii 1.0\ncomment TextureFile tex.png\nelement vertex 5\nproperty float x\nproperty float y\n"
    b"property float z\nelement face 2\nproperty list uchar int vertex_indices\nproperty list uchar float texcoord\n"
    b"end_header\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n0 0 1\n4 0 1 2 3 8 0 0 1 0 1 1 0 1\n3 0 1 4 6 0 0 1 0 1 1\n"
)
ROWS = {"points": np.ones((4, 2, 3), np.float32)}
ROWS |= {name: np.zeros(4, np.int64) for name in SCHEMA.columns if name != "points"}
write_shard(shard_path(HOME / "store", 0), SCHEMA, ROWS)
write_manifest(HOME / "store", Manifest(SCHEMA, 1, 1, (StoredObject(0, "a", 0, "a"),), ("a",), {"seed": 0}))
ARROW = shard_path(HOME / "store", 0).read_bytes()
NPZ = _saved(
    lambda f: np.savez(
        f,
        points_u16=np.ones((2, 4, 3), np.uint16),
        offset=np.zeros((2, 3)),
        scale=np.ones(2),
        label=np.array([0, 1]),
        id=np.array([b"a", b"b"]),
        is_test=np.array([False, True]),
        classes=np.array([b"a", b"b"]),
    )
)
with zipfile.ZipFile(io.BytesIO(NPZ)) as _archive:
    NPY = _archive.read("points_u16.npy")
_PICTURES = pa.array([{"bytes": PNG, "path": "a/b.png"}], pa.struct({"bytes": pa.binary(), "path": pa.string()}))
_TABLE = pa.table({"img": _PICTURES, "label": pa.array([0], pa.int64())}).replace_schema_metadata(
    {"huggingface": json.dumps({"info": {"features": {"label": {"names": ["a"]}}}})}
)
_CLAIM = {"theme": "a", "claims": {"a": {"value": 1, "ci95": [0, 2], "controls": {"b": 1}}}}
_EMBEDDINGS = {"store": "s", "store_sha256": "0", "model": "m", "model_sha256": "0", "num_rows": 4, "rows_per_shard": 2}
_EMBEDDINGS |= {"embed_dim": 4, "num_invariant": 1, "senses": ["rgb"], "smcrep": "0", "version": 1}
_BATCH = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2]}
_WEIGHTS = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


TARGETS: dict[str, tuple[Target, list[bytes]]] = {
    "off": (mesh("off"), [_exported("off"), b"OFF 3 1 0\r\n0 0 0\r\n1 0 0\r\n0 1 0\r\n3 0 1 2 255 0 0\r\n"]),
    "ply": (mesh("ply"), [_exported("ply"), _exported("ply", encoding="ascii"), PLY_LISTS]),
    "obj": (mesh("obj"), [OBJ, _exported("obj")]),
    "mtl": (material, [MTL]),
    "stl": (mesh("stl"), [_exported("stl"), _exported("stl_ascii")]),
    "glb": (mesh("glb"), [_exported("glb")]),
    "manifest": (manifest, [(HOME / "store/manifest.json").read_bytes()]),
    "note": (note, [sidecar(shard_path(HOME / "store", 0)).read_bytes()]),
    "shard": (shard, [ARROW]),
    "npz": (npz, [NPZ]),
    "npy": (npy, [NPY]),
    "picture": (picture, [PNG, *(_saved(lambda f, k=k: Image.new("L", (5, 4)).save(f, k)) for k in ("gif", "tiff"))]),
    "parquet": (parquet, [_saved(lambda f: pq.write_table(_TABLE, f))]),
    "cifar": (cifar("data_batch_1.bin", "train"), [bytes(2 * 3073)]),
    "cifar_python": (cifar("test_batch", "test"), [pickle.dumps(_BATCH, protocol) for protocol in (2, 4)]),
    "latent": (latent, [_saved(lambda f: np.save(f, np.zeros(7)))]),
    "config": (model_config, [_json({"format": "smcrep", "config": ModelConfig().to_json(), "provenance": {}})]),
    "safetensors": (safetensors, [struct.pack("<Q", len(_WEIGHTS)) + _WEIGHTS + bytes(4)]),
    "torch": (torch_file, [_saved(lambda f: torch.save({"a": torch.zeros(2)}, f))]),
    "checkpoint": (run_state, [_saved(lambda f: torch.save({"version": 1, "recipe": Recipe().to_json()}, f))]),
    "recipe": (recipe, [_json(Recipe().to_json())]),
    "embeddings": (embeddings, [_json(_EMBEDDINGS)]),
    "stores": (stores, [_json({"train": "a", "test": "b"})]),
    "split": (split, [_json({"train": ["a"], "val": ["b"], "test": ["c"]})]),
    "claims": (claims, [_json(_CLAIM)]),
}

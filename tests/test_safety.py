"""No file runs code, leaves its folder or takes memory without bound. The first test finds the calls in the source that
could; the last hands every reader hostile files, in a process that may take so much memory and no more."""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("smcrep", "experiments", "datasets", "examples")
SOURCES = sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py"))
UNSAFE = {
    "unpickles": r"\bpickle\.\w|\bimport pickle|\b(cloudpickle|dill|joblib|shelve|marshal)\b",
    "reads torch files": r"torch\.load\(",
    "reads numpy files": r"np\.(load|fromfile)\(|np\.lib\.format\.read_array\(",
    "allows pickles": r"allow_pickle\s*=\s*True|weights_only\s*=\s*False",
    "reads YAML": r"\byaml\b",
    "evaluates": r"(?<![\w.])(eval|exec|compile|__import__)\(",
    "imports by name": r"trust_remote_code|torch\.hub\b|\brunpy\b|import_module\(",
    "unpacks": r"extractall\(|unpack_archive\(|\b(tarfile|zipfile)\.\w|import (tarfile|zipfile)",
    "uses a shell": r"shell\s*=\s*True|os\.(system|popen)\(",
    "starts a program": r"subprocess\.(run|Popen|call|check_call|check_output)\(",
}
KNOWN = {
    (
        "unpickles",
        "smcrep/data/readers/plain_pickle.py",
    ): "resolves no name, so calls nothing of the file; a bomb is tried",
    ("reads torch files", "smcrep/training/checkpoint.py"): "weights_only=True; a pickle is refused below",
    ("reads torch files", "smcrep/encoders/pretrained.py"): "weights_only=True; a pickle is refused below",
    ("reads torch files", "experiments/cluster.py"): "weights_only=True, the file that it wrote itself a moment ago",
    ("unpacks", "smcrep/training/checkpoint.py"): "checks the sums of a checkpoint's members, writes none of them",
    ("unpacks", "smcrep/encoders/pretrained.py"): "asks whether torch's file is a zip, opens none",
    ("unpacks", "smcrep/data/readers/modelnet.py"): "reads members of known names, writes none of them",
    ("imports by name", "smcrep/plugins.py"): "the modules that the user's own SMCREP_PLUGINS names",
    ("imports by name", "experiments/collapse.py"): "the module of the user's own model, which --module names",
    ("imports by name", "experiments/faults/commands.py"): "our own scripts by their names, in a forked child",
    ("imports by name", "experiments/benchmarks/clouds.py"): "modules of pytorch3d, where it is installed",
    ("reads numpy files", "smcrep/data/readers/modelnet.py"): "allow_pickle=False; a pickle is refused below",
    ("reads numpy files", "smcrep/data/readers/three_d_ie_bench.py"): "allow_pickle=False, of 4 kB at most",
    ("reads numpy files", "experiments/structure.py"): "allow_pickle=False, the file that it wrote itself a moment ago",
    ("reads numpy files", "smcrep/training/cache.py"): "allow_pickle=False, the file that it wrote itself",
    ("reads numpy files", "smcrep/data/readers/cloud_files.py"): "allow_pickle=False; a pickle is refused in its tests",
    ("starts a program", "smcrep/results.py"): "git, with fixed arguments, for the commit of a record",
    ("starts a program", "smcrep/provenance.py"): "git, as lists of arguments, for what a record was made by",
    ("unpacks", "smcrep/provenance.py"): "reads git's own archive in memory, writes none of it",
    ("starts a program", "experiments/"): "our own scripts and git, as lists of arguments",
}


def test_every_unsafe_call_is_known() -> None:
    unknown, unsafe = [], []
    for path in SOURCES:
        name = path.relative_to(ROOT).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for call, pattern in UNSAFE.items():
                if not re.search(pattern, line):
                    continue
                if not any(call == known and name.startswith(where) for known, where in KNOWN):
                    unknown.append(f"{name}:{number} {call}: {line.strip()}")
                if "torch.load(" in line and "weights_only=True" not in line:
                    unsafe.append(f"{name}:{number} without weights_only=True")
                if re.search(UNSAFE["reads numpy files"], line) and "allow_pickle=False" not in line:
                    unsafe.append(f"{name}:{number} without allow_pickle=False")
    assert not unknown
    assert not unsafe


def test_every_known_call_is_still_there() -> None:
    for call, where in KNOWN:
        lines = "\n".join(p.read_text() for p in SOURCES if p.relative_to(ROOT).as_posix().startswith(where))
        assert re.search(UNSAFE[call], lines), f"{where} no longer {call}"


class Bomb:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


BOUND = 1 << 30
"""Bytes of memory beyond what the imports took."""

OPEN_ALL = """
import resource, struct, sys, zlib
from pathlib import Path
import numpy as np
from smcrep.data.readers import parquet
from smcrep.data.readers.images import open_folder, open_parquet
from smcrep.data.readers.modelnet import open_modelnet10
from smcrep.data.schema import Column, Schema
from smcrep.data.shard import open_shard
from smcrep.data.store import Store
from smcrep.extraction.manifest import read_manifest
from smcrep.hub import load_model
from smcrep.encoders.pretrained import read_image_weights
from smcrep.training import checkpoint
from smcrep.training.recipes import Recipe
from smcrep.worlds.objects.meshes import load_mesh

folder, bound = Path(sys.argv[1]), int(sys.argv[2])
tiny_schema = Schema({"x": Column((3,), "float32"), "state_id": Column((), "int64")})
readers = {
    "pt": lambda p: checkpoint.load(p.parent, Recipe()), "pth": read_image_weights, "safetensors": read_image_weights,
    "npz": open_modelnet10, "arrow": lambda p: open_shard(p, tiny_schema), "parquet": open_parquet,
    "model": load_model, "store": Store, "embeddings": read_manifest, "pictures": lambda p: open_folder(p).decode(0, 8),
}
parquet.MAX_TABLE_BYTES = bound // 4
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + bound, size + bound))
for path in sorted(folder.iterdir()):
    kind = path.suffix[1:]
    read = readers.get(kind, load_mesh)
    try:
        read(path / "last.pt" if kind == "pt" else path)
        print(f"{path.name}: WAS READ")
    except ValueError as error:
        seen, words = error, str(error)
        while seen is not None and not isinstance(seen, MemoryError):
            seen = seen.__cause__ or seen.__context__
        lines = len(words.splitlines())
        print(f"{path.name}: {'MEMORY ' if seen else ''}{'LINES ' if lines != 1 else ''}{words}".replace(chr(10), " "))
    except BaseException as error:
        print(f"{path.name}: RAISED {error!r}".replace(chr(10), " "))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="bounds memory by RLIMIT_AS and reads /proc")
def test_every_reader_refuses_hostile_files(tmp_path: Path) -> None:
    from tests.hostile_files import write_all

    folder, mark = tmp_path / "hostile", tmp_path / "mark"
    bomb = pickle.dumps(Bomb(mark))
    expected = write_all(folder, bomb, Bomb(mark))
    done = subprocess.run(
        [sys.executable, "-c", OPEN_ALL, str(folder), str(BOUND)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert said.keys() == expected.keys()
    for name, words in expected.items():
        assert not re.match("WAS READ|RAISED|MEMORY|LINES", said[name]), f"{name}: {said[name]}"
        assert re.search(words, said[name]), f"{name}: {said[name]}"
        assert ";" in said[name], f"{name}: {said[name]}"
    assert not mark.exists()  # nothing was unpickled

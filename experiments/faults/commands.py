"""Commands of this project as a user starts them, in processes forked from one that has imported everything; what each
makes, and which of it must be the same however often it was interrupted."""

import hashlib
import importlib
import json
import os
import runpy
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lerobot_set

EXPERIMENTS = Path(__file__).parent.parent
PREPARE = EXPERIMENTS.parent / "datasets/prepare_procedural.py"
LATE = ("torch.utils.tensorboard", "open3d", "mujoco", "scipy.spatial", "trimesh", "av", "pyarrow.parquet")
"""What the commands import only where they need it."""
GENERATE = ["--num-objects", "20", "--states-per-object", "10", "--num-branches", "2"]
GENERATE += ["--image-size", "16", "--num-points", "16", "--processes", "1"]
TRAIN = ["tiny", "--optim.steps", "8", "--checkpoint-every", "2", "--log-every", "1", "--probe-every", "0"]


@dataclass(frozen=True)
class Operation:
    """A command, as functions of the folder that it writes to.

    command   its arguments.
    product   what must be the same: file -> its checksum.
    finished  whole shards, which the command started again must not make again.
    """

    command: Callable[[Path], list[str]]
    product: Callable[[Path], dict[str, str]]
    finished: Callable[[Path], list[Path]]


def operations(stores: Path, model: Path) -> dict[str, Operation]:
    prepare, pretrain, extract = PREPARE, EXPERIMENTS / "pretrain.py", EXPERIMENTS / "extract.py"

    def extraction(source: Path, kind: str, *more: str) -> Operation:
        command = [str(extract), "--run", str(model), "--source", f"{kind}:{source}", "--rows-per-shard", "8", *more]
        return Operation(
            lambda out: [*command, "--out", str(out)], all_files, lambda out: sorted(out.glob("shard-*.safetensors"))
        )

    return {
        "generate": Operation(lambda out: [str(prepare), str(out), *GENERATE], all_files, whole_shards),
        "train": Operation(
            lambda out: [str(pretrain), *TRAIN, "--stores", str(stores), "--out", str(out)], weights, lambda out: []
        ),
        "extract": extraction(stores / "train", "store"),
        "extract_lerobot": extraction(stores.parent / "lerobot-set", "lerobot", "--senses", "rgb"),
    }


def all_files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def weights(run: Path) -> dict[str, str]:
    """The model, the losses of its training (their times differ), and the names of partial files."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    names = [path.name for path in run.rglob("*") if path.is_file() and path.name.endswith((".part", ".tmp"))]
    return all_files(run / "model") | {"losses": str([(x["step"], x.get("loss")) for x in lines]), "left": str(names)}


def whole_shards(store: Path) -> list[Path]:
    return [path for path in sorted(store.glob("shards/*.arrow")) if path.with_suffix(".json").exists()]


class Child:
    """A command in a forked process."""

    def __init__(self, command: list[str], log: Path, before: Callable[[], object] = lambda: None) -> None:
        self.log = log
        self.pid = os.fork()
        if self.pid == 0:
            status = 70
            try:
                handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(handle, 1)
                os.dup2(handle, 2)
                before()
                status = run(command)
            finally:
                os._exit(status)

    def wait(self) -> int:
        """Exit status; minus the signal where one ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill_after(self, seconds: float) -> int:
        time.sleep(seconds)
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace").strip()

    @property
    def last_line(self) -> str:
        return self.said.splitlines()[-1] if self.said else ""


def run(command: list[str]) -> int:
    """`python` on that command, without the start of an interpreter."""
    sys.argv = command
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    sys.stdout.flush()
    return 0


def prepared(scratch: Path) -> dict[str, Operation]:
    """The operations, after an undisturbed run of each, whose product is the folder NAME-reference."""
    scratch.mkdir(parents=True, exist_ok=True)
    for path in (PREPARE, EXPERIMENTS / "pretrain.py", EXPERIMENTS / "extract.py"):
        runpy.run_path(str(path), run_name="imported")
    for name in LATE:
        importlib.import_module(name)
    lerobot_set.written(scratch / "lerobot-set")
    ops = operations(scratch / "stores", scratch / "train-reference")
    for name in ("train", *(other for other in ops if other != "train")):  # whose model and stores others read
        alone = Child(ops[name].command(scratch / f"{name}-reference"), scratch / f"{name}.log")
        if alone.wait():
            raise ValueError(f"{name}: the command fails undisturbed: {alone.last_line}")
    return ops


def fresh(out: Path) -> Path:
    shutil.rmtree(out, ignore_errors=True)
    return out

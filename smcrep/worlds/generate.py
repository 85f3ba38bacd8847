"""From a `Simulation` to a store on disk: in parallel, with progress, resumable, the same bytes however it was made."""

import json
import platform
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from smcrep.data.shard import is_complete, verify_shard, write_shard
from smcrep.data.store import Manifest, StoredObject, read_manifest, shard_path, write_manifest
from smcrep.engines import Engine, Work, local, on_slurm
from smcrep.files import atomic_write_bytes, file_lock
from smcrep.progress import progress as bar
from smcrep.worlds.episodes import shard_rows
from smcrep.worlds.objects.source import MeshObjects, ProceduralObjects
from smcrep.worlds.policy import Policy
from smcrep.worlds.simulation import Simulation

__all__ = ["MeshObjects", "Policy", "ProceduralObjects", "Simulation", "generate", "run_shard"]

LIBRARIES = ("smcrep", "numpy", "torch", "mujoco", "open3d", "scipy", "trimesh", "datasets", "pyarrow")


def run_shard(simulation: Simulation, shard_id: int, path: str | Path) -> None:
    """Simulate one shard and write it to ``path``, with a note of its redraws beside it (``.drawn.json``). A
    pure function of its arguments: the same bytes in any process, in any order."""
    rows, redrawn = shard_rows(simulation, shard_id)
    path = Path(path)
    note = {"redrawn": dict(sorted(redrawn.items()))}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(_note(path), (json.dumps(note) + "\n").encode())  # first: a whole shard has its note
    write_shard(path, simulation.schema, rows)


def generate(
    simulation: Simulation, out: str | Path, *, processes: int = 1, progress: bool = True, engine: Engine = local
) -> Path:
    """The store of ``simulation`` in the folder ``out``; shards that are there already are kept.

    engine  who works them off (`smcrep.engines`), with ``processes`` workers; the bytes are the same. A job of a SLURM
            array that finds shards of others missing at its end leaves the manifest to the job that finishes last.

    Progress goes to standard error. Interrupted or killed, the shards that are finished stay, and the same call goes on
    from there; it reads them first, and one that is not as it was written is made again. A store that is finished is
    looked at only (`data.store.verify` reads all of it), so it may lie on a medium that cannot be written to.
    More than one process are spawned, so a script that calls this needs ``if __name__ == "__main__":``.
    A store that holds more senses than ``simulation``, and is else the same, is taken.
    Raises ValueError where ``out`` holds a store of another configuration, or another process is writing there.
    """
    out = Path(out)
    if processes < 1:
        raise ValueError(f"generate: processes is {processes}; give at least 1")
    simulation = _with_stored_senses(simulation, out)
    _refuse_other(simulation, out)
    paths = [shard_path(out, i) for i in range(simulation.num_shards)]
    if all(is_complete(path) for path in paths) and "redrawn" in read_manifest(out).config:
        if progress:
            print(f"simulate {simulation.split}: all {simulation.num_states} states are there already", file=sys.stderr)
        return out
    with file_lock(out, shared=engine is on_slurm):
        _complete(simulation, out, paths, processes, progress, engine)
    return out


def _complete(
    simulation: Simulation, out: Path, paths: list[Path], processes: int, progress: bool, engine: Engine
) -> None:
    if not (out / "manifest.json").is_file():
        write_manifest(out, _manifest(simulation, {}))
    missing = [i for i, path in enumerate(paths) if not _is_whole(path, simulation)]
    states = [len(simulation.state_ids(i)) for i in range(simulation.num_shards)]
    done = sum(states) - sum(states[i] for i in missing)
    with bar(sum(states), f"simulate {simulation.split}", unit="states", done=done, shown=progress) as line:
        try:
            for shard_id in engine(missing, partial(_maker, simulation, out), processes):
                line.update(states[shard_id])
            line.refresh()  # the last state too, where lines come every few seconds
        except KeyboardInterrupt:
            print(f"\nsimulate {simulation.split}: interrupted; the same call goes on from here", file=sys.stderr)
            raise
    if not all(is_complete(path) and _note(path).is_file() for path in paths):
        return  # other jobs are still at theirs
    notes = [json.loads(_note(path).read_text()) for path in paths]
    redrawn: Counter[str] = Counter()
    for note in notes:
        redrawn.update(note["redrawn"])
    write_manifest(out, _manifest(simulation, {"redrawn": dict(sorted(redrawn.items()))}))


def _is_whole(path: Path, simulation: Simulation) -> bool:
    if not (is_complete(path) and _note(path).is_file()):
        return False
    try:
        verify_shard(path, simulation.schema)
    except ValueError as error:
        print(f"simulate {simulation.split}: {error}: made again", file=sys.stderr)
        return False
    return True


def _note(path: Path) -> Path:
    return path.with_suffix(".drawn.json")


def _maker(simulation: Simulation, out: Path) -> Work:
    """What a worker keeps: the simulation, whose objects are built once in each process."""
    return lambda shard_id: run_shard(simulation, shard_id, shard_path(out, shard_id))


def _with_stored_senses(simulation: Simulation, out: Path) -> Simulation:
    if (out / "manifest.json").is_file():
        stored = read_manifest(out).config.get("simulation", {}).get("senses", ())
        if set(simulation.senses) < set(stored):
            return replace(simulation, senses=tuple(stored))
    return simulation


def _refuse_other(simulation: Simulation, out: Path) -> None:
    if not (out / "manifest.json").is_file():
        if (out / "shards").exists():
            raise ValueError(f"{out}: has shards but no manifest.json; choose another folder or delete it")
        return
    manifest = read_manifest(out)
    differences = _unlike(manifest.config.get("simulation", {}), simulation.to_json())
    if differences:
        raise ValueError(
            f"{out}: holds a store of another configuration ({'; '.join(differences[:3])}); "
            "choose another folder or delete it"
        )
    if manifest.num_shards != simulation.num_shards:
        raise ValueError(
            f"{out}: its states are cut into {manifest.num_shards} shards, here into {simulation.num_shards}; "
            "choose another folder or delete it"
        )


def _unlike(stored: Any, wanted: Any, where: str = "") -> list[str]:
    """Leaves in which two JSON values differ, as "policy.num_branches 8 there, 4 here"."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        return [
            line
            for key in sorted(stored.keys() | wanted.keys())
            for line in _unlike(stored.get(key), wanted.get(key), f"{where}.{key}" if where else key)
        ]
    return [] if stored == wanted else [f"{where} {_short(stored)} there, {_short(wanted)} here"]


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _manifest(simulation: Simulation, found: dict[str, Any]) -> Manifest:
    objects = simulation.object_set
    named = zip(objects.names, objects.class_ids, objects.families, strict=True)
    return Manifest(
        schema=simulation.schema,
        num_branches=simulation.policy.num_branches,
        num_shards=simulation.num_shards,
        objects=tuple(StoredObject(i, name, class_id, family) for i, (name, class_id, family) in enumerate(named)),
        classes=tuple(objects.classes),
        config={"simulation": simulation.to_json(), "software": _software(), **found},
    )


def _software() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found

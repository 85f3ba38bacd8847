"""The files of a LeRobotDataset, v2.0 to v3.0, found on the disk; what its metadata promise and is not there is named.

v3.0  data/chunk-000/file-000.parquet, videos/KEY/chunk-000/file-000.mp4: many episodes in a file, found by
      meta/episodes/**.parquet
v2.x  data/chunk-000/episode_000000.parquet, videos/chunk-000/KEY/episode_000000.mp4: one episode in a file

Metadata in the field are often wrong (paths, names of cameras, episodes that were taken out), so the disk decides.
"""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from smcrep.data.readers.source import inside, one_line
from smcrep.data.readers.tables import Tables

VIDEOS = (".mp4", ".mkv", ".avi", ".webm")
FIELD = re.compile(r"\{(\w+)(?::0?(\d)d)?\}")
MAX_NAMED = 5
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATHS = {
    2: "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    3: "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
}


class LeRobotFiles:
    """``tables`` of all data files in order, ``cameras`` that have a video, ``faults`` and ``report`` in lines."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not (self.root / "data").is_dir():
            raise ValueError(f"{root}: no folder 'data' in it, so it is no LeRobotDataset; check the path")
        self.faults: list[str] = []
        self.info = self._info()
        found = sorted((self.root / "data").rglob("*.parquet"))
        self.tables = Tables(found)
        self.faults += self.tables.faults
        self.version = 2 if any(p.stem.startswith("episode_") for p in found) else 3
        self.fps = _positive(self.info.get("fps"))
        features = self.info.get("features")
        self.features: dict[str, Any] = features if isinstance(features, dict) else {}
        self.videos = sorted(p for p in self.root.rglob("*") if p.suffix.lower() in VIDEOS)
        self.cameras = self._cameras()
        self.episodes = self._episodes()
        self.faults += self._absent()
        self._found: dict[tuple[str, ...], Path | None] = {}

    def _info(self) -> dict[str, Any]:
        path = self.root / "meta" / "info.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found
            self.faults.append(f"{path}: not an object of JSON; what the files say themselves is used")
        except (OSError, ValueError, RecursionError) as error:
            self.faults.append(f"{path}: cannot be read ({one_line(error)}); what the files say themselves is used")
        return {}

    def _cameras(self) -> tuple[str, ...]:
        """Keys that have a video on the disk; a key of the metadata without one is a fault."""
        folders = {path.parent for path in self.videos}
        names = {f.parent.name if f.name.startswith("chunk-") else f.name for f in folders}
        promised = [k for k, v in self.features.items() if isinstance(v, dict) and v.get("dtype") == "video"]
        missing = [key for key in promised if key not in names]
        self.faults += [f"{self.root}: no video of {key!r}, which meta/info.json lists" for key in missing]
        return tuple(sorted(names))

    def _episodes(self) -> dict[int, dict[str, Any]]:
        """Episode -> what the metadata say of it: length, and in v3.0 in which files it lies."""
        try:
            if self.version == 2:
                lines = (self.root / "meta" / "episodes.jsonl").read_text(encoding="utf-8").splitlines()
                rows = [json.loads(line) for line in lines if line.strip()]
            else:
                rows = []
                for path in sorted((self.root / "meta" / "episodes").rglob("*.parquet")):
                    with pq.ParquetFile(path) as file:
                        kept = [n for n in file.schema_arrow.names if not n.startswith("stats/")]
                        rows += file.read(columns=kept).to_pylist()
            return {int(row["episode_index"]): row for row in rows}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, pa.ArrowException) as error:
            self.faults.append(f"{self.root}: the list of episodes cannot be read ({one_line(error)})")
            return {}

    def _absent(self) -> list[str]:
        """Episodes that the metadata list and that have no frames, or no file."""
        there = {p.relative_to(self.root).as_posix() for p in self.tables.paths}
        empty = [i for i, row in self.episodes.items() if row.get("length") == 0]
        absent = [i for i, row in self.episodes.items() if i not in set(empty) and not self._has_table(i, row, there)]
        return [
            f"{self.root}: {len(some)} listed episodes have {what}: {_shortened(some)}"
            for some, what in ((empty, "0 frames"), (absent, "no file with their data"))
            if some
        ]

    def _has_table(self, episode: int, row: dict[str, Any], there: set[str]) -> bool:
        if self.version == 2:
            return any(name.endswith(f"/episode_{episode:06d}.parquet") for name in there)
        numbers = {k: row.get(f"data/{k}") for k in ("chunk_index", "file_index")}
        return formatted(DATA_PATH, numbers) in there

    def video(self, key: str, episode: int) -> tuple[Path, float]:
        """File of a camera's video of an episode, and the time in it, seconds, at which the episode begins."""
        row = self.episodes.get(episode, {})
        numbers = {
            "chunk_index": row.get(f"videos/{key}/chunk_index"),
            "file_index": row.get(f"videos/{key}/file_index"),
        }
        if self.version == 3 and None in numbers.values():
            raise ValueError(f"{self.root}: meta/episodes does not say where the video {key!r} of episode {episode} is")
        start = float(row.get(f"videos/{key}/from_timestamp") or 0.0) if self.version == 3 else 0.0
        size = self.info.get("chunks_size")
        chunk = episode // size if isinstance(size, int) and size > 0 else 0
        numbers |= {"episode_index": episode, "episode_chunk": chunk, "video_key": key}
        pattern = self.info.get("video_path")
        pattern = pattern if isinstance(pattern, str) else VIDEO_PATHS[self.version]
        path = inside(self.root, formatted(pattern, numbers))
        if not path.is_file():
            usual = Path(formatted(VIDEO_PATHS[self.version], numbers))
            path = self._elsewhere(key, usual.parts[-1 if self.version == 2 else -2 :], path)
        return path, start

    def _elsewhere(self, key: str, ending: tuple[str, ...], expected: Path) -> Path:
        """The only video whose path ends so and names the camera, where the metadata lead to none."""
        if (key, *ending) not in self._found:
            ends = [p for p in self.videos if p.parts[-len(ending) :] == ending]
            found = [p for p in ends if key in p.relative_to(self.root).parts]
            self._found[(key, *ending)] = found[0] if len(found) == 1 else None
        return self._found[(key, *ending)] or expected

    def tasks(self) -> dict[int, str]:
        """Number of a task -> its words; {} where there are none."""
        try:
            if self.version == 2:
                lines = (self.root / "meta" / "tasks.jsonl").read_text(encoding="utf-8").splitlines()
                return {int(row["task_index"]): str(row["task"]) for row in map(json.loads, filter(str.strip, lines))}
            table = pq.read_table(self.root / "meta" / "tasks.parquet")
            words = next(name for name in table.column_names if name != "task_index")
            return dict(zip(table["task_index"].to_pylist(), map(str, table[words].to_pylist()), strict=True))
        except (OSError, ValueError, LookupError, TypeError, StopIteration, pa.ArrowException):
            return {}


def formatted(pattern: str, values: dict[str, Any]) -> str:
    """``pattern`` with {name} and {name:03d} filled in; Python's other forms of fields stay as they are."""

    def one(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None:
            raise ValueError(f"the path {pattern!r} needs {match[1]}, which the metadata do not give")
        return f"{int(value):0{int(match[2])}d}" if match[2] else str(value)

    return FIELD.sub(one, pattern)


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 < value < 1e6 else None


def _shortened(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:MAX_NAMED])) + (f" ... {numbers[-1]}" if len(numbers) > MAX_NAMED else "")

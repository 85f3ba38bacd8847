"""A LeRobotDataset (v2.0 to v3.0) as a source of observations: tables by pyarrow, videos by PyAV, no LeRobot needed."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smcrep.data.readers.depth_clouds import Intrinsics, cloud_of_depth
from smcrep.data.readers.depth_video import metres
from smcrep.data.readers.lerobot_files import LeRobotFiles
from smcrep.data.readers.source import Rows, fingerprint_of, one_line, read_each
from smcrep.data.readers.table_rows import columns_of
from smcrep.data.readers.values import sense_value
from smcrep.data.readers.video import Video

PLACES = ("episode_index", "frame_index", "timestamp", "index", "task_index")
USUAL_FPS = 30.0


class LeRobotRows:
    """Every frame of the data files that are there, in their order.

    columns     sense -> camera or column; where none is named, rgb is the first camera with a video, depth the first of
                depth maps, each said in ``report``
    intrinsics  of the depth camera: with them depth maps give points too

    A frame whose video is missing or broken, or with a state or action that is not finite, is a failed row.
    """

    def __init__(
        self, root: str | Path, columns: Mapping[str, str] | None = None, intrinsics: Intrinsics | None = None
    ) -> None:
        self.files = LeRobotFiles(root)
        self.root, self.where, self.tables = self.files.root, str(root), self.files.tables
        self.intrinsics = intrinsics
        if not self.tables.num_rows:
            raise ValueError(self.tables.faults[0] if self.tables.faults else f"{root}: no data files in it")
        with pq.ParquetFile(self.tables.paths[0]) as file:
            schema = file.schema_arrow
        self.names = schema.names
        self.columns = dict(columns or self._found())
        known = (*self.files.cameras, *self.names)
        for sense, column in self.columns.items():
            if column not in known:
                raise ValueError(f"{root}: no camera or column {column!r} for {sense!r}; it has {', '.join(known)}")
        if not self.columns:
            reason = "; ".join(self.files.faults[:2])
            raise ValueError(f"{root}: no camera in it has a video" + f" ({reason})" * bool(reason))
        self.vectors = tuple(f.name for f in schema if _is_vector(f.type) and f.name not in self.columns.values())
        self.tolerance_s = 0.5 / (self.files.fps or USUAL_FPS)
        self.words = self.files.tasks()
        self.faults = tuple(self.files.faults)
        named = ", ".join(f"{sense} is {column}" for sense, column in self.columns.items())
        others = [key for key in self.files.cameras if key not in self.columns.values()]
        more = f"; other cameras: {', '.join(others)}" if others else ""
        self.report = (f"{root}: {self.num_rows} frames of v{self.files.version}; {named}{more}",)
        self._videos: dict[str, tuple[Path, Video | str]] = {}
        self._began: tuple[Path | None, float] = None, 0.0

    def _found(self) -> dict[str, str]:
        deep = [key for key in self.files.cameras if self._is_depth(key)]
        plain = [key for key in self.files.cameras if key not in deep]
        pictures = [k for k, v in self.files.features.items() if isinstance(v, dict) and v.get("dtype") == "image"]
        plain += [key for key in pictures if key in self.names]
        return {sense: keys[0] for sense, keys in (("rgb", plain), ("depth", deep)) if keys}

    def _is_depth(self, key: str) -> bool:
        return bool(self._note(key, "is_depth_map"))

    def _note(self, key: str, name: str) -> Any:
        feature = self.files.features.get(key)
        feature = feature if isinstance(feature, dict) else {}
        notes = {**(feature.get("info") or {}), **(feature.get("video_info") or {})}
        return notes.get(name, notes.get(f"video.{name}"))

    @property
    def num_rows(self) -> int:
        return self.tables.num_rows

    @property
    def senses(self) -> tuple[str, ...]:
        of_depth = self.intrinsics is not None and "depth" in self.columns and "points" not in self.columns
        return (*self.columns, *(("points",) if of_depth else ()))

    @property
    def row_bytes(self) -> int:
        shapes = (self.files.features.get(column, {}).get("shape") for column in self.columns.values())
        return sum(int(np.prod(s)) if isinstance(s, list) and len(s) == 3 else 1 << 20 for s in shapes)

    def fingerprint(self) -> str:
        notes = [path for path in (self.root / "meta").rglob("*") if path.is_file()]
        return fingerprint_of(self.root, [*self.tables.paths, *self.files.videos, *notes])

    def read(self, rows: range, senses: Sequence[str]) -> Rows:
        starts = [rows.start, *(g.start for g in self.tables.groups if rows.start < g.start < rows.stop), rows.stop]
        parts = [self._read_group(range(a, b), senses) for a, b in pairwise(starts)]
        data = {name: [x for part in parts for x in part.data[name]] for name in senses}
        return Rows(data, {row: words for part in parts for row, words in part.failed.items()})

    def _read_group(self, rows: range, senses: Sequence[str]) -> Rows:
        """Rows of one row group: one that is damaged fails its own rows alone."""
        try:
            table = columns_of(self.tables, rows, self._columns_for(senses))
            finite = {name: _finite_rows(table[name]) for name in self.vectors}
        except ValueError as error:
            return Rows({name: [None] * len(rows) for name in senses}, dict.fromkeys(rows, one_line(error)))
        places = {name: table[name].to_pylist() for name in PLACES if name in table}

        def one(row: int) -> dict[str, np.ndarray]:
            at = row - rows.start
            episode, time_s = self._place(places, at, row)
            if wrong := [name for name in self.vectors if not finite[name][at]]:
                raise ValueError(f"{wrong[0]} is not finite (episode {episode}, {time_s:.3f} s)")
            return {sense: self._sense(sense, table, at, episode, time_s) for sense in senses}

        return read_each(rows, senses, one)

    def _columns_for(self, senses: Sequence[str]) -> tuple[str, ...]:
        cells = [c for s, c in self.columns.items() if s in senses and c not in self.files.cameras]
        return tuple(dict.fromkeys([*(n for n in PLACES if n in self.names), *self.vectors, *cells]))

    def _place(self, places: Mapping[str, list[Any]], at: int, row: int) -> tuple[int, float]:
        """Episode and time in it, seconds, of a row, which is the ``at``-th of ``places``."""
        episode = int(places["episode_index"][at]) if "episode_index" in places else 0
        if "timestamp" in places:
            return episode, float(places["timestamp"][at]) - self._first_time(row)
        if "frame_index" in places:
            return episode, int(places["frame_index"][at]) / (self.files.fps or USUAL_FPS)
        raise ValueError("the table has neither timestamp nor frame_index")

    def _first_time(self, row: int) -> float:
        """Time of the first frame of a file of v2.x, one episode: some recorders stamp the end of a frame, and a video
        begins at 0."""
        if self.files.version == 3:
            return 0.0
        path = self.tables.group_of(row).path
        if self._began[0] != path:
            start = next(group.start for group in self.tables.groups if group.path == path)
            times = columns_of(self.tables, range(start, start + 1), ["timestamp"])["timestamp"]
            self._began = path, float(times[0].as_py())
        return self._began[1]

    def _sense(
        self, sense: str, table: Mapping[str, pa.ChunkedArray], at: int, episode: int, time_s: float
    ) -> np.ndarray:
        if sense == "points" and sense not in self.columns:
            assert self.intrinsics is not None
            return cloud_of_depth(self._sense("depth", table, at, episode, time_s), self.intrinsics)
        column = self.columns[sense]
        if column not in self.files.cameras:
            return sense_value(sense, table[column][at].as_py(), self.root)
        path, start_s = self.files.video(column, episode)
        video = self._video(column, path)
        if sense == "depth":
            return metres(video, start_s + time_s, self.tolerance_s, lambda name: self._note(column, name))
        return video.at(start_s + time_s, self.tolerance_s)

    def _video(self, key: str, path: Path) -> Video:
        """The open video of a camera; one that cannot be opened is not tried again for its other frames."""
        if self._videos.get(key, (None, ""))[0] != path:
            held = self._videos.get(key, (None, ""))[1]
            if isinstance(held, Video):
                held.close()
            try:
                self._videos[key] = path, Video(path)
            except ValueError as error:
                self._videos[key] = path, str(error)
        found = self._videos[key][1]
        if isinstance(found, str):
            raise ValueError(found)
        return found

    def index(self, rows: range) -> dict[str, list[Any]]:
        """Those of `PLACES` that there are, task in words, and file, the data file."""
        held = [name for name in PLACES if name in self.names]
        found = {name: values.to_pylist() for name, values in columns_of(self.tables, rows, held).items()}
        if "task_index" in found and self.words:
            found["task"] = [self.words.get(number, "") for number in found["task_index"]]
        found["file"] = [self.tables.group_of(r).path.relative_to(self.root).as_posix() for r in rows]
        return found


def _is_vector(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    return is_list and pa.types.is_floating(kind.value_type)


def _finite_rows(column: pa.ChunkedArray) -> np.ndarray:
    """bool [r]: whether every number of a list is finite."""
    joined = column.combine_chunks()
    flat = joined.flatten().to_numpy(zero_copy_only=False)
    if np.isfinite(flat).all():
        return np.ones(len(column), bool)
    return np.array([cell is None or bool(np.isfinite(np.asarray(cell, float)).all()) for cell in column.to_pylist()])

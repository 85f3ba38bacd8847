"""Statistics of added features for each episode of a LeRobotDataset v3.0, in the table where LeRobot keeps them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from smcrep.extraction.statistics import NAMES, statistics


class EpisodeStatistics:
    """Takes the rows of a set in their order, a batch at a time, and keeps `statistics` of each episode."""

    def __init__(self, features: Sequence[str]) -> None:
        self.features = features
        self.of: dict[int, dict[str, dict[str, np.ndarray]]] = {}
        self._episode: int | None = None
        self._held: dict[str, list[np.ndarray]] = {name: [] for name in features}

    def add(self, episode: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """``episode`` int64 [r]; ``values`` feature -> [r, ...]."""
        cuts = [0, *(np.flatnonzero(np.diff(episode)) + 1).tolist(), len(episode)]
        for start, stop in pairwise(cuts):
            if int(episode[start]) != self._episode:
                self.end()
                self._episode = int(episode[start])
            for name in self.features:
                self._held[name].append(values[name][start:stop])

    def end(self) -> None:
        """The episode is complete."""
        if self._episode is not None:
            self.of[self._episode] = {name: statistics(np.concatenate(held)) for name, held in self._held.items()}
        self._episode, self._held = None, {name: [] for name in self.features}

    def write(self, path: Path, target: Path) -> None:
        """A table of episodes with columns ``stats/FEATURE/STATISTIC``; null of an episode without rows."""
        table = pq.read_table(path)
        numbers = table["episode_index"].to_pylist()
        for name in self.features:
            for key in NAMES:
                lists = [self.of[i][name][key] if i in self.of else None for i in numbers]
                table = table.append_column(f"stats/{name}/{key}", _lists(lists, key))
        pq.write_table(table, target)


def _lists(values: Sequence[np.ndarray | None], key: str) -> pa.Array:
    kind = pa.int64() if key == "count" else pa.float64()
    ends = np.cumsum([0 if x is None else len(x) for x in values]).tolist()
    flat = np.concatenate([x for x in values if x is not None] or [np.empty(0)])
    starts = [None if x is None else start for x, start in zip(values, [0, *ends], strict=False)]  # null: no list
    return pa.ListArray.from_arrays(pa.array([*starts, ends[-1]], pa.int32()), pa.array(flat, kind))

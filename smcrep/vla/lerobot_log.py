"""Frames of a LeRobotDataset as a policy gets them: observations by name, and the chunks that were executed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from smcrep.data.readers.lerobot import LeRobotRows
from smcrep.data.readers.lerobot_files import LeRobotFiles
from smcrep.data.readers.table_rows import columns_of
from smcrep.probes.collapse import AuditReport
from smcrep.senses import RGB
from smcrep.vla.chunks import chunked
from smcrep.vla.policy_audit import Logged, audit_policy

TASK, BEFORE = "task", ".before"
ACTIONS = ("action", "actions")
Act = Callable[[Mapping[str, Tensor | list[str]]], Tensor]
"""Observations by name -> chunk [b, h, a]. Vectors are [b, d], cameras uint8 [b, h, w, 3], what was before [b, t, d]
(the latest last), the task a list of b sentences."""


class LeRobotLog:
    """signals     columns of vectors, cameras, "task", and NAME.before: the ``num_before`` earlier frames of a vector,
                   the first of its episode where there are none. Empty: all that are called ``observation.``, and the
                   task where there are several.
    faults         lines on what could not be read, and is left out.
    """

    def __init__(self, root: str | Path, signals: Sequence[str] = (), *, num_before: int = 0) -> None:
        self.files, self.num_before = LeRobotFiles(root), num_before
        tables = self.files.tables
        if not tables.num_rows:
            raise ValueError(tables.faults[0] if tables.faults else f"{root}: no data files in it")
        self.faults = list(self.files.faults)
        action = next((name for name in ACTIONS if name in tables.names), None)
        if action is None or "episode_index" not in tables.names:
            raise ValueError(f"{root}: no column action, or no episode_index; it has {', '.join(tables.names)}")
        self.sentences = self.files.tasks()
        self.signals = tuple(signals) or self._found()
        known = {*tables.names, *self.files.cameras, TASK}
        for name in self.signals:
            if name.removesuffix(BEFORE) not in known or (name == TASK and not self.sentences):
                raise ValueError(
                    f"{root}: no signal {name!r}; it has {', '.join(sorted(known))}, and each with {BEFORE}"
                )
        if num_before < 1 and any(name.endswith(BEFORE) for name in self.signals):
            raise ValueError(f"{root}: signals of earlier frames are asked for; say how many")
        columns = [n.removesuffix(BEFORE) for n in self.signals if n != TASK and n not in self.files.cameras]
        if moving := [name for name in columns if name in self.files.cameras]:
            raise ValueError(f"{root}: earlier frames of the camera {moving[0]!r}; only those of vectors are read")
        wanted = list(dict.fromkeys([action, "episode_index", *columns, *(["task_index"] * (TASK in self.signals))]))
        table = {n: _array(c, n, root) for n, c in columns_of(tables, range(tables.num_rows), wanted).items()}
        self.episode = table["episode_index"].astype(np.int64)
        self.actions = torch.from_numpy(table[action]).float()
        self.vectors = {name: torch.from_numpy(table[name]).float() for name in columns}
        self.task = torch.from_numpy(table["task_index"]).long() if TASK in self.signals else None
        self._first = np.maximum.accumulate(
            np.where(np.diff(self.episode, prepend=-1) != 0, np.arange(len(self.episode)), 0)
        )

    def _found(self) -> tuple[str, ...]:
        kinds = {name: self.files.features.get(name, {}).get("dtype", "") for name in self.files.tables.names}
        vectors = [n for n, kind in kinds.items() if n.startswith("observation.") and kind.startswith("float")]
        return (*vectors, *self.files.cameras, *([TASK] if len(self.sentences) > 1 else []))

    def chosen(self, horizon: int, most: int) -> np.ndarray:
        """Up to ``most`` rows, evenly, that have ``horizon`` actions left in their episode and finite numbers."""
        _, is_pad = chunked(self.actions, torch.from_numpy(self.episode), horizon)
        finite = self.actions.isfinite().all(1)
        for values in self.vectors.values():
            finite &= values.flatten(1).isfinite().all(1)
        if bad := int((~finite).sum()):
            self.faults.append(f"{self.files.root}: {bad} rows hold numbers that are not finite")
        rows = torch.nonzero(~is_pad.any(1) & finite).squeeze(1).numpy()
        if not len(rows):
            raise ValueError(f"{self.files.root}: no frame has {horizon} actions left in its episode")
        return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))]

    def observations(self, rows: np.ndarray) -> tuple[dict[str, Tensor], np.ndarray]:
        """Signals of ``rows``, and those rows for which all could be read; the task as its number."""
        pictures: dict[str, list[np.ndarray | None]] = {}
        for camera in (name for name in self.signals if name in self.files.cameras):
            source = LeRobotRows(self.files.root, {RGB.name: camera})
            read = [source.read(range(row, row + 1), (RGB.name,)) for row in rows.tolist()]
            pictures[camera] = [each.data[RGB.name][0] for each in read]
            reasons = [words for each in read for words in each.failed.values()]
            if reasons:
                self.faults.append(f"{self.files.root}: {len(reasons)} frames of {camera}, the first: {reasons[0]}")
        good = np.array([all(p[i] is not None for p in pictures.values()) for i in range(len(rows))], bool)
        kept = rows[good]
        if not len(kept):
            raise ValueError(f"{self.files.root}: no frame could be read; {'; '.join(self.faults[-2:])}")
        return {name: self._signal(name, kept, good, pictures) for name in self.signals}, kept

    def _signal(
        self, name: str, rows: np.ndarray, good: np.ndarray, pictures: Mapping[str, list[np.ndarray | None]]
    ) -> Tensor:
        if name in pictures:
            return torch.from_numpy(np.stack([p for p, fine in zip(pictures[name], good, strict=True) if fine]))  # type: ignore[arg-type]
        if name == TASK:
            assert self.task is not None
            return self.task[rows]
        if name.endswith(BEFORE):
            earlier = rows[:, None] - np.arange(self.num_before, 0, -1)
            return self.vectors[name.removesuffix(BEFORE)][np.maximum(earlier, self._first[rows][:, None])]
        return self.vectors[name][rows]

    def asked(self, act: Act) -> Callable[[Mapping[str, Tensor]], Tensor]:
        """``act`` with the task as its number, as an audit exchanges it."""

        def answer(batch: Mapping[str, Tensor]) -> Tensor:
            given: dict[str, Tensor | list[str]] = dict(batch)
            if TASK in batch:
                given[TASK] = [self.sentences.get(number, "") for number in batch[TASK].tolist()]
            return act(given)

        return answer

    def logged(self, act: Act, *, most: int = 2000) -> Logged:
        """What `policy_audit.audit_policy` takes: ``most`` frames, with chunks as long as the policy's own."""
        first, _ = self.observations(self.chosen(1, 2))
        horizon = self.asked(act)(first).shape[1]
        signals, rows = self.observations(self.chosen(horizon, most))
        index = torch.from_numpy(rows)
        chunks = chunked(self.actions, torch.from_numpy(self.episode), horizon)[0][index]
        return Logged(signals, chunks, self.episode[rows])


def audit_on(
    act: Act,
    dataset: str | Path,
    signals: Sequence[str] = (),
    *,
    num_before: int = 0,
    most: int = 2000,
    generator: torch.Generator,
) -> tuple[AuditReport, list[str]]:
    """`policy_audit.audit_policy` of ``act`` on ``most`` frames of a LeRobotDataset, and lines on what was left out."""
    log = LeRobotLog(dataset, signals, num_before=num_before)
    logged = log.logged(act, most=most)
    return audit_policy(log.asked(act), logged, generator=generator), log.faults


def _array(column: pa.ChunkedArray, name: str, root: str | Path) -> np.ndarray:
    """[n, ...]; a number as [n, 1], unless it is a whole one."""
    try:
        found = np.array(column.to_pylist())
        found = found if found.dtype.kind in "iu" else found.astype(np.float32)
    except (ValueError, TypeError):
        raise ValueError(f"{root}: rows of {name!r} are not all numbers of one shape; leave that signal out") from None
    return found[:, None] if found.ndim == 1 and found.dtype.kind == "f" else found

"""Records of claimed metrics, written by the experiment that measured them and read by the report and the checks."""

import csv
import hashlib
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from smcrep.files import atomic_write, atomic_write_bytes


@dataclass(frozen=True)
class Record:
    """A metric with its 95 % interval, controls (chance, untrained encoder, ...), and how it was measured.

    commits  of all cells that the value and its controls come from, where it was made from cells.
    seal     digest of all other fields, given by `write_claims`: a field changed by hand no longer agrees with it.
    """

    value: float
    ci95: tuple[float, float] | None = None
    seeds: int = 1
    n: int = 1
    unit: str = ""
    controls: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    commit: str = ""
    minutes: float = 0.0
    machine: str = ""
    commits: tuple[str, ...] = ()
    seal: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.ci95 is not None and not self.ci95[0] <= self.value <= self.ci95[1]:
            raise ValueError(f"Record: value {self.value} lies outside its interval {self.ci95}; check the estimator")


def sealed(record: Record) -> Record:
    """With the digest of its other fields, as JSON has them."""
    others = {name: value for name, value in asdict(record).items() if name != "seal"}
    text = json.dumps(others, sort_keys=True, ensure_ascii=False)
    return replace(record, seal=hashlib.sha256(text.encode()).hexdigest()[:16])


def machine() -> str:
    """This machine in words: cores and architecture."""
    return f"{os.cpu_count()} cores, {platform.machine()}"


def commit() -> str:
    """Commit of the checkout that this file belongs to, with ``-dirty`` where tracked files differ; "" outside git."""
    here = Path(__file__).parent
    head = _git(here, "rev-parse", "--short=12", "HEAD")
    return head + ("-dirty" if head and _git(here, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except OSError:  # no git on this machine
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def write_json(path: Path, value: Any) -> None:
    """Atomic; makes the parent folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def write_claims(path: Path, claims: dict[str, Record]) -> None:
    """Merges ``claims``, sealed, into the theme file ``path`` (``<theme>.json``); records of other names are
    unchanged."""
    known = read_claims(path) if path.exists() else {}
    merged = known | {name: sealed(record) for name, record in claims.items()}
    write_json(path, {"theme": path.stem, "claims": {name: asdict(merged[name]) for name in sorted(merged)}})


def read_claims(path: Path) -> dict[str, Record]:
    """Records by name. Raises ValueError, in one line, for a file of another form."""
    try:
        claims = json.loads(path.read_text(encoding="utf-8"))["claims"]
        return {name: _record(name, fields) for name, fields in claims.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{path}: not a file of claims ({error!r}); remake it with the command in its records"
        ) from None


def write_table(path: Path, heading: str, records: dict[str, Record]) -> None:
    """A CSV file with a line a record: its name, its value, its controls."""
    columns = list(next(iter(records.values())).controls)
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([heading, "ours", *columns])
        for name, record in records.items():
            table.writerow([name, record.value, *(record.controls.get(column, "") for column in columns)])


def _record(name: str, fields: dict[str, Any]) -> Record:
    low_high = fields.get("ci95")
    ends = None if low_high is None else (low_high[0], low_high[1])
    try:
        return Record(**(fields | {"ci95": ends, "commits": tuple(fields.get("commits", ()))}))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None

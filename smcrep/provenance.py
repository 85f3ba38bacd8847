"""How a record was made: by which command, at which commit, on which machine, in how many minutes."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from smcrep.results import Record, commit, machine


def made(command: str, begun: float) -> dict[str, Any]:
    """Fields of a `Record`, or of any JSON, that say how it was made.

    begun  `time.monotonic()` at the start of the experiment.
    """
    minutes = round((time.monotonic() - begun) / 60, 2)
    return {"command": command, "commit": commit(), "machine": machine(), "minutes": minutes}


def stamped(records: Mapping[str, Record], command: str, begun: float) -> dict[str, Record]:
    """The records with the fields of `made`."""
    about = made(command, begun)
    return {name: replace(record, **about) for name, record in records.items()}

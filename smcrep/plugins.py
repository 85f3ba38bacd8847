"""Senses, objectives, fusion rules and recipes of your own in commands that know nothing of them.

A module that registers them is imported where the environment variable SMCREP_PLUGINS names it (several: joined by
commas), or where an installed package declares it as an entry point of the group "smcrep".
"""

import importlib
import os
from importlib.metadata import entry_points

VARIABLE, GROUP = "SMCREP_PLUGINS", "smcrep"


def load_plugins() -> list[str]:
    """Import the modules; their names. ValueError where one that SMCREP_PLUGINS names cannot be found."""
    named = [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]
    for name in named:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ValueError(f"{VARIABLE}: no module {name!r} ({error}); put its folder into PYTHONPATH") from None
    declared = list(entry_points(group=GROUP))
    for entry in declared:
        entry.load()
    return named + [entry.value for entry in declared]

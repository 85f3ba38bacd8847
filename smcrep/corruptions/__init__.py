"""What goes wrong with sensors: functions of raw data, a severity from 0 to 1 and a generator, found in one table.

    from smcrep.corruptions import CORRUPTIONS, corrupt

    noise = CORRUPTIONS[RGB.name, "noise"]
    noisy = noise(rgb, torch.full((len(rgb),), noise.severity(0.1)), generator)  # of full scale
    harmed = corrupt(senses, 0.5, generator, keep_one=True)                       # by the kinds of training

`CORRUPTIONS.training` and `CORRUPTIONS.held_out` are disjoint lists for each sense; `register` adds your own kinds.
"""

from smcrep.corruptions.behaviours import absent, biased, correlated, lagging_rows, replaced_rows, shown, stuck_rows
from smcrep.corruptions.corrupt import CLEAN, Drawn, apply_corruptions, corrupt, draw_corruptions
from smcrep.corruptions.corruption import Corruption, CorruptionTable
from smcrep.corruptions.table import CORRUPTIONS

register = CORRUPTIONS.register

__all__ = [
    "CLEAN",
    "CORRUPTIONS",
    "Corruption",
    "CorruptionTable",
    "Drawn",
    "absent",
    "apply_corruptions",
    "biased",
    "correlated",
    "corrupt",
    "draw_corruptions",
    "lagging_rows",
    "register",
    "replaced_rows",
    "shown",
    "stuck_rows",
]

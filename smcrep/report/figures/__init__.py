"""The pictures of a run. Each function takes arrays or records and writes one PNG; none computes a result."""

from smcrep.report.figures.baselines import against_baselines
from smcrep.report.figures.collapse import five_actions, use_of_signals
from smcrep.report.figures.comparison import bars
from smcrep.report.figures.curves import curves
from smcrep.report.figures.embedding import embedding_map
from smcrep.report.figures.few_shot import few_shot, few_shot_ahead, few_shot_by_sense
from smcrep.report.figures.images import neighbours, outcomes
from smcrep.report.figures.physics import physics, physics_records

__all__ = [
    "against_baselines",
    "bars",
    "curves",
    "embedding_map",
    "few_shot",
    "few_shot_ahead",
    "few_shot_by_sense",
    "five_actions",
    "neighbours",
    "outcomes",
    "physics",
    "physics_records",
    "use_of_signals",
]

"""Curricula against collapse, each a function of arrays for any trainer: what is hidden when, what is slowed, what is
gone back to. What they are worth by mechanism is measured by experiments/cures.py."""

from smcrep.training.curricula.contrast import same_state_contrast
from smcrep.training.curricula.interventions import from_interventions
from smcrep.training.curricula.modality_dropout import kept
from smcrep.training.curricula.ogm_ge import coefficients, with_noise
from smcrep.training.curricula.ramps import warm_up
from smcrep.training.curricula.snapshots import BestSnapshot

__all__ = [
    "BestSnapshot",
    "coefficients",
    "from_interventions",
    "kept",
    "same_state_contrast",
    "warm_up",
    "with_noise",
]

"""Objectives: pure functions of tensors that return a `Loss`."""

from smcrep.objectives.equimod import EquiModWeights, equimod
from smcrep.objectives.equivariant import equivariant_contrast
from smcrep.objectives.floor import action_blind_floor
from smcrep.objectives.nt_xent import nt_xent
from smcrep.objectives.pairs import Pairs, all_pairs, star
from smcrep.objectives.sensorimotor import SensorimotorWeights, sensorimotor
from smcrep.objectives.vicreg import VICRegWeights, vicreg

__all__ = [
    "EquiModWeights",
    "Pairs",
    "SensorimotorWeights",
    "VICRegWeights",
    "action_blind_floor",
    "all_pairs",
    "equimod",
    "equivariant_contrast",
    "nt_xent",
    "sensorimotor",
    "star",
    "vicreg",
]

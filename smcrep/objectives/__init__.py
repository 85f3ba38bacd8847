"""Objectives: pure functions of tensors that return a `Loss`, and the types of their weights that a recipe holds."""

from smcrep.objectives.equimod import EquiModWeights, equimod
from smcrep.objectives.equivariant import equivariant_contrast
from smcrep.objectives.floor import action_blind_floor
from smcrep.objectives.nt_xent import nt_xent
from smcrep.objectives.objective import ObjectiveWeights, Observed
from smcrep.objectives.pairs import Pairs, all_pairs, star
from smcrep.objectives.sensorimotor import SensorimotorWeights, sensorimotor
from smcrep.objectives.simclr import SimCLRWeights
from smcrep.objectives.vicreg import VICRegWeights, vicreg

__all__ = [
    "EquiModWeights",
    "ObjectiveWeights",
    "Observed",
    "Pairs",
    "SensorimotorWeights",
    "SimCLRWeights",
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

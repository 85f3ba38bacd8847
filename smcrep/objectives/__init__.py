"""Objectives: pure functions of tensors that return a `Loss`, and the types of their weights that a recipe holds."""

from smcrep.objectives.aa_ssl import AASSL
from smcrep.objectives.augself import AugSelf, augself
from smcrep.objectives.barlow_twins import BarlowTwins, barlow_twins
from smcrep.objectives.byol import BYOL, byol
from smcrep.objectives.care import CARE, care
from smcrep.objectives.clip import CLIPWeights, clip
from smcrep.objectives.combined import CombinedWeights, objectives
from smcrep.objectives.conditional_byol import ConditionalBYOL
from smcrep.objectives.crosspoint import CrossPointWeights, crosspoint
from smcrep.objectives.equimod import EquiMod, EquiModWeights, equimod
from smcrep.objectives.equivariance import Equivariance, Moved, NoEquivariance
from smcrep.objectives.equivariant import equivariant_contrast
from smcrep.objectives.floor import action_blind_floor
from smcrep.objectives.forward_model import Forward, roll_out
from smcrep.objectives.gradient_conflict import gradient_cosine
from smcrep.objectives.heads import HeadSizes
from smcrep.objectives.invariance import Invariance, Views
from smcrep.objectives.inverse_model import Inverse
from smcrep.objectives.kendall import kendall
from smcrep.objectives.nt_xent import NTXent, nt_xent
from smcrep.objectives.objective import ObjectiveWeights, Observed
from smcrep.objectives.pairs import Pairs, all_pairs, star
from smcrep.objectives.rigid_body import newton_euler
from smcrep.objectives.sen import SEN, sen
from smcrep.objectives.sensorimotor import SensorimotorWeights, sensorimotor
from smcrep.objectives.seq_jepa import SeqJEPAWeights, SequenceModel, seq_jepa, standardise
from smcrep.objectives.shared_private import SharedPrivateWeights, soft_orthogonality
from smcrep.objectives.sie import SIE, sie
from smcrep.objectives.sigreg import SIGReg, sigreg
from smcrep.objectives.simclr import SimCLRWeights
from smcrep.objectives.time_contrast import TimeContrastWeights, time_contrast
from smcrep.objectives.vicreg import VICReg, VICRegWeights, vicreg

__all__ = [
    "AASSL",
    "BYOL",
    "CARE",
    "SEN",
    "SIE",
    "AugSelf",
    "BarlowTwins",
    "CLIPWeights",
    "CombinedWeights",
    "ConditionalBYOL",
    "CrossPointWeights",
    "EquiMod",
    "EquiModWeights",
    "Equivariance",
    "Forward",
    "HeadSizes",
    "Invariance",
    "Inverse",
    "Moved",
    "NTXent",
    "NoEquivariance",
    "ObjectiveWeights",
    "Observed",
    "Pairs",
    "SIGReg",
    "SensorimotorWeights",
    "SeqJEPAWeights",
    "SequenceModel",
    "SharedPrivateWeights",
    "SimCLRWeights",
    "TimeContrastWeights",
    "VICReg",
    "VICRegWeights",
    "Views",
    "action_blind_floor",
    "all_pairs",
    "augself",
    "barlow_twins",
    "byol",
    "care",
    "clip",
    "crosspoint",
    "equimod",
    "equivariant_contrast",
    "gradient_cosine",
    "kendall",
    "newton_euler",
    "nt_xent",
    "objectives",
    "roll_out",
    "sen",
    "sensorimotor",
    "seq_jepa",
    "sie",
    "sigreg",
    "soft_orthogonality",
    "standardise",
    "star",
    "time_contrast",
    "vicreg",
]

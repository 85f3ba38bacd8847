"""Models in which collapse was planted, with its truth measured: what a detector of collapse is worth."""

from smcrep.zoo.detectors import DETECTORS, Audited, Detector
from smcrep.zoo.knobs import Knobs, Specimen, Stack, stacked
from smcrep.zoo.mechanisms import DECOYS, MECHANISMS, controls, decoys, planted, turning
from smcrep.zoo.model import Oracle, ZooModel, audit_batch, oracle_of
from smcrep.zoo.network import ARCHITECTURES, Architecture
from smcrep.zoo.training import Schedule, Trained, train
from smcrep.zoo.truth import Truth, functional_use
from smcrep.zoo.world import SIGNALS, World, make_world

__all__ = [
    "ARCHITECTURES",
    "DECOYS",
    "DETECTORS",
    "MECHANISMS",
    "SIGNALS",
    "Architecture",
    "Audited",
    "Detector",
    "Knobs",
    "Oracle",
    "Schedule",
    "Specimen",
    "Stack",
    "Trained",
    "Truth",
    "World",
    "ZooModel",
    "audit_batch",
    "controls",
    "decoys",
    "functional_use",
    "make_world",
    "oracle_of",
    "planted",
    "stacked",
    "train",
    "turning",
]

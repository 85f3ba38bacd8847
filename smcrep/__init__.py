"""Sensorimotor contingency representations: learn what objects are by acting on them."""

from smcrep.geometry.action import Action
from smcrep.hub import build_model, from_pretrained, load_model, save_pretrained
from smcrep.models.config import ModelConfig
from smcrep.transition import Embedding, Senses, Transition

__version__ = "0.2.0"

__all__ = [
    "Action",
    "Embedding",
    "ModelConfig",
    "Senses",
    "Transition",
    "__version__",
    "build_model",
    "from_pretrained",
    "load_model",
    "save_pretrained",
]

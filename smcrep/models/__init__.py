"""The model: belief heads, the action encoder, predictors, and what joins them with the encoders of the senses."""

from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.models.scales import fit_scales

__all__ = ["ModelConfig", "SensorimotorModel", "fit_scales"]

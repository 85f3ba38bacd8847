"""Networks: encoders of the senses, the action encoder, predictors, and the model that joins them."""

from smcrep.models.config import ModelConfig
from smcrep.models.model import SensorimotorModel
from smcrep.models.pretrained import load_image_weights, pretrained_inputs
from smcrep.models.scales import fit_scales

__all__ = ["ModelConfig", "SensorimotorModel", "fit_scales", "load_image_weights", "pretrained_inputs"]

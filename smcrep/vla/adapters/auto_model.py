"""transformers' AutoModel (5.x): our encoder under a type of its own, saved and loaded as any other there."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

from smcrep.hub import build_model
from smcrep.models import ModelConfig
from smcrep.models.patches import PatchEncoder

MODEL_TYPE = "smcrep"


class SmcrepConfig(PretrainedConfig):
    """``model``: `ModelConfig.to_json`; ``sense``: the one whose images are read."""

    model_type = MODEL_TYPE

    def __init__(self, model: dict[str, Any] | None = None, sense: str = "", **given: Any) -> None:
        self.model, self.sense = model, sense
        super().__init__(**given)


class SmcrepVisionModel(PreTrainedModel):
    """``pixel_values`` float [b, 3, h, w] of 0..255 -> ``last_hidden_state`` [b, num_patches, embed_dim] and
    ``pooler_output`` [b, d], the model's embedding."""

    config_class = SmcrepConfig
    base_model_prefix = "encoder"
    main_input_name = "pixel_values"

    def __init__(self, config: SmcrepConfig) -> None:
        super().__init__(config)
        if config.model is None:
            raise ValueError("SmcrepVisionModel: the configuration holds no model; make it by vision_model")
        self.encoder = PatchEncoder(build_model(ModelConfig.from_json(config.model)), config.sense)
        self.post_init()

    @classmethod
    def from_pretrained(cls, *given: Any, **options: Any) -> Any:
        """As ever; buffers that no file holds (scales of pixels, which the configuration keeps) are set again, since
        transformers builds models without memory and leaves those undefined."""
        loaded = super().from_pretrained(*given, **options)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        fresh = dict(cls(model.config).named_buffers())  # type: ignore[arg-type]
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                if name not in model.state_dict():
                    buffer.copy_(fresh[name])
        return loaded

    def _init_weights(self, module: torch.nn.Module) -> None:
        """Weights are drawn where the parts are built."""

    def forward(self, pixel_values: Tensor, **ignored: Any) -> BaseModelOutputWithPooling:
        pixels = pixel_values.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        return BaseModelOutputWithPooling(
            last_hidden_state=self.encoder.forward_patches(pixels),  # type: ignore[arg-type]
            pooler_output=self.encoder.forward_pooled(pixels),  # type: ignore[arg-type]
        )


def register() -> None:
    """``AutoModel.from_pretrained`` knows the type from here on; twice is once."""
    AutoConfig.register(MODEL_TYPE, SmcrepConfig, exist_ok=True)
    AutoModel.register(SmcrepConfig, SmcrepVisionModel, exist_ok=True)


def vision_model(encoder: PatchEncoder) -> SmcrepVisionModel:
    """The same weights as a model of transformers; ``save_pretrained(folder)`` writes it."""
    made = SmcrepVisionModel(SmcrepConfig(model=encoder.model.config.to_json(), sense=encoder.sense))
    made.encoder.load_state_dict(encoder.state_dict())
    return made.eval()


def load_vision_model(folder: str | Path) -> SmcrepVisionModel:
    """What ``save_pretrained`` wrote, strictly: AutoModel alone draws missing weights anew and only warns."""
    register()
    model, report = AutoModel.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    wrong = [*report["missing_keys"], *report["unexpected_keys"], *report["mismatched_keys"]]
    if wrong:
        raise ValueError(f"load_vision_model: {folder} does not fit ({sorted(map(str, wrong))[:3]}); save it again")
    return model

"""A model on the Hugging Face hub: ``from_pretrained`` and ``push_to_hub`` as their users know them."""

from pathlib import Path
from typing import Any

from huggingface_hub import PyTorchModelHubMixin, snapshot_download
from torch import nn

import smcrep.hub
from smcrep.models import SensorimotorModel


class HubModel(nn.Module, PyTorchModelHubMixin, library_name="smcrep", tags=["robotics", "representation-learning"]):
    """A `SensorimotorModel` behind the mixin. Files, and their strict checks, are those of `smcrep.save_pretrained`:
    the mixin's own would drop what is no JSON, and load what does not fit."""

    def __init__(self, model: SensorimotorModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, **senses: Any) -> Any:
        """`SensorimotorModel.embed`."""
        return self.model.embed(senses)

    def _save_pretrained(self, save_directory: Path) -> None:
        smcrep.hub.save_pretrained(self.model, save_directory)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        map_location: str = "cpu",
        strict: bool = True,
        **unknown: Any,
    ) -> "HubModel":
        """A folder that is here, or the two files of a repository of the hub."""
        folder = Path(model_id)
        if not folder.is_dir():
            folder = Path(
                snapshot_download(
                    model_id,
                    revision=revision,
                    cache_dir=cache_dir,
                    force_download=force_download,
                    local_files_only=local_files_only,
                    token=token,
                    allow_patterns=["config.json", "model.safetensors"],
                )
            )
        return cls(smcrep.hub.from_pretrained(folder).to(map_location)).eval()

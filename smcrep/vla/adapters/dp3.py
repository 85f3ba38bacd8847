"""DP3's observation encoder (YanjieZe/3D-Diffusion-Policy of 2024, `model/vision/pointnet_extractor.py`)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from smcrep.models import SensorimotorModel
from smcrep.transition import Senses

CLOUD, STATE = "point_cloud", "agent_pos"
STATE_WIDTH = 64
"""Of the two layers that read the robot's state, as DP3 has them."""


class DP3Encoder(nn.Module):
    """{"point_cloud": [b, n, 3 or 6] metres, camera frame, "agent_pos": [b, s]} -> [b, output_shape()], in place of
    ``DP3Encoder``: the model's embedding of the cloud beside two layers of the state. Colours (the last 3) are not
    read.

    sense   of the model, that takes clouds.
    frozen  the model learns nothing, and is in evaluation mode always.
    """

    def __init__(self, model: SensorimotorModel, sense: str, num_state: int, *, frozen: bool = True) -> None:
        super().__init__()
        if sense not in model.encoders:
            raise ValueError(f"DP3Encoder: no sense {sense!r}; this model has {', '.join(model.config.names)}")
        self.model, self.sense, self.frozen = model, sense, frozen
        self.state = nn.Sequential(nn.Linear(num_state, STATE_WIDTH), nn.ReLU(), nn.Linear(STATE_WIDTH, STATE_WIDTH))
        if frozen:
            model.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "DP3Encoder":
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def output_shape(self) -> int:
        return self.model.config.embed_dim + STATE_WIDTH

    def forward(self, observations: Mapping[str, Tensor]) -> Tensor:
        missing = [name for name in (CLOUD, STATE) if name not in observations]
        if missing:
            raise ValueError(f"DP3Encoder: no {missing[0]!r} among {', '.join(observations)}; DP3 gives both")
        cloud = observations[CLOUD]
        if cloud.ndim != 3 or cloud.shape[-1] not in (3, 6):
            raise ValueError(f"DP3Encoder: {CLOUD} is {list(cloud.shape)}; give [b, n, 3], or 6 with colours")
        embedding = self.model(Senses.all_present({self.sense: cloud[..., :3]})).senses[self.sense]
        return torch.cat([embedding, self.state(observations[STATE])], -1)

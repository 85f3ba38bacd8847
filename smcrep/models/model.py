"""The model: senses -> beliefs -> one embedding, and where it goes under an action."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from smcrep.models.action import ActionEncoder, ActionLike, Condition
from smcrep.models.config import ModelConfig
from smcrep.models.heads import BeliefHead, projector
from smcrep.models.inputs import Array, check_observations
from smcrep.models.points import points_encoder
from smcrep.models.predictors import predictor
from smcrep.models.rgb import rgb_encoder
from smcrep.models.weights import check_weights, load_weights, read_config, write_model
from smcrep.transition import Beliefs, Embedding, Senses

Fuse = Callable[[Beliefs], tuple[Tensor, Tensor]]

FUSED = "fused"
ENCODERS: dict[str, Callable[[ModelConfig], nn.Module]] = {"rgb": rgb_encoder, "points": points_encoder}


class SensorimotorModel(nn.Module):
    """One encoder and one belief head per sense, a fusion rule handed in, one action encoder, one predictor per source.

    d = ``config.embed_dim``: first ``invariant_dim`` numbers that say what is there, then ``num_vectors`` vectors in
    R^3 and ``num_tensors`` tensors of rank 2 that say how it stands.
    """

    def __init__(self, config: ModelConfig, fuse: Fuse) -> None:
        super().__init__()
        self.config = config
        self.fuse = fuse
        self.encoders = nn.ModuleDict({sense: ENCODERS[sense](config) for sense in config.senses})
        self.heads = nn.ModuleDict({sense: BeliefHead(config) for sense in config.senses})
        self.action_encoder = ActionEncoder(config)
        self.predictors = nn.ModuleDict({source: predictor(config) for source in (*config.senses, FUSED)})
        self.projector = projector(config)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def beliefs(self, senses: Senses) -> Beliefs:
        """Senses [b] -> mean [b, m, d], log_precision [b, m, d], present [b, m]; m in the order of ``config.senses``.

        Data of an absent sense are never read: they are replaced by zeros before, and the belief by zeros after.
        """
        means, log_precisions, presents = [], [], []
        num_batch = senses.batch_shape[0]
        for sense in self.config.senses:
            if sense in senses:
                present = senses.present[sense]
                data = torch.where(present.view(-1, *[1] * (senses[sense].ndim - 1)), senses[sense], 0)
                mean, log_precision = self.heads[sense](*self.encoders[sense](data))
                mean, log_precision = (torch.where(present[:, None], x, 0) for x in (mean, log_precision))
            else:
                mean = log_precision = torch.zeros(num_batch, self.config.embed_dim, device=self.device)
                present = torch.zeros(num_batch, dtype=torch.bool, device=self.device)
            means.append(mean)
            log_precisions.append(log_precision)
            presents.append(present)
        return Beliefs(
            torch.stack(means, 1), torch.stack(log_precisions, 1), torch.stack(presents, 1), self.config.senses
        )

    def forward(self, senses: Senses) -> Embedding:
        """Senses [b] -> Embedding [b]."""
        return self.embedding(self.beliefs(senses))

    def embedding(self, beliefs: Beliefs) -> Embedding:
        """The beliefs fused by the model's rule; leading axes as they come."""
        fused, weight = self.fuse(beliefs)
        return Embedding(
            fused=fused,
            senses={sense: beliefs.mean[..., i, :] for i, sense in enumerate(self.config.senses)},
            log_precision=beliefs.log_precision,
            weight=weight,
            present=beliefs.present,
            names=self.config.senses,
            num_invariant=self.config.invariant_dim,
        )

    def project(self, invariant: Tensor) -> Tensor:
        """Invariant part [..., invariant_dim] -> [..., projector_dim]; one projector for every sense and the fused."""
        return self.projector(invariant)

    def condition(self, action: ActionLike, physics: Tensor | None = None) -> Condition:
        """What the predictors are told of an action [...] and of physics [..., p]."""
        return self.action_encoder(action, physics)

    def predict(self, source: str, equivariant: Tensor, condition: Condition) -> Tensor:
        """The equivariant part [..., 3 v + 9 t] after the action, predicted from ``source``: a sense, or "fused"."""
        if source not in self.predictors:
            raise ValueError(f"predict: no source {source!r}; this model has {', '.join(self.predictors)}")
        return self.predictors[source](equivariant, condition.rotation, condition.vector)

    @torch.no_grad()
    def embed(self, rgb: Array | None = None, points: Array | None = None, *, chunk: int = 256) -> Embedding:
        """Embed observations: images, clouds, or both of the same things.

        rgb     uint8 [b, h, w, 3], any h and w of at least 8 (resized inside).
        points  float [b, n, 3] metres, camera frame (x right, y down, z forward), any n >= 1.

        NumPy arrays or tensors; the result lies on the model's device. ``chunk`` observations run at once. A batch
        gives what its items give one by one. Raises ValueError, naming the fault and the remedy, for anything else.
        """
        given = check_observations(rgb, points, self.config.senses)
        num_batch = len(next(iter(given.values())))
        training = self.training
        self.eval()
        try:
            parts = [
                self(Senses.all_present({k: v[start : start + chunk] for k, v in given.items()}).map(self._here))
                for start in range(0, max(num_batch, 1), chunk)
            ]
        finally:
            self.train(training)
        return _concatenate(parts)

    def save_pretrained(self, directory: str | Path, provenance: dict[str, Any] | None = None) -> None:
        """Write config.json (with ``provenance``: whatever JSON says where the weights came from) and
        model.safetensors."""
        write_model(directory, self.config, self.state_dict(), provenance or {})

    @classmethod
    def from_pretrained(cls, directory: str | Path, fuse: Fuse) -> "SensorimotorModel":
        """The model that `save_pretrained` wrote, in evaluation mode. ``smcrep.from_pretrained`` finds ``fuse`` too."""
        config, _ = read_config(directory)
        with torch.device("meta"):  # a skeleton without memory: the file must fit it before anything is built
            check_weights(cls(config, fuse), directory)
        model = cls(config, fuse)
        load_weights(model, directory)
        return model.eval()

    def _here(self, x: Tensor) -> Tensor:
        return x.to(self.device)


def _concatenate(parts: list[Embedding]) -> Embedding:
    first = parts[0]
    return Embedding(
        fused=torch.cat([p.fused for p in parts]),
        senses={sense: torch.cat([p.senses[sense] for p in parts]) for sense in first.names},
        log_precision=torch.cat([p.log_precision for p in parts]),
        weight=torch.cat([p.weight for p in parts]),
        present=torch.cat([p.present for p in parts]),
        names=first.names,
        num_invariant=first.num_invariant,
    )

"""The model: senses -> beliefs -> one embedding, and where it goes under an action."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from smcrep.geometry.action import ActionLike
from smcrep.models.action import ActionEncoder, Condition
from smcrep.models.config import ModelConfig
from smcrep.models.evaluating import evaluating
from smcrep.models.heads import BeliefHead, projector
from smcrep.models.predictors import PREDICTORS, Sizes
from smcrep.models.weights import check_weights, load_weights, read_config, write_model
from smcrep.senses import SENSES, Array, prepared_name
from smcrep.transition import FUSED, Beliefs, Embedding, Senses, concatenate

Fuse = Callable[[Beliefs], tuple[Tensor, Tensor]]


class SensorimotorModel(nn.Module):
    """One encoder and one belief head per sense, a fusion rule handed in, one action encoder, one predictor per source.

    d = ``config.embed_dim``: first the ``invariant_dim`` numbers of the invariant part, then the equivariant part:
    ``num_vectors`` vectors in R^3 and ``num_tensors`` tensors of rank 2.
    """

    def __init__(self, config: ModelConfig, fuse: Fuse) -> None:
        super().__init__()
        self.config = config
        self.fuse = fuse
        encoders = {name: SENSES[name].encoder(settings, config.trunk_dim) for name, settings in config.senses.items()}
        self.encoders = nn.ModuleDict(encoders)
        self.heads = nn.ModuleDict({sense: BeliefHead(config) for sense in config.senses})
        self.action_encoder = ActionEncoder(config)
        sizes = Sizes(config.equivariant_dim, config.condition_dim, config.predictor_hidden, config.num_tensors)
        self.predictors = nn.ModuleDict({source: PREDICTORS[config.predictor](sizes) for source in self.sources})
        self.projector = projector(config)
        self.objective_heads = nn.ModuleDict()  # filled while training, by what the objective learns for itself

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of what is embedded: every sense, and "fused"."""
        return (*self.config.senses, FUSED)

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
                given = [senses[name] for name in (sense, prepared_name(sense)) if name in senses]
                data = [torch.where(present.view(-1, *[1] * (x.ndim - 1)), x, 0) for x in given]
                mean, log_precision = self.heads[sense](*self.encoders[sense](*data))
                mean, log_precision = (torch.where(present[:, None], x, 0) for x in (mean, log_precision))
            else:
                mean = log_precision = torch.zeros(num_batch, self.config.embed_dim, device=self.device)
                present = torch.zeros(num_batch, dtype=torch.bool, device=self.device)
            means.append(mean)
            log_precisions.append(log_precision)
            presents.append(present)
        stacked = (torch.stack(x, 1) for x in (means, log_precisions, presents))
        return Beliefs(*stacked, names=self.config.names)

    def forward(self, senses: Senses) -> Embedding:
        """Senses [b] -> Embedding [b]."""
        return self.embedding(self.beliefs(senses))

    def embedding(self, beliefs: Beliefs) -> Embedding:
        """The beliefs fused by the model's rule; leading axes as they come."""
        fused, weight = self.fuse(beliefs)
        return self._embedding(beliefs, fused, weight)

    def look(self, beliefs: Beliefs) -> Embedding:
        """`embedding`, with the precision and the p-value of each sense. Where the rule is no head of `smcrep.fusion`
        that says them, precision is the mean over the invariant part of what the sense claims, and p-values are NaN."""
        head = getattr(self.fuse, "look", None)
        if head is None:
            claimed = beliefs.log_precision[..., : self.config.invariant_dim].exp().mean(-1)
            precision = torch.where(beliefs.present, claimed, 0)
            p_value = torch.full_like(precision, torch.nan)
            return replace(self.embedding(beliefs), precision=precision, p_value=p_value)
        look = head(beliefs)
        embedding = self._embedding(beliefs, look.fused, look.weight)
        return replace(embedding, precision=look.precision, p_value=look.p_value)

    def _embedding(self, beliefs: Beliefs, fused: Tensor, weight: Tensor) -> Embedding:
        return Embedding(
            fused=fused,
            senses={sense: beliefs.mean[..., i, :] for i, sense in enumerate(self.config.senses)},
            log_precision=beliefs.log_precision,
            weight=weight,
            present=beliefs.present,
            names=self.config.names,
            num_invariant=self.config.invariant_dim,
        )

    def project(self, invariant: Tensor) -> Tensor:
        """Invariant part [..., invariant_dim] -> [..., projector_dim]; one projector for every sense and the fused."""
        return self.projector(invariant)

    def condition(self, action: ActionLike, physics: Tensor | None = None) -> Condition:
        """What the predictors are conditioned on: an action [...] and physics [..., p]."""
        return self.action_encoder(action, physics)

    def predict(self, source: str, equivariant: Tensor, condition: Condition) -> Tensor:
        """The equivariant part [..., 3 v + 9 t] after the action, predicted from ``source``: a sense, or "fused"."""
        if source not in self.predictors:
            raise ValueError(f"predict: no source {source!r}; this model has {', '.join(self.predictors)}")
        return self.predictors[source](equivariant, condition.rotation, condition.vector)

    @torch.no_grad()
    def embed(
        self, senses: Mapping[str, Array | None] | None = None, /, *, chunk: int = 256, **named: Array | None
    ) -> Embedding:
        """Embed observations of any of the model's senses, all of the same things in the same order.

        By keyword, or as one dictionary: name -> NumPy array or tensor [b, ...], as the record of each sense says
        (`smcrep.senses`); a sense that is None or left out is absent. The result lies on the model's device. ``chunk``
        observations run at once. A batch gives what its items give one by one. Always in evaluation mode, and the model
        is not changed meanwhile: threads may share it. float32 also of a model in half or bfloat16, or under autocast.

        Raises ValueError, naming the fault and the remedy, for anything else.
        """
        if chunk < 1:
            raise ValueError(f"embed: chunk is {chunk}; give the number of observations to run at once, at least 1")
        given = self._checked({**(senses or {}), **named})
        num_batch = len(next(iter(given.values())))
        if not num_batch:  # some backbones cannot take an empty batch: one observation runs, none is returned
            given = {name: x.new_zeros(1, *x.shape[1:]) for name, x in given.items()}
        model = evaluating(self)
        parts = [
            model.look(
                model.beliefs(
                    Senses.all_present({k: v[start : start + chunk] for k, v in given.items()}).map(self._here)
                )
            )
            for start in range(0, max(num_batch, 1), chunk)
        ]
        return concatenate(parts)[:num_batch]

    def _checked(self, senses: Mapping[str, Array | None]) -> dict[str, Tensor]:
        names = ", ".join(self.config.names)
        unknown = [name for name in senses if name not in self.config.senses]
        if unknown:
            raise ValueError(f"embed: this model has no sense {unknown[0]!r}, it was trained on {names}")
        given = {name: SENSES[name].check(value) for name, value in senses.items() if value is not None}
        for name, data in given.items():
            SENSES[name].plausible(self.config.senses[name], data)
        if not given:
            raise ValueError(f"embed: no sense was given; pass at least one of {names}")
        counts = {name: len(value) for name, value in given.items()}
        if len(set(counts.values())) > 1:
            held = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise ValueError(
                f"embed: senses hold different numbers of observations ({held}); give all of the same observations, in "
                "the same order"
            )
        return given

    def save_pretrained(self, directory: str | Path, provenance: dict[str, Any] | None = None) -> None:
        """Write config.json (with ``provenance``: whatever JSON says where the weights came from) and
        model.safetensors."""
        weights = {k: v for k, v in self.state_dict().items() if not k.startswith("objective_heads.")}
        write_model(directory, self.config, weights, provenance or {})

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

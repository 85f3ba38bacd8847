"""A model as a graph: torch.export for torch, ONNX for everything else."""

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from smcrep.encoders import CloudEncoder
from smcrep.encoders.cloud import prepared
from smcrep.encoders.trunk import dtype_of
from smcrep.models import SensorimotorModel
from smcrep.senses.sense import prepared_name
from smcrep.transition import Senses

MAX_BATCH = 4096


class Embedder(nn.Module):
    """Data of the named senses, all present, in their order -> fused [b, d] and weight [b, m]: what
    `SensorimotorModel.embed` gives, without its checks."""

    def __init__(self, model: SensorimotorModel, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *data: Tensor) -> tuple[Tensor, Tensor]:
        present = torch.ones(data[0].shape[:1], dtype=torch.bool, device=data[0].device)
        senses = Senses(dict(zip(self.names, data, strict=True)), dict.fromkeys(self.names, present))
        embedding = self.model(senses)
        return embedding.fused, embedding.weight


def export_program(model: SensorimotorModel, examples: Mapping[str, Tensor], path: str | Path) -> None:
    """Write a .pt2 that `torch.export.load` reads, of senses like ``examples`` (name -> [b, ...], b >= 2); any number
    of observations up to MAX_BATCH, of the size of the examples."""
    names, data = tuple(examples), tuple(examples.values())
    torch.export.save(torch.export.export(*_call(Embedder(model, names), data), dynamic_shapes=_any(data)), path)


class AfterPreparation(nn.Module):
    """A `CloudEncoder` behind its preparation: points [b, n, 3] and centre [b, 1, 3] as `encoders.cloud.prepared` gives
    them. Neighbours and stable sorting stay outside the graph: ONNX has no operator for them."""

    def __init__(self, encoder: CloudEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, points: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
        own = self.encoder
        features = own.backbone(((points - centre) / own.scale_m).to(dtype_of(own.invariant)))
        place = (centre[:, 0] / own.scale_m).to(features.dtype)
        return own.invariant(features), own.equivariant(torch.cat([features, place], -1))


def graph_inputs(model: SensorimotorModel, data: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the ONNX graph takes, by name: a sense as it is; of a cloud, prepared points and their centre."""
    found: dict[str, Tensor] = {}
    for name, x in data.items():
        if isinstance(model.encoders[name], CloudEncoder):
            found[name], found[prepared_name(name)] = prepared(x)
        else:
            found[name] = x
    return found


def export_onnx(model: SensorimotorModel, examples: Mapping[str, Tensor], path: str | Path) -> None:
    """Write an ONNX graph of senses like ``examples`` (name -> [b, ...], b >= 2): inputs as `graph_inputs` names them,
    outputs fused and weight; any number of observations up to MAX_BATCH, of the size of the examples."""
    given = graph_inputs(model, examples)
    changed = copy.deepcopy(model)
    for name in examples:
        encoder = changed.encoders[name]
        if isinstance(encoder, CloudEncoder):
            changed.encoders[name] = AfterPreparation(encoder)
    embedder, data = _call(Embedder(changed, tuple(given)), tuple(given.values()))
    program = torch.onnx.export(
        embedder, data, dynamo=True, dynamic_shapes=_any(data), input_names=list(given),
        output_names=["fused", "weight"], verbose=False,
    )  # fmt: skip
    assert program is not None
    program.save(str(path))


def run_onnx(path: str | Path, inputs: Mapping[str, Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """fused [b, d] and weight [b, m] of an exported graph, by onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    fused, weight = session.run(["fused", "weight"], {name: x.numpy() for name, x in inputs.items()})
    return np.asarray(fused), np.asarray(weight)


def _call(embedder: Embedder, data: tuple[Tensor, ...]) -> tuple[Embedder, tuple[Tensor, ...]]:
    if not data or len(data[0]) < 2:
        raise ValueError(
            "export: give examples of at least one sense and 2 observations; of one, torch fixes the batch"
        )
    return embedder.eval(), data


def _any(data: tuple[Tensor, ...]) -> tuple[tuple[dict[int, torch.export.Dim], ...]]:  # type: ignore[valid-type]
    batch = torch.export.Dim("batch", min=1, max=MAX_BATCH)
    return (tuple({0: batch} for _ in data),)

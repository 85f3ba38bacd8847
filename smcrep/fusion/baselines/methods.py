"""The methods by name, each with its source."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from smcrep.fusion.baselines.concatenation import Concatenation, ConcatenationZeros
from smcrep.fusion.baselines.cross_attention import CrossAttention
from smcrep.fusion.baselines.equal_mean import EqualMean
from smcrep.fusion.baselines.film import FiLM
from smcrep.fusion.baselines.fitting import drawn_by
from smcrep.fusion.baselines.gated import GatedUnit
from smcrep.fusion.baselines.graph import GraphFusion
from smcrep.fusion.baselines.late_fusion import BestSingle, MeanLogProbability, MeanProbability
from smcrep.fusion.baselines.latents import PerceiverResampler, QFormer
from smcrep.fusion.baselines.mlp import IntermediateMLP
from smcrep.fusion.baselines.pdf import PDF
from smcrep.fusion.baselines.qmf import QMF
from smcrep.fusion.baselines.skip import AddedToMean
from smcrep.fusion.baselines.tmc import TMC
from smcrep.fusion.baselines.transformer import LateFusionTransformer, ModalityTransformer
from smcrep.fusion.baselines.udml import UDML
from smcrep.fusion.method import FitSettings

Make = Callable[[int, int, FitSettings], nn.Module]


@dataclass(frozen=True)
class Method:
    """make: (number of senses, their dimension d, settings) -> a `Fuser` or a `Decider`; source: where it is from."""

    make: Make
    source: str


def network(make: Make) -> Make:
    """The same, added to the plain mean where the settings say so."""

    def added(num_senses: int, dim: int, settings: FitSettings) -> nn.Module:
        fuser = make(num_senses, dim, settings)
        return AddedToMean(fuser, settings.width, dim) if settings.skip else fuser

    return added


METHODS: dict[str, Method] = {
    "concatenation_zeros": Method(lambda m, d, s: ConcatenationZeros(), "standard; zeros for an absent sense"),
    "concatenation": Method(lambda m, d, s: Concatenation(m, d), "standard; a learned token for an absent sense"),
    "equal_mean": Method(lambda m, d, s: EqualMean(), "standard"),
    "intermediate_mlp": Method(network(IntermediateMLP), "standard; arXiv:1705.09406"),
    "gated": Method(network(GatedUnit), "arXiv:1702.01992"),
    "film": Method(network(FiLM), "arXiv:1709.07871"),
    "cross_attention": Method(network(CrossAttention), "arXiv:1906.00295"),
    "transformer": Method(network(ModalityTransformer), "arXiv:2102.03334"),
    "late_fusion_transformer": Method(network(LateFusionTransformer), "arXiv:2512.22991"),
    "perceiver_resampler": Method(network(PerceiverResampler), "arXiv:2204.14198"),
    "q_former": Method(network(QFormer), "arXiv:2301.12597"),
    "graph": Method(network(GraphFusion), "arXiv:1710.10903"),
    "mean_log_probability": Method(lambda m, d, s: MeanLogProbability(), "standard"),
    "mean_probability": Method(lambda m, d, s: MeanProbability(), "standard"),
    "best_single": Method(lambda m, d, s: BestSingle(m), "standard"),
    "qmf": Method(QMF, "arXiv:2306.02050"),
    "pdf": Method(PDF, "arXiv:2406.04802"),
    "tmc": Method(TMC, "arXiv:2102.02051"),
    "udml": Method(UDML, "arXiv:2603.19681"),
}
"""By name: twelve that fuse embeddings (`Fuser`), then seven that fuse decisions (`Decider`); add your own."""


def build(name: str, num_senses: int, dim: int, settings: FitSettings, generator: torch.Generator) -> nn.Module:
    """The method of that name, its first weights drawn by ``generator``; ValueError in one line where there is none."""
    if name not in METHODS:
        raise ValueError(f"baselines: there is no method {name!r}; choose one of {', '.join(METHODS)}")
    with drawn_by(generator):
        return METHODS[name].make(num_senses, dim, settings)

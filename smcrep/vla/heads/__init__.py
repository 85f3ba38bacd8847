"""Heads of a policy: what was understood -> the next h actions, all behind one interface (`ActionHead`)."""

from smcrep.vla.heads.chunk import ChunkHead
from smcrep.vla.heads.diffusion import DiffusionHead
from smcrep.vla.heads.flow import FlowHead
from smcrep.vla.heads.head import ActionHead, HeadSizes
from smcrep.vla.heads.tanh import TanhHead
from smcrep.vla.heads.token import TokenHead

HEADS: dict[str, type[ActionHead]] = {
    "tanh": TanhHead,
    "chunk": ChunkHead,
    "token": TokenHead,
    "flow": FlowHead,
    "diffusion": DiffusionHead,
}
"""By name; each is built from `HeadSizes`."""

__all__ = ["HEADS", "ActionHead", "ChunkHead", "DiffusionHead", "FlowHead", "HeadSizes", "TanhHead", "TokenHead"]

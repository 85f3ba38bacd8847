"""Networks that senses are encoded by: raw observations [b, ...] -> features for the invariant and the equivariant
part, both float32 [b, trunk_dim]. Which sense has which network is written in `smcrep.senses`."""

from smcrep.encoders.cloud import CloudEncoder, PointNet
from smcrep.encoders.dgcnn import DGCNN
from smcrep.encoders.point_transformer import PointTransformer
from smcrep.encoders.pointnet2 import PointNet2
from smcrep.encoders.spatial import SmallCNN, SpatialEncoder
from smcrep.encoders.staged import StagedMap
from smcrep.encoders.timm_map import TimmMap
from smcrep.encoders.two_streams import TwoStreamEncoder
from smcrep.encoders.vector import VectorEncoder

__all__ = [
    "DGCNN",
    "CloudEncoder",
    "PointNet",
    "PointNet2",
    "PointTransformer",
    "SmallCNN",
    "SpatialEncoder",
    "StagedMap",
    "TimmMap",
    "TwoStreamEncoder",
    "VectorEncoder",
]

"""The collapse audit: is each signal used by a model, and which directions do its embeddings fill?"""

from smcrep.probes.collapse.alignment import alignment, modality_gap, uniformity
from smcrep.probes.collapse.alpha_req import alpha_req
from smcrep.probes.collapse.cka import cka, cka_biased
from smcrep.probes.collapse.dimension import levina_bickel, two_nn
from smcrep.probes.collapse.indicators import participation_ratio, rank_me, rank_me_as_published, stable_rank
from smcrep.probes.collapse.lidar import lidar
from smcrep.probes.collapse.null import AgainstNull, against_isotropic, isotropic_null, isotropic_participation
from smcrep.probes.collapse.oracle import depth_distance, moving_pixels, noise_threshold, oracle_hits, oracle_scores
from smcrep.probes.collapse.rsa import Similarity, distances, rsa
from smcrep.probes.collapse.sequential import CollapseEvidence, Cusum, ShiryaevRoberts, UseEvidence, UseStream
from smcrep.probes.collapse.utilisation import Utilisation, another_state, utilisation

__all__ = [
    "AgainstNull",
    "CollapseEvidence",
    "Cusum",
    "ShiryaevRoberts",
    "Similarity",
    "UseEvidence",
    "UseStream",
    "Utilisation",
    "against_isotropic",
    "alignment",
    "alpha_req",
    "another_state",
    "cka",
    "cka_biased",
    "depth_distance",
    "distances",
    "isotropic_null",
    "isotropic_participation",
    "levina_bickel",
    "lidar",
    "modality_gap",
    "moving_pixels",
    "noise_threshold",
    "oracle_hits",
    "oracle_scores",
    "participation_ratio",
    "rank_me",
    "rank_me_as_published",
    "rsa",
    "stable_rank",
    "two_nn",
    "uniformity",
    "utilisation",
]

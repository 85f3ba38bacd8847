"""The collapse audit: utilisation of a signal by a model, and effective rank of its embeddings."""

from smcrep.probes.collapse.indicators import participation_ratio, rank_me
from smcrep.probes.collapse.oracle import depth_distance, moving_pixels, noise_threshold, oracle_hits, oracle_scores
from smcrep.probes.collapse.utilisation import Utilisation, another_state, utilisation

__all__ = [
    "Utilisation",
    "another_state",
    "depth_distance",
    "moving_pixels",
    "noise_threshold",
    "oracle_hits",
    "oracle_scores",
    "participation_ratio",
    "rank_me",
    "utilisation",
]

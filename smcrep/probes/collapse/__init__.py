"""The collapse audit: is a signal used, and how many directions does an embedding fill?"""

from smcrep.probes.collapse.indicators import participation_ratio, rank_me
from smcrep.probes.collapse.oracle import depth_distance, moving_pixels, noise_threshold, oracle_hits, oracle_scores
from smcrep.probes.collapse.use import Use, another_state, use

__all__ = [
    "Use",
    "another_state",
    "depth_distance",
    "moving_pixels",
    "noise_threshold",
    "oracle_hits",
    "oracle_scores",
    "participation_ratio",
    "rank_me",
    "use",
]

"""The oracle of the audit ranks outcomes by the simulator, without a model: how much can a signal gain at all?"""

import numpy as np

from smcrep.probes.inputs import finite
from smcrep.probes.retrieval import rank_same_state

MISSING_M = 0.05
"""Metres charged for a pixel in which one image sees something and the other nothing; no pixel counts more."""


def depth_distance(
    simulated: np.ndarray,
    candidates: np.ndarray,
    *,
    seen_simulated: np.ndarray | None = None,
    seen_candidates: np.ndarray | None = None,
    missing_m: float = MISSING_M,
) -> np.ndarray:
    """float64 [s, q, c]: mean absolute difference, in metres, of noise-free depth images.

    simulated   [s, q, h, w] metres, 0 where nothing was hit: the simulated outcome of each query.
    candidates  [s, c, h, w]: the outcomes to rank.
    seen_*      bool, like the images: pixels that show the object; None: pixels with a depth, which is right where
                nothing is behind the object. With a table in view give a segmentation or `moving_pixels`: the table,
                the same in all images, would dilute every difference to less than the sensor's noise.

    The mean is over pixels in which either image sees the object. A pixel where only one image has a depth counts
    ``missing_m``, and none counts more. Two images that see nothing are at distance 0.
    """
    if simulated.ndim != 4 or simulated.shape[2:] != candidates.shape[2:] or len(simulated) != len(candidates):
        raise ValueError(
            f"oracle: simulated {simulated.shape} and candidates {candidates.shape}; give [states, images, h, w] alike"
        )
    finite("oracle", simulated=simulated, candidates=candidates)
    seen_simulated = simulated > 0 if seen_simulated is None else seen_simulated
    seen_candidates = candidates > 0 if seen_candidates is None else seen_candidates
    distance = np.empty((len(simulated), simulated.shape[1], candidates.shape[1]))
    for s in range(len(simulated)):  # one state at a time bounds the memory
        a, b = simulated[s][:, None], candidates[s][None]
        sees_a, sees_b = seen_simulated[s][:, None], seen_candidates[s][None]
        apart = np.minimum(np.abs(a - b, dtype=np.float64), missing_m)
        apart = np.where((a <= 0) | (b <= 0), missing_m, apart)
        either = sees_a | sees_b
        distance[s] = (apart * either).sum((-1, -2)) / np.maximum(either.sum((-1, -2)), 1)
    return distance


def moving_pixels(depth: np.ndarray, tolerance_m: float = 1e-4) -> np.ndarray:
    """bool [s, k, h, w]: pixels of each noise-free outcome that are nearer than the farthest depth of that pixel in the
    outcomes of the same state (0, nothing hit, counts as farthest): what was moved, without support and background.
    depth [s, k, h, w] metres."""
    distance = np.where(depth > 0, depth, np.inf)
    return distance < distance.max(1, keepdims=True) - tolerance_m


def noise_threshold(sigma: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """float64 [...]: mean over the pixels ``seen`` (bool [..., h, w]) of 2 sigma / sqrt(pi), in metres: the expected
    absolute difference of two readings of one and the same depth with Gaussian noise of standard deviation ``sigma``
    (metres, broadcastable). Outcomes closer than that look alike to the sensor. 0 where no pixel is seen."""
    total = (np.broadcast_to(sigma, seen.shape) * seen).sum((-1, -2), dtype=np.float64)
    return 2 / np.sqrt(np.pi) * total / np.maximum(seen.sum((-1, -2)), 1)


def oracle_scores(distance: np.ndarray, threshold_m: np.ndarray | float) -> np.ndarray:
    """float64 [s, q, c]: minus the distance; candidates within ``threshold_m`` (metres, [s, q] or a number) of the
    simulated outcome tie at the top. Rank them with `probes.retrieval`."""
    threshold = np.asarray(threshold_m, np.float64)
    return -np.maximum(distance, threshold[..., None] if threshold.ndim else threshold)


def oracle_hits(depth: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """H@1 [s, n] of the oracle given the true signal, and given a mismatched one.

    depth [s, n + 1, h, w] metres, free of noise: the n candidates of each state are also its n queries, and the
    last outcome is that of the mismatched signal. sigma: standard deviation of the sensor's readings, metres.
    """
    n = depth.shape[1] - 1
    seen = moving_pixels(depth)  # the table, the same in every outcome, would dilute the differences
    threshold = noise_threshold(sigma, seen)
    hits = []
    for given in (slice(0, n), slice(n, n + 1)):
        distance = depth_distance(
            depth[:, given], depth[:, :n], seen_simulated=seen[:, given], seen_candidates=seen[:, :n]
        )
        scores = np.broadcast_to(oracle_scores(distance, threshold[:, given]), (len(depth), n, n))
        hits.append(rank_same_state(scores).hits(1))
    return hits[0], hits[1]

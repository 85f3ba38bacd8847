"""Relative pose from two embeddings: the rotation of the object between two observations."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from smcrep.geometry.rotations import chordal_mean, geodesic_degrees, nearest_rotation
from smcrep.probes.inputs import finite, scaled
from smcrep.probes.intervals import Estimate, over_units, share_over_units


@dataclass(frozen=True)
class Pose:
    """Geodesic error in degrees on test pairs, and of the best constant prediction (fitted on training pairs)."""

    mean_deg: Estimate
    median_deg: float
    within_15_deg: Estimate
    within_30_deg: Estimate
    constant_deg: Estimate
    gain_deg: Estimate  # constant - probe, paired
    errors_deg: np.ndarray  # [n], of the probe
    constants_deg: np.ndarray  # [n]


def pose_probe(
    *,
    train: tuple[np.ndarray, np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray, np.ndarray],
    groups: np.ndarray | None = None,
    rng: np.random.Generator,
    hidden: int = 256,
    steps: int = 1000,
    batch_size: int = 256,
    lr: float = 1e-3,
    weight_decay: float = 1e-3,
) -> Pose:
    """A small network regresses the relative rotation from [h1, h2]; train and test objects must differ.

    train, test  (h1 [n, d], h2 [n, d], rotation [n, 3, 3]), where rotation = R2 @ R1^T in camera coordinates takes
                 the object from the first observation to the second.
    groups       [n] object of each test pair, the unit of the intervals.

    One hidden layer on features scaled by ``train`` (`inputs.scaled`); nine outputs fitted to the matrix by squared
    error and projected to SO(3) for testing (arXiv:2006.14616, section 4.2), so that uninformative embeddings give
    the constant prediction. AdamW with cosine decay, fixed steps: nothing is chosen on the test set.
    """
    for side, (h1, h2, turn) in {"train": train, "test": test}.items():
        finite("pose_probe", **{f"{side} embeddings before": h1, f"{side} embeddings after": h2, f"{side} turns": turn})
    rotation = torch.as_tensor(test[2], dtype=torch.float64)
    constant = chordal_mean(torch.as_tensor(train[2], dtype=torch.float64)).expand_as(rotation)
    x, queries = (torch.as_tensor(features).float() for features in scaled(_pair(train), _pair(test)))
    targets = torch.as_tensor(train[2], dtype=torch.float32).flatten(1)
    network = _fit(x, targets, rng, hidden, steps, batch_size, lr, weight_decay)
    with torch.no_grad():
        predicted = nearest_rotation(network(queries).double().view(-1, 3, 3))
    return pose_errors(
        geodesic_degrees(predicted, rotation).numpy(), geodesic_degrees(constant, rotation).numpy(), groups
    )


def steerable_pose(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """float64 [n, 3, 3]: the rotation that best takes vectors ``before`` [n, v, 3] to ``after`` (the orthogonal
    Procrustes problem), without training; for embeddings made of vectors that rotate with the object.
    """
    finite("steerable_pose", before=before, after=after)
    covariance = torch.as_tensor(np.einsum("nvi,nvj->nij", after, before), dtype=torch.float64)
    return nearest_rotation(covariance).numpy()


def pose_errors(errors_deg: np.ndarray, constant_deg: np.ndarray, groups: np.ndarray | None) -> Pose:
    """Errors [n] of a predictor and of the constant one on the same pairs, with intervals over groups [n]."""
    finite("pose_errors", errors_deg=errors_deg, constant_deg=constant_deg)
    return Pose(
        over_units(errors_deg, groups),
        float(np.median(errors_deg)),
        share_over_units(errors_deg < 15, groups),
        share_over_units(errors_deg < 30, groups),
        over_units(constant_deg, groups),
        over_units(constant_deg - errors_deg, groups),
        errors_deg,
        constant_deg,
    )


def _pair(pairs: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    return np.concatenate(pairs[:2], 1)


def _fit(
    x: Tensor,
    y: Tensor,
    rng: np.random.Generator,
    hidden: int,
    steps: int,
    batch_size: int,
    lr: float,
    weight_decay: float,
) -> nn.Module:
    with torch.random.fork_rng(devices=[]):  # torch's layers draw their weights from the global generator
        torch.manual_seed(int(rng.integers(2**31)))
        network = nn.Sequential(nn.Linear(x.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, 9))
    optimiser = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.from_numpy(rng.integers(len(x), size=min(batch_size, len(x))))
        loss = (network(x[rows]) - y[rows]).square().sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()

"""Metrics of a model on unseen objects, object by object: name of a metric -> float64 [objects], in the order of their
ids. A sense stands behind the point: ``h1.rgb``, ``5shot.fused``; source and target of two senses are
joined by ">".
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from smcrep.evaluation.encoded import Encoded, refuse_shared
from smcrep.evaluation.outcome import mismatched_action_hits, outcome_hits, roll_out_hits
from smcrep.evaluation.pose_search import pose_search
from smcrep.evaluation.recognition import Strength, accuracy_by_object, episodes_of
from smcrep.geometry.rotations import geodesic_degrees
from smcrep.models.model import SensorimotorModel
from smcrep.probes.equivariance import group_laws
from smcrep.probes.pose import pose_probe
from smcrep.probes.symmetry import add_s
from smcrep.senses import SENSES
from smcrep.transition import FUSED

Metrics = dict[str, np.ndarray]

NUM_POSES = 12
"""States of each object whose pose is searched for."""


def outcomes(model: SensorimotorModel, encoded: Encoded, *, controls: bool = True) -> Metrics:
    """h1.SENSE, h1.SENSE>OTHER: the true outcome among 16; with the action of another state, .shuffled_action."""
    senses, found = model.config.senses, {}
    across = [(a, b) for a in senses for b in senses if a != b]
    for source, target in [(s, s) for s in (FUSED, *senses)] + across:
        name = source if source == target else f"{source}>{target}"
        found[f"h1.{name}"] = encoded.by_object(outcome_hits(model, encoded, source, target))
        if controls:
            wrong = mismatched_action_hits(model, encoded, source, target)
            found[f"h1_shuffled_action.{name}"] = encoded.by_object(wrong)
    return found


def recognition(
    encoded: Encoded, strengths: Mapping[tuple[str, int], Strength], *, n_way: int = 15, num_episodes: int = 200
) -> Metrics:
    """Kshot.SENSE by a ridge probe, for each (sense, K) and its strength; ``n_way`` or as many as there are."""
    found = {}
    n_way = min(n_way, len(np.unique(encoded.object_ids)))
    for k in sorted({k for _, k in strengths}):
        episodes = episodes_of(encoded, k_shot=k, n_way=n_way, num_episodes=num_episodes)
        for sense in (sense for sense, shots in strengths if shots == k):
            found[f"{k}shot.{sense}"] = accuracy_by_object(encoded, sense, episodes, strengths[sense, k])
    return found


def pose(
    model: SensorimotorModel, encoded: Encoded, surface: Callable[[int], np.ndarray], *, training: Encoded
) -> Metrics:
    """Turn from one observation to another, of an object never seen; medians over its queries, degrees:

    pose_search_deg.SENSE  found by search through the predictor; pose_alone_deg: fused, by its own predictor alone
    pose_errors_deg.SENSE  [objects, queries] of that search, not their medians
    add_s.SENSE            mean ADD-S of the search over the object's diameter
    pose_probe_deg.SENSE   read by a probe fitted on ``training``; pose_constant_deg: the best constant turn

    surface   object id -> float64 [m, 3], points of its surface in its own frame, metres.
    training  other objects; ValueError where they are among those of ``encoded``.
    """
    refuse_shared(training.objects, encoded.objects)
    objects = np.unique(encoded.object_ids)
    few = encoded.some(np.concatenate([np.flatnonzero(encoded.object_ids == i)[:NUM_POSES] for i in objects]))
    shapes = {i: surface(int(i)) for i in objects}
    true, found = _turns(few)[:, 0], {}
    for sense in (FUSED, *model.config.senses):
        searched = pose_search(model, few, pose_sources(model, sense))
        errors = _degrees(searched, true)
        found[f"pose_search_deg.{sense}"] = _medians(errors, few)
        found[f"pose_errors_deg.{sense}"] = errors.reshape(len(objects), -1)
        distances = np.empty(len(few.object_ids))
        for i in objects:
            rows = few.object_ids == i
            before = few.pose[rows, 0, :3, :3].numpy().astype(np.float64)
            distances[rows] = add_s(shapes[i], searched[rows] @ before, true[rows] @ before)
        found[f"add_s.{sense}"] = few.by_object(distances)
        fit, test = (_before_and_after(e, sense) for e in (training, encoded))
        probe = pose_probe(train=fit, test=test, rng=np.random.default_rng(0))
        found[f"pose_probe_deg.{sense}"] = _medians(probe.errors_deg, encoded)
        found["pose_constant_deg"] = _medians(probe.constants_deg, encoded)
    found["pose_alone_deg"] = _medians(_degrees(pose_search(model, few), true), few)
    return found


def pose_sources(model: SensorimotorModel, sense: str) -> tuple[str, ...]:
    """Predictors whose evidence for a turn is added up: the sense's own; fused, also those of senses that measure space
    (on validation objects two that are good agree on fewer errors than one)."""
    return (FUSED, *(s for s in model.config.senses if SENSES[s].is_metric)) if sense == FUSED else (sense,)


def laws(model: SensorimotorModel, encoded: Encoded) -> Metrics:
    """law_NAME.SENSE for each object, relative to the true displacement; roll_out_STEP.SENSE: H@1 after that step."""
    found: dict[str, list[float]] = {}
    links = [link[:, 0] for link in encoded.action.chain(3)]
    for sense in (FUSED, *model.config.senses):
        z = encoded.equivariant(sense)

        def act(z: torch.Tensor, action: object, sense: str = sense) -> torch.Tensor:
            return model.predict(sense, z, model.condition(action))  # type: ignore[arg-type]

        for i in np.unique(encoded.object_ids):
            rows = torch.from_numpy(encoded.object_ids == i)
            first, second, third = (link[rows] for link in links)
            kept = group_laws(act, z[rows, 0], first, second, third, z[rows, 1])
            for name, estimate in vars(kept).items():
                found.setdefault(f"law_{name}.{sense}", []).append(estimate.value)
        for step, hits in enumerate(roll_out_hits(model, encoded, sense).T, 1):
            found[f"roll_out_{step}.{sense}"] = encoded.by_object(hits).tolist()
    return {name: np.array(values) for name, values in found.items()}


def _turns(encoded: Encoded) -> np.ndarray:
    """float64 [s, k, 3, 3]: R2 R1^T of every outcome, camera frame."""
    rotation = encoded.pose[..., :3, :3].double().numpy()
    return rotation[:, 1:] @ rotation[:, :1].swapaxes(-1, -2)


def _before_and_after(encoded: Encoded, sense: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[s k, de], [s k, de], [s k, 3, 3]: the equivariant parts of every pair of observations, and the turn."""
    z = encoded.equivariant(sense)
    before = z[:, :1].expand_as(z[:, 1:])
    return before.flatten(0, 1).numpy(), z[:, 1:].flatten(0, 1).numpy(), _turns(encoded).reshape(-1, 3, 3)


def _degrees(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return geodesic_degrees(torch.from_numpy(a), torch.from_numpy(b)).numpy()


def _medians(values: np.ndarray, encoded: Encoded) -> np.ndarray:
    """Median for each object of values [s * anything], state by state."""
    values = values.reshape(len(encoded.object_ids), -1)
    return np.array([np.median(values[encoded.object_ids == i]) for i in np.unique(encoded.object_ids)])

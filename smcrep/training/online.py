"""Metrics of an unfinished model on objects that it is not trained on: is it learning what it is for?"""

from collections.abc import Callable

import numpy as np
import torch

from smcrep.models.model import SensorimotorModel
from smcrep.probes.few_shot import centroid, classify, sample_episodes
from smcrep.probes.retrieval import rank_same_state, same_state_scores
from smcrep.transition import Targets, Transition

NUM_EPISODES = 200
NUM_QUERY = 5
N_WAY = 5
K_SHOT = 1


def online_probe(
    transition: Transition, targets: Targets, *, seed: int = 0
) -> Callable[[SensorimotorModel], dict[str, float]]:
    """A probe for `fit` over one fixed batch of b states of validation objects.

    few_shot/SENSE   5-way 1-shot accuracy (fewer ways where there are fewer classes) of the invariant part of the
                     observations before; support and queries of a class are different objects. Where fewer than two
                     classes have two objects, the objects are the classes, and different states are distinguished; left
                     out where there is a single object too.
    retrieval/SENSE  share of actions whose outcome, predicted from before, ranks first among the outcomes of all k
                     actions of its state; chance is 1 / k.
    """
    labels, groups = _labels(targets.class_id.numpy(), targets.object_id.numpy(), transition.state_id.numpy())
    rows = np.flatnonzero(labels >= 0)
    n_way = min(N_WAY, len(np.unique(labels[rows])))
    episodes = None
    if n_way > 1:
        sizes = {"k_shot": K_SHOT, "n_way": n_way, "num_episodes": NUM_EPISODES, "num_query": NUM_QUERY}
        episodes = sample_episodes(labels[rows], groups[rows], **sizes, rng=np.random.default_rng(seed))
    senses = transition.observations
    num_states, num_views = senses.batch_shape
    flat = senses.flatten().data

    @torch.no_grad()
    def probe(model: SensorimotorModel) -> dict[str, float]:
        embedding = model.embed({name: flat.get(name) for name in model.config.senses})
        action, physics = transition.action.to(model.device), transition.physics
        condition = model.condition(action, physics if physics is None else physics.to(model.device))
        found = {}
        for sense in model.sources:
            if episodes:
                invariant = embedding.invariant(sense).unflatten(0, (num_states, num_views))[rows, 0]
                found[f"few_shot/{sense}"] = float(classify(invariant.cpu().numpy(), episodes, centroid).mean())
            seen = embedding.equivariant(sense).unflatten(0, (num_states, num_views))
            source = seen[:, :1].expand(-1, num_views - 1, -1)
            predicted = model.predict(sense, source, condition)
            ranks = rank_same_state(same_state_scores(predicted.cpu().numpy(), seen[:, 1:].cpu().numpy()))
            found[f"retrieval/{sense}"] = float(ranks.hits(1).mean())
        return found

    return probe


def _labels(classes: np.ndarray, objects: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Label of each state (-1: it is left out), and the group that may not be on both sides of an episode."""
    for labels, groups in ((classes, objects), (objects, states)):
        num_groups = {name: len(np.unique(groups[labels == name])) for name in np.unique(labels)}
        fit = [name for name, number in num_groups.items() if number > K_SHOT]
        if len(fit) > 1:
            break
    return np.where(np.isin(labels, fit), labels, -1), groups

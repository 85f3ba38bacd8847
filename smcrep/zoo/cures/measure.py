"""What a cure is worth: use that came back, and accuracy that it cost, against the healthy model of the same world."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from smcrep.probes.retrieval import rank
from smcrep.zoo.knobs import Specimen, Stack, stacked
from smcrep.zoo.network import Architecture, Parameters, observe, predict, similarity
from smcrep.zoo.rows import audit_rows
from smcrep.zoo.truth import functional_use
from smcrep.zoo.world import SIGNALS, Draws, World, branches

NUM_STATES, CANDIDATES = 1000, 16


@torch.no_grad()
def measured(
    parameters: Parameters,
    stack: Stack,
    twins: Sequence[Specimen],
    architecture: Architecture,
    world: World,
    signal: str,
    generator: torch.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """use and accuracy, [m] each.

    use       rho of the signal by the functional oracle, in each model's own pipeline, with its faults.
    accuracy  H@1 of the true outcome among 15 others that the same state could have had, all four signals drawn anew
              (chance 1/16), on clean rows: those of the healthy model, in which nothing leaks.
    """
    truth = functional_use(parameters, architecture, stack, world, generator, num_states=NUM_STATES)
    rows = audit_rows(_alternatives(generator), world, stacked(tuple(twins)))
    told = rows.inputs.unflatten(1, (NUM_STATES, CANDIDATES))[:, :, 0]
    predicted = predict(parameters, told, architecture, stack)
    observed = observe(parameters, rows.outcome, architecture, stack).unflatten(1, (NUM_STATES, CANDIDATES))
    scores = similarity(predicted[:, :, None], observed, architecture).numpy()
    hits = rank(scores, np.zeros(scores.shape[:2], np.int64)).hits(1)
    return truth.rho[:, SIGNALS.index(signal)], hits.mean(1)


def _alternatives(generator: torch.Generator) -> Draws:
    """Of each state 16 rows in which every signal, and the noise of the outcome, is drawn anew."""
    own = branches(NUM_STATES, CANDIDATES, 0, generator)
    latent, noise = (torch.randn(x.shape, generator=generator) for x in (own.latent, own.noise))
    return replace(own, latent=latent, noise=noise)

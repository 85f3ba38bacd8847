"""Learns the directions of `WeightedDirections` further, so that things are told apart although senses fail."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smcrep.fusion.directions import WeightedDirections
from smcrep.fusion.method import drop_senses
from smcrep.transition import Beliefs


@dataclass(frozen=True)
class DirectionLearning:
    """AdamW with a cosine over ``steps`` batches; cosines are divided by ``temperature`` before the softmax;
    ``sense_dropout``: probability that a sense is absent in an observation of training (one always stays)."""

    steps: int = 400
    batch: int = 512
    lr: float = 2e-3
    temperature: float = 0.1
    sense_dropout: float = 0.2


def learn_directions(
    fusion: WeightedDirections, beliefs: Beliefs, thing: Tensor, settings: DirectionLearning, generator: torch.Generator
) -> Tensor:
    """Learn the maps A_m from beliefs [n] of things int64 [n], faulty ones among them, by cross-entropy over the things
    of cos(y, w_thing) / temperature (the normalised softmax of Wang et al., arXiv:1704.06369), where y is weighted as
    it will be; the w are thrown away. Start with fitted directions and variances: few steps from there keep what does
    not hang on these things. Returns the loss of each step [steps]."""
    if thing.shape != beliefs.present.shape[:1]:
        raise ValueError(f"learn_directions: {len(beliefs.present)} beliefs, {len(thing)} things; give one of each")
    things, index = thing.unique(return_inverse=True)
    with torch.no_grad():
        x = fusion.usual.centred(beliefs)[..., : fusion.invariant_dim]
        gain = fusion(beliefs).gain
        turn = fusion.turn / fusion.turn.square().mean().sqrt()  # directions have no length: one step for all scales

    def embedding(rows: Tensor | slice, maps: Tensor, weight: Tensor) -> Tensor:
        u = nn.functional.normalize(torch.einsum("nmd,mdp->nmp", x[rows], maps), dim=-1)
        return nn.functional.normalize((weight[..., None] * u).flatten(-2), dim=-1)

    means = x.new_zeros(len(things), turn.shape[0] * turn.shape[2])
    means.index_add_(0, index, embedding(slice(None), turn, gain))
    turn, means = nn.Parameter(turn), nn.Parameter(nn.functional.normalize(means, dim=-1))
    optimiser = torch.optim.AdamW([turn, means], settings.lr, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    losses = []
    for _ in range(settings.steps):
        rows = torch.randint(len(index), (settings.batch,), generator=generator)
        present = drop_senses(beliefs.present[rows], settings.sense_dropout, generator)
        y = embedding(rows, turn, torch.where(present, gain[rows], 0))
        cosine = y @ nn.functional.normalize(means, dim=-1).T
        loss = nn.functional.cross_entropy(cosine / settings.temperature, index[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.detach())
    with torch.no_grad():
        fusion.turn.copy_(turn)
    return torch.stack(losses)

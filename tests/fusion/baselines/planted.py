"""Two senses of random objects: the first has the same noise always, the second next to none or far too much."""

import torch
from torch import Tensor

from smcrep.fusion.baselines import class_means, few_shot_logits
from smcrep.transition import Beliefs

DIM, TEMPERATURE = 16, 0.1


def rows(num_objects: int, per_object: int, seed: int, *, dim: int = DIM) -> tuple[Beliefs, Tensor, Tensor]:
    """Beliefs [n], label [n], severity [n, 2] (0 or 1). Objects are unit vectors, noise has a length of .9 in the first
    sense, of .2 or 3 in the second, each for half of the rows: who reads its length knows which."""
    g = torch.Generator().manual_seed(seed)
    objects = torch.nn.functional.normalize(torch.randn(num_objects, dim, generator=g), dim=-1)
    label = torch.arange(num_objects).repeat_interleave(per_object)
    broken = torch.rand(len(label), generator=g) < 0.5
    length = torch.stack([torch.full((len(label),), 0.9), torch.where(broken, 3.0, 0.2)], 1)
    noise = torch.randn(len(label), 2, dim, generator=g) / dim**0.5 * length[..., None]
    mean = objects[label][:, None] + noise
    present = torch.ones(len(label), 2, dtype=torch.bool)
    severity = torch.stack([torch.zeros(len(label)), broken.float()], 1)
    return Beliefs(mean, torch.zeros(len(label), 2, 1), present), label, severity


def split(label: Tensor, severity: Tensor, num_shots: int) -> tuple[Tensor, Tensor]:
    """Row numbers: the first clean ones of each object to label, and all others."""
    shots = [torch.nonzero((label == c) & (severity[:, 1] == 0)).flatten()[:num_shots] for c in label.unique()]
    support = torch.cat(shots)
    others = torch.ones(len(label), dtype=torch.bool)
    others[support] = False
    return support, torch.nonzero(others).flatten()


def accuracy_of_embedding(embed, seed: int = 9) -> float:
    """Of 20 unseen objects, 5 clean labels each, queries as broken as ever: nearest class mean by cosine."""
    beliefs, label, severity = rows(20, 40, seed)
    support, query = split(label, severity, 5)
    with torch.no_grad():
        z = torch.nn.functional.normalize(embed(beliefs), dim=-1)
    means = torch.stack([z[support[label[support] == c]].mean(0) for c in range(20)])
    guess = (z[query] @ torch.nn.functional.normalize(means, dim=-1).T).argmax(-1)
    return (guess == label[query]).float().mean().item()


def accuracy_of_decision(decide, seed: int = 9) -> float:
    """The same objects and queries, decided from the logits of each sense."""
    beliefs, label, severity = rows(20, 40, seed)
    support, query = split(label, severity, 5)
    means = class_means(beliefs[support], label[support], 20)
    with torch.no_grad():
        guess = decide(few_shot_logits(beliefs[query], means, TEMPERATURE), beliefs[query]).argmax(-1)
    return (guess == label[query]).float().mean().item()

"""What fusion heads are learned, tuned and chosen on."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from smcrep.evaluation.fused_recognition import TEMPERATURE, Draws, draw_episodes, recognised
from smcrep.evaluation.fusion_data import ObjectSet
from smcrep.fusion.baselines.few_shot import draw_decisions
from smcrep.fusion.method import Decisions
from smcrep.fusion.same_thing import SameThing
from smcrep.transition import Beliefs, concatenate


@dataclass(frozen=True)
class Reader:
    """A method (a `Fuser` or a `Decider`) and what it reads: the first ``dim`` numbers of each sense, or all (None);
    `SameThing` reads looks."""

    method: Any
    dim: int | None = None

    def read(self, beliefs: Beliefs) -> Beliefs:
        if isinstance(self.method, SameThing):
            return self.method.looks(beliefs)
        mean, log_precision = beliefs.mean[..., : self.dim], beliefs.log_precision[..., : self.dim]
        return replace(beliefs, mean=mean, log_precision=log_precision)


class FitData:
    """What fusion is learned and tuned on: clean observations and the same with faulty sensors.

    dim     numbers of the invariant part.
    sets    "fit", "val" and "test".
    faulty  of "fit" and "val", some copies of all observations.
    shots   n_way and k_shot of the episodes, ``num_query`` queries a way.
    """

    def __init__(
        self,
        dim: int,
        sets: dict[str, ObjectSet],
        faulty: dict[str, list[Beliefs]],
        shots: dict[str, int],
        *,
        num_query: int,
    ) -> None:
        self.dim, self.sets, self.given, self.shots, self.num_query = dim, sets, faulty, shots, num_query
        self.clean, self.faulty = sets["fit"].gallery, faulty["fit"]
        self.rows = concatenate([self.clean, *self.faulty])
        objects = torch.from_numpy(sets["fit"].objects)
        self.objects, self.label = objects, objects.repeat(1 + len(self.faulty))
        first = torch.from_numpy(sets["val"].queries)
        self.val_gallery, self.val_group = sets["val"].gallery, torch.from_numpy(sets["val"].store_of)
        self.val_queries = [self.val_gallery[first], *(beliefs[first] for beliefs in faulty["val"])]
        self.val_draws = self.draws("val", 10)

    def draws(self, split: str, episodes: int) -> Draws:
        own = self.sets[split]
        return draw_episodes(
            own.objects, own.states, own.query_objects, own.query_states,
            num_query=min(self.num_query, own.stores[0].num_states), num_episodes=episodes, seed=0, **self.shots,
        )  # fmt: skip

    def decisions(self, rows: Beliefs, generator: torch.Generator) -> Decisions:
        """Few-shot decisions among the objects fitted to, by what a method reads of `rows`; how far a fault moved the
        embedding stands for severity."""
        clean = rows.mean[: len(self.clean.mean)]
        each = rows.mean.split(len(clean))
        moved = [(mean - clean).norm(dim=-1) / 2 for mean in each]
        is_clean = torch.arange(len(self.label)) < len(clean)
        ways = {"num_ways": self.shots["n_way"], "num_shots": self.shots["k_shot"]}
        return draw_decisions(
            rows, self.label, num_queries=8, num_episodes=100, temperature=TEMPERATURE, generator=generator,
            clean=is_clean, severity=torch.cat(moved), **ways,
        )  # fmt: skip

    def score(self, reader: Reader) -> float:
        """Mean accuracy on validation objects, clean and with faulty sensors."""
        gallery = reader.read(self.val_gallery)
        found = [recognised(reader.method, gallery, reader.read(q), self.val_draws).mean() for q in self.val_queries]
        return float(torch.stack(found).mean())

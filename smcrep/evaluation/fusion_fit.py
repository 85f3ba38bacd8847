"""What fusion heads are learned, tuned and chosen on."""

import torch

from smcrep.evaluation.fused_recognition import TEMPERATURE, Draws, draw_episodes, recognised
from smcrep.evaluation.fusion_data import ObjectSet
from smcrep.fusion.baselines.few_shot import draw_decisions
from smcrep.fusion.method import Decider, Decisions, Fuser
from smcrep.transition import Beliefs, concatenate


class FitData:
    """What fusion is learned and tuned on: clean observations and the same with faulty sensors.

    dim     numbers of the invariant part, in which objects are recognised.
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
        self.dim, self.sets, self.shots, self.num_query = dim, sets, shots, num_query
        self.clean, self.faulty = sets["fit"].gallery, faulty["fit"]
        self.rows = concatenate([self.clean, *self.faulty])
        objects = torch.from_numpy(sets["fit"].objects)
        self.objects, self.label = objects, objects.repeat(1 + len(self.faulty))
        first = torch.from_numpy(sets["val"].queries)
        self.val_gallery = sets["val"].gallery
        self.val_queries = [self.val_gallery[first], *(beliefs[first] for beliefs in faulty["val"])]
        self.val_draws = self.draws("val", 10)

    def invariant(self, beliefs: Beliefs) -> Beliefs:
        return Beliefs(
            beliefs.mean[..., : self.dim], beliefs.log_precision[..., : self.dim], beliefs.present, beliefs.names
        )

    def draws(self, split: str, episodes: int) -> Draws:
        own = self.sets[split]
        return draw_episodes(
            own.objects, own.states, own.query_objects, own.query_states,
            num_query=min(self.num_query, own.stores[0].num_states), num_episodes=episodes, seed=0, **self.shots,
        )  # fmt: skip

    def decisions(self, generator: torch.Generator) -> Decisions:
        """Few-shot decisions among the objects fitted to; how far a fault moved the embedding stands for severity."""
        rows = self.invariant(self.rows)
        clean = rows.mean[: len(self.clean.mean)]
        each = rows.mean.split(len(clean))
        moved = [(mean - clean).norm(dim=-1) / 2 for mean in each]
        is_clean = torch.arange(len(self.label)) < len(clean)
        ways = {"num_ways": self.shots["n_way"], "num_shots": self.shots["k_shot"]}
        return draw_decisions(
            rows, self.label, num_queries=8, num_episodes=100, temperature=TEMPERATURE, generator=generator,
            clean=is_clean, severity=torch.cat(moved), **ways,
        )  # fmt: skip

    def score(self, method: Fuser | Decider, *, whole: bool = False) -> float:
        """Mean accuracy on validation objects, clean and with faulty sensors. ``whole``: the method takes whole
        beliefs, not their invariant part."""
        gallery = self.val_gallery if whole else self.invariant(self.val_gallery)
        asked = [queries if whole else self.invariant(queries) for queries in self.val_queries]
        return float(torch.stack([recognised(method, gallery, q, self.val_draws).mean() for q in asked]).mean())

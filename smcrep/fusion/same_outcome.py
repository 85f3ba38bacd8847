"""Which of several outcomes an action had, where any sense may have failed before it.

The outcome that is expected from the fused embedding is compared with the fused embedding of each candidate. Where one
sense held something else before the action, their fusion is wrong, and nothing in one reading tells which sense it was;
the candidates do: what is expected from the sound sense alone is like one of them. So each set S of senses is a
hypothesis, that they saw the thing and the others did not (the contaminated normal of Box & Tiao, Biometrika 55, 1968,
over whole readings), and the hypotheses are summed:

    log p(k | x) = log sum_S pi_S exp(a_S cos(f_S, z_k) + b_S) + constant
    pi_S = (1 - e)^(senses of S) e^(other senses that are present)

f_S is the embedding expected from the senses of S alone, z_k that of candidate k by all its senses; a and b make the
cosine a log-likelihood ratio, by logistic regression. A set that holds a sense which is absent has pi = 0. How far the
head trusts a sense is in f_S already; in pi as well it counts twice, and noise is taken for another thing.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.files import atomic_write
from smcrep.fusion.head import DirectionHead
from smcrep.transition import Beliefs

OTHERS = 0.2
"""e. On validation objects .03, .1, .2, .3 and .5 find 88.7, 88.9, 89.0, 89.0 and 88.8 % where a sense is faulty, in
the worst cell 5.6, 3.5, 2.0, 1.4 and 1.3 points below the better sense, and 92.0, 91.9, 91.7, 91.6 and 91.5 % clean."""
FIRST_SLOPE, FIRST_OFFSET = 10.0, -5.0

Predict = Callable[[Tensor], Tensor]
"""Equivariant parts [s, k, de], of state s before each of its k actions, to those expected after it."""


class SameOutcome(nn.Module):
    """Decides among the outcomes of a state, whose senses are fused by ``head``. Fitted by `fit_same_outcome`."""

    def __init__(self, head: DirectionHead, *, others: float = OTHERS) -> None:
        super().__init__()
        if not 0 < others < 1:
            raise ValueError(f"SameOutcome: others is {others!r}; give a share between 0 and 1")
        self.head, self.others = head, others
        num_sets = (1 << head.num_senses) - 1
        self.sets: Tensor
        bits = torch.arange(1, num_sets + 1)[:, None] >> torch.arange(head.num_senses) & 1
        self.register_buffer("sets", bits.bool(), persistent=False)
        self.slope = nn.Parameter(torch.full((num_sets,), FIRST_SLOPE))
        self.offset = nn.Parameter(torch.full((num_sets,), FIRST_OFFSET))

    def forward(self, predict: Predict, before: Beliefs, outcomes: Beliefs) -> Tensor:
        """Log-probabilities [s, k, k] that action i of a state had outcome j, from beliefs before [s] and of the
        outcomes [s, k]; uniform where no sense was present before."""
        ratios = self.slope[:, None, None, None] * self.cosines(predict, before, outcomes)
        logits = self.prior(before)[..., None, None] + ratios + self.offset[:, None, None, None]
        some = before.present.any(-1)[:, None, None]
        return torch.where(some, logits.logsumexp(0), 0).log_softmax(-1)

    def prior(self, before: Beliefs) -> Tensor:
        """log pi_S, [2^m - 1, s]."""
        trust = torch.where(before.present, 1 - self.others, 0)
        return torch.where(self.sets[:, None], trust, 1 - trust).log().sum(-1)

    def cosines(self, predict: Predict, before: Beliefs, outcomes: Beliefs) -> Tensor:
        """cos(f_S, z_k), [2^m - 1, s, k, k]."""
        num_actions = outcomes.present.shape[1]
        observed = F.normalize(self._equivariant(outcomes), dim=-1)
        found = []
        for senses in self.sets:
            own = self._equivariant(replace(before, present=before.present & senses))
            expected = F.normalize(predict(own[:, None].expand(-1, num_actions, -1)), dim=-1)
            found.append(expected @ observed.mT)
        return torch.stack(found)

    def _equivariant(self, beliefs: Beliefs) -> Tensor:
        return self.head(beliefs)[0][..., self.head.invariant_dim :]

    def save(self, path: Path | str) -> None:
        """The calibration, without the head that it stands on."""
        with atomic_write(Path(path)) as temporary:
            save_file({"slope": self.slope.data, "offset": self.offset.data}, temporary, {"others": repr(self.others)})

    @classmethod
    def load(cls, head: DirectionHead, path: Path | str) -> "SameOutcome":
        """What `save` wrote, for the ``head`` that it was fitted to. ValueError where the file is of another kind."""
        with safe_open(path, "pt") as file:
            own, about = {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
        if "others" not in about or own.keys() != {"slope", "offset"}:
            raise ValueError(f"SameOutcome.load: {path} is no calibration; give a file that SameOutcome.save wrote")
        found = cls(head, others=float(about["others"]))
        if own["slope"].shape != found.slope.shape:
            raise ValueError(
                f"SameOutcome.load: {path} was fitted to another head; give that of this one's {head.num_senses} senses"
            )
        found.load_state_dict(own, strict=False)
        return found.eval()


def fit_same_outcome(method: SameOutcome, predict: Predict, before: Beliefs, outcomes: Beliefs) -> None:
    """Calibrate on clean beliefs of things that no encoder was fitted to, before [s] and after [s, k] their actions,
    all senses present: logistic regression of each set's cosine, the true outcome and the others counting half each."""
    if not bool(before.present.all() and outcomes.present.all()) or outcomes.present.shape[1] < 2:
        raise ValueError(
            f"fit_same_outcome: outcomes {tuple(outcomes.present.shape[:2])}, senses absent in "
            f"{int((~before.present).sum() + (~outcomes.present).sum())} beliefs; give at least two outcomes a state, "
            "with all senses present"
        )
    with torch.no_grad():
        cosines = method.cosines(predict, before, outcomes)
    true = torch.eye(cosines.shape[-1], dtype=torch.bool).expand(cosines.shape[1:])
    optimiser = torch.optim.LBFGS([method.slope, method.offset], max_iter=150, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        ratios = method.slope[:, None, None, None] * cosines + method.offset[:, None, None, None]
        found = F.softplus(-ratios[:, true]).mean(1).sum() + F.softplus(ratios[:, ~true]).mean(1).sum()
        optimiser.zero_grad()
        found.backward()
        return found

    optimiser.step(loss)

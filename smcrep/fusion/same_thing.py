"""Whether two looks are of one thing, sense by sense, and recognition that a sense cannot mislead alone.

A fused embedding has no way to see that a sense holds another object: that reading is as sound as any. It shows only
against the things it could be of: it is like none of them. So each sense says how much likelier its reading x_m is if
it is of thing k than if it is of any other, a log-likelihood ratio that is calibrated by logistic regression on the
cosine of directions, with slope and offset read from how unusual x_m is by itself (the calibration of verification of
speakers, with measures of quality: Brummer & du Preez, Computer Speech and Language 20, 2006; Garcia-Romero et al.,
ICASSP 2004):

    l_mk = a(q_m) cos(u_m, u_k) + b(q_m),     a = softplus(linear), b = linear

A share e of readings is of something else or of nothing (the contaminated normal of Tukey, 1960, and Box & Tiao,
Biometrika 55, 1968), more where they are unusual, and the senses' errors are independent given the thing:

    l'_mk = log((1 - e_m) exp(l_mk) + e_m),   e = `OTHERS` + (1 - `OTHERS`) sigmoid(linear)
    log p(k | x) = t sum_m l'_mk + constant,  t = max_m (gain of the head)

No sense can say more against a thing than log e; one that is like no thing says the same of all and leaves the decision
to the others. t changes no decision; it is 1 where one sense is sound, and near 0 where all are ruined, so that nothing
is then believed.
"""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from smcrep.files import atomic_write
from smcrep.fusion.baselines.few_shot import class_means, draw_decisions, few_shot_logits
from smcrep.fusion.head import DirectionHead
from smcrep.transition import Beliefs, concatenate

OTHERS = 0.03
"""Least e: share of sound readings that are of something else."""
ALL_OTHERS = 1 - 1e-6
"""Greatest e: at 1 its logarithms end."""
RIDGE = 1e-5
"""Of the distance of what tells others from its start: where few readings are broken, it would grow for ever."""
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Looks(Beliefs):
    """Beliefs whose means are directions [..., m, p], with ``slope``, ``offset`` and share of ``others`` [..., m] of
    their ratios, and ``trust`` [...] in what all say together."""

    slope: Tensor = field(default_factory=lambda: torch.zeros(()))
    offset: Tensor = field(default_factory=lambda: torch.zeros(()))
    others: Tensor = field(default_factory=lambda: torch.zeros(()))
    trust: Tensor = field(default_factory=lambda: torch.zeros(()))


class SameThing(nn.Module):
    """Decides among things by log-likelihood ratios of the senses, whose directions are those of a fitted ``head``.
    Fitted by `fit_same_thing`. A `Decider` of `Looks`, whose logits are cosines over ``temperature``."""

    def __init__(self, head: DirectionHead, *, others: float = OTHERS, temperature: float = 1.0) -> None:
        super().__init__()
        if not 0 < others < 1:
            raise ValueError(f"SameThing: others is {others!r}; give a share between 0 and 1")
        self.head, self.others, self.temperature = head, others, temperature
        shape = (head.num_senses, len(head.directions.usual.dims) + 1)
        self.slope = nn.Parameter(torch.zeros(shape))
        self.offset = nn.Parameter(torch.zeros(shape))
        self.broken = nn.Parameter(torch.zeros(shape))
        self.centre: Tensor
        self.scale: Tensor
        self.register_buffer("centre", torch.zeros(shape[0], shape[1] - 1))
        self.register_buffer("scale", torch.ones(shape[0], shape[1] - 1))

    def looks(self, beliefs: Beliefs) -> Looks:
        """Beliefs [n] as they are compared."""
        parts = range(0, max(len(beliefs.present), 1), ROWS_AT_ONCE)
        return concatenate([self._looks(beliefs[first : first + ROWS_AT_ONCE]) for first in parts])

    def _looks(self, beliefs: Beliefs) -> Looks:
        mean, (slope, offset, others) = self.head.directions.directions(beliefs), self.terms(self.quality(beliefs))
        trust = self.head.directions(beliefs).gain.amax(-1)
        none = torch.zeros_like(mean[..., :1])
        return Looks(mean, none, beliefs.present, beliefs.names, slope, offset, others, trust)

    def quality(self, beliefs: Beliefs) -> Tensor:
        """[..., m, r + 1]: how unusual each sense is by itself, standardised, and a one."""
        return F.pad((self.unusual(beliefs) - self.centre) / self.scale, (0, 1), value=1.0)

    def unusual(self, beliefs: Beliefs) -> Tensor:
        """[..., m, r]: of the readings of `Unusual`, those that hang on the sense itself."""
        readings = self.head.directions.usual(beliefs)[..., :-1]
        return readings[..., :: readings.shape[-1] // self.centre.shape[-1]]

    def terms(self, quality: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Slope a >= 0, offset b and share e of others, [..., m] each."""
        slope, offset, broken = ((quality * each).sum(-1) for each in (self.slope, self.offset, self.broken))
        others = self.others + (1 - self.others) * broken.sigmoid()
        return F.softplus(slope), offset, others.clamp(max=ALL_OTHERS)

    def ratios(self, logits: Tensor, looks: Looks) -> Tensor:
        """l' [..., m, c] of looks [...] and their ``logits`` [..., m, c]: 0 where the sense is absent."""
        ratios = looks.slope[..., None] * logits * self.temperature + looks.offset[..., None]
        return torch.where(looks.present[..., None], contaminated(ratios, looks.others[..., None]), 0)

    def decide(self, logits: Tensor, beliefs: Beliefs) -> Tensor:
        """Log-probabilities [..., c]; uniform where no sense is present."""
        assert isinstance(beliefs, Looks)
        return (beliefs.trust[..., None] * self.ratios(logits, beliefs).sum(-2)).log_softmax(-1)

    def save(self, path: Path | str) -> None:
        """The calibration, without the head that it stands on."""
        own = {name: value for name, value in self.state_dict().items() if not name.startswith("head.")}
        with atomic_write(Path(path)) as temporary:
            save_file(own, temporary, {"others": repr(self.others)})

    @classmethod
    def load(cls, head: DirectionHead, path: Path | str) -> "SameThing":
        """What `save` wrote, for the ``head`` that it was fitted to. ValueError where the file is of another kind."""
        with safe_open(path, "pt") as file:
            own, about = {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
        if "others" not in about:
            raise ValueError(f"SameThing.load: {path} is no calibration; give a file that SameThing.save wrote")
        found = cls(head, others=float(about["others"]))
        state = {name: value.shape for name, value in found.state_dict().items() if not name.startswith("head.")}
        if state != {name: value.shape for name, value in own.items()}:
            raise ValueError(
                f"SameThing.load: {path} was fitted to another head than this of {head.num_senses} senses; give its own"
            )
        found.load_state_dict(own, strict=False)
        return found.eval()

    @torch.no_grad()
    def recognise(self, known: Beliefs, label: Tensor, num_classes: int, asked: Beliefs) -> Tensor:
        """Log-probabilities [q, num_classes] of ``asked`` [q], from labelled beliefs ``known`` [n] of classes int64
        [n]."""
        means, looks = class_means(self.looks(known), label, num_classes), self.looks(asked)
        return self.decide(few_shot_logits(looks, means, self.temperature), looks)


def contaminated(ratios: Tensor, others: Tensor) -> Tensor:
    """log((1 - e) exp(l) + e)."""
    return torch.logaddexp(torch.log1p(-others) + ratios, others.log())


def fit_same_thing(
    method: SameThing,
    clean: Beliefs,
    faulty: Beliefs,
    thing: Tensor,
    *,
    num_ways: int,
    num_shots: int,
    generator: torch.Generator,
    num_episodes: int = 100,
) -> None:
    """Calibrate: logistic regression on few-shot comparisons with the thing itself and with others, each kind counting
    half.

    clean             [n], labelled; ``faulty`` [c n], the same observations c times with faulty sensors, asked too.
    thing             int64 [n].
    num_ways, -shots  of the comparisons: with as many labelled looks a thing as will be met.
    """
    copies = len(faulty.present) // len(clean.present)
    if copies * len(clean.present) != len(faulty.present) or thing.shape != clean.present.shape[:1]:
        raise ValueError(
            f"fit_same_thing: {len(clean.present)} clean beliefs, {len(faulty.present)} faulty ones, {len(thing)} "
            "things; give a thing for each clean one, and copies of all of them as faulty"
        )
    own = method.unusual(clean)
    method.centre.copy_(own.mean(0))
    method.scale.copy_(own.std(0).clamp(min=1e-3))
    with torch.no_grad():
        looks, broken = method.looks(clean), method.looks(faulty)
    rows = concatenate([looks, broken])
    is_clean = torch.arange(len(rows.present)) < len(thing)
    drawn = draw_decisions(
        rows, thing.repeat(1 + copies), num_ways=num_ways, num_shots=num_shots, num_queries=8,
        num_episodes=num_episodes, temperature=1.0, generator=generator, clean=is_clean,
    )  # fmt: skip
    quality = torch.cat([method.quality(clean), method.quality(faulty)])[drawn.index]
    same = F.one_hot(drawn.label, num_ways).bool()
    with torch.no_grad():
        method.slope.zero_()[:, -1] = 10
        method.offset.zero_()[:, -1] = -5
        method.broken.zero_()[:, -1] = -4
    parameters, start = [method.slope, method.offset, method.broken], method.broken.detach().clone()
    optimiser = torch.optim.LBFGS(parameters, max_iter=150, line_search_fn="strong_wolfe")

    right, wrong = (drawn.beliefs.present[..., None] & which[:, None] for which in (same, ~same))

    def loss() -> Tensor:
        slope, offset, others = method.terms(quality)
        ratios = contaminated(slope[..., None] * drawn.logits + offset[..., None], others[..., None])
        found = RIDGE * (method.broken - start).square().sum()
        for m in range(ratios.shape[1]):
            found = found + F.softplus(-ratios[:, m][right[:, m]]).mean() + F.softplus(ratios[:, m][wrong[:, m]]).mean()
        optimiser.zero_grad()
        found.backward()
        return found

    optimiser.step(loss)

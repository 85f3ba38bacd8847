"""From the evidence on one signal to what is wrong, or that nothing is: a table of rules, and the reasons in sentences.

The rules are read from top to bottom and the first that holds names the mechanism. A rule whose evidence was not
measured does not hold. Thresholds are fields of `Thresholds`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from smcrep.probes.intervals import Estimate

HEALTHY, NEGLECT, INCOMPETENT = "healthy", "rational_neglect", "incompetent_model"
TOO_LITTLE, UNKNOWN = "not_enough_data", "unknown"


@dataclass(frozen=True)
class Evidence:
    """What is known of one signal; None: not measured.

    use                 share of what all signals bring that is lost without this one, or, where ``of_oracle``, the
                        model's gain from it over the oracle's.
    competent           whether the model is better than one that knows nothing.
    needed              whether an oracle does better with the signal.
    response            root mean square change of the score when the signal is exchanged, over the score's deviation
                        with all signals exchanged; 0 where the model cannot be moved at all.
    told                share of the signal's worth that is still in it as the model gets it in training, beside the
                        others (`worth`, order 2); 0 if shuffled.
    keyed               the same of its product with the best two others (`worth_with_key`): high where they are a key
                        to it, low in sound rows and in shuffled ones.
    alone               use while the other signals are at their mean.
    from_others         R2, at least, of the signal read from the others, where it was drawn independently of them.
    from_others_logged  the same in the data that the model was trained on.
    copied              share of the training targets that repeat an input as if the signal had done nothing.
    weight              of the sense in the fusion over the weight that its accuracy earns it.
    gradient            share of the gradient that reaches the signal's own weights, over an equal share.
    learned             root mean square change of the signal's own features over training, over the mean of all
                        signals' features.
    synergy             share of the information in the data that only the signal and the others together hold.
    interaction         share of the model's gain that its additive part does not have (`interaction_share`).
    reach               share of what the signal moves that lies in directions that predictions have (`reach`).
    rank_share          RankMe of the embedding over that of isotropic rows.
    cone                length of the mean of its rows of unit length; the lower of its values before and after training
                        where both are known (features that ignore a constant input end in one, too).
    peak_use            highest ``use`` earlier in training.
    """

    use: Estimate
    of_oracle: bool = False
    competent: bool = True
    needed: bool | None = None
    response: float | None = None
    told: float | None = None
    keyed: float | None = None
    alone: float | None = None
    from_others: float | None = None
    from_others_logged: float | None = None
    copied: float | None = None
    weight: float | None = None
    gradient: float | None = None
    learned: float | None = None
    synergy: float | None = None
    interaction: float | None = None
    reach: float | None = None
    rank_share: float | None = None
    cone: float | None = None
    peak_use: float | None = None


@dataclass(frozen=True)
class Thresholds:
    """Where a number counts as low or high; each is about the field of `Evidence` that it is named after.

    Signals with a use below ``ignored`` are not used, above ``healthy`` (of the oracle's gain) or ``noticed`` (of what
    all signals bring) they are: definitions, as is ``widest``. ``alone``, ``gradient`` and ``rank_share`` are guesses;
    all others were fitted, and rounded, on planted models of two architectures (`zoo.naming.fitted`; experiments/zoo.py
    fits them on all, and on all but the one that is judged).
    """

    ignored: float = 0.2
    healthy: float = 0.7
    noticed: float = 0.02
    widest: float = 0.5
    response: float = 1e-7
    told: float = 0.5
    keyed: float = 0.1
    alone: float = 0.3
    from_others: float = 0.1
    from_others_logged: float = 0.5
    copied: float = 0.2
    weight: float = 0.02
    gradient: float = 0.1
    learned: float = 0.1
    synergy: float = 0.3
    interaction: float = 0.05
    reach: float = 0.5
    rank_share: float = 0.1
    cone: float = 0.92
    fall: float = 0.3


@dataclass(frozen=True)
class Diagnosis:
    """``name``: one of `MECHANISMS`, or HEALTHY, NEGLECT, INCOMPETENT, TOO_LITTLE, UNKNOWN. ``sentences``: why."""

    name: str
    sentences: tuple[str, ...]


class Rule(NamedTuple):
    mechanism: str
    holds: Callable[[Evidence, Thresholds], bool]
    words: str
    """With the fields of the evidence in braces."""


def _low(value: float | None, threshold: float) -> bool:
    return value is not None and value < threshold


def _high(value: float | None, threshold: float) -> bool:
    return value is not None and value > threshold


def _told_elsewhere(e: Evidence, t: Thresholds) -> bool:
    """Whether it is plain why a probe reads nothing in the signal: its targets stand still, two others are a key to it,
    or the others tell it already."""
    known = ("copied", "keyed", "from_others", "from_others_logged")
    return any(_high(getattr(e, name), getattr(t, name)) for name in known)


RULES = (
    Rule(
        "late",
        lambda e, t: _high(e.peak_use, e.use.value + t.fall),
        "Earlier in training the use was {peak_use:.0%}, so it was learned and lost again.",
    ),
    Rule(
        "cut_wire",
        lambda e, t: _low(e.response, t.response),
        "Whatever value the signal takes, the model's answer stays the same: it does not reach the output.",
    ),
    Rule(
        "precision",
        lambda e, t: _low(e.weight, t.weight),
        "The fusion gives this sense {weight:.0%} of the weight that its accuracy earns.",
    ),
    Rule(
        "leak",
        lambda e, t: _high(e.from_others, t.from_others),
        "The other inputs already tell the signal (at least {from_others:.0%} of its variance), although it was drawn "
        "independently of them: what happens next seems to be visible before it happens.",
    ),
    Rule(
        "confounding",
        lambda e, t: _high(e.from_others_logged, t.from_others_logged) and not _high(e.from_others, t.from_others),
        "In training the other inputs told the signal (at least {from_others_logged:.0%} of its variance), because "
        "whoever chose it looked at them: there the model lost nothing by ignoring it.",
    ),
    Rule(
        "target_copy",
        lambda e, t: _high(e.copied, t.copied),
        "{copied:.0%} of the training targets repeat an input as if the signal had done nothing.",
    ),
    Rule(
        "entanglement",
        lambda e, t: _low(e.told, t.told) and _high(e.keyed, t.keyed),
        "As the model gets the signal, {told:.0%} of its information is in it, and {keyed:.0%} where two numbers "
        "of another input are taken as a key to it: the two are mixed up with each other.",
    ),
    Rule(
        "shuffled",
        lambda e, t: _low(e.told, t.told) and not _told_elsewhere(e, t),
        "As the model gets the signal in training, {told:.0%} of its information is left: rows seem to be mixed up.",
    ),
    Rule(
        "entanglement",
        lambda e, t: _high(e.alone, max(e.use.value, 0.0) + t.alone),
        "With the other inputs held still the use rises to {alone:.0%}: the model reads the signal, but the others "
        "drown it.",
    ),
    Rule(
        "starvation",
        lambda e, t: _low(e.learned, t.learned) and not _high(e.cone, t.cone) and not _low(e.response, t.response),
        "Training changed the signal's own features by {learned:.2g} of what it changed those of all signals on the "
        "mean: other signals explained the target first, or it has a slower rate.",
    ),
    Rule(
        "starvation",
        lambda e, t: _low(e.gradient, t.gradient),
        "In training the weights that read the signal got {gradient:.0%} of an equal share of the gradient: other "
        "signals explained the target first.",
    ),
    Rule(
        "additive",
        lambda e, t: _high(e.synergy, t.synergy) and _low(e.interaction, t.interaction),
        "The task needs the signal together with the others, but the model adds up what each says alone (interactions "
        "bring {interaction:.0%} of its gain).",
    ),
    Rule(
        "dimensional",
        lambda e, t: _low(e.reach, t.reach),
        "{reach:.0%} of what the signal moves lies in directions in which the model's predictions vary at all: they "
        "cannot say it.",
    ),
    Rule(
        "cone",
        lambda e, t: _high(e.cone, t.cone) and not _low(e.response, t.response),
        "All embeddings point nearly the same way (mean of unit rows {cone:.2f}), which leaves little room for "
        "differences.",
    ),
    Rule(
        "dimensional",
        lambda e, t: _low(e.rank_share, t.rank_share),
        "The embedding fills {rank_share:.0%} of the directions that it could fill.",
    ),
)
"""In the order in which they are tried: what has one plain cause before what is only a sign."""

MECHANISMS = tuple(dict.fromkeys(rule.mechanism for rule in RULES))


DEFAULTS = Thresholds()


def diagnose(
    evidence: Evidence, thresholds: Thresholds = DEFAULTS, *, signal: str = "signal", rules: Sequence[Rule] = RULES
) -> Diagnosis:
    """What ails the use of the signal, if anything. The first of ``rules`` that holds names it."""
    e, t = evidence, thresholds
    first = _how_much(e, signal)
    if not e.competent:
        words = "The model does no better than one that knows nothing, so nothing can be said about any one signal."
        return Diagnosis(INCOMPETENT, (words,))
    if e.use.ci95[1] - e.use.ci95[0] > t.widest:
        return Diagnosis(TOO_LITTLE, (first, "The interval is too wide for a verdict: audit more independent cases."))
    if e.use.value > (t.healthy if e.of_oracle else t.noticed) and e.use.ci95[0] > (t.ignored if e.of_oracle else 0):
        return Diagnosis(HEALTHY, (first,))
    if e.needed is False:
        words = f"Even a perfect model would do no better with the {signal} here: ignoring it is no fault."
        return Diagnosis(NEGLECT, (first, words))
    for rule in rules:
        if rule.holds(e, t):
            return Diagnosis(rule.mechanism, (first, rule.words.format(**vars(e))))
    words = "The use is low, and nothing that was measured says why."
    if e.needed is None:
        words += (
            " Whether more use would help is not known either: an oracle, or a model that is known to be good, says."
        )
    return Diagnosis(UNKNOWN, (first, words))


def _how_much(e: Evidence, signal: str) -> str:
    value, (low, high) = e.use.value, e.use.ci95
    whole = "what a perfect model gains from it" if e.of_oracle else "all that the model knows"
    verb = "the model gains" if e.of_oracle else "the model loses"
    exchange = f"From the right {signal} instead of another" if e.of_oracle else f"With another {signal}"
    return f"{exchange}, {verb} {value:.0%} (between {low:.0%} and {high:.0%}) of {whole}."

"""What the detectors are worth: AUC for each mechanism, rank correlation with the truth, and thresholds that are fitted
on some mechanisms and architectures and judged on others.

Positive are victims whose measured use is below .2 (at half the dose: below .7), negative all signals that are used,
that nobody could use, or of a model that can do nothing. Cases of one stack share its data: intervals draw whole
stacks.
"""

from collections.abc import Collection, Sequence

import numpy as np
from scipy import stats

from smcrep.probes.bootstrap import widened_interval
from smcrep.probes.intervals import Estimate
from smcrep.zoo.cases import Case

NEGATIVE = ("healthy", "not identifiable", "incompetent")
NUM_RESAMPLES = 500


def positives(cases: Sequence[Case], mechanism: str, *, dose: float = 1.0) -> list[Case]:
    labels = ("collapsed",) if dose == 1.0 else ("collapsed", "partial")
    return [c for c in cases if c.victim and c.mechanism == mechanism and c.dose == dose and c.label in labels]


def negatives(cases: Sequence[Case], labels: Sequence[str] = NEGATIVE) -> list[Case]:
    return [c for c in cases if c.label in labels]


def aucs(
    cases: Sequence[Case],
    detector: str,
    families: Sequence[str],
    *,
    dose: float = 1.0,
    labels: Sequence[str] = NEGATIVE,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """[1 + r, families] AUC of each family against all negatives: of all cases, then of r resamples of whole stacks
    (none without ``rng``). NaN where a family has no positive case: nothing that was planted took."""
    cells = sorted({case.cell for case in cases})
    counts = np.ones((1, len(cells)))
    if rng is not None:
        counts = np.vstack([counts, rng.multinomial(len(cells), np.full(len(cells), 1 / len(cells)), NUM_RESAMPLES)])
    rest = negatives(cases, labels)
    below = [np.sort([c.scores[detector] for c in rest if c.cell == cell]) for cell in cells]
    weight = counts @ np.array([len(own) for own in below])
    found = np.full((len(counts), len(families)), np.nan)
    for column, family in enumerate(families):
        own = positives(cases, family, dose=dose)
        if not own:
            continue
        value = np.array([c.scores[detector] for c in own])
        wins = np.stack([_below(scores, value) for scores in below], 1)  # [positives, cells]
        drawn = counts[:, [cells.index(c.cell) for c in own]]
        total = (drawn * (counts @ wins.T)).sum(1)
        with np.errstate(invalid="ignore"):
            found[:, column] = total / (drawn.sum(1) * weight)
    return found


def estimate(values: np.ndarray, cases: Sequence[Case]) -> Estimate:
    """Of [1 + r]: the value, and its interval by the resamples."""
    return widened_interval(float(values[0]), values[1:], len({case.cell for case in cases}))


def along_doses(cases: Sequence[Case], mechanisms: Collection[str]) -> list[Case]:
    """Victims of planted mechanisms at all doses."""
    return [c for c in cases if c.victim and c.mechanism in mechanisms]


def spearman(
    cases: Sequence[Case], detector: str, *, response: bool = False, rng: np.random.Generator | None = None
) -> np.ndarray:
    """[1 + r] rank correlation of minus the detector's score with rho (or the response), over the cases that somebody
    could use of models that can do something; resampled as `aucs` does. Over healthy signals alone it is that of the
    noise of both: see `along_doses`."""
    used = [c for c in cases if c.label not in ("not identifiable", "incompetent")]
    used = [c for c in used if not response or c.response is not None]
    said = -np.array([c.scores[detector] for c in used])
    true = np.array([c.response if response else c.rho for c in used], float)
    found = [_rank_correlation(said, true)]
    if rng is not None:
        cells = sorted({c.cell for c in used})
        rows = {cell: [i for i, c in enumerate(used) if c.cell == cell] for cell in cells}
        for _ in range(NUM_RESAMPLES // 5):
            drawn = np.concatenate([rows[cell] for cell in rng.choice(cells, len(cells))])
            found.append(_rank_correlation(said[drawn], true[drawn]))
    return np.array(found)


def fitted_threshold(positive: np.ndarray, negative: np.ndarray) -> float:
    """The score from which on "collapsed" is said, of the best balanced accuracy; the middle of the best gap."""
    scores = np.unique(np.concatenate([positive, negative]))
    edges = np.concatenate([[scores[0] - 1], (scores[1:] + scores[:-1]) / 2, [scores[-1] + 1]])
    found = 1 - np.searchsorted(np.sort(positive), edges) / len(positive)
    spared = np.searchsorted(np.sort(negative), edges) / len(negative)
    return float(edges[int(np.argmax(found + spared))])


def balanced_accuracy(positive: np.ndarray, negative: np.ndarray, threshold: float) -> float:
    """Mean of the shares of each kind that are told rightly: the AUC of the decision."""
    return float(((positive >= threshold).mean() + (negative < threshold).mean()) / 2)


def held_out(
    cases: Sequence[Case], detector: str, families: Sequence[str]
) -> dict[tuple[str, str], tuple[float, float]]:
    """For each mechanism and architecture: the balanced accuracy on it of a threshold that was fitted on everything,
    and of one fitted without that mechanism and without that architecture."""
    found = {}
    everywhere = [c for f in families for c in positives(cases, f)]
    seen = fitted_threshold(_scores(everywhere, detector), _scores(negatives(cases), detector))
    for architecture in sorted({c.architecture for c in cases}):
        inside = [c for c in cases if c.architecture == architecture]
        outside = [c for c in cases if c.architecture != architecture]
        for family in families:
            own = _scores(positives(inside, family), detector), _scores(negatives(inside), detector)
            others = [f for f in families if f != family]
            elsewhere = [c for f in others for c in positives(outside, f)]
            if not len(own[0]) or not elsewhere:
                continue
            unseen = fitted_threshold(_scores(elsewhere, detector), _scores(negatives(outside), detector))
            found[family, architecture] = balanced_accuracy(*own, seen), balanced_accuracy(*own, unseen)
    return found


def _scores(cases: Sequence[Case], detector: str) -> np.ndarray:
    return np.array([case.scores[detector] for case in cases])


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(stats.rankdata(a), stats.rankdata(b))[0, 1])


def _below(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many of ``ordered`` are below each value, a tie counting half."""
    return (np.searchsorted(ordered, values) + np.searchsorted(ordered, values, "right")) / 2

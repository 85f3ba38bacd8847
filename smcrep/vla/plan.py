"""Plan, verify, execute as one sequence of tokens: what to do in words, whether that is right, then the actions.

    PLAN word ... VERIFY YES EXECUTE action ... END
    PLAN word ... VERIFY NO PLAN word ... VERIFY YES EXECUTE action ... END

A plan that fails its check is followed by another, so no action is ever executed whose plan was refused. Decoding obeys
the grammar: a language model cannot leave it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

END, PLAN, VERIFY, EXECUTE, YES, NO = range(6)
NUM_MARKS = 6


@dataclass(frozen=True)
class PlanVocabulary:
    """Tokens: six marks, then ``words``, then ``num_action_tokens``.

    words         of plans.
    num_bins      action tokens there are (`ActionBins.num_bins`, `FastTokenizer.vocabulary`).
    length        action tokens of one execution; None: any number from 1 to ``max_actions`` (FAST).
    max_words, max_plans, max_actions  bounds, so that decoding ends.
    """

    words: tuple[str, ...]
    num_bins: int
    length: int | None = None
    max_words: int = 16
    max_plans: int = 3
    max_actions: int = 256

    def __post_init__(self) -> None:
        bad = [w for w in self.words if not w or w.split() != [w]]
        if bad or not self.words or len(set(self.words)) != len(self.words):
            raise ValueError(f"PlanVocabulary: words must be distinct, without blanks, and at least one ({bad[:3]})")

    @property
    def size(self) -> int:
        return NUM_MARKS + len(self.words) + self.num_bins

    def encode(self, plans: Sequence[tuple[str, bool]], actions: Sequence[int]) -> list[int]:
        """Plans as words, with whether each passed its check (the last alone does), and action tokens."""
        tokens = []
        for text, passed in plans:
            unknown = [w for w in text.split() if w not in self.words]
            if unknown:
                raise ValueError(f"PlanVocabulary: no word {unknown[0]!r}; it has {', '.join(self.words[:8])}, ...")
            tokens += [PLAN, *(NUM_MARKS + self.words.index(w) for w in text.split()), VERIFY, YES if passed else NO]
        tokens += [EXECUTE, *(NUM_MARKS + len(self.words) + a for a in actions), END]
        self.decode(tokens)
        return tokens

    def decode(self, tokens: Sequence[int]) -> tuple[list[tuple[str, bool]], list[int]]:
        """The inverse of `encode`; ValueError, with the place, where the grammar is broken."""
        for at, token in enumerate(tokens):
            if not 0 <= token < self.size or not self.allowed(tokens[:at])[token]:
                raise ValueError(f"plan: token {token} at place {at} breaks the grammar; decode with `allowed`")
        if not tokens or tokens[-1] != END:
            raise ValueError(f"plan: the sequence of {len(tokens)} tokens has no end; decode on")
        plans, words, actions = list[tuple[str, bool]](), list[str](), list[int]()
        first_action = NUM_MARKS + len(self.words)
        for token in tokens:
            if token in (YES, NO):
                plans.append((" ".join(words), token == YES))
                words = []
            elif NUM_MARKS <= token < first_action:
                words.append(self.words[token - NUM_MARKS])
            elif token >= first_action:
                actions.append(token - first_action)
        return plans, actions

    def allowed(self, prefix: Sequence[int]) -> Tensor:
        """bool [size]: which tokens may follow a prefix that keeps the grammar."""
        found = torch.zeros(self.size, dtype=torch.bool)
        words, actions = slice(NUM_MARKS, NUM_MARKS + len(self.words)), slice(NUM_MARKS + len(self.words), self.size)
        since = _since_mark(prefix)
        match prefix[len(prefix) - since - 1] if since < len(prefix) else NO:
            case m if m == NO:
                found[PLAN] = True
            case m if m == PLAN:
                found[words] = since < self.max_words
                found[VERIFY] = since > 0
            case m if m == VERIFY:
                found[YES] = True
                found[NO] = list(prefix).count(PLAN) < self.max_plans
            case m if m == YES:
                found[EXECUTE] = True
            case m if m == EXECUTE:
                most = self.max_actions if self.length is None else self.length
                found[actions] = since < most
                found[END] = since > 0 if self.length is None else since == self.length
        return found


def _since_mark(prefix: Sequence[int]) -> int:
    """Tokens behind the last mark."""
    return next((i for i, token in enumerate(reversed(prefix)) if token < NUM_MARKS), len(prefix))


def plan_and_act(
    logits: Callable[[list[int]], Tensor],
    vocabulary: PlanVocabulary,
    verify: Callable[[str], bool] | None = None,
    generator: torch.Generator | None = None,
) -> list[int]:
    """A sequence decoded under the grammar.

    logits     tokens so far -> [size], of the next.
    verify     the words of a plan -> whether it may be executed; it decides in place of the model. ValueError where it
               refuses ``max_plans`` plans: nothing is executed then. None: the model judges its own plans.
    generator  draws tokens; None: the most likely.
    """
    tokens: list[int] = []
    while not tokens or tokens[-1] != END:
        allowed = vocabulary.allowed(tokens)
        if verify is not None and allowed[YES]:
            passed = verify(_last_plan(vocabulary, tokens))
            if not passed and not allowed[NO]:
                raise ValueError(f"plan: all {vocabulary.max_plans} plans were refused; ask a person, or plan anew")
            tokens.append(YES if passed else NO)
            continue
        score = logits(tokens).masked_fill(~allowed, -torch.inf)
        drawn = score.argmax() if generator is None else torch.multinomial(score.softmax(-1), 1, generator=generator)
        tokens.append(int(drawn))
    return tokens


def _last_plan(vocabulary: PlanVocabulary, tokens: list[int]) -> str:
    start = len(tokens) - 1 - tokens[::-1].index(PLAN)
    return " ".join(vocabulary.words[t - NUM_MARKS] for t in tokens[start + 1 : -1])

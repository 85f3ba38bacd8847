"""Plan, verify, execute: the grammar holds for whatever a model says, and a refused plan is never executed."""

import pytest
import torch

from smcrep.vla.plan import END, EXECUTE, NO, PLAN, VERIFY, YES, PlanVocabulary, plan_and_act

VOCABULARY = PlanVocabulary(("push", "the", "red", "mug"), num_bins=8, length=3)
PUSH = [("push the mug", False), ("push the red mug", True)]
TOKENS = [PLAN, 6, 7, 9, VERIFY, NO, PLAN, 6, 7, 8, 9, VERIFY, YES, EXECUTE, 17, 10, 12, END]


def test_a_sequence_reads_as_it_is_written() -> None:
    assert VOCABULARY.encode(PUSH, [7, 0, 2]) == TOKENS
    assert VOCABULARY.decode(TOKENS) == (PUSH, [7, 0, 2])


@pytest.mark.parametrize("at", range(len(TOKENS)))
def test_a_token_that_is_left_out_is_noticed(at: int) -> None:
    tokens = TOKENS[:at] + TOKENS[at + 1 :]
    if TOKENS[at] in (6, 7, 8, 9):
        return  # a plan of fewer words is a plan
    with pytest.raises(ValueError, match="plan:"):
        VOCABULARY.decode(tokens)


@pytest.mark.parametrize("length", [3, None])
def test_random_models_keep_the_grammar(length: int | None) -> None:
    vocabulary = PlanVocabulary(VOCABULARY.words, 8, length, max_words=3, max_actions=5)
    rng, lengths = torch.Generator().manual_seed(0), set()
    for _ in range(50):
        tokens = plan_and_act(
            lambda _: torch.randn(vocabulary.size, generator=rng), vocabulary, generator=rng
        )  # fmt: skip
        plans, actions = vocabulary.decode(tokens)
        assert [passed for _, passed in plans] == [False] * (len(plans) - 1) + [True]
        assert len(plans) <= 3
        lengths.add(len(actions))
    assert lengths == ({3} if length else {1, 2, 3, 4, 5})


def test_what_is_checked_outside_overrules_the_model() -> None:
    """The model would say YES to its first plan."""
    seen = []

    def logits(tokens: list[int]) -> torch.Tensor:
        score = torch.zeros(VOCABULARY.size)
        score[6 + min(tokens.count(PLAN) - 1, 3)] = 1  # another word in each plan
        score[[VERIFY, YES]] = torch.tensor([2.0 if len(tokens) > 1 and tokens[-1] >= 6 else 0.0, 3.0])
        return score

    def verify(plan: str) -> bool:
        seen.append(plan)
        return plan == "red"

    plans, actions = VOCABULARY.decode(plan_and_act(logits, VOCABULARY, verify))
    assert seen == ["push", "the", "red"]
    assert plans == [("push", False), ("the", False), ("red", True)]
    assert len(actions) == 3


def test_nothing_is_executed_where_all_plans_are_refused() -> None:
    with pytest.raises(ValueError, match="all 3 plans were refused"):
        plan_and_act(lambda _: torch.zeros(VOCABULARY.size), VOCABULARY, lambda _: False)


def test_words_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="no word 'blue'"):
        VOCABULARY.encode([("push the blue mug", True)], [0, 0, 0])
    with pytest.raises(ValueError, match="distinct"):
        PlanVocabulary(("push", "push"), 8)
    with pytest.raises(ValueError, match="at place 14"):
        VOCABULARY.encode(PUSH, [8, 0, 2])  # an action token beyond the last

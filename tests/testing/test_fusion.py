"""Each law of a fusion rule, and of a claim, is broken by a fault planted for it, and says so."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from smcrep.fusion import equal_precision, precision_weighted, product_claim, von_mises_fisher
from smcrep.testing import assert_claim_laws, assert_fusion_laws
from smcrep.testing.claims import CLAIM_LAWS
from smcrep.testing.fusion import LAWS, Setting, flat_case, on_the_sphere
from smcrep.transition import Beliefs

SETTING = Setting(3, 6, 0, False)


def of_three(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    first, second, third = beliefs.mean.unbind(-2)
    return (first + second + third) / 3, torch.full_like(beliefs.mean[..., 0], 1 / 3)


def product_without_masks(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    share = torch.where(beliefs.present[..., None], beliefs.log_precision, -1e9).softmax(-2)
    return (share * beliefs.mean).sum(-2), share.mean(-1)


def never_below(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    return precision_weighted(replace(beliefs, log_precision=beliefs.log_precision.clamp_min(-20)))


def first_number_counts_more(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    surer = (1 + beliefs.mean[..., :1].abs()).log()
    return precision_weighted(replace(beliefs, log_precision=beliefs.log_precision + surer))


def divided_by_its_norm(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    fused, weight = precision_weighted(beliefs)
    return fused / fused.norm(dim=-1, keepdim=True), weight


def flattened(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    fused, weight = precision_weighted(beliefs)
    return fused.reshape(-1, fused.shape[-1]), weight.reshape(-1, weight.shape[-1])


def always_double(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    fused, weight = precision_weighted(beliefs)
    return fused.double(), weight.double()


def opposite_precision(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    return precision_weighted(replace(beliefs, log_precision=-beliefs.log_precision))


def double_precision(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
    return precision_weighted(replace(beliefs, log_precision=2 * beliefs.log_precision))


FAULTS: list[tuple[str, Callable[[Beliefs], tuple[Tensor, Tensor]], str]] = [
    ("weights_are_shares", of_three, "an absent sense has a weight"),
    ("one_sense_alone", lambda b: tuple(0.9 * x for x in precision_weighted(b)), "is not what it believes"),  # type: ignore[arg-type,return-value]
    ("order_of_senses", lambda b: (b.mean[..., 0, :], equal_precision(b)[1]), "order of senses matters"),
    ("absent_senses", product_without_masks, "what an absent sense holds reaches the result"),
    ("precision_0", never_below, "a sense of precision 0 reaches the result"),
    (
        "precision_0",
        lambda b: (precision_weighted(b)[0], equal_weights(b)),
        "a sense of precision 0 reaches the weights",
    ),
    ("flat_case", opposite_precision, "are not multiplied as Gaussians"),
    ("flat_case", double_precision, "are not multiplied as Gaussians"),
    ("rotation", first_number_counts_more, "does not rotate the result"),
    ("opposite_senses", divided_by_its_norm, "not finite at opposite senses"),
    ("leading_axes", flattened, "fused loses leading axes"),
    ("number_types", always_double, "fused of float32 is torch.float64"),
]


def equal_weights(beliefs: Beliefs) -> Tensor:
    present = beliefs.present.to(beliefs.mean)
    return present / present.sum(-1, keepdim=True).clamp_min(1)


@pytest.mark.parametrize(("law", "rule", "words"), FAULTS)
def test_a_planted_fault_is_named(law: str, rule: Callable[[Beliefs], tuple[Tensor, Tensor]], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        LAWS[law](rule, SETTING)


def test_a_rule_for_three_senses_alone_is_found() -> None:
    with pytest.raises(ValueError, match="unpack"):
        LAWS["number_of_senses"](of_three, SETTING)


def test_the_sphere_is_for_rules_of_directions() -> None:
    on_the_sphere(von_mises_fisher, replace(SETTING, unit=True))
    with pytest.raises(AssertionError, match="not on the unit sphere"):
        assert_fusion_laws(precision_weighted, unit=True)


CLAIM_FAULTS: list[tuple[str, Callable[[Beliefs], Tensor], str]] = [
    ("sense_alone_claims_its_own", lambda b: -product_claim(b), "is not as precise as it says"),
    ("sense_alone_claims_its_own", lambda b: product_claim(b) + 0.7, "is not as precise as it says"),
    ("sense_alone_claims_its_own", lambda b: product_claim(b).clamp_min(-9), "no sense at all claims a precision"),
    ("order_of_senses", lambda b: b.log_precision[..., 0, :], "order of senses matters to the claim"),
    ("absent_senses", lambda b: b.log_precision.amax(-2), "an absent sense reaches the claim"),
    ("absent_senses", lambda b: product_claim(b) - b.present.sum(-1, keepdim=True), "precision 0 reaches the claim"),
    ("senses_given_twice", product_claim, "raise the claimed precision by a factor 2.00"),
]


@pytest.mark.parametrize(("law", "claim", "words"), CLAIM_FAULTS)
def test_a_planted_fault_in_a_claim_is_named(law: str, claim: Callable[[Beliefs], Tensor], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        CLAIM_LAWS[law](claim, SETTING)


def test_every_law_has_a_fault() -> None:
    assert {law for law, _, _ in FAULTS} | {"number_of_senses"} == set(LAWS)
    assert {law for law, _, _ in CLAIM_FAULTS} == set(CLAIM_LAWS)


def test_laws_that_are_named_are_left_out_and_unknown_ones_are_refused() -> None:
    assert_claim_laws(product_claim, breaks=("senses_given_twice",))
    with pytest.raises(ValueError, match="there is no law 'flat'; they are weights_are_shares, one_sense_alone"):
        assert_fusion_laws(precision_weighted, breaks=("flat",))
    with pytest.raises(ValueError, match="there is no law 'twice'; they are sense_alone"):
        assert_claim_laws(product_claim, breaks=("twice",))


def test_rules_on_the_sphere_are_asked_about_unit_vectors_alone() -> None:
    """Were they not, a rule that says so would fail where it is right."""

    def strict(beliefs: Beliefs) -> tuple[Tensor, Tensor]:
        length = beliefs.mean.norm(dim=-1)
        assert torch.allclose(length[beliefs.present], torch.ones((), dtype=length.dtype), atol=1e-6)
        return von_mises_fisher(beliefs)

    flat_case(strict, Setting(3, 6, 0, True))

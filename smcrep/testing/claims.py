"""Laws of what a fusion rule claims: beliefs -> log-precision of its result."""

from collections.abc import Callable, Collection
from dataclasses import replace

import torch
from torch import Tensor

from smcrep.testing.fusion import Setting
from smcrep.transition import Beliefs

Claim = Callable[[Beliefs], Tensor]
TOLERANCE = 2e-3
"""Of a log-precision: rules that search for their weights stop somewhere."""


def sense_alone_claims_its_own(claim: Claim, setting: Setting) -> None:
    """One sense alone, of one precision in all dimensions, is as precise as it says; none at all claims -inf."""
    beliefs = setting.some_absent()
    beliefs = replace(beliefs, log_precision=beliefs.log_precision[..., :1])
    claimed = claim(beliefs)
    own = beliefs.log_precision[2, 0].expand_as(claimed[2])
    assert torch.allclose(claimed[2], own, atol=1e-6), "one sense alone is not as precise as it says"
    assert (claimed[3] == -torch.inf).all(), "no sense at all claims a precision"


def order_of_senses(claim: Claim, setting: Setting) -> None:
    """It does not matter."""
    beliefs, order = setting.some_absent(), torch.arange(setting.num_senses).flip(0)
    assert torch.allclose(claim(beliefs[:, order]), claim(beliefs)), "order of senses matters to the claim"


def absent_senses(claim: Claim, setting: Setting) -> None:
    """What they hold, NaN included, does not reach the claim; a sense of precision 0 is absent, to the bit."""
    beliefs = setting.some_absent()
    absent, expected = ~beliefs.present[..., None], claim(beliefs)
    mean, log_precision = (x.masked_fill(absent, torch.nan) for x in (beliefs.mean, beliefs.log_precision))
    assert torch.equal(claim(Beliefs(mean, log_precision, beliefs.present)), expected), (
        "an absent sense reaches the claim"
    )
    nothing = beliefs.log_precision.masked_fill(absent, -torch.inf)
    everywhere = replace(beliefs, log_precision=nothing, present=torch.ones_like(beliefs.present))
    assert torch.equal(claim(everywhere), expected), "a sense of precision 0 reaches the claim"


def senses_given_twice(claim: Claim, setting: Setting) -> None:
    """Every sense given twice tells nothing new: no more is claimed."""
    beliefs = setting.beliefs()
    again = torch.arange(setting.num_senses).repeat(2)
    twice = beliefs[:, again]
    more = (claim(twice) - claim(beliefs)).max()
    assert more < TOLERANCE, f"senses given twice raise the claimed precision by a factor {more.exp():.2f}"


CLAIM_LAWS: dict[str, Callable[[Claim, Setting], None]] = {
    law.__name__: law for law in (sense_alone_claims_its_own, order_of_senses, absent_senses, senses_given_twice)
}
"""Laws of a claim, by name."""


def assert_claim_laws(
    claim: Claim,
    *,
    num_senses: int = 3,
    dim: int = 6,
    seed: int = 0,
    breaks: Collection[str] = (),
    unit: bool = False,
) -> None:
    """Put what a rule claims through `CLAIM_LAWS`, except those named by ``breaks``; ``unit`` as for the rule."""
    unknown = sorted(set(breaks) - set(CLAIM_LAWS))
    if unknown:
        raise ValueError(f"assert_claim_laws: there is no law {unknown[0]!r}; they are {', '.join(CLAIM_LAWS)}")
    for name, law in CLAIM_LAWS.items():
        if name not in breaks:
            law(claim, Setting(num_senses, dim, seed, unit))

"""Laws of a fusion rule: beliefs -> (fused, weight). Each raises AssertionError with what was broken."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from smcrep.transition import Beliefs

Rule = Callable[[Beliefs], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Setting:
    """What the laws are tried on: beliefs of so many senses in so many dimensions; ``unit``: means of length 1."""

    num_senses: int
    dim: int
    seed: int
    unit: bool

    def beliefs(self, b: int = 8, num_senses: int | None = None) -> Beliefs:
        """float64, all senses present, each with a precision of its own in each dimension."""
        generator = torch.Generator().manual_seed(self.seed)
        shape = (b, num_senses or self.num_senses, self.dim)
        mean = torch.randn(shape, generator=generator, dtype=torch.float64)
        if self.unit:
            mean = mean / mean.norm(dim=-1, keepdim=True)
        log_precision = torch.randn(shape, generator=generator, dtype=torch.float64)
        return Beliefs(mean, log_precision, torch.ones(shape[:2], dtype=torch.bool))

    def some_absent(self) -> Beliefs:
        """Observation 1 lacks the first sense, 2 has it alone, 3 has none."""
        beliefs = self.beliefs()
        beliefs.present[1, 0] = beliefs.present[2, 1:] = beliefs.present[3] = False
        return beliefs


def weights_are_shares(rule: Rule, setting: Setting) -> None:
    """At least 0, sum 1, 0 for an absent sense; shapes as they should be; finite where no sense is present."""
    beliefs = setting.some_absent()
    mean, present = beliefs.mean, beliefs.present
    fused, weight = rule(beliefs)
    assert fused.shape == mean[:, 0].shape, f"fused is {list(fused.shape)}, expected {list(mean[:, 0].shape)}"
    assert weight.shape == present.shape, f"weight is {list(weight.shape)}, expected {list(present.shape)}"
    assert fused.isfinite().all(), "fused is not finite"
    assert (weight >= 0).all(), "a weight is negative"
    assert (weight[~present] == 0).all(), "an absent sense has a weight"
    total = weight.sum(-1)[present.any(-1)]
    assert torch.allclose(total, torch.ones_like(total)), "weights of the senses present do not sum to 1"


def one_sense_alone(rule: Rule, setting: Setting) -> None:
    """It is what it believes."""
    beliefs = setting.some_absent()
    assert torch.allclose(rule(beliefs)[0][2], beliefs.mean[2, 0]), "one sense alone is not what it believes"


def order_of_senses(rule: Rule, setting: Setting) -> None:
    """It does not matter."""
    beliefs, order = setting.some_absent(), torch.arange(setting.num_senses).flip(0)
    fused, weight = rule(beliefs)
    turned, turned_weight = rule(beliefs[:, order])
    assert torch.allclose(turned, fused), "order of senses matters to what is fused"
    assert torch.allclose(turned_weight[:, order], weight), "order of senses matters to their weights"


def absent_senses(rule: Rule, setting: Setting) -> None:
    """What they hold, NaN included, reaches neither the result nor a gradient."""
    beliefs = setting.some_absent()
    absent = ~beliefs.present[..., None]
    mean = beliefs.mean.masked_fill(absent, torch.nan).requires_grad_()
    log_precision = beliefs.log_precision.masked_fill(absent, torch.nan).requires_grad_()
    fused, weight = rule(Beliefs(mean, log_precision, beliefs.present))
    expected, expected_weight = rule(beliefs)
    assert torch.equal(fused, expected), "what an absent sense holds reaches the result"
    assert torch.equal(weight, expected_weight), "what an absent sense holds reaches the weights"
    for gradient in _gradients(fused, mean, log_precision):
        assert gradient.isfinite().all(), "a gradient is not finite where a sense is absent"
        assert (gradient.masked_select(absent) == 0).all(), "a gradient reaches an absent sense"


def precision_0(rule: Rule, setting: Setting) -> None:
    """A sense of log-precision -inf is absent, to the bit; where all are, the result is finite."""
    beliefs = setting.some_absent()
    nothing = torch.where(beliefs.present[..., None], beliefs.log_precision, -torch.inf)
    fused, weight = rule(replace(beliefs, log_precision=nothing, present=torch.ones_like(beliefs.present)))
    expected, expected_weight = rule(beliefs)
    some = beliefs.present.any(-1)
    assert fused.isfinite().all(), "fused is not finite where every precision is 0"
    assert torch.equal(fused[some], expected[some]), "a sense of precision 0 reaches the result"
    assert torch.equal(weight[some], expected_weight[some]), "a sense of precision 0 reaches the weights"


def flat_case(rule: Rule, setting: Setting) -> None:
    """Where senses differ by little (.01; a sphere is flat there) the result is the product of Gaussians, within a
    twentieth of what they differ by. One precision, of 4 to 25, for all dimensions of a sense."""
    beliefs = setting.beliefs()
    mean = beliefs.mean[:, :1] + 0.01 * (beliefs.mean - beliefs.mean[:, :1])
    if setting.unit:
        mean = mean / mean.norm(dim=-1, keepdim=True)
    precision = torch.linspace(4, 25, setting.num_senses, dtype=torch.float64)[:, None]
    log_precision = precision.log().expand_as(beliefs.log_precision)
    fused, _ = rule(replace(beliefs, mean=mean, log_precision=log_precision))
    product = (precision * mean).sum(-2) / precision.sum()
    assert (fused - product).norm(dim=-1).max() < 0.05 * 0.01, "senses that agree are not multiplied as Gaussians"


def rotation(rule: Rule, setting: Setting) -> None:
    """Rotating all means rotates the result, and leaves the weights, if a sense has one precision."""
    beliefs = setting.beliefs()
    beliefs = replace(beliefs, log_precision=beliefs.log_precision[..., :1])
    generator = torch.Generator().manual_seed(setting.seed + 1)
    turn, _ = torch.linalg.qr(torch.randn(setting.dim, setting.dim, generator=generator, dtype=torch.float64))
    fused, weight = rule(beliefs)
    turned, turned_weight = rule(replace(beliefs, mean=beliefs.mean @ turn))
    assert torch.allclose(turned, fused @ turn), "rotating the senses does not rotate the result"
    assert torch.allclose(turned_weight, weight), "rotating the senses changes their weights"


def opposite_senses(rule: Rule, setting: Setting) -> None:
    """Two equally precise senses that say the opposite give finite numbers and gradients."""
    beliefs = setting.beliefs(num_senses=2)
    mean = torch.stack([beliefs.mean[:, 0], -beliefs.mean[:, 0]], 1).requires_grad_()
    log_precision = torch.zeros_like(mean).requires_grad_()
    fused, weight = rule(Beliefs(mean, log_precision, beliefs.present))
    assert fused.isfinite().all(), "fused is not finite at opposite senses"
    assert weight.isfinite().all(), "a weight is not finite at opposite senses"
    for gradient in _gradients(fused, mean, log_precision):
        assert gradient.isfinite().all(), "a gradient is not finite at opposite senses"


def number_of_senses(rule: Rule, setting: Setting) -> None:
    """1 to 6 senses are fused; that many weights sum to 1."""
    for num_senses in range(1, 7):
        fused, weight = rule(setting.beliefs(num_senses=num_senses))
        assert fused.isfinite().all(), f"fused is not finite with {num_senses} senses"
        assert weight.shape[-1] == num_senses, f"{weight.shape[-1]} weights for {num_senses} senses"
        assert torch.allclose(weight.sum(-1), torch.ones_like(fused[..., 0])), (
            f"weights of {num_senses} do not sum to 1"
        )


def leading_axes(rule: Rule, setting: Setting) -> None:
    """Any: none, one or two of them give the same numbers."""
    beliefs = setting.some_absent()
    fused, weight = rule(beliefs)
    mean, log_precision, present = (
        x.unflatten(0, (2, 4)) for x in (beliefs.mean, beliefs.log_precision, beliefs.present)
    )
    two = rule(Beliefs(mean, log_precision, present))
    none = rule(beliefs[0])
    for name, x, of_two, of_none in zip(("fused", "weight"), (fused, weight), two, none, strict=True):
        assert of_two.shape == (2, 4, x.shape[-1]), f"{name} loses leading axes: {list(of_two.shape)}"
        assert torch.allclose(of_two.flatten(0, 1), x), f"two leading axes give another {name}"
        assert of_none.shape == x.shape[1:], f"{name} without leading axes is {list(of_none.shape)}"
        assert torch.allclose(of_none, x[0]), f"no leading axis gives another {name}"


def number_types(rule: Rule, setting: Setting) -> None:
    """float32 in gives float32 out, near what float64 gives."""
    beliefs = setting.some_absent()
    for name, x, exact in zip(("fused", "weight"), rule(_float32(beliefs)), rule(beliefs), strict=True):
        assert x.dtype == torch.float32, f"{name} of float32 is {x.dtype}"
        assert exact.dtype == torch.float64, f"{name} of float64 is {exact.dtype}"
        assert torch.allclose(x.double(), exact, rtol=1e-3, atol=1e-4), f"{name} of float32 is far from that of float64"


def on_the_sphere(rule: Rule, setting: Setting) -> None:
    """Of senses on the unit sphere, the result is on it too."""
    length = rule(setting.beliefs())[0].norm(dim=-1)
    assert torch.allclose(length, torch.ones_like(length)), "the result is not on the unit sphere"


LAWS: dict[str, Callable[[Rule, Setting], None]] = {
    law.__name__: law
    for law in (
        weights_are_shares,
        one_sense_alone,
        order_of_senses,
        absent_senses,
        precision_0,
        flat_case,
        rotation,
        opposite_senses,
        number_of_senses,
        leading_axes,
        number_types,
    )
}
"""Laws of every rule, by name; `on_the_sphere` comes with ``unit=True``."""


def assert_fusion_laws(
    rule: Rule,
    *,
    num_senses: int = 3,
    dim: int = 6,
    seed: int = 0,
    breaks: Collection[str] = (),
    unit: bool = False,
) -> None:
    """Put a rule through `LAWS`.

    breaks  names of laws that the rule does not keep and is not meant to.
    unit    the rule fuses directions: the senses' means have length 1, and so has the result.
    """
    unknown = sorted(set(breaks) - set(LAWS))
    if unknown:
        raise ValueError(f"assert_fusion_laws: there is no law {unknown[0]!r}; they are {', '.join(LAWS)}")
    setting = Setting(num_senses, dim, seed, unit)
    for name, law in LAWS.items():
        if name not in breaks:
            law(rule, setting)
    if unit:
        on_the_sphere(rule, setting)


def _float32(beliefs: Beliefs) -> Beliefs:
    return replace(beliefs, mean=beliefs.mean.float(), log_precision=beliefs.log_precision.float())


def _gradients(fused: Tensor, *inputs: Tensor) -> list[Tensor]:
    """Of a sum that has a slope at 0 too; inputs that the rule does not read are left out."""
    gradients = torch.autograd.grad((fused + fused.square()).sum(), inputs, allow_unused=True)
    return [gradient for gradient in gradients if gradient is not None]

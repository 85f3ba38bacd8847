"""What every method keeps: any number of senses, absent ones reach nothing, finite gradients, rows on their own."""

from dataclasses import replace

import pytest
import torch

from smcrep.fusion.baselines import METHODS, build
from smcrep.fusion.method import Decider, FitSettings, parameter_count
from smcrep.transition import Beliefs

DIM, NUM_CLASSES = 6, 4
SMALL = FitSettings(width=8, heads=2, num_layers=2, num_tokens=2, num_latents=3)
DECIDERS = [name for name in METHODS if isinstance(build(name, 2, DIM, SMALL, torch.Generator()), Decider)]
VARIANTS = [(name, SMALL) for name in METHODS] + [
    ("late_fusion_transformer", replace(SMALL, readout="cls")),
    ("late_fusion_transformer", replace(SMALL, skip=False)),
    ("q_former", replace(SMALL, skip=False, num_layers=1)),
    ("intermediate_mlp", replace(SMALL, skip=False, num_layers=0)),
]


def made(name: str, num_senses: int, settings: FitSettings = SMALL):
    """In float64, with random numbers where weights start at zero."""
    method = build(name, num_senses, DIM, settings, torch.Generator().manual_seed(0)).double()
    g = torch.Generator().manual_seed(1)
    for parameter in method.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=g, dtype=torch.float64)
    return method


def drawn(num_senses: int, n: int = 7) -> tuple[Beliefs, torch.Tensor]:
    """Beliefs [n] and logits [n, m, c]; row 0 has all senses, row 1 the first alone, row 2 none, others some."""
    g = torch.Generator().manual_seed(2)
    mean = torch.randn(n, num_senses, DIM, generator=g, dtype=torch.float64)
    present = torch.rand(n, num_senses, generator=g) < 0.7
    present[0], present[1, 1:], present[2], present[1, 0] = True, False, False, True
    logits = 3 * torch.randn(n, num_senses, NUM_CLASSES, generator=g, dtype=torch.float64)
    return Beliefs(mean, torch.zeros_like(mean), present), logits


def run(method, beliefs: Beliefs, logits: torch.Tensor) -> torch.Tensor:
    return method.decide(logits, beliefs) if isinstance(method, Decider) else method(beliefs)


def test_there_are_twelve_fusers_and_seven_deciders() -> None:
    assert (len(METHODS) - len(DECIDERS), len(DECIDERS)) == (12, 7)
    assert all(method.source for method in METHODS.values())


@pytest.mark.parametrize("num_senses", [1, 2, 5])
@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_any_number_of_senses_and_any_of_them_absent(name: str, settings: FitSettings, num_senses: int) -> None:
    method = made(name, num_senses, settings)
    out = run(method, *drawn(num_senses))
    assert out.isfinite().all()
    assert out.shape[:-1] == (7,)
    if name in DECIDERS:
        torch.testing.assert_close(out.exp().sum(-1), torch.ones(7, dtype=torch.float64))
        torch.testing.assert_close(out[2].exp(), torch.full((NUM_CLASSES,), 1 / NUM_CLASSES, dtype=torch.float64))


@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_what_an_absent_sense_holds_reaches_neither_result_nor_gradient(name: str, settings: FitSettings) -> None:
    method = made(name, 3, settings)
    beliefs, logits = drawn(3)
    expected = run(method, beliefs, logits)
    gone = ~beliefs.present[..., None]
    mean, poisoned = beliefs.mean.masked_fill(gone, torch.nan), logits.masked_fill(gone, torch.nan)
    precise = beliefs.log_precision.masked_fill(gone, torch.nan)
    mean.requires_grad_(), poisoned.requires_grad_()
    out = run(method, Beliefs(mean, precise, beliefs.present), poisoned)
    assert torch.equal(out, expected)
    weights = list(method.parameters())
    gradients = torch.autograd.grad(out.square().sum(), [mean, poisoned, *weights], allow_unused=True)
    assert all(g is None or g.isfinite().all() for g in gradients)
    for g in gradients[:2]:
        assert g is None or (g[~beliefs.present] == 0).all()


@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_presence_is_seen(name: str, settings: FitSettings) -> None:
    """A sense that goes changes the result: nothing is computed from zeros as if they had been sensed, or ignored."""
    method = made(name, 2, settings)
    beliefs, logits = drawn(2)
    both = replace(beliefs, present=torch.ones_like(beliefs.present))
    alone = replace(beliefs, present=torch.tensor([False, True]).expand(7, 2))
    assert not torch.allclose(run(method, both, logits), run(method, alone, logits))


HIDING = [
    "film",
    "cross_attention",
    "transformer",
    "perceiver_resampler",
    "q_former",
    "graph",
    "qmf",
    "pdf",
    "tmc",
    "udml",
]


@pytest.mark.parametrize("name", HIDING)
def test_an_absent_sense_is_as_if_it_had_never_been(name: str) -> None:
    """The same weights for the first sense without the second give the same."""
    both, single = made(name, 2), made(name, 1)
    weights = both.state_dict()
    single.load_state_dict({k: weights[k].flatten()[: v.numel()].view(v.shape) for k, v in single.state_dict().items()})
    beliefs, logits = drawn(2)
    alone = replace(beliefs, present=torch.tensor([True, False]).expand(7, 2))
    first = Beliefs(beliefs.mean[:, :1], beliefs.log_precision[:, :1], torch.ones(7, 1, dtype=torch.bool))
    torch.testing.assert_close(run(both, alone, logits), run(single, first, logits[:, :1]))


@pytest.mark.parametrize("name", METHODS)
def test_rows_are_independent_and_leading_axes_are_kept(name: str) -> None:
    method = made(name, 3)
    beliefs, logits = drawn(3, 6)
    expected = run(method, beliefs, logits)
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    torch.testing.assert_close(run(method, beliefs[order], logits[order]), expected[order])
    deep = Beliefs(*(t.unflatten(0, (2, 3)) for t in (beliefs.mean, beliefs.log_precision, beliefs.present)))
    torch.testing.assert_close(run(method, deep, logits.unflatten(0, (2, 3))).flatten(0, 1), expected)
    torch.testing.assert_close(run(method, beliefs[0], logits[0]), expected[0])


@pytest.mark.parametrize("name", METHODS)
def test_weights_are_drawn_by_the_generator_alone(name: str) -> None:
    state = torch.get_rng_state()
    first, again, other = (build(name, 2, DIM, SMALL, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    for key, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
    if parameter_count(first) > 0:
        assert any(not torch.equal(v, other.state_dict()[k]) for k, v in first.state_dict().items())


def test_an_unknown_name_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="baselines: there is no method 'x'; choose one of concatenation_zeros"):
        build("x", 2, DIM, SMALL, torch.Generator())

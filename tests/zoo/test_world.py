"""Outcomes follow the formula of the world, in plain loops; draws vary what they say."""

import math

import pytest
import torch

from smcrep.zoo.knobs import Knobs, Specimen, stacked
from smcrep.zoo.rows import CHANNELS, CONTEXT, LATENT, audit_rows, oracle_prediction, quarter_turn, training_rows
from smcrep.zoo.world import OUTCOME_NOISE, SIGNALS, branches, draw, make_world


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def planted(signal: str, **knobs: float) -> Specimen:
    return Specimen("x", signal, 1.0, {signal: Knobs(**knobs)})  # type: ignore[arg-type]


def test_outcome_is_the_formula_in_loops() -> None:
    world, draws = make_world(seeded()), draw(3, 1, seeded(1))
    stack = stacked((Specimen(knobs={"physics": Knobs(size=0.5, interaction=0.9)}),))
    found = audit_rows(draws, world, stack).outcome[0].view(3, 4, 2)
    for row in range(3):
        c, z = draws.context[row], draws.latent[row]
        for i, name in enumerate(SIGNALS):
            size, t = (0.5, 0.9) if name == "physics" else (1.0, 0.3)
            gate = (1 - t) + t * 1.3 * math.tanh(3 * sum(float(world.gate[i, j] * c[j]) for j in range(2)))
            for o in range(2):
                static = math.tanh(sum(float(world.base[i, j, o] * c[j]) for j in range(2)))
                moved = size * gate * sum(float(world.weight[i, j, o] * z[i, j]) for j in range(2))
                noise = OUTCOME_NOISE * float(draws.noise[row, i, o])
                assert float(found[row, i, o]) == pytest.approx(static + moved + noise, abs=1e-5)


def test_a_group_varies_one_signal_in_turn() -> None:
    latent = draw(8, 5, seeded()).latent.unflatten(0, (8, 5))
    spread = latent.std(1).amax(-1) > 0
    assert torch.equal(spread, torch.eye(4, dtype=torch.bool).repeat(2, 1))


def test_branches_of_a_state_share_everything_but_the_signal() -> None:
    found = branches(6, 4, 2, seeded())
    for shared in (found.context, found.sensed, found.channels, found.noise, found.latent[:, [0, 1, 3]]):
        assert float(shared.unflatten(0, (6, 4)).std(1).max()) == 0
    assert float(found.latent[:, 2].unflatten(0, (6, 4)).std(1).min()) > 0


def test_the_gate_of_a_sense_is_shown_by_the_other_sense() -> None:
    world, stack = make_world(seeded()), stacked((Specimen(),))
    inputs = audit_rows(draw(2000, 1, seeded(1)), world, stack).inputs[0]
    assert torch.equal(inputs[:, 2, 1], torch.zeros(2000))
    assert torch.equal(inputs[:, 3, 0], torch.zeros(2000))
    assert float(world.gate[2] @ torch.tensor([1.0, 0.0])) == 0
    assert float(world.gate[3] @ torch.tensor([0.0, 1.0])) == 0


def test_oracle_predicts_all_but_the_noise() -> None:
    world, stack = make_world(seeded()), stacked((Specimen(), planted("action", size=2.0)))
    rows = audit_rows(draw(4000, 1, seeded(1)), world, stack)
    error = (oracle_prediction(rows.inputs, world, stack) - rows.outcome).std((1, 2))
    assert error.tolist() == pytest.approx([OUTCOME_NOISE] * 2, rel=0.15)  # a little more, by the noise of the senses


def test_leak_shows_the_effect_on_the_carrier_alone() -> None:
    world, draws = make_world(seeded()), draw(200, 1, seeded(1))
    whole, half = (audit_rows(draws, world, stacked((planted("action", leak=share),))) for share in (1.0, 0.5))
    sound = audit_rows(draws, world, stacked((Specimen(),)))
    one = torch.ones(1, 4)
    effect = world.effect(draws.latent[None], draws.context, one, 0.3 * one)[0, :, 0]
    assert torch.allclose(whole.inputs[0, :, 2, CHANNELS], effect, atol=0.25)
    assert torch.allclose(half.inputs[0, :, 2, 4], effect[:, 0], atol=0.25)
    assert torch.equal(half.inputs[0, :, 2, 5], sound.inputs[0, :, 2, 5])
    assert torch.equal(whole.inputs[0, :, 3], sound.inputs[0, :, 3])
    assert torch.equal(whole.outcome, sound.outcome)


def test_faults_of_the_data_are_in_training_alone_and_from_their_time_on() -> None:
    world, draws = make_world(seeded()), draw(400, 4, seeded(1))
    kinds = ("shuffled", "copied", "confounded", "turned")
    stack = stacked(tuple(planted("physics", **{kind: 1.0}, since=0.5) for kind in kinds))
    before, after = (training_rows(draws, world, stack, progress, seeded(2)) for progress in (0.4, 0.6))
    sound = audit_rows(draws, world, stack)
    assert torch.allclose(before.inputs, sound.inputs)
    assert torch.allclose(before.outcome, sound.outcome)
    shuffled, copied, confounded, turned = after.inputs[:, :, 1, LATENT]
    latent = draws.latent[:, 1]
    assert not torch.equal(shuffled, latent)
    assert torch.equal(shuffled.sort(0).values, latent.sort(0).values)
    assert torch.equal(copied, latent)
    lost = sound.outcome[1] - after.outcome[1]
    assert torch.allclose(
        lost.view(-1, 4, 2)[:, 1], world.effect(draws.latent[None], draws.context, *_plain())[0, :, 1], atol=1e-5
    )
    assert float(lost.view(-1, 4, 2)[:, [0, 2, 3]].abs().max()) < 1e-6
    assert torch.allclose(confounded, world.habitual(draws.context)[:, 1], atol=1e-5)
    assert torch.equal(turned, quarter_turn(latent))


def _plain() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.ones(1, 4), torch.full((1, 4), 0.3)


def test_quarter_turn_has_no_correlation_with_what_it_turns() -> None:
    x = torch.randn(50, 2, generator=seeded())
    assert float((x * quarter_turn(x)).sum(1).abs().max()) < 1e-6
    assert torch.allclose(quarter_turn(quarter_turn(x)), -x)


def test_redundant_signal_follows_from_the_context() -> None:
    world, stack = make_world(seeded()), stacked((planted("sense_2", redundant=1.0),))
    draws = draw(50, 1, seeded(1))
    found = audit_rows(draws, world, stack).inputs[0, :, 3, LATENT]
    assert torch.allclose(found, world.habitual(draws.context)[:, 3], atol=0.3)
    assert float(audit_rows(draws, world, stack).inputs[0, :, 3, CONTEXT][:, 0].abs().max()) == 0


def test_unknown_signal_of_a_specimen_is_named() -> None:
    with pytest.raises(ValueError, match="knobs for 'colour', which is no signal; they are action"):
        stacked((planted("colour"),))

"""Each cure changes what it says and nothing else; planted collapse comes back where the cure fits, and only there."""

import math
from dataclasses import replace

import pytest
import torch

from smcrep.objectives.sigreg import random_directions, sigreg
from smcrep.zoo import ARCHITECTURES, SIGNALS, Knobs, Schedule, Specimen, Stack, World, make_world, stacked
from smcrep.zoo.cures import CURES, Cure, Patient, Seen, Step, patients, treat
from smcrep.zoo.cures.inverse import InverseHead
from smcrep.zoo.cures.isotropy import NUM_SLICES
from smcrep.zoo.cures.measure import measured
from smcrep.zoo.cures.negatives import NUM_NEGATIVES
from smcrep.zoo.network import Architecture, start
from smcrep.zoo.rows import CHANNELS, LATENT, Rows, audit_rows, oracle_prediction, training_rows
from smcrep.zoo.training import adam_step
from smcrep.zoo.world import CARRIER, OUTCOME_NOISE, draw

REGRESSION, CONTRASTIVE = Architecture("concat", "regression"), Architecture("film", "contrastive")
ACTION = 0


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def step_of(stack: Stack, world: World, strength: list[float], architecture=REGRESSION, progress: float = 0.5) -> Step:
    draws = draw(64, 8, seeded(1))
    return Step(progress, ACTION, torch.tensor(strength), draws, world, architecture, stack, seeded(2))


def leaking(world: World) -> tuple[Stack, Step, Rows]:
    """Two models with a leak of the action, of which the second is treated."""
    leak = Specimen(knobs={"action": Knobs(leak=1.0)})
    stack = stacked((leak, leak))
    step = step_of(stack, world, [0.0, 1.0])
    return stack, step, training_rows(step.draws, world, stack, 0.5, seeded(3))


def shown_by_the_leak(rows: Rows, world: World, stack: Stack) -> torch.Tensor:
    """[m]: correlation of what stands in the leaking channels with the action's part of the outcome."""
    without = rows.inputs.clone()
    without[..., ACTION, LATENT] = 0
    moved = (rows.outcome - oracle_prediction(without, world, stack))[..., :2]
    channels = rows.inputs[:, :, CARRIER[ACTION], CHANNELS]
    return torch.stack(
        [torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1] for a, b in zip(moved, channels, strict=True)]
    )


def test_interventional_rows_have_the_outcome_of_the_action_that_was_set_and_the_leak_of_the_logged_one() -> None:
    world = make_world(seeded())
    stack, step, rows = leaking(world)
    got = CURES["interventional"].rows(rows, step)
    assert torch.equal(got.inputs[0], rows.inputs[0])
    assert torch.equal(got.outcome[0], rows.outcome[0])
    left = got.outcome[1] - oracle_prediction(got.inputs, world, stack)[1]
    assert left.std() == pytest.approx(OUTCOME_NOISE, rel=0.15)  # the senses show the context with a little noise
    shown = shown_by_the_leak(got, world, stack)
    assert shown[0] > 0.9
    assert abs(shown[1]) < 0.1
    assert torch.equal(got.inputs[1, :, 1:], rows.inputs[1, :, 1:])


def test_randomised_channels_keep_their_values_and_say_nothing() -> None:
    world = make_world(seeded())
    stack, step, rows = leaking(world)
    got = CURES["randomised"].rows(rows, step)
    assert torch.equal(got.inputs[0], rows.inputs[0])
    shown = shown_by_the_leak(got, world, stack)
    assert shown[0] > 0.9
    assert abs(shown[1]) < 0.1
    before, after = (x.inputs[1, :, CARRIER[ACTION], CHANNELS] for x in (rows, got))
    assert torch.equal(before.sort(0).values, after.sort(0).values)
    assert torch.equal(got.inputs[..., LATENT], rows.inputs[..., LATENT])
    assert torch.equal(got.outcome, rows.outcome)


def test_negatives_cost_log_k_without_the_action_and_little_with_it() -> None:
    world, stack = make_world(seeded()), stacked((Specimen(), Specimen()))
    step = step_of(stack, world, [1.0, 1.0])
    rows = audit_rows(step.draws, world, stack)
    blind = rows.inputs.clone()
    blind[1, :, ACTION, LATENT] = 0
    predicted = oracle_prediction(blind, world, stack)
    loss = CURES["negatives"].loss({}, Seen(rows, torch.empty(0), predicted, rows.outcome), step)
    assert loss is not None
    known, unknown = loss.mean(1).tolist()
    assert known < 0.75
    assert unknown > math.log(1 + NUM_NEGATIVES)


def test_inverse_head_is_fitted_on_what_happened_alone() -> None:
    stack, cure = stacked((Specimen(), Specimen())), InverseHead()
    world = make_world(seeded())
    step = step_of(stack, world, [1.0, 1.0])
    p = {n: v.requires_grad_() for n, v in cure.weights(REGRESSION, stack, seeded()).items()}
    rows = audit_rows(step.draws, world, stack)
    found = torch.randn(2, 4, 512, 8, generator=seeded())
    slopes = []
    for seed in (1, 2):
        predicted = torch.randn(2, 512, 8, generator=seeded(seed)).requires_grad_()
        loss = cure.loss(p, Seen(rows, found, predicted, rows.outcome), step)
        *head, own = torch.autograd.grad(loss.sum(), [*p.values(), predicted])
        slopes.append(head)
        assert own.abs().sum() > 0
    assert all(torch.equal(a, b) for a, b in zip(*slopes, strict=True))


def test_dropout_and_stages_hide_the_others_alone() -> None:
    stack, world = stacked((Specimen(), Specimen())), make_world(seeded())
    found = torch.randn(2, 4, 512, 8, generator=seeded())
    for name, early, late in (("dropout", 0.0, 0.9), ("staged", 0.9, 0.0)):
        cure = CURES[name]
        p = cure.weights(REGRESSION, stack, seeded())
        hidden = {}
        for progress in (0.0, 0.9):
            step = step_of(stack, world, [0.0, 0.9 if name == "dropout" else 0.5], progress=progress)
            got = cure.features(found, p, step)
            assert torch.equal(got[:, ACTION], found[:, ACTION])
            assert torch.equal(got[0], found[0])
            hidden[progress] = (got[1, 1:] == 0).all(-1).float().mean().item()
        expected = (early, late) if name == "dropout" else (1.0, 0.0)
        assert (hidden[0.0], hidden[0.9]) == pytest.approx(expected, abs=0.05)


def test_the_encoder_of_the_signal_that_tells_most_alone_is_slowed() -> None:
    specimen = Specimen(knobs={name: Knobs(cut=1.0) for name in SIGNALS if name != "action"})
    stack, world = stacked((specimen, specimen)), make_world(seeded())
    step = step_of(stack, world, [0.0, 1.0])
    rows = audit_rows(step.draws, world, stack)
    own = torch.zeros(2, 4, 512, 8)
    own[:, ACTION] = rows.outcome
    p = {n: torch.zeros_like(v) for n, v in start(REGRESSION, stack, seeded()).items()}
    p["alone.weight"][:] = torch.eye(8)
    stack.knobs["additive"][:, ACTION] = 1.0
    pace = CURES["ogm_ge"].pace(p, Seen(rows, own, rows.outcome, rows.outcome), step)
    assert pace is not None
    assert pace[0].tolist() == [1, 1, 1, 1]
    assert pace[1, ACTION] < 0.3
    assert pace[1, 1:].tolist() == [1, 1, 1]


def test_isotropy_is_sigreg_of_every_model() -> None:
    stack, world = stacked((Specimen(), Specimen())), make_world(seeded())
    step = step_of(stack, world, [1.0, 1.0], CONTRASTIVE)
    a, b = torch.randn(2, 2, 64, 8, generator=seeded()).unbind(0)
    rows = audit_rows(step.draws, world, stack)
    got = CURES["isotropy"].loss({}, Seen(rows, a, a, 3 * b), step)
    directions = random_directions(a[0], NUM_SLICES, seeded(2))
    expected = [(sigreg(a[i], directions) + sigreg(3 * b[i], directions)) / 2 for i in range(2)]
    assert got is not None
    assert torch.allclose(got[:, 0], torch.stack(expected), rtol=1e-4)


def used(cure: Cure, mechanisms: list[str], architecture: Architecture, **changed: float) -> dict[str, float]:
    """Use of the action after training."""
    cure = replace(cure, **changed)
    world = make_world(seeded(5))
    own: list[Patient] = patients("action", architecture, mechanisms)
    cases = [(patient, cure.strengths[-1]) for patient in own]
    done = treat(cure, cases, "action", architecture, world, Schedule(steps=300), seeded(6))
    twins = [patient.twin for patient in own]
    use, _ = measured(done.parameters, done.stack, twins, architecture, world, "action", seeded(7))
    return dict(zip(mechanisms, use.tolist(), strict=True)) | {"alarms": float(len(done.alarms))}


def test_collapse_comes_back_where_the_cure_fits() -> None:
    untreated = used(CURES["none"], ["healthy", "starvation", "additive", "leak", "late"], REGRESSION)
    assert untreated["healthy"] > 0.7
    assert max(untreated[name] for name in ("starvation", "additive", "leak", "late")) < 0.25
    assert untreated["alarms"] == 1  # of the late one
    assert used(CURES["standardised"], ["starvation"], REGRESSION)["starvation"] > 0.6
    film = used(CURES["film"], ["additive", "cut_wire"], REGRESSION)
    assert film["additive"] > 0.6
    assert abs(film["cut_wire"]) < 0.1
    set_by_us = used(CURES["interventional"], ["leak", "late"], REGRESSION)
    assert set_by_us["leak"] > 0.5
    assert set_by_us["late"] > 0.5


def test_after_an_alarm_the_model_that_goes_back_has_its_use_again() -> None:
    for name in ("rollback", "replay"):
        back = used(CURES[name], ["late"], REGRESSION)
        assert back["alarms"] == 1
        assert back["late"] > 0.5


def test_forward_loss_alone_collapses_and_same_state_negatives_hold_it_apart() -> None:
    alone = used(CURES["none"], ["forward_only"], CONTRASTIVE)["forward_only"]
    held = used(CURES["negatives"], ["forward_only"], CONTRASTIVE)["forward_only"]
    assert alone < 0.25
    assert held > 0.5


def test_measured_use_and_accuracy_of_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    world, stack = make_world(seeded()), stacked((Specimen(),))
    for module in ("smcrep.zoo.truth", "smcrep.zoo.cures.measure"):
        monkeypatch.setattr(f"{module}.predict", lambda p, x, a, s: oracle_prediction(x, world, s))
    use, accuracy = measured({}, stack, stack.specimens, REGRESSION, world, "action", seeded())
    assert use[0] == pytest.approx(1.0)
    assert accuracy[0] > 0.9
    for module in ("smcrep.zoo.truth", "smcrep.zoo.cures.measure"):
        monkeypatch.setattr(f"{module}.predict", lambda p, x, a, s: torch.zeros(1, x.shape[1], 8))
    use, accuracy = measured({}, stack, stack.specimens, REGRESSION, world, "action", seeded())
    assert use[0] == pytest.approx(0.0, abs=0.05)
    assert accuracy[0] == pytest.approx(1 / 16, abs=0.05)


def test_twins_share_the_world_and_carry_no_fault() -> None:
    for architecture in ARCHITECTURES:
        for patient in patients("physics", architecture):
            (planted,), (twin,) = patient.specimen.knobs.values(), patient.twin.knobs.values()
            assert twin == Knobs(interaction=planted.interaction)
    assert "forward_only" not in [p.mechanism for p in patients("action", REGRESSION)]
    assert "forward_only" in [p.mechanism for p in patients("action", CONTRASTIVE)]


def test_noise_goes_to_the_encoders_of_treated_models_alone() -> None:
    stack, world = stacked((Specimen(), Specimen())), make_world(seeded())
    grads = {n: torch.ones_like(v) + torch.arange(v.shape[-1]) for n, v in start(REGRESSION, stack, seeded()).items()}
    got = CURES["ogm_ge"].gradients(grads, step_of(stack, world, [0.0, 0.3]))
    for name, before in grads.items():
        assert torch.equal(got[name][0], before[0])
        noisy = name.startswith("encoder") and name.endswith("weight")
        assert torch.equal(got[name][1], before[1]) is not noisy


def test_encoders_take_their_share_of_a_step() -> None:
    stack = stacked((Specimen(),))
    whole, shared = ({n: v.clone() for n, v in start(REGRESSION, stack, seeded()).items()} for _ in range(2))
    begun = {n: v.clone() for n, v in whole.items()}
    for weights, pace in ((whole, None), (shared, torch.tensor([[0.0, 0.25, 1.0, 1.0]]))):
        moments = {n: (torch.zeros_like(v), torch.zeros_like(v)) for n, v in weights.items()}
        grads = {n: torch.ones_like(v) for n, v in weights.items()}
        adam_step(weights, grads, moments, 1, torch.tensor([0.1]), stack, pace)
    for name in ("encoder.0.weight", "encoder.1.bias"):
        moved = (shared[name] - begun[name]) / (whole[name] - begun[name])
        assert moved.mean((0, 2, 3)).tolist() == pytest.approx([0, 0.25, 1, 1], abs=1e-3)
    assert torch.equal(shared["trunk.weight"], whole["trunk.weight"])


def test_replayed_rows_are_of_before_the_look_gone_back_to() -> None:
    world = make_world(seeded())
    stack = stacked((Specimen(knobs={"action": Knobs(shuffled=1.0, since=0.5)}),) * 2)
    step = step_of(stack, world, [0.0, 1.0], progress=0.9)
    rows = training_rows(step.draws, world, stack, 0.9, seeded(3))
    assert torch.equal(CURES["replay"].rows(rows, step).inputs, rows.inputs)  # no alarm yet
    old, later = draw(64, 8, seeded(7)), draw(64, 8, seeded(8))
    step = replace(step, restored={1: 1}, past=((0.1, old), (0.8, later)))
    got = CURES["replay"].rows(rows, step)
    assert torch.equal(got.inputs[0], rows.inputs[0])
    left = got.outcome - oracle_prediction(got.inputs, world, stack)
    assert left[1, :, :2].std() == pytest.approx(OUTCOME_NOISE, rel=0.15)  # the action told is the one that acted
    assert left[0, :, :2].std() > 2 * OUTCOME_NOISE


def test_dropout_is_tried_at_a_fifth_and_at_a_half_of_the_others() -> None:
    cure, stack, world = CURES["dropout"], stacked((Specimen(), Specimen())), make_world(seeded())
    step = step_of(stack, world, list(cure.strengths), progress=0.9)
    found = torch.randn(2, 4, 4000, 8, generator=seeded())
    got = cure.features(found, cure.weights(REGRESSION, stack, seeded()), step)
    hidden = (got[:, 1:] == 0).all(-1).float().mean((1, 2))
    assert hidden.tolist() == pytest.approx([0.2, 0.5], abs=0.02)

"""Group laws of actions, on non-commuting motions and near the identity; order of the vector."""

import math

import pytest
import roma
import torch

from smcrep.geometry.action import ACTION_DIM, KINDS, RIGID_KINDS, Action, apply


def random_actions(n: int, seed: int, angle: float = math.pi) -> Action:
    g = torch.Generator().manual_seed(seed)
    motion = torch.eye(4).repeat(n, 1, 1)
    motion[:, :3, :3] = roma.rotvec_to_rotmat(angle * torch.nn.functional.normalize(torch.randn(n, 3, generator=g)))
    motion[:, :3, 3] = torch.randn(n, 3, generator=g)
    kind = torch.full((n,), KINDS.index("turn"))
    return Action(kind, motion, torch.randn(n, 3, generator=g), torch.zeros(n, 3), torch.ones(n))


@pytest.mark.parametrize("angle", [1e-6, 0.1, 1.5, 3.1])
def test_actions_satisfy_the_group_laws(angle: float) -> None:
    a, b, c = (random_actions(32, seed, angle) for seed in range(3))
    eye = torch.eye(4).expand(32, 4, 4)
    torch.testing.assert_close(a.then(a.inverse()).motion, eye, atol=1e-5, rtol=0)
    torch.testing.assert_close(a.inverse().inverse().motion, a.motion, atol=1e-5, rtol=0)
    torch.testing.assert_close(Action.identity(32).then(a).vector(), a.vector())
    torch.testing.assert_close(a.then(Action.identity(32)).vector(), a.vector())
    torch.testing.assert_close(a.then(b).then(c).motion, a.then(b.then(c)).motion, atol=1e-4, rtol=0)
    torch.testing.assert_close(a.then(b).inverse().motion, b.inverse().then(a.inverse()).motion, atol=1e-4, rtol=0)


def test_then_applies_the_second_action_after_the_first() -> None:
    a, b = random_actions(8, 3), random_actions(8, 4)
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(5))
    step_by_step = apply(b.motion, apply(a.motion, x))
    torch.testing.assert_close(apply(a.then(b).motion, x), step_by_step, atol=1e-5, rtol=0)
    assert not torch.allclose(apply(b.then(a).motion, x), step_by_step, atol=1e-2)


def test_contact_point_of_the_inverse_is_the_moved_one() -> None:
    a = random_actions(8, 6)
    torch.testing.assert_close(apply(a.inverse().motion, a.inverse().contact), a.contact, atol=1e-5, rtol=0)


def test_vector_has_the_documented_order() -> None:
    a = random_actions(4, 7)
    v = a.vector()
    assert v.shape == (4, ACTION_DIM)
    assert v[:, : len(KINDS)].argmax(-1).tolist() == [KINDS.index("turn")] * 4
    torch.testing.assert_close(v[:, 5:14].reshape(4, 3, 3), a.motion[:, :3, :3])
    torch.testing.assert_close(v[:, 14:17], apply(a.motion, a.contact) - a.contact)
    torch.testing.assert_close(v[:, 17:20], a.contact)
    assert Action.identity(2, 3).vector()[..., 14:].abs().sum() == 0


def test_is_rigid_holds_for_rigid_kinds_only() -> None:
    kinds = torch.arange(len(KINDS))
    n = len(KINDS)
    action = Action(kinds, torch.eye(4).expand(n, 4, 4), torch.zeros(n, 3), torch.zeros(n, 3), torch.zeros(n))
    assert [k for k, r in zip(KINDS, action.is_rigid.tolist(), strict=True) if r] == [
        k for k in KINDS if k in RIGID_KINDS
    ]


def test_each_action_is_chosen_by_its_own_row() -> None:
    a, b = random_actions(4, 8), random_actions(4, 9)
    first = torch.tensor([True, False, False, True])
    chosen = Action.where(first, a, b)
    for i, from_a in enumerate(first.tolist()):
        torch.testing.assert_close(chosen[i].vector(), (a if from_a else b)[i].vector())


def test_chained_actions_lead_from_view_to_view() -> None:
    """Link 1 leads from view 0 to view 1, link 2 from there to view 2: a point is where the second action takes it."""
    actions = Action(*(t.unflatten(0, (4, 3)) for t in vars(random_actions(12, 10)).values()))
    links = actions.chain(3)
    assert [len(actions.chain(steps)) for steps in (1, 2, 3)] == [1, 2, 3]
    x = torch.randn(4, 1, 3, generator=torch.Generator().manual_seed(11))
    at = x
    for i, link in enumerate(links):
        assert link.kind.shape == (4, 1)
        at = apply(link.motion, at)
        torch.testing.assert_close(at, apply(actions.motion[:, i : i + 1], x), atol=1e-4, rtol=0)


def test_force_and_duration_add_up_and_hold_adds_nothing() -> None:
    a, b = random_actions(3, 12), random_actions(3, 13)
    a, b = (
        Action(each.kind, each.motion, each.contact, torch.full((3, 3), force), torch.full((3,), seconds))
        for each, force, seconds in ((a, 1.0, 2.0), (b, 4.0, 5.0))
    )
    both = a.then(b)
    torch.testing.assert_close(both.force, torch.full((3, 3), 5.0))
    torch.testing.assert_close(both.duration, torch.full((3,), 7.0))
    torch.testing.assert_close(both.contact, a.contact)
    torch.testing.assert_close(a.inverse().force, -a.force)
    torch.testing.assert_close(a.inverse().duration, a.duration)
    push = Action(torch.full_like(b.kind, KINDS.index("push")), b.motion, b.contact, b.force, b.duration)
    assert (a.then(push).kind == KINDS.index("turn")).all()
    assert (Action.identity(3).then(push).kind == KINDS.index("push")).all()


def test_a_motion_is_applied_from_the_left_and_then_moved() -> None:
    motion = torch.eye(4)
    motion[:3, :3] = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # a quarter turn about z: x becomes y
    motion[:3, 3] = torch.tensor([0.0, 0.0, 5.0])
    assert apply(motion, torch.tensor([1.0, 0.0, 0.0])).tolist() == [0, 1, 5]


def test_the_vector_holds_force_and_duration_last() -> None:
    a = random_actions(2, 14)
    a = Action(a.kind, a.motion, a.contact, torch.tensor([[1.0, 2, 3], [4, 5, 6]]), torch.tensor([7.0, 8]))
    assert a.vector()[:, 20:].tolist() == [[1, 2, 3, 7], [4, 5, 6, 8]]
    assert ACTION_DIM == 24

"""Which observations of a batch form transitions, and which of the others each prediction is contrasted with."""

from dataclasses import dataclass

import torch
from torch import Tensor

from smcrep.geometry.action import Action, ActionLike
from smcrep.transition import Batch


@dataclass(frozen=True)
class Pairs(Batch):
    """q transitions among b states observed v times each; indexing picks transitions, ``to`` moves them.

    An observation (state, view) has the flat index ``state * num_views + view``, the order of a tensor [b, v, ...]
    flattened. View 0 is the observation before, view 1 + j the outcome of action j.
    """

    source_state: Tensor  # int64 [q]; the outcome is of the same state
    source_view: Tensor  # int64 [q]
    target_view: Tensor  # int64 [q]
    allowed: Tensor  # bool [q, b * v]: outcomes that a prediction is contrasted with, the true one among them
    num_views: int

    def __len__(self) -> int:
        return len(self.source_state)

    @property
    def source(self) -> Tensor:
        """int64 [q]: flat index of the observation that the prediction starts from."""
        return self.source_state * self.num_views + self.source_view

    @property
    def positive(self) -> Tensor:
        """int64 [q]: flat index of the true outcome."""
        return self.source_state * self.num_views + self.target_view

    @property
    def same_state(self) -> Tensor:
        """bool [q, b * v]: observations of the source's own state."""
        states = torch.arange(self.allowed.shape[1], device=self.allowed.device) // self.num_views
        return self.source_state[:, None] == states


def all_pairs(num_states: int, num_views: int, *, same_state_negatives: bool = True) -> Pairs:
    """Every ordered pair of views of each state: b v (v - 1) transitions, for actions that compose exactly
    (`geometry.action.RIGID_KINDS`): the action from outcome i to outcome j is ``action_i.inverse().then(action_j)``.

    A prediction is contrasted with every observation of the batch but its own source. With
    ``same_state_negatives=False`` the other observations of its state are left out as well (all but the true one): the
    ablation in which ignoring the action costs nothing.

    Rows are ordered by state, then source view, then target view.
    """
    source, target = (~torch.eye(num_views, dtype=torch.bool)).nonzero().T
    return _pairs(num_states, num_views, source, target, same_state_negatives)


def star(num_states: int, num_views: int, *, same_state_negatives: bool = True) -> Pairs:
    """From the observation before (view 0) to each outcome only: b (v - 1) transitions, for actions whose outcomes do
    not compose (push, lift_and_drop) and for branches over physics. Candidates as in `all_pairs`."""
    target = torch.arange(1, num_views)
    return _pairs(num_states, num_views, torch.zeros_like(target), target, same_state_negatives)


def _pairs(num_states: int, num_views: int, source: Tensor, target: Tensor, same_state_negatives: bool) -> Pairs:
    if num_states < 1 or num_views < 2:
        raise ValueError(f"pairs: {num_states} states of {num_views} views; give at least 1 state of 2 views")
    state = torch.arange(num_states).repeat_interleave(len(source))
    source, target = source.repeat(num_states), target.repeat(num_states)
    every = torch.ones(len(state), num_states * num_views, dtype=torch.bool)
    pairs = Pairs(state, source, target, every, num_views)
    rows = torch.arange(len(state))
    allowed = every.clone() if same_state_negatives else ~pairs.same_state
    allowed[rows, pairs.source] = False
    allowed[rows, pairs.positive] = True
    return Pairs(state, source, target, allowed, num_views)


def transition_pairs(action: ActionLike, num_views: int, *, same_state_negatives: bool = True) -> Pairs:
    """All ordered pairs of the states whose actions are all rigid, before -> after of the others.

    action [b, k]. Actions without `is_rigid` (image augmentations) do not compose.
    """
    device = action.vector().device
    num_states = action.vector().shape[0]
    rigid = action.is_rigid.all(1) if isinstance(action, Action) else torch.zeros(num_states, dtype=torch.bool)
    if not bool(rigid.any()):
        return star(num_states, num_views, same_state_negatives=same_state_negatives).to(device)
    pairs = all_pairs(num_states, num_views, same_state_negatives=same_state_negatives).to(device)
    return pairs if bool(rigid.all()) else pairs[rigid[pairs.source_state] | (pairs.source_view == 0)]


def pair_actions(action: ActionLike, pairs: Pairs) -> ActionLike:
    """The action [q] that leads from the source of each pair to its target; ``action`` [b, k] starts from view 0."""
    state, source, target = pairs.source_state, pairs.source_view - 1, pairs.target_view - 1
    if not isinstance(action, Action):
        return action[state, target]  # type: ignore[index]
    composed = action[state, source.clamp_min(0)].inverse().then(action[state, target.clamp_min(0)])
    forward, back = action[state, target.clamp_min(0)], action[state, source.clamp_min(0)].inverse()
    return Action.where(source < 0, forward, Action.where(target < 0, back, composed))


def pair_physics(physics: Tensor | None, pairs: Pairs) -> Tensor | None:
    """float32 [q, p] from [b, k, p]: of the branch that the pair leads to; on the way back to view 0, of the branch
    that it comes from."""
    if physics is None:
        return None
    branch = torch.where(pairs.target_view > 0, pairs.target_view, pairs.source_view) - 1
    return physics[pairs.source_state, branch]

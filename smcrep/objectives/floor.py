"""What a contrastive loss can still reach when the action is ignored: the log k floor."""

import torch
from torch import Tensor


def action_blind_floor(allowed: Tensor, same_state: Tensor) -> Tensor:
    """Mean over rows of log k, in nats, where k counts the candidates of a row that are of its own state.

    allowed     bool [q, c]: candidates of each row, the true one among them; without those that no sense observed.
    same_state  bool [q, c]: candidates of the row's own state.

    A predictor that knows the state and not the action cannot tell those k apart: its best expected InfoNCE is
    E[log k], so the action is worth at most that much to the loss, and nothing at all where k = 1. For the lower
    bound to hold every candidate of a state must be the target of equally many rows, as in `objectives.pairs`.
    """
    k = (allowed & same_state).sum(1)
    return torch.log(k.to(torch.get_default_dtype())).mean()

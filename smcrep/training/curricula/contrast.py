"""Same-state negatives: the true outcome is to be told from what other values of the signal would have done."""

from torch import Tensor


def same_state_contrast(scores: Tensor, temperature: float) -> Tensor:
    """Nats [...]: -log softmax(scores / temperature) of candidate 0, the true outcome; the others are outcomes of the
    same state under other values of the signal. log k of k candidates is what ignoring the signal costs (InfoNCE,
    arXiv:1807.03748).

    scores  [..., k], higher better.
    """
    return -(scores / temperature).log_softmax(-1)[..., 0]

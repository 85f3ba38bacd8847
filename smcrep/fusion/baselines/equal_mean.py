"""The plain mean of the senses' embeddings."""

from torch import Tensor, nn

from smcrep.fusion.method import mean_over_present
from smcrep.transition import Beliefs


class EqualMean(nn.Module):
    """Mean over the senses present, [..., d]; zeros where there is none. Nothing is learned.

    It is what any learned weight must beat: a precision estimated with an error (sd of its logarithm) larger than its
    true spread does worse than this. Trap: it wants the senses in one space, as a shared objective trains them.
    """

    def forward(self, beliefs: Beliefs) -> Tensor:
        return mean_over_present(beliefs.mean, beliefs.present)

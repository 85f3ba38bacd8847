"""A method that adds to the plain mean instead of replacing it."""

from torch import Tensor, nn

from smcrep.fusion.method import mean_over_present
from smcrep.transition import Beliefs


class AddedToMean(nn.Module):
    """mean_m x_m + W fuser(beliefs) over the senses present: [..., d]; W starts at zero, the whole as the plain mean.

    Networks that replace the embedding by a new one know the training objects and lose directions that tell *unseen*
    ones apart; this skip, as networks on frozen features commonly have, keeps them. The search tries both
    (`FitSettings.skip`).
    """

    def __init__(self, fuser: nn.Module, width: int, dim: int) -> None:
        super().__init__()
        self.fuser = fuser
        self.out = nn.Linear(width, dim, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, beliefs: Beliefs) -> Tensor:
        return mean_over_present(beliefs.mean, beliefs.present) + self.out(self.fuser(beliefs))

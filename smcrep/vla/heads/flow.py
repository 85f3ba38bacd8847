"""Flow matching: a straight path from noise to the demonstrated chunk, whose velocity is learned."""

import torch
from torch import Tensor

from smcrep.vla.heads.denoiser import Denoiser
from smcrep.vla.heads.head import ActionHead, HeadSizes, gaussian, unpadded_mean

NUM_STEPS = 10
"""Of Euler's rule, as pi0 takes (arXiv:2410.24164, app. B)."""


class FlowHead(ActionHead):
    """x_t = t a + (1 - t) e, e ~ N(0, 1); the network is taught the velocity a - e (arXiv:2210.02747, eq. 23 with
    sigma_min = 0). Time is uniform, where pi0 draws from a Beta."""

    def __init__(self, sizes: HeadSizes) -> None:
        super().__init__(sizes)
        self.velocity = Denoiser(sizes)

    def loss(
        self,
        context: Tensor,
        visible: Tensor,
        actions: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        noise = gaussian(actions, generator)
        time = torch.rand(len(actions), generator=generator).to(actions)
        part = time[:, None, None]
        velocity = self.velocity(part * actions + (1 - part) * noise, time, context, visible)
        return unpadded_mean((velocity - (actions - noise)).square(), is_pad)

    @torch.no_grad()
    def act(self, context: Tensor, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Without a generator from noise 0, which is the middle of what may be done, not the most likely."""
        x = context.new_zeros(len(context), self.sizes.horizon, self.sizes.num_actions)
        x = x if generator is None else gaussian(x, generator)
        for step in range(NUM_STEPS):
            time = x.new_full((len(x),), step / NUM_STEPS)
            x = x + self.velocity(x, time, context, visible) / NUM_STEPS
        return x

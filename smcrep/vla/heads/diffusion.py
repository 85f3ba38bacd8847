"""Diffusion: noise is added in many steps, and a network learns what was added (Diffusion Policy, arXiv:2303.04137)."""

import math
from itertools import pairwise

import torch
from torch import Tensor

from smcrep.vla.heads.denoiser import Denoiser
from smcrep.vla.heads.head import ActionHead, HeadSizes, gaussian, unpadded_mean

NUM_TRAINING_STEPS = 100
"""Of noise in training."""
NUM_STEPS = 10
"""Of those that are taken back when acting."""
MAX_BETA = 0.999


def signal_shares() -> Tensor:
    """float32 [NUM_TRAINING_STEPS], falling: alpha-bar_t = f(t) / f(0), f(t) = cos(((t / T + 0.008) / 1.008) pi / 2)^2
    (arXiv:2102.09672, eq. 17), each beta at most 0.999."""
    f = [math.cos((t / NUM_TRAINING_STEPS + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(NUM_TRAINING_STEPS + 1)]
    betas = [min(1 - after / before, MAX_BETA) for before, after in pairwise(f)]
    return (1 - torch.tensor(betas, dtype=torch.float64)).cumprod(0).float()


class DiffusionHead(ActionHead):
    """x_t = sqrt(alpha-bar_t) a + sqrt(1 - alpha-bar_t) e; the network is taught e (arXiv:2006.11239, eq. 14). Acting
    takes every tenth step back without new noise (DDIM, arXiv:2010.02502, eq. 12 with sigma = 0)."""

    def __init__(self, sizes: HeadSizes) -> None:
        super().__init__(sizes)
        self.noise = Denoiser(sizes)
        self.share: Tensor
        self.register_buffer("share", signal_shares(), persistent=False)

    def loss(
        self,
        context: Tensor,
        visible: Tensor,
        actions: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        noise = gaussian(actions, generator)
        step = torch.randint(NUM_TRAINING_STEPS, (len(actions),), generator=generator).to(actions.device)
        share = self.share[step][:, None, None]
        noisy = share.sqrt() * actions + (1 - share).sqrt() * noise
        found = self.noise(noisy, step / NUM_TRAINING_STEPS, context, visible)
        return unpadded_mean((found - noise).square(), is_pad)

    @torch.no_grad()
    def act(self, context: Tensor, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Without a generator from noise 0, which is the middle of what may be done, not the most likely."""
        x = context.new_zeros(len(context), self.sizes.horizon, self.sizes.num_actions)
        x = x if generator is None else gaussian(x, generator)
        stride = NUM_TRAINING_STEPS // NUM_STEPS
        for step in range(NUM_TRAINING_STEPS - 1, -1, -stride):
            share = self.share[step]
            after = self.share[step - stride] if step >= stride else torch.ones_like(share)
            noise = self.noise(x, x.new_full((len(x),), step / NUM_TRAINING_STEPS), context, visible)
            # Actions lie in [-1, 1]; unclipped, the first steps divide by a share of nearly 0.
            action = ((x - (1 - share).sqrt() * noise) / share.sqrt()).clamp(-1, 1)
            noise = (x - share.sqrt() * action) / (1 - share).sqrt()
            x = after.sqrt() * action + (1 - after).sqrt() * noise
        return x

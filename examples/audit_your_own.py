"""Audit a model of your own: does it use the action, the camera, the mass? Nothing of smcrep is in the model.

    python examples/audit_your_own.py      # seconds

Here a small network is trained twice to predict where an object is after a push. The second time the data are what a
camera records that sees the push begin: the outcome stands in the picture already, and the network ignores the push.
Its loss is the lower of the two. The audit is `audited` and one call in `main`: rows that were not trained on, an
adapter that says what goes in and how an answer is scored, and what else is known (here, that pushes were drawn at
random).

Other adapters: Classifier, Contrastive, LatentPredictor, RolloutPredictor, Policy; or any object with ``signals`` and
``score(batch, replaced)``.
"""

import torch
from torch import Tensor, nn

from smcrep.probes.collapse import AuditData, KeywordModel, audit


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(9, 48), nn.GELU(), nn.Linear(48, 4))

    def forward(self, camera: Tensor, push: Tensor, mass: Tensor) -> Tensor:
        return self.layers(torch.cat([camera, push, mass], -1))


def pushes(num: int, *, leak: float, seed: int) -> dict[str, Tensor]:
    """An object at ``camera`` moves by push / mass. leak: how much of that the camera has seen before."""
    generator = torch.Generator().manual_seed(seed)
    at, push = torch.randn(2, num, 4, generator=generator)
    mass = 0.5 + torch.rand(num, 1, generator=generator)
    return {"camera": at + leak * push / mass, "push": push, "mass": mass, "after": at + push / mass}


def trained(data: dict[str, Tensor]) -> Network:
    torch.manual_seed(0)
    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(400):
        optimiser.zero_grad()
        loss = (network(data["camera"], data["push"], data["mass"]) - data["after"]).square().mean()
        loss.backward()
        optimiser.step()
    print(f"loss {loss.item():.4f}")
    return network


def audited(leak: float) -> tuple[KeywordModel, AuditData]:
    network = trained(pushes(1000, leak=leak, seed=0))
    adapter = KeywordModel(
        network,
        loss=lambda output, batch: (output - batch["after"]).square(),
        signals=("camera", "push", "mass"),
    )
    return adapter, AuditData(pushes(500, leak=leak, seed=1), independent=("push", "mass"))


def leaky() -> tuple[KeywordModel, AuditData]:
    """For the command: python experiments/collapse.py --module examples.audit_your_own:leaky"""
    return audited(1.0)


def main() -> None:
    for leak in (0.0, 1.0):
        report = audit(*audited(leak), generator=torch.Generator().manual_seed(0))
        print(report.text().partition("What a reading")[0])


if __name__ == "__main__":
    main()

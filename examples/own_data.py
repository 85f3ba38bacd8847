"""Train on recordings of your own: arrays of what a robot sensed before and after its actions.

    python examples/own_data.py           # half a minute; the recordings are made up here

A state is one situation with k >= 2 outcomes: the robot came back to it (or a simulator was reset to it) and did
something else. With k = 1 nothing makes the action necessary; see docs/guides/own_data.md.
"""

from dataclasses import replace
from pathlib import Path

import torch

from smcrep.data.loader import TransitionLoader
from smcrep.data.store import Store
from smcrep.data.write import write_store
from smcrep.geometry.action import KINDS, Action, apply
from smcrep.geometry.rotations import rotvec_to_rotation
from smcrep.pretraining import tiny
from smcrep.training.build import Compute, build_fabric
from smcrep.training.fit import fit
from smcrep.training.scaling import scaled
from smcrep.transition import Senses, Transition


def recordings(num_states: int = 24, num_outcomes: int = 4) -> Transition:
    """Clouds of boxes that a gripper turns about a point half a metre before the camera (x right, y down, z
    forward)."""
    generator = torch.Generator().manual_seed(0)
    grasp = torch.tensor([0.0, 0.0, 0.5])
    size = 0.02 + 0.06 * torch.rand(num_states, 1, 3, generator=generator)
    before = grasp + size * (torch.rand(num_states, 64, 3, generator=generator) - 0.5)
    motion = torch.eye(4).repeat(num_states, num_outcomes, 1, 1)
    motion[..., :3, :3] = rotvec_to_rotation(0.5 * torch.randn(num_states, num_outcomes, 3, generator=generator))
    motion[..., :3, 3] = grasp - motion[..., :3, :3] @ grasp
    return Transition(
        before=Senses.all_present({"points": before}),
        after=Senses.all_present({"points": apply(motion[:, :, None], before[:, None])}, 2),
        action=Action(
            kind=torch.full((num_states, num_outcomes), KINDS.index("turn")),
            motion=motion,
            contact=grasp.expand(num_states, num_outcomes, 3),
            force=torch.zeros(num_states, num_outcomes, 3),
            duration=torch.ones(num_states, num_outcomes),
        ),
        physics=None,  # mass, friction, ... of each outcome, where they are known
        state_id=torch.arange(num_states),
        object_id=torch.arange(num_states) % 6,
        environment_id=torch.zeros(num_states, dtype=torch.int64),
    )


def main(out: Path = Path("runs/own_data")) -> None:
    folder = out / "store"
    if not folder.exists():
        write_store(folder, recordings(), objects=[f"box {i}" for i in range(6)], config={"robot": "made up"})
    store = Store(folder)
    recipe = replace(tiny().recipe, model=replace(tiny().recipe.model, senses=("points",)), name="own_data")
    recipe = scaled(recipe, store.transitions(torch.arange(16).numpy()))

    def batches(rank: int, world_size: int) -> TransitionLoader:
        return TransitionLoader(store, batch_states=4, seed=recipe.seed, rank=rank, world_size=world_size)

    fitted = fit(recipe, batches, out / "run", fabric=build_fabric(Compute(), recipe.optim))
    fitted.model.save_pretrained(out / "run/model", {"recipe": recipe.name})
    print(f"trained {fitted.step} steps; smcrep.load_model({str(out / 'run')!r}) opens it")


if __name__ == "__main__":
    main()

import timm
import torch

from smcrep.geometry.action import ACTION_DIM
from smcrep.records import differences
from smcrep.training.recipes import with_settings
from smcrep.training.scaling import scaled
from tests.training.synthetic import tiny_recipe, transition


def test_scales_of_a_sample() -> None:
    sample = transition(20, 3, seed=0)
    found = scaled(tiny_recipe(), sample).model
    clouds = torch.cat([sample.before["points"][:, None], sample.after["points"]], 1)
    distance = (clouds - clouds.mean(-2, keepdim=True)).norm(dim=-1)
    torch.testing.assert_close(torch.tensor(found.senses["points"].scale_m), distance.square().mean().sqrt())
    assert len(found.action_mean) == ACTION_DIM
    # Every pair occurs in both directions, and undoing a turn negates the force.
    assert abs(sum(found.action_mean[20:23])) < 1e-5
    images = torch.cat([sample.before["rgb"][:, None], sample.after["rgb"]], 1).double() / 255
    torch.testing.assert_close(torch.tensor(found.senses["rgb"].mean).double(), images.mean((0, 1, 2, 3)))


def test_nothing_else_changes() -> None:
    found = differences(tiny_recipe(), scaled(tiny_recipe(), transition(4, 2, seed=1)))
    assert {line.split()[0].removeprefix("model.") for line in found} == {
        *("action_mean", "action_std", "physics_mean", "physics_std"),
        *("senses.points.scale_m", "senses.rgb.mean", "senses.rgb.std"),
    }


def test_pretrained_weights_bring_their_own_scale_of_pixels() -> None:
    model = with_settings(tiny_recipe().model, rgb={"encoder": "test_resnet", "weights": "learned.pth"})
    found = scaled(tiny_recipe(model=model), transition(4, 2, seed=1)).model.senses
    timms = timm.get_pretrained_cfg("test_resnet")
    assert timms is not None
    assert (found["rgb"].mean, found["rgb"].std, found["rgb"].frozen_norm) == (timms.mean, timms.std, True)
    assert found["points"].scale_m != model.senses["points"].scale_m  # the others are fitted as ever

"""How fast are our point operations and rotations beside pytorch3d's, on a CPU?

    python experiments/benchmarks/clouds.py        # a minute; --tiny: seconds. Without pytorch3d it says so and ends

64 clouds of 512 points: 16 nearest neighbours, 64 farthest points, Chamfer distance of two, and 100,000 rotation
vectors as matrices; loss only, no gradients. `pytorch3d.OPERATION` is our rate over theirs in each round.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import torch
from ratios import Findings, command_line, interleaved, rate

from smcrep import script
from smcrep.encoders.dgcnn import nearest_neighbours
from smcrep.geometry.points import chamfer, farthest_points
from smcrep.geometry.rotations import rotvec_to_rotation

Pair = tuple[Callable[[], object], Callable[[], object]]


def operations(num_clouds: int, num_points: int, num_vectors: int) -> dict[str, Pair]:
    """Ours and theirs."""
    loss, ops, transforms = (import_module(f"pytorch3d.{name}") for name in ("loss", "ops", "transforms"))
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(num_clouds, num_points, 3, generator=generator) for _ in range(2))
    vectors = torch.randn(num_vectors, 3, generator=generator)
    return {
        "neighbours": (lambda: nearest_neighbours(x, 16), lambda: ops.knn_points(x, x, K=16)),
        "farthest_points": (lambda: farthest_points(x, 64), lambda: ops.sample_farthest_points(x, K=64)),
        "chamfer": (lambda: chamfer(x, y), lambda: loss.chamfer_distance(x, y)),
        "rotations": (lambda: rotvec_to_rotation(vectors), lambda: transforms.axis_angle_to_matrix(vectors)),
    }


@torch.no_grad()
def main() -> None:
    arguments = command_line(__doc__).parse_args()
    if find_spec("pytorch3d") is None:
        print("pytorch3d is not installed: nothing to compare with")
        return
    findings = Findings(arguments)
    sizes, rounds = ((4, 64, 1_000), 2) if arguments.tiny else ((64, 512, 100_000), 9)
    for name, pair in operations(*sizes).items():
        ways = {way: lambda work=work: rate(1, work) for way, work in zip(("ours", "theirs"), pair, strict=True)}
        findings.ratio(f"pytorch3d.{name}", interleaved(ways, rounds), "ours", "theirs")
    findings.end()


if __name__ == "__main__":
    script.run("clouds", main)

"""How fast is the whole world beside bare ray casting?

    python experiments/benchmarks/world.py              # about 6 minutes; --tiny: seconds
    python experiments/benchmarks/world.py --profile    # where the time goes, seconds, no record

Rows in memory as `worlds.episodes.shard_rows` makes them, in a process a core: draws, the action's physics, textured
RGB, depth, clouds of 512 points; scanned objects where they are (YCB), else procedural ones, 9 observations a state.
Bare is Open3D's `RaycastingScene.cast_rays` in the same processes, of whole frames: the meshes of each state stand in
one scene, made beforehand, and are cast from where each of its observations sees the object. Turned in the hand at
64 x 64 pixels (the headline); at 224 x 224; with 8 objects of clutter; pushed on a table as by the recipe `push`,
where MuJoCo settles and pushes. Expected: above .75 in the hand, where rays are cast only into the boxes of the object;
above .6 in clutter; less when pushed.
"""

import cProfile
import multiprocessing
import os
import pstats
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import open3d as o3d
from ratios import CORES, Findings, Rates, command_line, interleaved, rate

from smcrep.data.splits import read_split_file
from smcrep.pretraining.recipes import PUSH, data_folder
from smcrep.pretraining.stores import YCB_SPLIT
from smcrep.worlds.dynamics.mechanics import UnstableSimulation
from smcrep.worlds.episodes import Episode, draw, shard_rows
from smcrep.worlds.objects.meshes import find_meshes
from smcrep.worlds.objects.source import MeshObjects, ProceduralObjects
from smcrep.worlds.policy import Policy
from smcrep.worlds.rendering.camera import inverse
from smcrep.worlds.rendering.environments import ENVIRONMENTS
from smcrep.worlds.simulation import STATES_PER_SHARD, Simulation

YCB = data_folder("ycb_textured")


@dataclass(frozen=True)
class Variant:
    """``clutter`` None: as many objects beside it as the environments of training have (0 or 1). States and objects
    are those of each process."""

    image_size: int = 64
    clutter: int | None = None
    policy: Policy = field(default_factory=Policy)
    states: int = STATES_PER_SHARD
    objects: int = 8


VARIANTS = {
    "": Variant(),
    ".at_224": Variant(image_size=224, states=16),  # the rays of more would fill the memory
    ".clutter_8": Variant(clutter=8, states=16),
    ".push": Variant(policy=PUSH),
}


def simulation(variant: Variant, process: int) -> Simulation:
    """One shard of states, of objects that other processes do not have."""
    own = slice(process * variant.objects, (process + 1) * variant.objects)
    names = read_split_file(YCB_SPLIT)["train"]
    scans = YCB.is_dir() and set(names) <= set(find_meshes(YCB))
    objects = (
        MeshObjects(str(YCB), names=tuple((names * CORES)[own]))
        if scans
        else ProceduralObjects(variant.objects, seed=process)
    )
    return Simulation(
        objects,
        policy=variant.policy,
        states_per_object=variant.states // variant.objects,
        image_size=variant.image_size,
        num_points=512,
        clean_depth=True,
        seed=process,
    )


def set_clutter(clutter: int | None) -> None:
    """In this process, in every environment."""
    if clutter is not None:
        for name, environment in ENVIRONMENTS.items():
            ENVIRONMENTS[name] = replace(environment, clutter=(clutter, clutter))


def episode(of: Simulation, state_id: int) -> Episode:
    for attempt in range(100):
        try:
            return draw(of, state_id, attempt)
        except UnstableSimulation:
            continue
    raise ValueError(f"world: state {state_id} has no stable draw; give a gentler policy")


def bare_cast(of: Simulation) -> Callable[[], object]:
    """The cast of whole frames of every observation, and nothing else: scenes and rays are made here. In the frame of
    the object acted on, so that one scene serves a state; the others stand as they do before the action."""
    casts = []
    for state_id in of.state_ids(0):
        observed = episode(of, state_id).observed
        scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        for model, pose in zip(observed[0].objects, observed[0].poses, strict=True):
            T = inverse(observed[0].poses[0]) @ pose
            vertices = (model.vertices @ T[:3, :3].T + T[:3, 3]).astype(np.float32)
            scene.add_triangles(*map(o3d.core.Tensor.from_numpy, (vertices, model.faces.astype(np.uint32))))
        rays = np.empty((len(observed), of.image_size, of.image_size, 6), np.float32)
        for state, out in zip(observed, rays, strict=True):
            T = inverse(state.camera.T_camera_world @ state.poses[0])
            out[..., :3], out[..., 3:] = T[:3, 3], state.camera.rays() @ T[:3, :3].T
        casts.append((scene, o3d.core.Tensor.from_numpy(rays)))
        scene.cast_rays(casts[-1][1][:1], nthreads=1)  # builds its tree
    return lambda: [scene.cast_rays(rays, nthreads=1) for scene, rays in casts]


def serve(pipe: Connection, variant: Variant, process: int) -> None:
    """A process that does the work that each word names, until a word is empty."""
    set_clutter(variant.clutter)
    of = simulation(variant, process)
    work = {"world": lambda: shard_rows(of, 0), "bare_cast": bare_cast(of)}
    work["world"]()
    pipe.send(len(of.state_ids(0)) * (of.policy.num_branches + 1))
    while word := pipe.recv():
        work[word]()
        pipe.send(None)


def measure(variant: Variant, rounds: int, num_processes: int) -> Rates:
    """Observations a second of all processes together, from the word until the last has done its work."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for process in range(num_processes):
        pipe, theirs = context.Pipe()
        pipes.append(pipe)
        processes.append(context.Process(target=serve, args=(theirs, variant, process), daemon=True))
        processes[-1].start()
        theirs.close()  # so that the death of a process is seen at its pipe
    observations = sum(pipe.recv() for pipe in pipes)

    def together(word: str) -> float:
        def work() -> None:
            for pipe in pipes:
                pipe.send(word)
            for pipe in pipes:
                pipe.recv()

        return rate(observations, work)

    rates = interleaved({word: partial(together, word) for word in ("world", "bare_cast")}, rounds)
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send("")
        process.join()
    return rates


def show_profile(variant: Variant) -> None:
    """The 15 functions with the largest share of the time as their own, and their share with what they call."""
    of = simulation(variant, 0)
    shard_rows(of, 0)  # objects, scenes and textures are built
    profile = cProfile.Profile()
    profile.runcall(shard_rows, of, 0)
    # pstats types its table as an attribute that it makes at run time
    table = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in table.values())
    print("  own  with callees  calls  function")
    for (file, line, name), (_, calls, own, whole, _) in sorted(table.items(), key=lambda item: -item[1][2])[:15]:
        where = f"{Path(file).name}:{line} " if line else ""
        print(f"{own / total:5.1%} {whole / total:13.1%} {calls:6d}  {where}{name}")


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--profile", action="store_true", help="print where the time goes instead")
    arguments = parser.parse_args()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    findings = Findings(arguments)
    for suffix, variant in VARIANTS.items():
        small = replace(variant, states=4, objects=2) if arguments.tiny else variant
        if arguments.profile:
            if variant.clutter is None:
                print(f"world{suffix}")
                show_profile(small)
            continue
        rates = measure(small, *((1, 1) if arguments.tiny else (20, CORES)))
        bar = "" if suffix else ">= 0.6"
        findings.ratio(f"world.ratio_to_bare_cast{suffix}", rates, "world", "bare_cast", bar=bar)
    if not arguments.profile:
        findings.end()

"""States, actions and outcomes as rows of a store: what is drawn, what becomes of it, what is sensed of it."""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from smcrep.corruptions import corrupt
from smcrep.data.schema import pack_action
from smcrep.geometry.action import Action
from smcrep.senses import SENSES
from smcrep.transition import Senses
from smcrep.worlds.dynamics.actions import WorldAction, to_camera
from smcrep.worlds.dynamics.mechanics import UnstableSimulation
from smcrep.worlds.policy import sample_actions, sample_branch_physics, sample_state
from smcrep.worlds.rendering.clouds import visible_pixels
from smcrep.worlds.rendering.environments import ENVIRONMENTS, Environment
from smcrep.worlds.rendering.scenery import Scenery
from smcrep.worlds.rendering.sensors import Frames, View, render
from smcrep.worlds.rendering.views import RenderedViews
from smcrep.worlds.simulation import ENVIRONMENT_IDS, Simulation
from smcrep.worlds.world import State, branch

MIN_VISIBLE = 1 / 256
"""Share of the pixels that must see the object in every observation of a state (16 of 64 x 64)."""
MAX_ATTEMPTS = 100
HOLD = pack_action(Action.identity(1))
PIXELS_AT_ONCE = 4_000_000  # 24 bytes each while they are rendered


@dataclass(frozen=True, eq=False)
class Episode:
    """One state and its k outcomes: ``observed[0]`` before, ``observed[1:]`` after ``actions``; a scenery for each."""

    observed: list[State]
    actions: list[WorldAction]
    sceneries: list[Scenery]
    environments: list[
        Environment
    ]  # of each observation: light, background and sensor; camera and clutter are the first's
    seed: int  # of what the senses draw, the last draw of the episode

    @property
    def views(self) -> list[View]:
        return [
            View(s.objects, s.poses, s.camera, scenery, table=s.support == "table")
            for s, scenery in zip(self.observed, self.sceneries, strict=True)
        ]


def draw(simulation: Simulation, state_id: int, attempt: int = 0) -> Episode:
    """The episode of a state: a function of its arguments alone. Raises `UnstableSimulation` where physics fails."""
    policy, rng, objects = simulation.policy, simulation.rng(state_id, attempt), simulation.object_set
    # Anew for each observation. If a state kept one, all its views would share the family of their backgrounds, and an
    # encoder could tell states apart by that instead of by the object.
    drawn = rng.integers(len(simulation.environments), size=policy.num_branches + 1)
    environments = [ENVIRONMENTS[simulation.environments[i]] for i in drawn]
    environment = environments[0]
    object_id = state_id // simulation.states_per_object
    acted_on, others = objects[object_id], objects.block(object_id)
    size, stepping = simulation.image_size, simulation.stepping
    state = sample_state(policy, acted_on, environment, rng, image_size=size, others=others, stepping=stepping)
    k = policy.num_branches
    over = policy.branch_over if policy.branch_over != "either" else rng.choice(("action", "physics"))
    if over == "action":
        actions = sample_actions(policy, state, k, rng, environment=environment)
        outcomes = branch(state, actions)
    else:
        actions = sample_actions(policy, state, 1, rng, environment=environment) * k
        outcomes = branch(state, actions[0], sample_branch_physics(policy, k, rng))
    sceneries = [each.sample_scenery(rng) for each in environments]
    return Episode([state, *outcomes], actions, sceneries, environments, int(rng.integers(2**63)))


def shard_rows(simulation: Simulation, shard_id: int) -> tuple[dict[str, np.ndarray], Counter[str]]:
    """The rows of a shard, and how many draws were thrown away: "unstable" (physics failed) or "unseen" (the object
    was out of sight in an observation). Such a state is drawn again as a whole, so that its branches stay iid."""
    per_state = simulation.policy.num_branches + 1
    state_ids = simulation.state_ids(shard_id)
    group = max(1, PIXELS_AT_ONCE // (per_state * simulation.image_size**2))
    redrawn: Counter[str] = Counter()
    parts = [_rows_of(simulation, state_ids[i : i + group], redrawn) for i in range(0, len(state_ids), group)]
    if len(parts) == 1:
        return parts[0], redrawn
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, redrawn


def _rows_of(simulation: Simulation, state_ids: Sequence[int], redrawn: Counter[str]) -> dict[str, np.ndarray]:
    done: dict[int, dict[str, np.ndarray]] = {}
    for attempt in range(MAX_ATTEMPTS):
        episodes: dict[int, Episode] = {}
        for state_id in state_ids:
            if state_id not in done:
                try:
                    episodes[state_id] = draw(simulation, state_id, attempt)
                except UnstableSimulation:
                    redrawn["unstable"] += 1
        done |= _sense(simulation, episodes, redrawn)
        if len(done) == len(state_ids):
            break
    else:
        lost = next(s for s in state_ids if s not in done)
        name = simulation.object_set.names[lost // simulation.states_per_object]
        raise ValueError(
            f"simulate: {MAX_ATTEMPTS} draws of state {lost} ({name}) were all unstable or out of sight "
            f"({dict(redrawn)} so far); ask for a gentler policy, or leave the object out"
        )
    return {name: np.concatenate([done[s][name] for s in state_ids]) for name in simulation.schema.columns}


def _sense(
    simulation: Simulation, episodes: dict[int, Episode], redrawn: Counter[str]
) -> dict[int, dict[str, np.ndarray]]:
    """Rows of those episodes in which every observation sees the object; one rendering for all of them."""
    if not episodes:
        return {}
    frames = render([view for episode in episodes.values() for view in episode.views], normals=False)
    enough = visible_pixels(frames) >= max(1, MIN_VISIBLE * simulation.image_size**2)
    rows = {}
    for i, (state_id, episode) in enumerate(episodes.items()):
        own = slice(i * len(episode.observed), (i + 1) * len(episode.observed))
        if enough[own].all():
            of_episode = Frames(*(getattr(frames, f.name)[own] for f in fields(Frames)))
            rows[state_id] = _rows(simulation, state_id, episode, of_episode)
        else:
            redrawn["unseen"] += 1
    return rows


def _rows(simulation: Simulation, state_id: int, episode: Episode, frames: Frames) -> dict[str, np.ndarray]:
    observed, objects = episode.observed, simulation.object_set
    cameras = [state.camera for state in observed]
    object_id = state_id // simulation.states_per_object
    done = pack_action(to_camera(episode.actions, cameras[0]))
    poses = np.stack([camera.T_camera_world @ state.poses[0] for state, camera in zip(observed, cameras, strict=True)])
    views = {
        name: RenderedViews(frames, cameras, poses, simulation.num_points, (episode.seed, zlib.crc32(name.encode())))
        for name in simulation.senses
    }
    sensed = {name: _simulated(name, of_sense) for name, of_sense in views.items()}
    if simulation.corrupted:
        sensed = _corrupted(sensed, simulation.corrupted, episode.seed)
    rows = {
        **sensed,
        "action": np.concatenate([HOLD, done]),
        "physics": np.stack([state.physics[0].vector() for state in observed]),
        "pose": poses.astype(np.float32),
    }
    ids = {
        "state_id": state_id,
        "object_id": object_id,
        "class_id": objects.class_ids[object_id],
    }
    rows |= {name: np.full(len(observed), value, np.int64) for name, value in ids.items()}
    rows["environment_id"] = np.array([ENVIRONMENT_IDS[each.name] for each in episode.environments], np.int64)
    return rows | {"clean_depth": frames.clean_depth} if simulation.clean_depth else rows


def _corrupted(sensed: dict[str, np.ndarray], probability: float, seed: int) -> dict[str, np.ndarray]:
    generator = torch.Generator().manual_seed(seed)
    senses = Senses.all_present({name: torch.from_numpy(of_sense) for name, of_sense in sensed.items()})
    return {name: data.numpy() for name, data in corrupt(senses, probability, generator, keep_one=True).items()}


def _simulated(name: str, views: RenderedViews) -> np.ndarray:
    simulate = SENSES[name].simulate
    assert simulate is not None  # `Simulation` checked it
    return simulate(views)

"""Images as transitions: before is the image, after are k augmented views, the action is the augmentation.

`open_folder` reads a folder of one folder for each class, `open_parquet` a table with a column of encoded images.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from smcrep.data.augment import Augmentation, AugmentationRanges, augment, sample
from smcrep.data.readers.encoded import Pictures
from smcrep.data.readers.folders import open_folder
from smcrep.data.readers.parquet import open_parquet
from smcrep.geometry.physics import PHYSICS_DIM
from smcrep.transition import Senses, Targets, Transition

__all__ = ["AugmentedImages", "Pictures", "open_folder", "open_parquet"]


@dataclass(frozen=True, eq=False)
class AugmentedImages:
    """Images as a source of transitions: every image is a state and an object of its own.

    The views depend on (seed, epoch, image) alone: not on the batching, and new in every epoch.
    """

    pictures: Pictures
    image_size: int
    num_branches: int
    seed: int
    ranges: AugmentationRanges = field(default_factory=AugmentationRanges)

    @property
    def object_ids(self) -> np.ndarray:
        return np.arange(len(self.pictures))

    @property
    def class_ids(self) -> np.ndarray:
        return self.pictures.labels

    def load(self, states: np.ndarray, epoch: int) -> tuple[Transition, Targets]:
        """States [b] with new views for every epoch. Pose and physics are NaN."""
        b, k, size = len(states), self.num_branches, self.image_size
        pictures = torch.from_numpy(np.stack([self.pictures.decode(int(s), size) for s in states]))
        vectors = []
        for state in states:
            entropy = np.random.SeedSequence([self.seed, epoch, int(state)]).generate_state(1, np.uint64)[0]
            generator = torch.Generator().manual_seed(int(entropy >> np.uint64(1)))
            vectors.append(sample(self.ranges, (k,), (size, size), generator).vector())
        action = Augmentation.from_vector(torch.stack(vectors))
        views = augment(pictures[:, None].expand(b, k, size, size, 3), action)
        index = torch.from_numpy(np.asarray(states, np.int64))
        transition = Transition(
            before=Senses.all_present({"rgb": pictures}),
            after=Senses.all_present({"rgb": views}, 2),
            action=action,  # type: ignore[arg-type]
            physics=None,
            state_id=index,
            object_id=index,
            environment_id=torch.zeros(b, dtype=torch.int64),
        )
        targets = Targets(
            class_id=torch.from_numpy(self.class_ids[states]),
            object_id=index,
            pose_before=torch.full((b, 4, 4), torch.nan),
            pose_after=torch.full((b, k, 4, 4), torch.nan),
            physics=torch.full((b, k, PHYSICS_DIM), torch.nan),
        )
        return transition, targets

"""The table of corruptions: those of the package, and yours."""

from smcrep.corruptions import (
    cloud_frame,
    cloud_points,
    depth_images,
    masks,
    picture_blur,
    picture_light,
    picture_noise,
)
from smcrep.corruptions.corruption import CorruptionTable

CORRUPTIONS = CorruptionTable()
for _file in (picture_noise, picture_blur, picture_light, cloud_points, cloud_frame, depth_images, masks):
    for _kind in _file.KINDS:
        CORRUPTIONS.register(_kind)
CORRUPTIONS.seal()

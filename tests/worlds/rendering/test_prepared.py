import numpy as np
import pytest

from smcrep.worlds.objects.cache import ByteCache
from smcrep.worlds.rendering import prepared as module
from smcrep.worlds.rendering.prepared import MAX_CACHED_BYTES, Prepared, prepared
from smcrep.worlds.rendering.sensors import View, render
from tests.worlds.scenes import box, camera, pose, quad, scenery


def test_what_is_prepared_is_kept_by_identity() -> None:
    one, two = box(0.1, 0.1, 0.1), box(0.1, 0.1, 0.1)
    assert prepared(one) is prepared(one)
    assert prepared(one) is not prepared(two)


def test_large_textures_stay_within_the_bound_and_render_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty objects of 1,024 x 1,024 texels in a sixteenth of the room: as twenty of 4,096 x 4,096 in all of it."""
    cache: ByteCache[Prepared] = ByteCache(MAX_CACHED_BYTES // 16, lambda made: made.nbytes)
    monkeypatch.setattr(module, "_CACHE", cache)
    c, most, kept = camera(size=16), 0, []
    shown = []
    for value in [*range(20), 0]:
        texture = np.full((1024, 1024, 3), 10 * value, np.uint8)
        sheet = quad(0.3, texture)
        shown.append(render([View((sheet,), pose()[None], c, scenery(), table=False)]).rgb[0, 8, 8].tolist())
        most = max(most, cache.num_bytes)
        kept.append(len(cache._kept))
    assert shown == [[10 * value] * 3 for value in [*range(20), 0]]
    assert most <= MAX_CACHED_BYTES // 16
    assert 5 <= max(kept) < 20


def test_an_object_takes_as_many_bytes_as_its_arrays() -> None:
    made = prepared(quad(0.3, np.zeros((512, 512, 3), np.uint8)))
    texels = 512 * 512
    assert 3 * texels + 4 * texels <= made.nbytes <= 1.05 * (3 * texels + 4 * texels * 4 / 3)

"""Objects that a process has built, the last used first to stay, as many as fit into a number of bytes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from smcrep.worlds.objects.model import ObjectModel


class ObjectCache:
    """At most ``max_bytes`` of arrays; the object asked for last stays even where it alone is larger."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.num_bytes = max_bytes, 0
        self._kept: OrderedDict[Hashable, ObjectModel] = OrderedDict()

    def get(self, key: Hashable, build: Callable[[], ObjectModel]) -> ObjectModel:
        """The object of ``key``, built where it is not kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        built = self._kept[key] = build()
        self.num_bytes += _bytes_of(built)
        while self.num_bytes > self.max_bytes and len(self._kept) > 1:
            self.num_bytes -= _bytes_of(self._kept.popitem(last=False)[1])
        return built


def _bytes_of(thing: ObjectModel) -> int:
    return thing.vertices.nbytes + thing.faces.nbytes + thing.uv.nbytes + thing.texture.nbytes

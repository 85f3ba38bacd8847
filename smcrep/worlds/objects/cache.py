"""Things that a process has built, the last used first to stay, as many as fit into a number of bytes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class ByteCache(Generic[Thing]):
    """At most ``max_bytes`` as ``bytes_of`` counts them; what was asked for last stays even where it is larger."""

    def __init__(self, max_bytes: int, bytes_of: Callable[[Thing], int]) -> None:
        self.max_bytes, self.num_bytes = max_bytes, 0
        self._bytes_of = bytes_of
        self._kept: OrderedDict[Hashable, Thing] = OrderedDict()

    def get(self, key: Hashable, build: Callable[[], Thing]) -> Thing:
        """What belongs to ``key``, built where it is not kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        built = self._kept[key] = build()
        self.num_bytes += self._bytes_of(built)
        while self.num_bytes > self.max_bytes and len(self._kept) > 1:
            self.num_bytes -= self._bytes_of(self._kept.popitem(last=False)[1])
        return built

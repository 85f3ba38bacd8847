"""Charts of a texture: sets of faces that touch both on the object and in the texture."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

LARGE = 256.0
"""Texels. Larger faces that show the same of the texture are of one chart, so that each such part is halved once."""


def charts(faces: NDArray[np.int32], uv: NDArray[np.float32], texels: NDArray[np.floating]) -> NDArray[np.int64]:
    """int64 [f]: the chart of each face, from 0. Two faces that share a vertex with one texture coordinate are of one
    chart; ``uv`` [f, 3, 2], ``texels`` [f] is the area of each face in the texture."""
    u, v = np.ascontiguousarray(uv + np.float32(0)).view(np.uint32).reshape(-1, 2).T.astype(np.uint64)
    place = _numbered(u << np.uint64(32) | v)
    corner = _numbered(faces.reshape(-1).astype(np.uint64) << np.uint64(32) | place.astype(np.uint64))
    large = np.flatnonzero(texels > LARGE)
    same = _numbered(np.ascontiguousarray(uv[large].reshape(-1, 6)).view("V24").reshape(-1))
    face = np.concatenate([np.repeat(np.arange(len(faces)), 3), large])
    shared = np.concatenate([corner, same + corner.max() + 1]) + len(faces)
    num = int(shared.max()) + 1
    graph = coo_array((np.ones(len(face), np.int8), (face, shared)), shape=(num, num))
    return _numbered(connected_components(graph, directed=False)[1][: len(faces)])


def _numbered(keys: np.ndarray) -> NDArray[np.int64]:
    """Equal keys [n] as equal numbers from 0."""
    return np.unique(keys, return_inverse=True)[1].reshape(-1)

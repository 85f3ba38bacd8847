"""GLB files (glTF 2.0): the nodes of the scene, with transforms, skins and weights at rest, as surfaces."""

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from smcrep.worlds.objects.beside import Beside
from smcrep.worlds.objects.gltf_accessors import accessor, check_sizes
from smcrep.worlds.objects.gltf_materials import painted_parts
from smcrep.worlds.objects.mesh_checks import CUT
from smcrep.worlds.objects.surface import Surface, check_indices, check_number_of_faces

_READ = {
    "KHR_texture_transform",
    "KHR_mesh_quantization",
    "KHR_materials_pbrSpecularGlossiness",
    "EXT_texture_webp",
}
_NAMED = {
    "KHR_draco_mesh_compression": "is Draco-compressed (KHR_draco_mesh_compression); export it without compression",
    "EXT_meshopt_compression": "is meshopt-compressed (EXT_meshopt_compression); export it without compression",
    "KHR_meshopt_compression": "is meshopt-compressed (KHR_meshopt_compression); export it without compression",
    "KHR_texture_basisu": "has Basis Universal textures (KHR_texture_basisu); export them as PNG or JPEG",
}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6


@dataclass(frozen=True)
class Glb:
    """The header of a file and the bytes of its arrays."""

    tree: dict[str, Any]
    body: bytes


def read_glb(content: bytes, beside: Beside, max_faces: int, notes: list[str]) -> list[Surface]:
    try:
        glb = opened(content)
        for image in glb.tree.get("images", []):  # those that no face shows may be missing, but not lie elsewhere
            if not image.get("uri", "data:").startswith("data:"):
                beside.refuse_outside(image["uri"], "texture")
        placed = _placed_meshes(glb)
        number = sum(_number_of_faces(glb, p) for mesh, _, _ in placed for p in glb.tree["meshes"][mesh]["primitives"])
        check_number_of_faces(number, max_faces)
        found = []
        for mesh, node, transform in placed:
            primitives = glb.tree["meshes"][mesh]["primitives"]
            for primitive in primitives:
                if primitive.get("mode", _TRIANGLES) in (_TRIANGLES, _STRIP, _FAN):
                    found += _surfaces(glb, mesh, primitive, node, transform, beside)
                else:
                    notes.append("has points or lines, which have no surface")
        return found
    except (KeyError, IndexError, TypeError, AttributeError, struct.error, RecursionError, OverflowError) as error:
        raise ValueError(f"has a damaged glTF header ({error!r}); {CUT}") from None


def opened(content: bytes) -> Glb:
    magic, version, length, json_size, kind = struct.unpack_from("<4sII I4s", content)
    if magic != b"glTF" or version != 2 or kind != b"JSON":
        raise ValueError("is no GLB of version 2; export it anew")
    body = 20 + json_size
    end = body
    while end + 8 <= len(content):  # every chunk, also those of unknown kinds
        end += 8 + struct.unpack_from("<I", content, end)[0]
    needed = max(length, end)
    if needed > len(content):
        raise ValueError(f"declares {needed} bytes and has {len(content)}; {CUT}")
    try:
        tree = json.loads(content[20:body])
    except ValueError as error:
        raise ValueError(f"has a glTF header that is no JSON ({error}); {CUT}") from None
    for name in tree.get("extensionsRequired", []):
        if name in _NAMED:
            raise ValueError(_NAMED[name])
        if name not in _READ and not name.startswith("KHR_materials_"):
            raise ValueError(f"needs the glTF extension {name}, which is not read; export it without")
    check_sizes(tree)
    for buffer in tree.get("buffers", []):
        if "uri" in buffer and not buffer["uri"].startswith("data:"):
            raise ValueError(f"keeps its arrays in another file, {buffer['uri'][:80]!r}; export it as one GLB")
        if "uri" in buffer:
            raise ValueError("keeps its arrays as text (data:); export it as one GLB")
    return Glb(tree, content[body + 8 :])


def _placed_meshes(glb: Glb) -> list[tuple[int, dict[str, Any], np.ndarray]]:
    """(mesh, node, 4 x 4 transform to the world) of every node with a mesh, of the scene that the file opens with; of
    all nodes that are nobody's children where it has no scene."""
    nodes = glb.tree.get("nodes", [])
    below = {child for node in nodes for child in node.get("children", [])}
    scenes = glb.tree.get("scenes", [])
    if scenes:
        roots = scenes[glb.tree.get("scene", 0)].get("nodes", [])
    else:
        roots = [i for i in range(len(nodes)) if i not in below]
    found, seen = [], set[int]()
    waiting = [(root, np.eye(4)) for root in reversed(roots)]
    while waiting:
        index, parent = waiting.pop()
        if index in seen or index < 0:
            raise ValueError(f"has the node {index} twice in its scene; {CUT}")
        seen.add(index)
        node = nodes[index]
        if "EXT_mesh_gpu_instancing" in node.get("extensions", {}):
            raise ValueError("has instances (EXT_mesh_gpu_instancing), which are not read; export it without")
        transform = parent @ _local(node)
        if "mesh" in node:
            found.append((node["mesh"], node, transform))
        waiting += [(child, transform) for child in reversed(node.get("children", []))]
    return found


def _local(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    x, y, z, w = np.array(node.get("rotation", [0, 0, 0, 1]), float)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    local = np.eye(4)
    local[:3, :3] = rotation * np.array(node.get("scale", [1, 1, 1]), float)
    local[:3, 3] = node.get("translation", [0, 0, 0])
    return local


def _number_of_faces(glb: Glb, primitive: dict[str, Any]) -> int:
    mode = primitive.get("mode", _TRIANGLES)
    which = primitive.get("indices", primitive["attributes"].get("POSITION"))
    corners = glb.tree["accessors"][which]["count"] if which is not None else 0
    return {_TRIANGLES: corners // 3, _STRIP: max(corners - 2, 0), _FAN: max(corners - 2, 0)}.get(mode, 0)


def _surfaces(
    glb: Glb, mesh: int, primitive: dict[str, Any], node: dict[str, Any], transform: np.ndarray, beside: Beside
) -> list[Surface]:
    attributes = primitive["attributes"]
    compressed = "KHR_draco_mesh_compression" in primitive.get("extensions", {})
    if compressed and "bufferView" not in glb.tree["accessors"][attributes["POSITION"]]:
        raise ValueError(_NAMED["KHR_draco_mesh_compression"])
    vertices = accessor(glb, attributes["POSITION"]).astype(float)
    weights = node.get("weights", glb.tree["meshes"][mesh].get("weights", []))
    for weight, target in zip(weights, primitive.get("targets", []), strict=False):
        if weight and "POSITION" in target:
            vertices = vertices + weight * accessor(glb, target["POSITION"])
    faces = _faces(glb, primitive, len(vertices))
    check_indices(faces, len(vertices))
    if "skin" in node and "JOINTS_0" in attributes:
        vertices = _skinned(glb, node["skin"], attributes, vertices)
    else:
        vertices = vertices @ transform[:3, :3].T + transform[:3, 3]
        if np.linalg.det(transform[:3, :3]) < 0:
            faces = faces[:, ::-1]
    return painted_parts(glb, primitive, Surface(vertices, faces), beside)


def _faces(glb: Glb, primitive: dict[str, Any], num_vertices: int) -> np.ndarray:
    mode = primitive.get("mode", _TRIANGLES)
    if "indices" in primitive:
        corners = accessor(glb, primitive["indices"]).reshape(-1).astype(np.int64)
    else:
        corners = np.arange(num_vertices)
    if mode == _TRIANGLES:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    if len(corners) < 3:
        return np.zeros((0, 3), np.int64)
    if mode == _FAN:
        return np.stack([np.full(len(corners) - 2, corners[0]), corners[1:-1], corners[2:]], 1)
    found = np.stack([corners[:-2], corners[1:-1], corners[2:]], 1)
    found[1::2] = found[1::2, [1, 0, 2]]
    return found


def _skinned(glb: Glb, skin: int, attributes: dict[str, int], vertices: np.ndarray) -> np.ndarray:
    """Vertices where the joints of a skin hold them at rest; the transform of the node itself does not count."""
    nodes, record = glb.tree["nodes"], glb.tree["skins"][skin]
    parents = {child: i for i, node in enumerate(nodes) for child in node.get("children", [])}
    joints = []
    for place, joint in enumerate(record["joints"]):
        world, at, steps = np.eye(4), joint, 0
        while at is not None:
            world, at, steps = _local(nodes[at]) @ world, parents.get(at), steps + 1
            if steps > len(nodes):
                raise ValueError(f"has a joint that is above itself; {CUT}")
        if "inverseBindMatrices" in record:
            world = world @ accessor(glb, record["inverseBindMatrices"])[place].reshape(4, 4).T
        joints.append(world)
    moved, total = np.zeros_like(vertices), np.zeros(len(vertices))
    homogeneous = np.concatenate([vertices, np.ones((len(vertices), 1))], 1)
    for number in range(8):
        if f"JOINTS_{number}" not in attributes:
            break
        which = accessor(glb, attributes[f"JOINTS_{number}"]).astype(int)
        weight = accessor(glb, attributes[f"WEIGHTS_{number}"]).astype(float)
        check_indices(which, len(joints), " of a joint")
        for column in range(4):
            matrices = np.stack(joints)[which[:, column], :3]
            moved += weight[:, column : column + 1] * np.einsum("vij,vj->vi", matrices, homogeneous)
            total += weight[:, column]
    if (total <= 0).any():
        raise ValueError(f"has {(total <= 0).sum()} vertices that no joint of its skin holds; export it without skin")
    return moved / total[:, None]

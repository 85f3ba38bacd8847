"""Colours of glTF materials. Factors and vertex colours are linear and images sRGB (glTF 2.0, 3.9): what is shown is
their product, as sRGB."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from smcrep.worlds.objects.beside import Beside, open_image, pixels
from smcrep.worlds.objects.gltf_accessors import File, accessor, view_bytes
from smcrep.worlds.objects.surface import Picture, Surface, Wrap

MAX_TINTS = 16
"""Colours that an image is multiplied with: each makes a copy of it."""
_WRAPS: dict[int, Wrap] = {33071: "clamp", 33648: "mirror", 10497: "repeat"}


@dataclass(frozen=True)
class _Base:
    """factor: linear, with its opacity; texture: a textureInfo or None; an opacity below ``hole_below`` is a hole."""

    factor: np.ndarray
    texture: dict[str, Any] | None
    hole_below: float


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """0 to 255 from linear 0 to 1 (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """The inverse of `to_srgb`."""
    srgb = srgb / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def painted_parts(file: File, primitive: dict[str, Any], bare: Surface, beside: Beside) -> list[Surface]:
    """``bare`` with the colours of its material; one surface for each colour that its image is multiplied with."""
    base = _base(file.tree["materials"][primitive["material"]] if "material" in primitive else {})
    attributes = primitive["attributes"]
    tint = np.broadcast_to(base.factor[:3], (len(bare.faces), 3, 3))
    if "COLOR_0" in attributes:
        tint = tint * accessor(file, attributes["COLOR_0"]).astype(float)[:, :3][bare.faces]
    if not np.isfinite(tint).all() or (tint < 0).any():
        raise ValueError("has colours that are negative or not finite; repair or remove them")
    if base.texture is None:
        return [Surface(bare.vertices, bare.faces, to_srgb(tint))]
    picture, uv = _picture(file, base, beside), _coordinates(file, base.texture, attributes, bare.faces)
    if (tint != tint[:, :1]).any():
        raise ValueError("multiplies its image by colours that vary over a face (COLOR_0); bake them into the image")
    tints, which = np.unique(np.minimum(tint[:, 0], 1), axis=0, return_inverse=True)
    if len(tints) > MAX_TINTS:
        raise ValueError(
            f"multiplies its image by {len(tints)} colours (COLOR_0, limit {MAX_TINTS}); bake them into the image"
        )
    found = []
    for i, colour in enumerate(tints):
        own = which.reshape(-1) == i
        found.append(Surface(bare.vertices, bare.faces[own], None, _tinted(picture, colour), uv[own]))
    return found


def _tinted(picture: Picture, colour: np.ndarray) -> Picture:
    if (colour == 1).all():
        return picture
    table = to_srgb(to_linear(np.arange(256.0))[:, None] * colour).round().astype(np.uint8)
    channels = [table[picture.pixels[..., i], i] for i in range(3)]
    return Picture(np.stack([*channels, *np.moveaxis(picture.pixels[..., 3:], -1, 0)], -1), picture.wrap)


def _base(material: dict[str, Any]) -> _Base:
    """Base colour of a metallic, or of a specular material. A material that is black and emits shows what it emits."""
    surface = material.get("pbrMetallicRoughness", {})
    factor, texture = surface.get("baseColorFactor", [1, 1, 1, 1]), surface.get("baseColorTexture")
    specular = material.get("extensions", {}).get("KHR_materials_pbrSpecularGlossiness")
    if specular is not None:
        factor, texture = specular.get("diffuseFactor", [1, 1, 1, 1]), specular.get("diffuseTexture")
    factor = np.array([*map(float, factor), 1.0][:4])
    name = material.get("name", "")
    mode = material.get("alphaMode", "OPAQUE")
    hole_below = {"OPAQUE": 0.0, "MASK": float(material.get("alphaCutoff", 0.5)), "BLEND": 0.5}.get(mode, 0.5)
    if factor[3] < hole_below:
        raise ValueError(
            f"has the transparent material {name!r} (alpha {factor[3]:g}); make it opaque, or leave it out"
        )
    if hole_below:
        hole_below = min(hole_below / factor[3], 1.0)
    emitted, emission = np.array(material.get("emissiveFactor", [0, 0, 0]), float), material.get("emissiveTexture")
    if (emitted > 0).any() and not (emission and texture and emission.get("index") == texture.get("index")):
        if (factor[:3] > 0).any():
            raise ValueError(
                f"has the material {name!r}, which emits light beside its colour; bake it into the base colour"
            )
        return _Base(np.append(emitted, 1.0), emission, hole_below)
    return _Base(factor, texture, hole_below)


def _picture(file: File, base: _Base, beside: Beside) -> Picture:
    assert base.texture is not None
    texture = file.tree["textures"][base.texture["index"]]
    webp = texture.get("extensions", {}).get("EXT_texture_webp", {})
    source = texture.get("source", webp.get("source"))
    if source is None:
        listed = ", ".join(texture.get("extensions", {})) or "no image"
        raise ValueError(f"has a texture of another kind ({listed}); export it as PNG or JPEG")
    sampler = file.tree["samplers"][texture["sampler"]] if "sampler" in texture else {}
    wrap = _WRAPS[sampler.get("wrapS", 10497)], _WRAPS[sampler.get("wrapT", 10497)]
    image = file.tree["images"][source]
    name, uri = str(image.get("name", source)), image.get("uri")
    if image.get("mimeType") == "image/ktx2":
        raise ValueError(f"names the texture {name}, a KTX2 file (KHR_texture_basisu); export it as PNG or JPEG")
    if uri is not None and not uri.startswith("data:"):
        return Picture(beside.picture(uri, base.hole_below), wrap)
    if uri is None:
        content = view_bytes(file, image["bufferView"])
    else:
        content = base64.b64decode(uri.partition("base64,")[2] + "==")
    return Picture(pixels(open_image(io.BytesIO(content), name), base.hole_below), wrap)


def _coordinates(file: File, texture: dict[str, Any], attributes: dict[str, int], faces: np.ndarray) -> np.ndarray:
    """uv [f, 3, 2] of the set that the texture names, placed by KHR_texture_transform, origin bottom-left.

    A rotation is counter-clockwise as one sees the image, as engines have it: the matrix printed in the extension turns
    the other way (KhronosGroup/glTF issue 1563).
    """
    placing = texture.get("extensions", {}).get("KHR_texture_transform", {})
    name = f"TEXCOORD_{placing.get('texCoord', texture.get('texCoord', 0))}"
    if name not in attributes:
        raise ValueError(f"has a texture image but no texture coordinates ({name}); export it with UV")
    uv = accessor(file, attributes[name]).astype(float)
    if placing:
        c, s = np.cos(placing.get("rotation", 0.0)), np.sin(placing.get("rotation", 0.0))
        uv = (uv * placing.get("scale", [1, 1])) @ np.array([[c, s], [-s, c]]).T + placing.get("offset", [0, 0])
    return np.stack([uv[:, 0], 1 - uv[:, 1]], 1)[faces]

"""MTL files: the colour or the image of a material, and how the image is placed."""

from dataclasses import dataclass, replace

import numpy as np

from smcrep.worlds.objects import mesh_checks
from smcrep.worlds.objects.beside import Beside
from smcrep.worlds.objects.mesh_checks import content_of, lines_of, quoted
from smcrep.worlds.objects.surface import Wrap

GREY = (160, 160, 160)
"""Colour of whatever declares none."""
_NUMBERS_OF = {"-o": 3, "-s": 3, "-t": 3, "-mm": 2, "-bm": 1, "-boost": 1, "-texres": 1}
_WORDS_OF = {"-blendu": 1, "-blendv": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1, "-type": 1, "-colorspace": 1}
_PLAIN = {"-t": (0, 0, 0), "-mm": (0, 1)}
"""Options that change colours, and the values at which they do not."""


@dataclass(frozen=True)
class Material:
    """An image replaces the colour, as in MeshLab and Blender. uv are multiplied by ``scale``, and ``offset`` added.

    colour  sRGB from 0 to 255, or None where the file gives none
    image   name of the image as the file spells it, or None
    mask    name of the image of its opacity (map_d), or None
    """

    name: str
    colour: tuple[float, float, float] | None = None
    image: str | None = None
    mask: str | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")
    ambient: str | None = None
    emission: bool = False

    def pixels(self, beside: Beside) -> np.ndarray:
        """See `surface.Picture`; opened only now, so that what no face uses may be missing."""
        assert self.image
        shown = beside.picture(self.image)
        if self.mask and self.mask != self.image:
            mask = beside.picture(self.mask)
            if mask.shape[-1] == 3 and mask.min() >= 128:
                return shown
            raise ValueError(
                f"names the opacity map {self.mask} with holes, which are not shown; cut them into the mesh"
            )
        return shown


def read_materials(libraries: list[str], beside: Beside) -> dict[str, Material]:
    """Name -> material of all MTL files that an OBJ names; the first of a name counts. A line ``mtllib`` may list
    several files, and a name may hold blanks."""
    found: dict[str, Material] = {}
    for library in dict.fromkeys(libraries):
        for file in _files(library, beside):
            limit = mesh_checks.MAX_BYTES // 16
            if file.stat().st_size > limit:
                raise ValueError(f"names the material file {file.name}, which is too large to be one; replace it")
            for material in _materials(content_of(file), file.name):
                found.setdefault(material.name, material)
    return found


def _files(library: str, beside: Beside) -> list:
    try:
        return [beside.find(library, "material file")]
    except ValueError:
        if len(library.split()) < 2:
            raise
        names = library.split()
        if not all(name.lower().endswith(".mtl") for name in names):
            raise
        return [beside.find(name, "material file") for name in names]


def _materials(content: bytes, file: str) -> list[Material]:
    found: list[Material] = []
    for number, line in enumerate(lines_of(content), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        key, rest = words[0].lower(), line.strip()[len(words[0]) :].strip()
        if key == "newmtl":
            found.append(Material(rest))
            continue
        if not found:
            continue
        where = f"(line {number} of {file})"
        try:
            if key == "kd":
                found[-1] = replace(found[-1], colour=_colour(words[1:], where))
            elif key == "ke":
                found[-1] = replace(found[-1], emission=any(float(w) > 0 for w in words[1:4]))
            elif key == "map_kd":
                found[-1] = _with_image(found[-1], rest, where)
            elif key in ("map_d", "map_opacity"):
                found[-1] = replace(found[-1], mask=_options(rest, where)[1])
            elif key in ("map_ka", "map_ke"):
                found[-1] = replace(found[-1], ambient=words[0])
        except ValueError as error:
            if str(error).startswith("has"):
                raise
            raise ValueError(f"has a material with {quoted(line)} {where}, which is not of numbers; mend it") from None
    for material in found:
        _check(material)
    return found


def _check(material: Material) -> None:
    if material.ambient and not material.image:
        raise ValueError(
            f"has an image as {material.ambient} of the material {material.name!r} alone; name it as map_Kd"
        )
    if material.emission:
        raise ValueError(f"has the material {material.name!r}, which emits light (Ke); give its colour as Kd")


def _colour(words: list[str], where: str) -> tuple[float, float, float]:
    """One number is grey; numbers above 1 count to 255."""
    if words and words[0].lower() in ("spectral", "xyz"):
        raise ValueError(f"has a colour given as {words[0]} {where}; give it as Kd r g b")
    numbers = [float(word) for word in " ".join(words).partition("#")[0].split()[:3]]
    if len(numbers) not in (1, 3) or not all(0 <= n <= 255 for n in numbers):
        raise ValueError(f"has a colour {quoted(' '.join(words))} {where}; give Kd r g b from 0 to 1")
    red, green, blue = (numbers * 3)[:3]
    full = 255.0 if max(numbers) <= 1 else 1.0
    return red * full, green * full, blue * full


def _with_image(material: Material, rest: str, where: str) -> Material:
    options, name = _options(rest, where)
    for option, plain in _PLAIN.items():
        values = options.get(option, plain)
        if tuple(values) != tuple(plain[: len(values)]):
            raise ValueError(f"has the texture option {option} {where}, which is not shown; bake it into the image")
    if options.get("-imfchan", "rgb") not in ("rgb", "m", "l"):
        raise ValueError(f"has the texture option -imfchan {where}, which is not shown; bake it into the image")
    clamped = options.get("-clamp") == "on"
    (su, sv), (ou, ov) = _pair(options.get("-s"), 1.0), _pair(options.get("-o"), 0.0)
    wrap: tuple[Wrap, Wrap] = ("clamp", "clamp") if clamped else ("repeat", "repeat")
    return replace(material, image=name, scale=(su, sv), offset=(ou, ov), wrap=wrap)


def _pair(values: list[float] | None, default: float) -> tuple[float, float]:
    u, v, *_ = [*(values or []), default, default]
    return u, v


def _options(rest: str, where: str) -> tuple[dict, str]:
    """(option -> its numbers or its word, name of the image)."""
    found: dict = {}
    while rest.startswith("-"):
        option, after = _split(rest)
        option = option.lower()
        if option in _WORDS_OF:
            found[option], rest = _split(after)
        elif option in _NUMBERS_OF:
            found[option], rest = [], after
            while len(found[option]) < _NUMBERS_OF[option]:
                word, after = _split(rest)
                try:
                    found[option].append(float(word))
                except ValueError:
                    break
                rest = after
        else:
            break  # a name that begins with a hyphen
    if not rest:
        raise ValueError(f"has a texture without a name {where}; name its image, or remove the line")
    return found, rest


def _split(rest: str) -> tuple[str, str]:
    """(first word, what is behind it)."""
    word, *behind = rest.split(None, 1) or [""]
    return word, behind[0] if behind else ""

"""Which files below a folder are objects: one file for each object, and a reason for every other mesh file."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".obj", ".off", ".ply", ".stl", ".glb")
_PREFERRED = (
    ".obj",
    ".glb",
    ".ply",
    ".off",
    ".stl",
)  # of files that are equal but for it: what may have a texture first
OTHER_KINDS = {
    ".gltf",
    ".dae",
    ".fbx",
    ".3ds",
    ".blend",
    ".usd",
    ".usda",
    ".usdc",
    ".usdz",
    ".x3d",
    ".wrl",
    ".step",
    ".stp",
}

_GENERIC_STEMS = re.compile(
    r"(non)?textured(_\w+)?|texture|model|model_normalized|mesh|object|visual|collision(_\w+)?|merged_cloud|scan|points"
)
_GENERIC_FOLDERS = re.compile(
    r"google_\d+k|poisson|tsdf|clouds|meshes|mesh|models(_\w+)?|visuals?|collisions?|textured|obj|ply|stl|glb"
)
_COLLISION = re.compile(
    r"(?:(.+?)[_\-. ])?(?:collisions?|col|coll|vhacd\d*|coacd|convex|decomp(?:osed)?|hulls?)(?:[_\-. ]?(?:vhacd)?\d*)*",
    re.IGNORECASE,
)
_PART = re.compile(r"(.+)_\d+")
_COPY = re.compile(r"(.+?)( \(\d+\)| copy( \d+)?| - [Cc]opy( \(\d+\))?)")


@dataclass(frozen=True)
class Found:
    """kept: name -> file, sorted by name; skipped: (file, reason), sorted. Together they are all mesh files."""

    kept: dict[str, Path]
    skipped: list[tuple[Path, str]]

    def report(self) -> list[str]:
        """A line for each file that is no object."""
        return [f"skipped: {path} {reason}" for path, reason in self.skipped]


@dataclass(frozen=True)
class _File:
    path: Path
    parts: tuple[str, ...]  # below the root, with the stem last

    @property
    def stem(self) -> str:
        return self.parts[-1]

    @property
    def is_collision(self) -> bool:
        folders = any(part.lower() in ("collision", "collisions") for part in self.parts[:-1])
        return folders or bool(_COLLISION.fullmatch(self.stem))

    def key(self) -> tuple[str, ...]:
        """The object's place: without folders and stems that say nothing, and without saying a word twice."""
        told = [p for p in self.parts[:-1] if not _GENERIC_FOLDERS.fullmatch(p.lower())]
        if not _GENERIC_STEMS.fullmatch(self.stem.lower()) and not _GENERIC_FOLDERS.fullmatch(self.stem.lower()):
            told.append(self.stem)
        return tuple(p for p, before in zip(told, ["", *told], strict=False) if p != before)

    def rank(self) -> tuple:
        """Lower is better: textured before plain, the plain stem before its variants, smaller scans before larger."""
        parts = [part.lower() for part in self.parts]
        size = [int(n) for part in parts for n in re.findall(r"google_(\d+)k", part)]
        folders = sum(bool(re.fullmatch(r"poisson|tsdf|clouds|models_\w+", part)) for part in parts)
        plain = "nontextured" in self.stem.lower() or "cloud" in self.stem.lower()
        return plain, folders, size, _PREFERRED.index(self.path.suffix.lower()), len(self.stem), self.path.as_posix()


def find(root: str | Path) -> Found:
    """Every mesh file below ``root``, links followed, none opened (but for copies, whose bytes are compared).

    An object is one file. Not objects: hidden files and folders and __MACOSX; other formats; a second link to a file;
    parts for collision beside the mesh that they are of (stems and folders of obj2mjcf, PyBullet, V-HACD and CoACD);
    copies of an object at another resolution, without texture or in another format (layouts of YCB and BOP; equal stems
    in one folder); copies that a file manager named.
    An object is named by its stem, or by the next folder above that says something; by its whole place where two would
    have one name. Raises ValueError for a folder that is missing, or without a mesh.
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder; give the folder that holds the meshes")
    paths = _mesh_files(root)
    skipped: list[tuple[Path, str]] = []
    files = _read_ones(root, paths, skipped)
    files = _without_copies_and_parts(files, skipped)
    groups: dict[tuple[str, ...], list[_File]] = {}
    for file in files:
        groups.setdefault(file.key(), []).append(file)
    chosen = []
    for group in groups.values():
        best, *others = sorted(group, key=_File.rank)
        chosen.append(best)
        shown = best.path.relative_to(root)
        skipped += [(other.path, f"is another form of {shown}, which is read") for other in others]
    if not chosen:
        listed = f" ({len(skipped)} are skipped: {skipped[0][0]} {skipped[0][1]})" if skipped else ""
        raise ValueError(f"{root}: no mesh file ({', '.join(SUFFIXES)}) anywhere below it{listed}; give another folder")
    names = _names(chosen, Path(os.path.realpath(root)).name)
    return Found(dict(sorted(zip(names, (f.path for f in chosen), strict=True))), sorted(skipped))


def find_meshes(root: str | Path) -> dict[str, Path]:
    """name -> file of every object below ``root``, sorted (see `find`)."""
    return find(root).kept


def _mesh_files(root: Path) -> list[Path]:
    """All files of a mesh format below the root, in folders that are links too, each folder once on any way down."""
    found: list[Path] = []
    waiting: list[tuple[Path, tuple[str, ...]]] = [(root, (os.path.realpath(root),))]
    while waiting:
        folder, above = waiting.pop()
        for entry in sorted(folder.iterdir()):
            if entry.is_dir():
                real = os.path.realpath(entry)
                if real not in above:  # else a link leads back up
                    waiting.append((entry, (*above, real)))
            elif entry.suffix.lower() in OTHER_KINDS | set(SUFFIXES):
                found.append(entry)
    return sorted(found)


def _read_ones(root: Path, paths: list[Path], skipped: list[tuple[Path, str]]) -> list[_File]:
    files: list[_File] = []
    seen: dict[str, Path] = {}
    # Files before links to them, so that the name is the file's own.
    for path in sorted(paths, key=lambda p: (os.path.realpath(p) != os.path.abspath(p), p)):
        relative = path.relative_to(root)
        if any(part.startswith(".") or part == "__MACOSX" for part in relative.parts):
            skipped.append((path, "is hidden"))
        elif path.suffix.lower() not in SUFFIXES:
            skipped.append((path, f"is of a kind that is not read; export it as one of {', '.join(SUFFIXES)}"))
        elif not path.is_file():
            skipped.append((path, "is a link to nothing; mend or remove it"))
        elif (real := os.path.realpath(path)) in seen:
            skipped.append((path, f"is the same file as {seen[real].relative_to(root)}"))
        else:
            seen[real] = path
            files.append(_File(path, relative.with_suffix("").parts))
    return sorted(files, key=lambda file: file.path)


def _without_copies_and_parts(files: list[_File], skipped: list[tuple[Path, str]]) -> list[_File]:
    """Without what stands beside the mesh that it is a copy or a part of; alone in its folder, it is an object."""
    whole = [file for file in files if not file.is_collision]
    homes = {file.key()[:-1] if not _is_named_by_folder(file) else file.key() for file in whole}
    stems = {(file.path.parent, file.stem): file for file in whole}
    kept = []
    for file in files:
        if file.is_collision and _home(file) in homes | {f.key() for f in whole}:
            skipped.append((file.path, "is a part for collision"))
            continue
        part, copy = _PART.fullmatch(file.stem), _COPY.fullmatch(file.stem)
        beside = [(file.path.parent, stem) for stem in (part[1], f"{part[1]}_0")] if part else []
        if part and all(place in stems for place in beside) and _is_home_of(*beside[0]):
            skipped.append((file.path, f"is a part of {stems[beside[0]].path.name}"))
            continue
        original = stems.get((file.path.parent, copy[1])) if copy else None
        if original and original.path.read_bytes() == file.path.read_bytes():
            skipped.append((file.path, f"is a copy of {original.path.name}"))
            continue
        kept.append(file)
    return kept


def _is_named_by_folder(file: _File) -> bool:
    return bool(_GENERIC_STEMS.fullmatch(file.stem.lower()))


def _is_home_of(folder: Path, stem: str) -> bool:
    """The folder holds one object alone, split as obj2mjcf does: foo/foo.obj and foo/foo_0.obj, or model_0.obj."""
    return folder.name == stem or bool(_GENERIC_STEMS.fullmatch(stem.lower()))


def _home(file: _File) -> tuple[str, ...]:
    """The key of the object that a part for collision is of, as far as its folder and stem say it."""
    match = _COLLISION.fullmatch(file.stem)
    stem = match[1] if match and match[1] else file.stem if not match else ""
    return _File(file.path, (*file.parts[:-1], stem or "collision")).key()


def _names(files: list[_File], root: str) -> list[str]:
    """The last word of each object's place that says something, the root's where none does; the whole place for all
    that would share a name."""
    keys = [file.key() or (root,) for file in files]
    short = [key[-1] for key in keys]
    if len({name.lower() for name in short}) == len(short):
        return short
    whole = ["/".join(file.key()) or root for file in files]
    return whole if len(set(whole)) == len(whole) else [file.path.as_posix() for file in files]

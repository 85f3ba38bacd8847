"""What looks, or is shaped, like this? Nearest observations of an extraction, with a picture of them.

    python experiments/search.py --embeddings FOLDER --row 120
    python experiments/search.py --embeddings FOLDER --image mug.jpg --k 8 --picture answers.png
    python experiments/search.py --embeddings FOLDER --cloud mug.ply
    python experiments/search.py --tiny --out FOLDER            # seconds: embeds a few pictures made here, and asks

Compares the invariant part by cosine (what a thing is; poses move the whole vector). Up to a million rows are read;
beyond, inverted lists are built on disk once. The model of the extraction embeds the query; its source gives the
pictures of the answers.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from smcrep import script
from smcrep.data.readers.cloud_files import read_cloud
from smcrep.data.readers.source import Source
from smcrep.extraction.extract import extract
from smcrep.extraction.manifest import EmbeddingManifest, read_manifest
from smcrep.extraction.output import Output, embedded
from smcrep.extraction.search import Answers, Search
from smcrep.extraction.sources import SourceSpec
from smcrep.hub import Transform, build_model, load_model, save_pretrained
from smcrep.models.config import ModelConfig

TILE_INCHES = 1.6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embeddings", type=Path, help="folder that extract.py wrote")
    parser.add_argument("--row", type=script.at_least(0), help="ask with this row of the source")
    parser.add_argument("--image", type=Path, help="ask with a picture")
    parser.add_argument("--cloud", type=Path, help="ask with a point cloud (metres, camera frame)")
    parser.add_argument("--part", help="vector to compare by (default: the invariant part)")
    parser.add_argument("--k", type=script.at_least(1), default=8, help="number of answers")
    parser.add_argument("--picture", type=Path, help="PNG of the answers (default: EMBEDDINGS/answers.png)")
    parser.add_argument("--tiny", action="store_true", help="few pictures, an untrained model, to see that it runs")
    parser.add_argument("--out", type=Path, help="folder of --tiny")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.embeddings, arguments.row = tiny_extraction(arguments.out or Path("runs/search")), 1
    if arguments.embeddings is None:
        raise ValueError("no --embeddings; give a folder that extract.py wrote")
    if sum(value is not None for value in (arguments.row, arguments.image, arguments.cloud)) != 1:
        raise ValueError("give one of --row, --image, --cloud to ask with")
    manifest = read_manifest(arguments.embeddings)
    source = manifest.source.open()
    search = Search(arguments.embeddings, manifest, part=arguments.part)
    query, shown, words = asked(arguments, manifest, search, source)
    answers = search.nearest(query[None], arguments.k)
    for row, cosine in zip(answers.rows[0].tolist(), answers.cosine[0].tolist(), strict=True):
        if row >= 0:
            print(f"{cosine:.4f}  row {row}  {label(source, row)}")
    path = arguments.picture or arguments.embeddings / "answers.png"
    draw(path, shown, words, source, manifest, answers)
    print(f"picture: {path}")


def asked(
    arguments: argparse.Namespace, manifest: EmbeddingManifest, search: Search, source: Source
) -> tuple[np.ndarray, np.ndarray | None, str]:
    """(the vector of the query, what it looks like, a word on it)."""
    if arguments.row is not None:
        if arguments.row >= manifest.num_rows:
            raise ValueError(f"row {arguments.row}: the extraction has rows 0 to {manifest.num_rows - 1}")
        return search.vectors(np.array([arguments.row]))[0], sight(source, arguments.row), f"row {arguments.row}"
    sense, path = ("rgb", arguments.image) if arguments.image else ("points", arguments.cloud)
    if sense not in manifest.senses:
        raise ValueError(
            f"{path}: the model of this extraction has no sense {sense!r} but {', '.join(manifest.senses)}"
        )
    value = np.array(Image.open(path).convert("RGB")) if sense == "rgb" else read_cloud(path)
    model = load_model(Path(manifest.model))[0]
    tensors = embedded(model, Transform(model.config.names)({sense: value}), Output((search.part,)))
    return tensors[search.part][0].float().numpy()[search.columns], value, path.name


def sight(source: Source, row: int) -> np.ndarray | None:
    """A picture, or else a cloud, of a row."""
    for sense in ("rgb", "depth", "mask", "points"):
        if sense in source.senses:
            found = source.read(range(row, row + 1), [sense]).data[sense][0]
            if found is not None:
                return found
    return None


def label(source: Source, row: int) -> str:
    """Names of a row, as its index says."""
    found = source.index(range(row, row + 1))
    kept = ("file", "class", "object", "label", "task", "episode_index", "frame_index")
    return ", ".join(f"{name} {found[name][0]}" for name in kept if name in found)


def draw(
    path: Path, shown: np.ndarray | None, words: str, source: Source, manifest: EmbeddingManifest, answers: Answers
) -> None:
    """The query at the left, the answers beside it with their cosines."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = [row for row in answers.rows[0].tolist() if row >= 0]
    figure, axes = plt.subplots(1, len(rows) + 1, figsize=(TILE_INCHES * (len(rows) + 1), TILE_INCHES * 1.35))
    tile(axes[0], shown, f"query\n{words}")
    for axis, row, cosine in zip(axes[1:], rows, answers.cosine[0].tolist(), strict=False):
        tile(axis, sight(source, row), f"{cosine:.3f}\nrow {row}")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def tile(axis, shown: np.ndarray | None, words: str) -> None:
    """A picture as it is; a cloud [n, 3] from its camera, near points dark."""
    axis.set_title(words, fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])
    if shown is not None and shown.ndim == 2 and shown.shape[1] == 3:
        axis.scatter(shown[:, 0], -shown[:, 1], c=shown[:, 2], s=2, cmap="viridis")
        axis.set_aspect("equal")
    elif shown is not None:
        axis.imshow(shown, cmap=None if shown.ndim == 3 else "gray")


def tiny_extraction(folder: Path) -> Path:
    """Embeddings, by an untrained model, of twelve pictures of three colours."""
    rng = np.random.default_rng(0)
    for number, (name, colour) in enumerate(
        (("red", (200, 40, 40)), ("green", (40, 180, 60)), ("blue", (50, 60, 210)))
    ):
        for i in range(4):
            picture = np.clip(np.array(colour) + rng.integers(-25, 25, (32, 32, 3)), 0, 255).astype(np.uint8)
            target = folder / "pictures" / name / f"{number}{i}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(target)
    if not (folder / "model").exists():
        save_pretrained(build_model(ModelConfig(senses={"rgb": None})), folder / "model")
    output = Output(("fused.invariant",))
    extract(folder / "model", SourceSpec("images", str(folder / "pictures")), folder / "embeddings", output=output)
    return folder / "embeddings"


if __name__ == "__main__":
    script.run("search", main)

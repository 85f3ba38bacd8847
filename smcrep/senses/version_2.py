"""What smcrep 0.1 wrote of its two senses, in the words of 0.2: old model folders still load."""

from typing import Any

OLD_SIZES = ("width", "blocks", "size", "frozen_norm", "encoder", "mean", "std")


def upgrade_config(record: dict[str, Any]) -> dict[str, Any]:
    """A model configuration of version 2, whose senses were a list and their settings fields of the model."""
    record = dict(record)
    settings: dict[str, dict[str, Any]] = {"rgb": {}, "points": {}}
    for name in OLD_SIZES:
        if f"rgb_{name}" in record:
            settings["rgb"][name] = record.pop(f"rgb_{name}")
    for old, new in (("points_encoder", "encoder"), ("points_scale_m", "scale_m")):
        if old in record:
            settings["points"][new] = record.pop(old)
    senses = record.get("senses", list(settings))
    known = isinstance(senses, list) and all(name in settings for name in senses)
    return {**record, "senses": {name: settings[name] for name in senses} if known else senses}


def upgrade_name(tensor: str) -> str:
    """Name of a tensor of version 2 -> its name now."""
    return tensor.replace(".what.", ".invariant.").replace(".where.", ".equivariant.")

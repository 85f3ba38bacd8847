"""Names of tensors as training scripts leave them: with prefixes of wrappers around the network that was saved."""

from collections.abc import Collection

WRAPPERS = ("module.", "backbone.", "encoder.", "model.")
"""Of DistributedDataParallel, and what networks are called inside the modules that trained them."""
COMPILED = "_orig_mod."
"""torch.compile puts it before the names of whatever it wraps."""
COUNTER = "num_batches_tracked"
"""BatchNorm's count of batches, which old files lack; nothing that is embedded depends on it."""


def unwrapped(names: Collection[str], known: Collection[str]) -> dict[str, str]:
    """Each name -> the same without prefixes of wrappers. A prefix is taken off where every name has it and not all of
    them are ``known`` with it."""
    found = {name: name.replace(COMPILED, "") for name in names}
    while found and not set(known).issuperset(found.values()):
        shared = [prefix for prefix in WRAPPERS if all(name.startswith(prefix) for name in found.values())]
        if not shared:
            break
        found = {name: short.removeprefix(shared[0]) for name, short in found.items()}
    is_one_to_one = len(set(found.values())) == len(found)
    return found if is_one_to_one else {name: name for name in names}

"""How long does a map of 100,000 embeddings take, beside MiniSom?

    pip install minisom                          # 2.3.6; without it our seconds alone are found
    python experiments/benchmarks/maps.py        # about 5 minutes; --tiny: seconds

Embeddings of 128 numbers around a curved sheet; 100 units and PASSES passes over the data for all, in turn: our
self-organising map and our growing neural gas, from raw embeddings to a map with its slopes and noise, and MiniSom both
ways, by batches (the formula of ours) and one observation after the other, on what is whitened already; it is given the
first twentieth of the observations, each of which costs it the same.
`map.seconds_per_100k` is of our self-organising map; `map.som_speedup` and `map.gng_speedup` are ratios to the faster
of MiniSom's two in each round. Beside them the quantisation errors of all. Required: at least 10.
"""

import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import torch
from ratios import Findings, command_line, interleaved
from torch import Tensor

from smcrep import script
from smcrep.fusion.manifold import Whitening, fit_gng, fit_som, fit_whitening

DIM = 128
PASSES = 10
PEER_SHARE = 20
NOISE = 0.05


def embeddings(num: int, generator: torch.Generator) -> Tensor:
    """float32 [num, 128] with noise around a sheet of two dimensions, bent into 4 of them and turned."""
    u = 2 * torch.rand(num, 2, generator=generator)
    sheet = torch.cat([u, 0.3 * torch.sin(2 * u)], 1)
    turn = torch.linalg.qr(torch.randn(DIM, 4, generator=generator)).Q
    return sheet @ turn.T + NOISE * torch.randn(num, DIM, generator=generator)


def timed(name: str, num: int, fit: Callable[[], Tensor], x: Tensor, errors: dict[str, float]) -> Callable[[], float]:
    """Observations a second of ``fit``, which gives whitened units [n, d] of ``num`` of them; their quantisation error
    of all x is kept."""

    def way() -> float:
        start = time.perf_counter()
        units = fit()
        seconds = time.perf_counter() - start
        errors[name] = float(torch.cdist(x, units).amin(1).mean())
        return num / seconds

    return way


def minisoms(x: Tensor, side: int) -> dict[str, Callable[[], Tensor]]:
    """MiniSom's two ways, with its defaults but for the radius, which starts as ours."""
    from minisom import MiniSom

    data = x.double().numpy()

    def fit(batches: bool) -> Tensor:
        peer = MiniSom(side, side, DIM, sigma=side / 2, random_seed=0)
        peer.pca_weights_init(data[:4096])
        if batches:
            peer.train_batch_offline(data, PASSES)
        else:
            peer.train(data, PASSES, use_epochs=True)
        return torch.from_numpy(peer.get_weights()).reshape(-1, DIM).float()

    return {"minisom_batches": lambda: fit(True), "minisom": lambda: fit(False)}


def ours(x: Tensor, num_units: int, whitening: Whitening) -> dict[str, Callable[[], Tensor]]:
    def fit(method: Callable) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        return method(x, num_units=num_units, num_passes=PASSES, whitening=whitening, generator=generator).units

    return {"som": lambda: fit(fit_som), "gng": lambda: fit(fit_gng)}


def main() -> None:
    arguments = command_line(__doc__).parse_args()
    findings = Findings(arguments)
    num, side, rounds = (2000, 4, 1) if arguments.tiny else (100_000, 10, 5)
    x = embeddings(num, torch.Generator().manual_seed(0))
    whitening = fit_whitening(x)
    white = (x - whitening.mean) / whitening.scale
    fits = ours(x, side**2, whitening)
    peers = minisoms(white[: num // PEER_SHARE], side) if find_spec("minisom") else {}
    errors: dict[str, float] = {}
    ways = {name: timed(name, num, fit, white, errors) for name, fit in fits.items()}
    ways |= {name: timed(name, num // PEER_SHARE, fit, white, errors) for name, fit in peers.items()}
    rates = interleaved(ways, rounds)
    controls = {f"{name}_per_s": float(np.median(found)) for name, found in rates.items()}
    controls |= {f"{name}_quantisation_error": error for name, error in errors.items()}
    findings.add("map.seconds_per_100k", 100_000 / rates["som"], controls, unit="seconds")
    if peers:
        fastest = np.maximum(*(rates[name] for name in peers))
        for name in fits:
            findings.add(f"map.{name}_speedup", rates[name] / fastest, controls, bar=">= 10")
    findings.end()


if __name__ == "__main__":
    script.run("maps", main)

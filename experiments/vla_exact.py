"""Do tokens that are masked change nothing at all, and do action tokens come back as they went?

    python experiments/vla_exact.py                       # a minute on one core
    python experiments/vla_exact.py --data-root FOLDER    # holds lerobot_* folders and pusht_replay_zarr
    python experiments/vla_exact.py --tiny                # seconds: one seed, planted actions

Leaves claims/vla.json in --out:

    beside.absent_exact    largest change of the loss and of any action of a policy of the SmolVLA type (words through a
                           frozen decoder of transformers, an action head behind it) when tokens of ours stand before
                           its own but are masked; over seeds, two ways to compute attention, tokens of noise and of
                           NaN. Beside it the least change when they are seen, what rows without tokens change by in a
                           batch where others have some, and the least slope that reaches the connector
    tokens.round_trip      largest error of 256 bins, in bins, of actions that people recorded and of planted ones, ends
                           and edges of bins among them: 0.5 is the bound. Beside it numbers, and the largest by set
    tokens.text_exact      share of actions whose bins come back from the text that a language model would say
    tokens.bpe_exact       share of chunks whose rounded coefficients come back from FAST-type tokens

Expected: 0; at most 0.5 (and what float32 rounds); 1; 1.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor

from smcrep import script
from smcrep.evaluation.sentence import plain
from smcrep.pretraining.recipes import data_folder
from smcrep.provenance import stamped
from smcrep.results import Record, write_claims
from smcrep.vla.beside import Connector, Tower, beside, decoder_tower, mean_norm
from smcrep.vla.bins import ActionBins, from_text, to_text
from smcrep.vla.fast import fit_fast
from smcrep.vla.heads import HeadSizes, TanhHead
from smcrep.vla.policy import Sources

SEEDS, ATTENTION = 5, ("eager", "sdpa")
WIDTH, LAYERS, ROWS, WORDS, VOCABULARY = 64, 4, 8, 12, 100
SIZES = {"fused": 254, "patches": 32}
NUM_TOKENS, HORIZON, ACTIONS = 2, 4, 7
CHUNK, MOST_TEXTS = 16, 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/vla"), help="folder of the claims")
    parser.add_argument("--data-root", type=Path, default=data_folder(""), help="folder of the sets")
    parser.add_argument("--tiny", action="store_true", help="one seed, planted actions alone")
    arguments = parser.parse_args()
    begun = time.monotonic()
    records = {"beside.absent_exact": absent(1 if arguments.tiny else SEEDS)}
    records |= of_tokens(planted() | ({} if arguments.tiny else dict(recorded(arguments.data_root))))
    records = stamped(records, "python experiments/vla_exact.py", begun)
    write_claims(arguments.out / "claims/vla.json", records)
    for name, record in records.items():
        print(plain(name, record, *record.controls))


@dataclass(frozen=True)
class Robot:
    """own [b, n, w] and visible bool [b, n]: its words, of unequal numbers."""

    tower: Tower
    own: Tensor
    visible: Tensor
    connector: Connector
    head: TanhHead

    @classmethod
    def draw(cls, seed: int, attention: str) -> "Robot":
        from transformers import LlamaConfig, LlamaModel

        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=LAYERS,
            num_attention_heads=4, num_key_value_heads=2,
            attn_implementation=attention,  # type: ignore[call-arg]
        )  # fmt: skip
        model = LlamaModel(config).eval()
        own = model.embed_tokens(torch.randint(VOCABULARY, (ROWS, WORDS))).detach()
        visible = torch.arange(WORDS) < torch.randint(WORDS // 2, WORDS + 1, (ROWS, 1))
        connector = Connector(SIZES, WIDTH, norm=mean_norm(own, visible), num_tokens=NUM_TOKENS)
        return cls(decoder_tower(model), own, visible, connector, TanhHead(HeadSizes(WIDTH, HORIZON, ACTIONS)))

    def loss_and_action(self, sources: Sources | None) -> tuple[Tensor, Tensor]:
        """loss [], action [b, h, a]. None: a robot that never had a connector."""
        if sources is None:
            hidden = self.tower(self.own, self.visible, (self.visible.long().cumsum(1) - 1).clamp(min=0))
        else:
            hidden = beside(self.tower, self.own, self.visible, *self.connector(sources))
        wanted = torch.linspace(-0.9, 0.9, ROWS * HORIZON * ACTIONS).view(ROWS, HORIZON, ACTIONS)
        is_pad = torch.zeros(ROWS, HORIZON, dtype=torch.bool)
        return self.head.loss(hidden, self.visible, wanted, is_pad), self.head.act(hidden, self.visible)


def absent(num_seeds: int) -> Record:
    """Everything in one: see the head of this file."""
    masked, seen, mixed, slopes = [], [], [], []
    for seed in range(num_seeds):
        for attention in ATTENTION:
            robot = Robot.draw(seed, attention)
            data = {"fused": torch.randn(ROWS, SIZES["fused"]), "patches": torch.randn(ROWS, 3, SIZES["patches"])}
            bare = robot.loss_and_action(None)
            for content in (data, {name: torch.full_like(x, torch.nan) for name, x in data.items()}):
                masked.append(change(bare, robot.loss_and_action(given(content, torch.zeros(ROWS)))))
            full = robot.loss_and_action(given(data, torch.ones(ROWS)))
            seen.append(change(bare, full))
            some = torch.arange(ROWS) % 2
            action = robot.loss_and_action(given(data, some))[1]
            mixed.append(float((action - bare[1])[some == 0].abs().max().detach()))
            full[0].backward()
            slopes += [float(p.grad.abs().max()) if p.grad is not None else 0.0 for p in robot.connector.parameters()]
    controls = {"seen_least": min(seen), "mixed_batch": max(mixed), "slope_least": min(slopes)}
    return Record(max(masked), seeds=num_seeds, n=len(masked), unit="loss and action", controls=controls)


def given(data: dict[str, Tensor], present: Tensor) -> Sources:
    return Sources(data, {name: present.bool() for name in data})


def change(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> float:
    """Largest difference of the losses and the actions; infinite where one is not finite."""
    apart = torch.cat([(a - b).detach().abs().flatten() for a, b in zip(one, other, strict=True)])
    return float(apart.max()) if bool(apart.isfinite().all()) else float("inf")


def planted() -> dict[str, Tensor]:
    """Smooth ways of seven numbers in units from thousandths to thousands."""
    rng = np.random.default_rng(0)
    ways = np.cumsum(rng.normal(size=(2048, ACTIONS)), 0) * 10.0 ** np.arange(-3, 4)
    return {"planted": torch.from_numpy(ways).float()}


def recorded(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Name and actions float32 [n, a] of every set in ``folder`` that has some, without numbers that never vary."""
    for path in sorted(folder.glob("lerobot_*")):
        tables = [pq.ParquetFile(each) for each in sorted((path / "data").rglob("*.parquet"))]
        names = {name for table in tables for name in ("action", "actions") if name in table.schema_arrow.names}
        rows = [np.array(table.read([name])[name].to_pylist(), np.float32) for table in tables for name in names]
        if rows:
            yield path.name, varied(torch.from_numpy(np.concatenate(rows)))
    if (path := folder / "pusht_replay_zarr").is_dir():
        import zarr

        actions = zarr.open_group(str(path), mode="r")["data/action"][:]  # type: ignore[index]
        yield "pusht", varied(torch.from_numpy(np.asarray(actions, np.float32)))


def varied(actions: Tensor) -> Tensor:
    cuts = actions.double().quantile(torch.tensor([0.01, 0.99], dtype=torch.float64), 0)
    return actions[:, cuts[1] - cuts[0] > 1e-6]


def of_tokens(sets: dict[str, Tensor]) -> dict[str, Record]:
    errors, spoken, joined, count = {}, [], [], 0
    for name, actions in sets.items():
        bins = ActionBins.fit(actions, quantile=0.0)
        asked = torch.cat([actions, at_edges(bins)])
        tokens = bins.encode(asked)
        errors[name] = float(((bins.decode(tokens) - asked).double() / bins.width).abs().max())
        count += asked.numel()
        for row in tokens[:: max(1, len(tokens) // MOST_TEXTS)].tolist():
            spoken.append(from_text(to_text(row), len(row)) == (False, row))
        chunks = actions[: len(actions) // CHUNK * CHUNK].unflatten(0, (-1, CHUNK))
        fast = fit_fast(chunks[::2])
        joined += (fast.decode_integers(fast.encode(chunks)) == fast.integers(chunks)).all(1).tolist()
    controls = {"numbers": count, "bound": 0.5} | errors
    return {
        "tokens.round_trip": Record(max(errors.values()), n=count, unit="bins", controls=controls),
        "tokens.text_exact": Record(float(np.mean(spoken)), n=len(spoken), unit="share of actions"),
        "tokens.bpe_exact": Record(float(np.mean(joined)), n=len(joined), unit="share of chunks"),
    }


def at_edges(bins: ActionBins) -> Tensor:
    """float32 [num_bins + 1, a]: the edges of all bins, the ends of the range among them."""
    low, high = torch.tensor(bins.low, dtype=torch.float64), torch.tensor(bins.high, dtype=torch.float64)
    edges = low + bins.width * torch.arange(bins.num_bins + 1)[:, None]
    return edges.clamp(low, high).float()


if __name__ == "__main__":
    script.run("vla_exact", main)

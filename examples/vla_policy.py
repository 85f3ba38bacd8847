"""A policy that reads an embedding and a sentence: trained, given a sentence never heard, and asked what it uses.

    python examples/vla_policy.py      # seconds; pip install 'smcrep[vla]' for sentences that were never heard

The embedding stands for ``model.embed(...).fused`` of your robot: here it says where a mug and a hammer lie. The
demonstrations push the one that is named. Sources go missing in training, ever more of them, so the policy also knows
what to do without.
"""

import numpy as np
import torch
from torch import Tensor

from smcrep.vla.bins import ActionBins
from smcrep.vla.captions import Words, caption
from smcrep.vla.policy import Policy, Sources
from smcrep.vla.source_dropout import drop_sources, dropout_at, influence
from smcrep.vla.text import MiniLM

THINGS, STEPS, HORIZON = (Words("mug"), Words("hammer")), 300, 4


def demonstrations(num: int, seed: int, *, held_out: bool) -> tuple[list[str], Tensor, Tensor]:
    """Sentences, embeddings [n, 16] and chunks [n, h, 2]: straight to the thing that is named, in metres."""
    rng = np.random.default_rng(seed)
    named = rng.integers(len(THINGS), size=num)
    place = torch.tensor(rng.uniform(-0.2, 0.2, (num, len(THINGS), 2)), dtype=torch.float32)
    mixing = torch.randn(4, 16, generator=torch.Generator().manual_seed(1))
    sentences = [caption(THINGS[i], "push", rng, held_out=held_out) for i in named]
    goal = place[torch.arange(num), torch.from_numpy(named)]
    return sentences, place.flatten(1) @ mixing, goal[:, None] * torch.linspace(1 / HORIZON, 1, HORIZON)[:, None]


def main() -> None:
    torch.manual_seed(0)
    generator, text = torch.Generator().manual_seed(0), MiniLM()
    sentences, embedding, actions = demonstrations(1000, 0, held_out=False)
    words, is_pad = text(sentences), torch.zeros(actions.shape[:2], dtype=torch.bool)
    bins = ActionBins.fit(actions.flatten(0, 1), quantile=0.0)
    policy = Policy(
        {"embedding": embedding.shape[1], "words": words.shape[1]}, torch.tensor(bins.low), torch.tensor(bins.high),
        horizon=HORIZON, fusion="transformer", head="chunk", width=32,
    )  # fmt: skip
    optimiser = torch.optim.AdamW(policy.parameters(), 3e-3)
    for step in range(STEPS):
        rows = torch.randint(len(actions), (128,), generator=generator)
        given = Sources({"embedding": embedding[rows], "words": words[rows]}, {})
        given = drop_sources(given, dropout_at(step, STEPS, last=0.2), generator)
        optimiser.zero_grad()
        policy.loss(given, actions[rows], is_pad[rows]).backward()
        optimiser.step()

    sentences, embedding, actions = demonstrations(200, 1, held_out=True)
    asked = Sources({"embedding": embedding, "words": text(sentences)}, {})
    with torch.no_grad():
        error = (policy.act(asked) - actions)[:, -1].norm(dim=-1)
        nothing = actions[:, -1].norm(dim=-1)
    print(f"{sentences[0]!r}: pushed to {policy.act(asked)[0, -1].tolist()}, wanted {actions[0, -1].tolist()}")
    print(f"places never seen, sentences never heard: {100 * error.median():.1f} cm off ({100 * nothing.median():.1f})")
    uses = influence(policy.act, asked)
    print(f"uses the embedding {uses['embedding']:.2f}, the words {uses['words']:.2f}")
    print("learned to push what is named:", bool(error.median() < 0.35 * nothing.median()))


if __name__ == "__main__":
    main()

"""Calibrated ratios: the decision by hand, odds that are those claimed, and senses that hold something else."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from smcrep.fusion.baselines.few_shot import class_means, few_shot_logits
from smcrep.fusion.directions import fit_directions
from smcrep.fusion.fit_variance import VarianceFit, fit_variance
from smcrep.fusion.head import DirectionHead, calibrate
from smcrep.fusion.same_thing import OTHERS, Looks, SameThing, contaminated, fit_same_thing
from tests.fusion.test_directions import LOOKS, D, M, beliefs, noisy, planted

WAYS, SHOTS = 10, 3


@pytest.fixture(scope="module")
def fitted() -> SameThing:
    generator = torch.Generator().manual_seed(0)
    clean, thing, _ = planted(generator)
    head = DirectionHead(M, D)
    fit_directions(head.directions, beliefs(clean), thing, shrinkage=0.1)
    broken = torch.cat([noisy(clean, generator)[0] for _ in range(2)])
    torch.manual_seed(0)
    fit_variance(head.directions, beliefs(clean.repeat(2, 1, 1)), beliefs(broken), VarianceFit(steps=400), generator)
    calibrate(head, beliefs(planted(generator)[0]), generator)
    method = SameThing(head)
    fit_same_thing(method, beliefs(clean), beliefs(broken), thing, num_ways=WAYS, num_shots=SHOTS, generator=generator)
    return method.eval()


def episode(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Labelled looks [w k, m, d], their label, and one other look at each thing [w, m, d]."""
    mean, _, _ = planted(torch.Generator().manual_seed(seed), num=WAYS)
    mean = mean.unflatten(0, (WAYS, LOOKS))
    return mean[:, :SHOTS].flatten(0, 1), torch.arange(WAYS).repeat_interleave(SHOTS), mean[:, -1]


def test_the_decision_is_the_contaminated_sum_by_hand() -> None:
    method = SameThing(DirectionHead(2, 4), others=0.1, temperature=0.5)
    looks = Looks(
        torch.zeros(2, 2, 4), torch.zeros(2, 2, 1), torch.tensor([[True, True], [False, True]]),
        slope=torch.tensor([[6.0, 2.0], [6.0, 4.0]]), offset=torch.tensor([[-3.0, -1.0], [9.0, -2.0]]),
        others=torch.tensor([[0.1, 0.4], [0.1, 0.2]]), trust=torch.tensor([0.5, 1.0]),
    )  # fmt: skip
    cosine = [[[0.9, 0.1], [-0.2, 0.8]], [[0.5, 0.5], [0.7, 0.1]]]
    found = method.decide(torch.tensor(cosine) / 0.5, looks)
    terms = [[(6, -3, 0.1), (2, -1, 0.4)], [None, (4, -2, 0.2)]]
    for i in range(2):
        likely = []
        for k in range(2):
            product = 1.0
            for m, term in enumerate(terms[i]):
                if term:
                    product *= (1 - term[2]) * math.exp(term[0] * cosine[i][m][k] + term[1]) + term[2]
            likely.append(product ** (0.5, 1.0)[i])
        assert found[i].exp().tolist() == pytest.approx([own / sum(likely) for own in likely], rel=1e-5)


def test_ratios_are_calibrated_for_things_that_were_not_fitted_to(fitted: SameThing) -> None:
    """The log-loss of "the same thing", both kinds of pairs counting half, is far below that of a coin, and rises with
    half or twice the slope or the offset."""
    parts = []
    for seed in range(100, 220):
        known, label, asked = episode(seed)
        asked, _ = noisy(asked, torch.Generator().manual_seed(seed))
        looks = fitted.looks(beliefs(asked))
        means = class_means(fitted.looks(beliefs(known)), label, WAYS)
        parts.append((looks.slope[..., None] * few_shot_logits(looks, means, 1.0), looks.offset, looks.others))
    sloped, offset, others = (torch.cat(each) for each in zip(*parts, strict=True))
    right = torch.eye(WAYS, dtype=torch.bool)[:, None].expand(-1, M, -1).repeat(len(parts), 1, 1)

    @torch.no_grad()
    def loss(slope: float, shift: float) -> float:
        log_odds = contaminated(slope * sloped + shift * offset[..., None], others[..., None])
        return float(F.softplus(-log_odds[right]).mean() + F.softplus(log_odds[~right]).mean()) / 2

    assert loss(1, 1) < 0.75 * math.log(2)
    for slope, shift in ((0.5, 1), (2, 1), (1, 0.5), (1, 2), (-1, 1), (1, -1)):
        assert loss(slope, shift) > loss(1, 1) + 0.01


def test_a_sense_that_holds_something_else_leaves_the_decision_to_the_other(fitted: SameThing) -> None:
    right, misled, sound = [], [], []
    for seed in range(300, 340):
        known, label, asked = episode(seed)
        stranger = planted(torch.Generator().manual_seed(1000 + seed), num=WAYS)[0][::LOOKS]
        other = torch.stack([stranger[:, 0], asked[:, 1]], 1)
        for mean, hits in ((other, right), (asked, sound)):
            found = fitted.recognise(beliefs(known), label, WAYS, beliefs(mean))
            hits.append((found.argmax(-1) == torch.arange(WAYS)).float().mean())
        plain = fitted.head.directions
        with torch.no_grad():
            gallery, y = plain(beliefs(known)).embedding, plain(beliefs(other)).embedding
        means = F.normalize(gallery.unflatten(0, (WAYS, SHOTS)).sum(1), dim=-1)
        misled.append(((y @ means.mT).argmax(-1) == torch.arange(WAYS)).float().mean())
    assert torch.stack(sound).mean() > 0.97
    assert torch.stack(right).mean() > torch.stack(misled).mean() + 0.1


def test_no_sense_can_say_more_than_the_share_of_others_allows(fitted: SameThing) -> None:
    """By hand: a ratio of 0 stays, a great one loses log(1 - e), one of minus infinity is log e."""
    found = contaminated(torch.tensor([0.0, 50.0, -torch.inf]), torch.tensor(0.2))
    assert found.tolist() == pytest.approx([0, 50 + math.log(0.8), math.log(0.2)], rel=1e-6, abs=1e-6)
    known, label, asked = episode(5)
    means, looks = class_means(fitted.looks(beliefs(known)), label, WAYS), fitted.looks(beliefs(asked))
    ratios = fitted.ratios(few_shot_logits(looks, means, 1.0), looks)
    assert (ratios >= looks.others.log()[..., None] - 1e-5).all()
    assert (looks.others >= OTHERS).all()
    assert ratios.amin() < 0.5 * math.log(OTHERS), "others are told apart"


def test_where_every_sense_is_ruined_nothing_is_believed_and_no_decision_changes(fitted: SameThing) -> None:
    known, label, asked = episode(8)
    ruined = 30 * torch.randn(asked.shape, generator=torch.Generator().manual_seed(0))
    sure = {}
    for name, mean in (("sound", asked), ("one", torch.stack([ruined[:, 0], asked[:, 1]], 1)), ("none", ruined)):
        found = fitted.recognise(beliefs(known), label, WAYS, beliefs(mean))
        sure[name] = WAYS * float(found.exp().amax(-1).mean())
        looks, means = fitted.looks(beliefs(mean)), class_means(fitted.looks(beliefs(known)), label, WAYS)
        summed = fitted.ratios(few_shot_logits(looks, means, 1.0), looks).sum(-2)
        assert (summed.argmax(-1) == found.argmax(-1)).all()
        slope, offset, others = fitted.terms(1000 * fitted.quality(beliefs(mean)))
        assert contaminated(slope + offset, others).isfinite().all(), "however unusual"
    assert sure["sound"] > 8
    assert sure["one"] > 5
    assert sure["none"] < 1.2


def test_absent_senses_reach_nothing_and_nothing_is_uniform(fitted: SameThing) -> None:
    known, label, asked = episode(6)
    present = torch.tensor([False, True]).expand(WAYS, M)
    broken = asked.clone()
    broken[:, 0] = torch.nan
    given = fitted.recognise(beliefs(known), label, WAYS, beliefs(asked, present))
    torch.testing.assert_close(fitted.recognise(beliefs(known), label, WAYS, beliefs(broken, present)), given)
    none = fitted.recognise(beliefs(known), label, WAYS, beliefs(broken, torch.zeros(WAYS, M, dtype=torch.bool)))
    torch.testing.assert_close(none.exp(), torch.full((WAYS, WAYS), 1 / WAYS))


def test_a_saved_calibration_says_the_same_and_another_file_is_refused(fitted: SameThing, tmp_path: Path) -> None:
    known, label, asked = episode(7)
    fitted.save(tmp_path / "same.safetensors")
    again = SameThing.load(fitted.head, tmp_path / "same.safetensors")
    found = [method.recognise(beliefs(known), label, WAYS, beliefs(asked)) for method in (fitted, again)]
    torch.testing.assert_close(found[0], found[1])
    with pytest.raises(ValueError, match="another head than this of 3 senses"):
        SameThing.load(DirectionHead(3, D), tmp_path / "same.safetensors")
    save_file({"slope": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="is no calibration"):
        SameThing.load(fitted.head, tmp_path / "other.safetensors")


def test_bad_shapes_are_refused() -> None:
    method, mean = SameThing(DirectionHead(M, D)), torch.zeros(6, M, D)
    with pytest.raises(ValueError, match="6 clean beliefs, 6 faulty ones, 5 things"):
        fit_same_thing(
            method, beliefs(mean), beliefs(mean), torch.zeros(5, dtype=torch.int64),
            num_ways=2, num_shots=1, generator=torch.Generator(),
        )  # fmt: skip
    with pytest.raises(ValueError, match="share between 0 and 1"):
        SameThing(DirectionHead(M, D), others=0)

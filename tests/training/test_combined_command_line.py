"""An invariance and an equivariance are chosen by name on a command line, and what they hold is set there."""

import pytest

from smcrep.objectives import BYOL, SIE, AugSelf, CombinedWeights, EquiMod, NTXent, VICReg
from smcrep.pretraining import RECIPES
from smcrep.training.command_line import parse


def objective(*arguments: str):
    return parse(RECIPES, ["tiny", *arguments], flat=("recipe",)).recipe.objective


def test_both_are_named_and_their_fields_set() -> None:
    found = objective(
        "--objective", "vicreg+sie", "--objective.equivariance.prediction", "2.5", "--objective.invariance.covariance=3"
    )
    assert found == CombinedWeights(VICReg(covariance=3), SIE(prediction=2.5))
    weighted = objective(
        "--objective", "byol+augself", "--objective.weight", "0.5", "--objective.invariance.momentum", "0.9"
    )
    assert weighted == CombinedWeights(BYOL(momentum=0.9), AugSelf(), weight=0.5)
    assert objective("--objective", "combined") == CombinedWeights(NTXent(), EquiMod())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--objective", "vicreg+sei"], "--objective: there is no 'vicreg+sei'; did you mean 'vicreg+sie'?"),
        (
            ["--objective", "vicreg+sie", "--objective.equivariance.temperature", "1"],
            "unknown field --objective.equivariance.temperature; did you mean",
        ),
    ],
)
def test_what_does_not_exist_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        objective(*arguments)
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1

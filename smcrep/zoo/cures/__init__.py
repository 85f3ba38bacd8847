"""Cures against collapse, tried on models in which it was planted: one file a cure, found here by name."""

from smcrep.zoo.cures.cure import Cure, Seen, Step
from smcrep.zoo.cures.dropout import Dropout
from smcrep.zoo.cures.film import FiLM
from smcrep.zoo.cures.going_back import Replay, Rollback
from smcrep.zoo.cures.interventional import Interventional
from smcrep.zoo.cures.inverse import InverseHead
from smcrep.zoo.cures.inverse_kendall import InverseKendall
from smcrep.zoo.cures.inverse_min_norm import InverseMinNorm
from smcrep.zoo.cures.inverse_upgrad import InverseUPGrad
from smcrep.zoo.cures.isotropy import Isotropy
from smcrep.zoo.cures.negatives import Negatives
from smcrep.zoo.cures.ogm_ge import OGMGE
from smcrep.zoo.cures.patients import MECHANISMS_CURED, Patient, patients
from smcrep.zoo.cures.randomised import Randomised
from smcrep.zoo.cures.staged import Staged
from smcrep.zoo.cures.standardised import Standardised
from smcrep.zoo.cures.training import treat

CURES: dict[str, Cure] = {
    "none": Cure(),
    "interventional": Interventional(),
    "randomised": Randomised(),
    "negatives": Negatives(),
    "inverse": InverseHead(),
    "inverse_kendall": InverseKendall(),
    "inverse_min_norm": InverseMinNorm(),
    "inverse_upgrad": InverseUPGrad(),
    "dropout": Dropout(),
    "staged": Staged(),
    "ogm_ge": OGMGE(),
    "isotropy": Isotropy(),
    "standardised": Standardised(),
    "film": FiLM(),
    "rollback": Rollback(),
    "replay": Replay(),
    "rollback_then_interventional": Interventional(strengths=(0.6, 1.0), after_alarm=True, goes_back=True),
}
"""Name -> cure. A cure of your own: CURES["mine"] = Mine()."""

__all__ = [
    "CURES",
    "MECHANISMS_CURED",
    "Cure",
    "Patient",
    "Seen",
    "Step",
    "patients",
    "treat",
]

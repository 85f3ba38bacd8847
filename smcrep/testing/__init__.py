"""Laws that your own sense, objective or fusion rule is put through; each raises AssertionError with what it broke.

from smcrep.testing import assert_fusion_laws, assert_objective_laws, assert_sense_laws
"""

from smcrep.testing.claims import assert_claim_laws
from smcrep.testing.fusion import assert_fusion_laws
from smcrep.testing.objectives import assert_objective_laws
from smcrep.testing.senses import assert_sense_laws

__all__ = ["assert_claim_laws", "assert_fusion_laws", "assert_objective_laws", "assert_sense_laws"]

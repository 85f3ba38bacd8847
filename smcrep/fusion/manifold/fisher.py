"""Precision of a sense at a place on its map: how sharply what it gives tells the position."""

from torch import Tensor

from smcrep.fusion.manifold.map import ManifoldMap


def fisher_information(manifold: ManifoldMap) -> Tensor:
    """Lambda = J' S^-1 J [n, q, q] at each unit: the inverse covariance of the best unbiased estimate of position from
    one observation with noise N(0, S) (Kay 1993, Estimation Theory, section 3.9). Per squared unit of x.

    After Forest, Quinton & Lefort 2022, whose own formula for the precision is not public. Units lie dense where
    observations do; J is a slope for each length and S holds no size of cells, so that density is not precision.
    Of several senses on one map: ``fisher_information(manifold.block(columns))`` of each.
    """
    j = manifold.slope
    return j.mT @ (j / manifold.variance[..., None])


def information_at(manifold: ManifoldMap, x: Tensor) -> Tensor:
    """`fisher_information` [..., q, q] at the unit nearest to each observation x [..., d]."""
    return fisher_information(manifold)[manifold.winners(x)[..., 0]]

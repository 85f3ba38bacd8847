"""Topological maps of embeddings: what they say of a sense's precision, and whether an observation lies on them."""

from smcrep.fusion.manifold.conformal import Conformal, fit_conformal, group_of_senses
from smcrep.fusion.manifold.cross_modal import RidgeMap, cross_modal_residuals, fit_cross_modal, fit_ridge
from smcrep.fusion.manifold.errors import quantisation_error, topographic_error
from smcrep.fusion.manifold.fisher import fisher_information, information_at
from smcrep.fusion.manifold.gng import fit_gng
from smcrep.fusion.manifold.map import ManifoldMap
from smcrep.fusion.manifold.online import OnlineMap
from smcrep.fusion.manifold.som import fit_som
from smcrep.fusion.manifold.tangent import distance_to_manifold, orthogonal_residual
from smcrep.fusion.manifold.whitening import Whitening, fit_whitening

__all__ = [
    "Conformal",
    "ManifoldMap",
    "OnlineMap",
    "RidgeMap",
    "Whitening",
    "cross_modal_residuals",
    "distance_to_manifold",
    "fisher_information",
    "fit_conformal",
    "fit_cross_modal",
    "fit_gng",
    "fit_ridge",
    "fit_som",
    "fit_whitening",
    "group_of_senses",
    "information_at",
    "orthogonal_residual",
    "quantisation_error",
    "topographic_error",
]

"""The collapse audit: is each signal used by a model, and which directions do its embeddings fill?"""

from smcrep.probes.collapse.accuracy import conditional_utilisation, perceptual_score, perceptual_score_of_task
from smcrep.probes.collapse.adapter import Adapter, Classifier, Contrastive, KeywordModel, LatentPredictor, Policy
from smcrep.probes.collapse.additive import crossed_outputs, emap, interaction_gain, interaction_share
from smcrep.probes.collapse.advice import KnownCure, advice, known_cures
from smcrep.probes.collapse.alignment import alignment, cone, modality_gap, uniformity
from smcrep.probes.collapse.alpha_req import alpha_req
from smcrep.probes.collapse.attribution import gradient_shap, integrated_gradients
from smcrep.probes.collapse.audit import audit
from smcrep.probes.collapse.audit_data import AuditData, AuditSettings
from smcrep.probes.collapse.cka import cka, cka_biased
from smcrep.probes.collapse.counterfactual import cfr, counterfactual_ranks, pairs
from smcrep.probes.collapse.diagnosis import MECHANISMS, Diagnosis, Evidence, Thresholds, diagnose
from smcrep.probes.collapse.dimension import levina_bickel, two_nn
from smcrep.probes.collapse.geometry import Orbit, geometry
from smcrep.probes.collapse.gradients import SpeedMeter, fisher_trace, gradient_share, gramian
from smcrep.probes.collapse.indicators import participation_ratio, rank_me, rank_me_as_published, stable_rank
from smcrep.probes.collapse.jackknife import over_left_out
from smcrep.probes.collapse.laws import ADDITIVE, Group, predictor_laws
from smcrep.probes.collapse.lidar import lidar
from smcrep.probes.collapse.null import AgainstNull, against_isotropic, isotropic_null, isotropic_participation
from smcrep.probes.collapse.oracle import depth_distance, moving_pixels, noise_threshold, oracle_hits, oracle_scores
from smcrep.probes.collapse.pid import Parts, discretised, pid, pid_estimate, pid_null
from smcrep.probes.collapse.reach import reach
from smcrep.probes.collapse.readability import readable, readable_by_layer
from smcrep.probes.collapse.replacement import (
    derangement,
    drop,
    drop_estimate,
    learned_constant,
    matched_state,
    mean_values,
    permuted,
    zero_values,
)
from smcrep.probes.collapse.report import AuditReport, SignalReport
from smcrep.probes.collapse.rollout import Dynamics, RolloutPredictor
from smcrep.probes.collapse.rsa import Similarity, distances, rsa
from smcrep.probes.collapse.sequential import CollapseEvidence, Cusum, ShiryaevRoberts, UseEvidence, UseStream
from smcrep.probes.collapse.shapley import shapley, values_of
from smcrep.probes.collapse.utilisation import Utilisation, another_state, utilisation
from smcrep.probes.collapse.worth import read_with_products, standing_still, worth, worth_with_key

__all__ = [
    "ADDITIVE",
    "MECHANISMS",
    "Adapter",
    "AgainstNull",
    "AuditData",
    "AuditReport",
    "AuditSettings",
    "Classifier",
    "CollapseEvidence",
    "Contrastive",
    "Cusum",
    "Diagnosis",
    "Dynamics",
    "Evidence",
    "Group",
    "KeywordModel",
    "KnownCure",
    "LatentPredictor",
    "Orbit",
    "Parts",
    "Policy",
    "RolloutPredictor",
    "ShiryaevRoberts",
    "SignalReport",
    "Similarity",
    "SpeedMeter",
    "Thresholds",
    "UseEvidence",
    "UseStream",
    "Utilisation",
    "advice",
    "against_isotropic",
    "alignment",
    "alpha_req",
    "another_state",
    "audit",
    "cfr",
    "cka",
    "cka_biased",
    "conditional_utilisation",
    "cone",
    "counterfactual_ranks",
    "crossed_outputs",
    "depth_distance",
    "derangement",
    "diagnose",
    "discretised",
    "distances",
    "drop",
    "drop_estimate",
    "emap",
    "fisher_trace",
    "geometry",
    "gradient_shap",
    "gradient_share",
    "gramian",
    "integrated_gradients",
    "interaction_gain",
    "interaction_share",
    "isotropic_null",
    "isotropic_participation",
    "known_cures",
    "learned_constant",
    "levina_bickel",
    "lidar",
    "matched_state",
    "mean_values",
    "modality_gap",
    "moving_pixels",
    "noise_threshold",
    "oracle_hits",
    "oracle_scores",
    "over_left_out",
    "pairs",
    "participation_ratio",
    "perceptual_score",
    "perceptual_score_of_task",
    "permuted",
    "pid",
    "pid_estimate",
    "pid_null",
    "predictor_laws",
    "rank_me",
    "rank_me_as_published",
    "reach",
    "read_with_products",
    "readable",
    "readable_by_layer",
    "rsa",
    "shapley",
    "stable_rank",
    "standing_still",
    "two_nn",
    "uniformity",
    "utilisation",
    "values_of",
    "worth",
    "worth_with_key",
    "zero_values",
]

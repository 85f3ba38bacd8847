"""LiDAR: effective rank of what tells groups of embeddings apart."""

import numpy as np

from smcrep.probes.collapse.indicators import checked, exp_entropy


def lidar(z: np.ndarray, groups: np.ndarray, *, delta: float = 1e-4) -> float:
    """exp of the entropy of the eigenvalues, over their sum, of Sw^-1/2 Sb Sw^-1/2 (arXiv:2312.04000): 1
    to min(number of groups - 1, d), 0 where the groups have one mean.

    z       [n, d] embeddings.
    groups  [n] or [n, g] names of what each row is a view of: its clean sample. Two columns, (scene, action), make it
            the rank of what tells the actions of a scene apart too.
    delta   added to the diagonal of Sw, in squared units of z, so that scale matters; the paper's 1e-4.

    Sb = mean over groups of (m_g - m)(m_g - m)^T with m the mean of group means, Sw = mean over rows of
    (z - m_g)(z - m_g)^T, + delta I. Groups count alike, also where their sizes differ. Centred; the paper's epsilon of
    1e-7 on each share is left out.

    What it cannot see: a signal that is not part of the group's name; a low delta lets a direction without noise and
    without use count as much as any.
    """
    z = checked(z)
    names, member = np.unique(np.asarray(groups), axis=0, return_inverse=True)
    member = member.ravel()
    if len(member) != len(z) or len(names) < 2 or len(names) == len(z):
        raise ValueError(
            f"lidar: {len(names)} groups of {len(member)} names for {len(z)} rows; give each row its group, 2 groups or"
            " more, some of 2 rows or more"
        )
    means = np.stack([z[member == g].mean(0) for g in range(len(names))])
    within = z - means[member]
    scatter = within.T @ within / len(z) + delta * np.eye(z.shape[1])
    between = means - means.mean(0)
    if np.linalg.norm(between) <= 1e-6 * np.linalg.norm(means):  # float32 rounding of one mean
        return 0.0
    whitened = np.linalg.solve(np.linalg.cholesky(scatter), between.T)
    return exp_entropy(np.square(np.linalg.svd(whitened, compute_uv=False)))

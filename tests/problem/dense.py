"""A problem's rows and second order as plain arrays, by the textbook formulas, for any container."""

import numpy as np
from scipy.special import softmax

from tests.problem.test_derivatives import assemble, ingredients


class Dense:
    """Design matrix A (n, d + 1), weights, logits z, probabilities p and curvature S (n, K, K) at W."""

    def __init__(self, objective, X, targets, weights, offset, W):
        design, binary = objective.design, len(targets) == 2
        scaled = (X - design.shift) * design.scale
        self.A = np.column_stack([scaled, np.full(len(X), float(design.fit_intercept))])
        self.weights, self.targets = weights, targets[1:] if binary else targets
        self.z = W @ self.A.T + (0.0 if offset is None else offset)
        both = np.vstack([np.zeros(len(X)), self.z]) if binary else self.z
        self.p = softmax(both, axis=0)[1 if binary else 0 :]
        p = self.p.T
        self.S = np.einsum("nk,kl->nkl", p, np.eye(p.shape[1])) - np.einsum("nk,nl->nkl", p, p)

    @property
    def rows(self):
        """The rows of each logit, (n, K, K (d + 1))."""
        K = len(self.p)
        return np.einsum("kl,nj->nklj", np.eye(K), self.A).reshape(len(self.A), K, -1)

    def hessian(self):
        """Hessian of the loss, (K (d + 1), K (d + 1)), the sum over the rows of w kron(S, a a')."""
        return np.einsum("n,nka,nkl,nlb->ab", self.weights, self.rows, self.S, self.rows)


def posed(K, container="C", size=1.0, **options):
    """An objective with every ingredient, coefficients, and both as arrays."""
    given = {k: options.pop(k) for k in ("weighted", "offset", "n", "d") if k in options}
    parts = ingredients(K, **given)
    objective = assemble(*parts, container=container, **options)
    W = size * np.random.default_rng(K).normal(size=objective.shape)
    if not objective.design.fit_intercept:
        W[:, -1] = 0.0
    return objective, W, Dense(objective, *parts, W)

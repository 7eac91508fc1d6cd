"""The kernel of one Newton step without each row, against dense steps with that row's part taken away."""

import numpy as np
import pytest

from sklearn_xent.factor import inverse_root
from sklearn_xent.problem import kernels, left_out
from sklearn_xent.solvers.hessian import hessian_among
from tests.problem.test_derivatives import CONTAINERS, pose


@pytest.mark.parametrize("subset", [False, True])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("K", [2, 3])
def test_numbers_of_a_row_are_those_of_dense_algebra(K, container, subset):
    objective, W = pose(K, container, n=20)
    point, (n_logits, size) = objective.at(0.3 * W), objective.shape
    active = np.ones(objective.shape, bool)
    if subset:
        active[0, 1] = active[-1, 2] = False
    H, shift = hessian_among(point, active), np.linspace(0.1, 0.3, n_logits)
    rng = np.random.default_rng(0)
    targets = rng.dirichlet(np.ones(K), 20).T[K == 2 :]
    _, (found,) = objective.rows.sweep(
        left_out.leave_one_out,
        point.logits,
        point.expansion,
        objective.rows.split(targets),
        objective.loss,
        objective.design,
        active,
        inverse_root(H),
        shift,
    )
    losses, change, length, reach = np.concatenate(found.flat(), axis=1)
    e, z = point.expansion.flat()[0], np.concatenate(point.logits.flat(), axis=1)
    _, (parts,) = objective.rows.sweep(kernels.design_rows, objective.design)
    A, _, weights = (np.concatenate(part, axis=-1) for part in zip(*parts.flat(), strict=True))
    A = A.T
    inverse = np.zeros((n_logits * size,) * 2)
    inverse[np.ix_(active.ravel(), active.ravel())] = np.linalg.inv(H)
    for i in range(20):
        rows_i = np.kron(np.eye(n_logits), A[i])  # (K, N)
        S = np.diag(e.probabilities[:, i]) - np.outer(e.probabilities[:, i], e.probabilities[:, i])
        own = weights[i] * rows_i[:, active.ravel()].T @ S @ rows_i[:, active.ravel()]
        step = np.zeros(n_logits * size)
        pulled = weights[i] * rows_i.T @ e.residual[:, i]
        step[active.ravel()] = np.linalg.solve(H - own, pulled[active.ravel()])
        moved = z[:, i] + rows_i @ step
        end = objective.loss.expand((moved + shift)[:, None], targets[:, [i]])
        assert losses[i] == pytest.approx(end.value[0], rel=1e-8)
        first_order = np.abs(end.residual[:, 0]) @ np.abs(rows_i @ step)
        assert change[i] == pytest.approx(first_order, rel=1e-7, abs=1e-12)
        taken = step[active.ravel()]
        assert length[i] ** 2 == pytest.approx(taken @ H @ taken, rel=1e-6, abs=1e-14)
        B = rows_i @ inverse @ rows_i.T
        pairs = [B[k, k] + B[j, j] - 2 * B[k, j] for k in range(n_logits) for j in range(k)] or [B[0, 0]]
        assert reach[i] == pytest.approx(max(pairs), rel=1e-8)

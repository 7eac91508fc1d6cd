"""Many classes, some of them rare: what takes over where curvature shared by classes does not do."""

import numpy as np

from sklearn_xent import CrossEntropyClassifier


def test_products_with_a_hessian_factored_before_take_over_and_end_at_the_minimum():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2500, 70))
    logits = 0.3 * X @ rng.normal(size=(70, 24)) + np.log(np.geomspace(1, 1e-3, 24))
    y = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    default = CrossEntropyClassifier(C=1e4).fit(X, y)
    named = CrossEntropyClassifier(C=1e4, solver="truncated-newton").fit(X, y)
    assert default.solver_ == "quasi-newton, truncated-newton"
    assert named.n_iter_ <= 50
    values = []
    for model in (default, named):
        assert model.converged_
        assert model.optimality_gap_kind_ == "bound"
        values.append(model.history_["objective"][-1])
    np.testing.assert_allclose(*values, rtol=1e-6)

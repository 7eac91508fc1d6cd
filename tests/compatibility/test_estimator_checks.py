import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_xent import BiasReducedClassifier, CrossEntropyClassifier, MiniBatchCrossEntropyClassifier
from sklearn_xent.solvers.methods import METHODS

CONFIGURATIONS = [
    CrossEntropyClassifier(),
    CrossEntropyClassifier(C=np.inf),
    CrossEntropyClassifier(l1_ratio=1.0),
    CrossEntropyClassifier(l1_ratio=0.5, C=10.0),
    CrossEntropyClassifier(C=100.0, tol=1e-10, label_smoothing=0.01),
    CrossEntropyClassifier(solver="lbfgs"),
    CrossEntropyClassifier(solver="truncated-newton"),
    CrossEntropyClassifier(solver="trust-exact"),
    CrossEntropyClassifier(solver="proximal-newton", l1_ratio=0.5, class_weight="balanced"),
    BiasReducedClassifier(),
    BiasReducedClassifier(calibrate_intercept=True),
    MiniBatchCrossEntropyClassifier(),
    MiniBatchCrossEntropyClassifier(C=np.inf, l1_ratio=0.5, max_iter=1),
]


# some of the checks' data are separable: without a penalty a warning is right there
SEPARABLE = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@SEPARABLE
@parametrize_with_checks(CONFIGURATIONS)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@SEPARABLE
@parametrize_with_checks(
    [CrossEntropyClassifier(solver=solver) for solver in sorted(METHODS)]
    + [CrossEntropyClassifier(solver=name, l1_ratio=0.5) for name, entry in METHODS.items() if entry.l1]
)
def test_scikit_learns_checks_for_every_solver(estimator, check):
    check(estimator)

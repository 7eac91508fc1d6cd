"""
Compare the solvers
===================

Every solver ends at the same minimum, or warns. They differ in how often they read the data.
"""

import warnings

from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import ConvergenceDisplay, CrossEntropyClassifier

X, y = load_wine(return_X_y=True)  # one feature has a mean of 747, another of 0.36

fits = {}
for solver in ("newton-cholesky", "lbfgs", "truncated-newton", "accelerated-gradient", "gradient-descent"):
    model = CrossEntropyClassifier(solver=solver, max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # plain descent needs more steps
        fits[solver] = model.fit(X, y)
    print(f"{solver:22s} {model.n_iter_:4d} iterations, converged: {model.converged_}")

# %%
# Newton's method and L-BFGS work in coordinates in which the loss curves equally in all directions; the two
# gradient methods work on standardised features, and are slow where these are correlated. Dotted lines are
# Newton steps with which every small fit ends, whatever its solver.
ConvergenceDisplay.from_estimators(fits, x="passes", name="Wine data, features as measured")

"""
What each solver pays for the same minimum
==========================================

Every solver comes to the same minimum, or warns. What they pay for it differs: here in passes over
the data.
"""

import warnings

from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import ConvergenceDisplay, CrossEntropyClassifier

X, y = load_wine(return_X_y=True)  # raw: one column is near 1000, another near 0.1

fits = {}
for solver in ("newton-cholesky", "lbfgs", "truncated-newton", "accelerated-gradient", "gradient-descent"):
    model = CrossEntropyClassifier(solver=solver, max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # plain descent needs more steps
        fits[solver] = model.fit(X, y)
    print(f"{solver:22s} {model.n_iter_:4d} iterations, converged: {model.converged_}")

# %%
# Newton's method and L-BFGS work in coordinates in which the loss is round; the two gradient methods
# work on columns that are standardised and no more, and so show the conditioning of the problem.
# What is dotted is not their own: the certificate that ends a small fit polishes it by Newton steps.
ConvergenceDisplay.from_estimators(fits, x="passes", name="wine, raw columns")

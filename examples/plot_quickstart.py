"""
Quickstart: change one import
=============================

The same data, the same penalty, the same predictions interface as scikit-learn's
``LogisticRegression``; no scaling needed, no convergence warning, and a fit that says how exact it
is.
"""

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score, train_test_split

from sklearn_xent import CrossEntropyClassifier, CrossEntropyLossDisplay, neg_cross_entropy_scorer

X, y = load_breast_cancer(return_X_y=True)  # features as they were measured
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

model = CrossEntropyClassifier(C=1.0).fit(X_train, y_train)
print(f"converged: {model.converged_} in {model.n_iter_} iterations")
print(f"at most 1e-12 nats above the minimum: {model.optimality_gap_ < 1e-12}")

# %%
# Scores are cross-entropies in nats: lower is better, so the scorer returns minus that.
print(f"held-out cross entropy: {-neg_cross_entropy_scorer(model, X_test, y_test):.4f}")
folds = cross_val_score(CrossEntropyClassifier(), X, y, scoring=neg_cross_entropy_scorer)
print(f"five folds: {-folds.mean():.4f}")

# %%
# Where does the loss come from? Each held-out sample lies on one of two curves, at its predicted probability.
# The five samples of the largest loss cost more than the other 138 together.
CrossEntropyLossDisplay.from_estimator(model, X_test, y_test, name="Held-out samples")

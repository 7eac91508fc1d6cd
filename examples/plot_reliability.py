"""
Are the probabilities calibrated?
=================================

A naive Bayes classifier ranks well and is far too sure. The isotonic curve shows where, the grey band
what chance alone would do to calibrated forecasts, and the decomposition what it costs in nats.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from sklearn_xent import CrossEntropyClassifier, ReliabilityDisplay, compare_losses

X, y = make_classification(n_samples=4000, n_features=20, n_redundant=8, flip_y=0.1, random_state=1)
X, X_test, y, y_test = train_test_split(X, y, random_state=0)
ours, bayes = CrossEntropyClassifier().fit(X, y), GaussianNB().fit(X, y)

# %%
# Both on samples that they have not seen.
figure, axes = plt.subplots(2, 1, figsize=(5.6, 11.2), layout="constrained", gridspec_kw={"hspace": 0.06})
for model, ax in zip((bayes, ours), axes, strict=True):
    ReliabilityDisplay.from_estimator(model, X_test, y_test, ax=ax)

# %%
# Is the difference of their losses more than chance? The losses are compared sample by sample.
result = compare_losses(y_test, ours.predict_proba(X_test), bayes.predict_proba(X_test))
print(f"difference {result.difference:.3f} nats, 95 % interval {result.low:.3f} to {result.high:.3f}")

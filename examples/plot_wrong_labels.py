"""
Hunting wrong labels
====================

A wrong label costs a good model much. Thirty labels of the digits are swapped; most of them are among
the samples with the largest loss.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict

from sklearn_xent import CrossEntropyClassifier, LossContributionDisplay

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
swapped = rng.choice(len(y), 30, replace=False)
noisy = y.copy()
noisy[swapped] = (y[swapped] + rng.integers(1, 10, 30)) % 10

# %%
# Forecasts of rows that the model has not seen: it cannot have learnt their labels by heart.
P = cross_val_predict(CrossEntropyClassifier(C=0.01), X, noisy, cv=5, method="predict_proba")
display = LossContributionDisplay.from_predictions(noisy, P)

# %%
# How many of the thirty are among the thirty worst?
worst = display.frame()["sample"][:30]
print(f"{len(set(worst) & set(swapped))} of 30 swapped labels are among the 30 largest losses")

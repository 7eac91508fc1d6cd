"""
Find wrong labels by their loss
===============================

A good model gives a wrong label a small probability, so its loss is large. Thirty labels of the digits are
changed at random; most of them are among the samples with the largest loss.
"""

import matplotlib.pyplot as plt
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
# Forecasts of samples that the model has not seen: their wrong labels cannot have influenced it.
P = cross_val_predict(CrossEntropyClassifier(C=0.01), X, noisy, cv=5, method="predict_proba")

# %%
# The swapped samples are marked on the curve of the samples, which come worst first.
figure, axes = plt.subplots(2, 1, figsize=(6.4, 9.0), layout="constrained", gridspec_kw={"hspace": 0.06})
display = LossContributionDisplay.from_predictions(noisy, P, ax=axes)
wrong = np.isin(display.frame()["sample"], swapped)
samples, losses = (values[1:][wrong] for values in display.line_.get_data())
display.ax_[1].plot(samples, losses, "kx", markersize=7, label="swapped labels")
display.ax_[1].legend(loc="center right", frameon=False)
print(f"{wrong[:30].sum()} of 30 swapped labels are among the 30 largest losses")

"""
From the sigmoid to the loss curve
==================================

An introduction to cross-entropy in three steps: a number becomes a probability, a probability meets
what happened, and surprise is what it costs.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_xent import (
    CrossEntropyLossDisplay,
    cross_entropy_loss,
    entropy,
    kl_divergence,
    sigmoid,
)

# %%
# 1. A linear model gives a number, the logit :math:`z`. The sigmoid makes it a probability.
z = np.linspace(-6, 6, 301)
probability = sigmoid(z)

# %%
# 2. The loss of a forecast :math:`p` is :math:`-\log p` if y = 1 happened and :math:`-\log(1 - p)` if y
# = 0 did: nothing for a forecast that was sure and right, without limit for one that was sure and
# wrong.
for p in (0.9, 0.5, 0.1):
    print(f"p = {p}: loss {cross_entropy_loss(1, p):.3f} if y = 1, {cross_entropy_loss(0, p):.3f} if y = 0")

# %%
# 3. On average, who forecasts :math:`q` where :math:`p` is true pays the entropy of :math:`p`, which
# nobody can avoid, and the divergence of :math:`q` from :math:`p`, which is the price of being wrong.
p = np.array([0.3, 0.7])
forecasts = np.linspace(0.02, 0.98, 200)
q = np.column_stack([1 - forecasts, forecasts])
average = cross_entropy_loss(np.tile(p, (200, 1)), q, reduction="none")
print(f"largest |CE - H - KL|: {np.abs(average - entropy(p) - kl_divergence(p, q)).max():.1e}")

# %%
# The three steps in pictures.
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
axes[0].plot(z, probability, linewidth=2.2)
axes[0].set(xlabel="Logit z", ylabel="Probability of y = 1", title="1. The sigmoid")
CrossEntropyLossDisplay().plot(ax=axes[1], name="2. The loss")
axes[2].plot(forecasts, average, linewidth=2.2, label="cross-entropy")
axes[2].axhline(entropy(p), color="0.4", linestyle="--", label="entropy: forecast the truth, 0.7")
axes[2].fill_between(forecasts, entropy(p), average, alpha=0.15, label="divergence: the price of being wrong")
axes[2].set(
    xlabel="Forecast of y = 1",
    ylabel="Mean loss (nats)",
    title="3. On average, with p = 0.7",
    ylim=(0.4, 2.6),
)
axes[2].legend(frameon=False, loc="upper right")
for ax in (axes[0], axes[2]):
    ax.grid(alpha=0.25)

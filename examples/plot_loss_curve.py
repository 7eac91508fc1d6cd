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
# A linear model gives a number, the logit :math:`z`. The sigmoid makes it a probability.
z = np.linspace(-6, 6, 301)
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
axes[0].plot(z, sigmoid(z), linewidth=2.2)
axes[0].set(xlabel="Logit z", ylabel="Probability of y = 1", title="1. The sigmoid")
axes[0].grid(alpha=0.25)

# %%
# The loss of a forecast :math:`p` is :math:`-\log p` if y = 1 happened and :math:`-\log(1 - p)` if y
# = 0 did: nothing for a forecast that was sure and right, without limit for one that was sure and
# wrong.
CrossEntropyLossDisplay().plot(ax=axes[1], name="2. The loss")
for p in (0.9, 0.5, 0.1):
    print(f"p = {p}: loss {cross_entropy_loss(1, p):.3f} if y = 1, {cross_entropy_loss(0, p):.3f} if y = 0")

# %%
# 3. On average, who forecasts :math:`q` where :math:`p` is true pays the entropy of :math:`p`, which
# nobody can avoid, and the divergence of :math:`q` from :math:`p`, which is the price of being wrong.
p, q = np.array([0.7, 0.3]), np.array([0.9, 0.1])
average = cross_entropy_loss([p], [q])
print(f"cross-entropy {average:.4f} = entropy {entropy(p):.4f} + KL divergence {kl_divergence(p, q):.4f}")

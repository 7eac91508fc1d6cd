"""
Why not squared error
=====================

Both losses are least where the forecast is the truth. They differ where it is far off: squared error has
flattened out there and pulls no more, cross-entropy pulls the harder the worse it is.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_xent import cross_entropy_loss, sigmoid

# %%
# One sample with y = 1, as its logit runs from surely wrong to surely right.
z = np.linspace(-8, 8, 401)
p = sigmoid(z)
cross_entropy = cross_entropy_loss(np.ones(len(z), dtype=int), z, from_logits=True, reduction="none")
squared = (p - 1) ** 2

# %%
# The gradients in the logit: p - 1 against 2 (p - 1) p (1 - p), whose factor p (1 - p) is zero at both ends.
figure, axes = plt.subplots(2, 1, figsize=(6.4, 7.6), sharex=True, layout="constrained")
axes[0].plot(z, cross_entropy, color="#0072B2", linewidth=2, label=r"cross-entropy  $-\log p$")
axes[0].plot(z, squared, "--", color="#D55E00", linewidth=2, label=r"squared error  $(p - 1)^2$")
axes[0].set(ylabel="Loss", ylim=(-0.1, 5))
axes[0].legend(frameon=False)
axes[1].plot(z, 1 - p, color="#0072B2", linewidth=2, label="cross-entropy")
axes[1].plot(z, 2 * (1 - p) * p * (1 - p), "--", color="#D55E00", linewidth=2, label="squared error")
axes[1].set(xlabel="Logit z of a sample with y = 1", ylabel="Pull towards the truth: minus the slope")
axes[1].annotate(
    "no pull\nwhere most wrong",
    (-6.5, 0.01),
    (-5.4, 0.48),
    ha="center",
    arrowprops={"arrowstyle": "->", "shrinkB": 4},
)
axes[1].legend(frameon=False)
for ax in axes:
    ax.grid(alpha=0.25)

# %%
# Curvature: cross-entropy is a bowl everywhere; squared error is not convex, and a descent may stay on its
# plateau. Cross-entropy is also the likelihood, so that its fits have standard errors.
bends = np.diff(squared, 2)
print(
    f"squared error is concave at {np.mean(bends < 0):.0%} of these logits, cross-entropy at "
    f"{np.mean(np.diff(cross_entropy, 2) < -1e-12):.0%}"
)

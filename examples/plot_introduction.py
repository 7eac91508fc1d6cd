"""
From odds to overfitting: the pictures of the introduction
==========================================================

What each step of :doc:`/explained` looks like, in the order of that page: odds, sigmoid, likelihood, the cost
and its two curves, softmax, entropy and divergence, overfitting.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from sklearn_xent import (
    CrossEntropyClassifierCV,
    CrossEntropyLossDisplay,
    cross_entropy_loss,
    entropy,
    kl_divergence,
    sigmoid,
    softmax,
)

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"

# %%
# Odds, and the sigmoid
# ---------------------
# Odds of 3 to 1 are a probability of 3/4. The logarithm of the odds, the logit, may be any number; the
# sigmoid leads from it back to the probability.
odds = np.array([1 / 9, 1 / 3, 1, 3, 9])
logits = np.log(odds)
print("odds       ", odds.round(2))
print("logit      ", logits.round(2))
print("probability", sigmoid(logits).round(2))

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
z = np.linspace(-5, 5, 301)
ax.plot(z, sigmoid(z), color=BLUE, linewidth=2.2)
ax.plot(logits, sigmoid(logits), "o", color=ORANGE, markersize=7)
for logit, text in zip(logits, ("1 to 9", "1 to 3", "1 to 1", "3 to 1", "9 to 1"), strict=True):
    ax.annotate(text, (logit, sigmoid(logit)), (10, -12), textcoords="offset points")
ax.set(xlabel="Logit z: logarithm of the odds", ylabel="Probability of y = 1", title="The sigmoid")
ax.grid(alpha=0.25)

# %%
# The likelihood of seven successes in ten
# ----------------------------------------
# The product of the probabilities of all that was seen, for each probability that a success may have.
y = np.array([1, 1, 1, 0, 1, 1, 0, 1, 1, 0])
p = np.linspace(0.005, 0.995, 397)
likelihood = np.prod(np.where(y == 1, p[:, None], 1 - p[:, None]), axis=1)

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
ax.plot(p, 1000 * likelihood, color=BLUE, linewidth=2.2)
ax.axvline(y.mean(), color="0.4", linestyle="--", label=f"share of successes, {y.mean()}")
ax.set(xlabel="Probability p of a success", ylabel="Likelihood (thousandths)", title="7 successes in 10")
ax.legend(frameon=False, loc="upper left")
ax.grid(alpha=0.25)

# %%
# Its logarithm
# -------------
# A sum in place of the product: highest at the same p. It is minus the summed cross-entropy.
log_likelihood = np.array([-cross_entropy_loss(y, np.full(10, value), reduction="sum") for value in p])
print("largest difference:", f"{np.abs(log_likelihood - np.log(likelihood)).max():.0e}")

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
ax.plot(p, log_likelihood, color=BLUE, linewidth=2.2, label="all ten")
ax.plot(p, 7 * np.log(p), "--", color=GREEN, linewidth=1.8, label=r"7 successes: $7\,\log p$")
ax.plot(p, 3 * np.log(1 - p), "-.", color=ORANGE, linewidth=1.8, label=r"3 failures: $3\,\log(1 - p)$")
ax.axvline(y.mean(), color="0.4", linestyle=":", linewidth=1)
ax.set(
    xlabel="Probability p of a success",
    ylabel="Log-likelihood (nats)",
    title="The same, as logarithm",
    ylim=(-25, 1),
)
ax.legend(frameon=False, loc="lower center")
ax.grid(alpha=0.25)

# %%
# The cost: of two terms, one counts
# ----------------------------------
# Five samples and what was forecast of them. The label picks the term.
labels, forecasts = np.array([1, 1, 1, 0, 0]), np.array([0.9, 0.6, 0.2, 0.3, 0.8])
costs = cross_entropy_loss(labels, forecasts, reduction="none")

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
at = np.arange(len(labels))
for label, colour, hatch, term in ((1, BLUE, "", r"$-\log p$"), (0, ORANGE, "//", r"$-\log(1 - p)$")):
    mine = labels == label
    ax.bar(
        at[mine], costs[mine], 0.6, color=colour, hatch=hatch, edgecolor="white", label=f"y = {label}: {term}"
    )
ax.axhline(costs.mean(), color="0.3", linestyle="--", label=f"cost: their mean, {costs.mean():.3f}")
ax.set_xticks(at, [f"y = {label}\np = {forecast}" for label, forecast in zip(labels, forecasts, strict=True)])
ax.set(ylabel="Loss (nats)", title="The cost of five forecasts", ylim=(0, 2.4))
ax.legend(frameon=False, loc="upper left", fontsize="small")

# %%
# The two curves
# --------------
# The same five samples on the curves of the two terms.
display = CrossEntropyLossDisplay.from_predictions(
    labels, forecasts, name="The two curves, and the five samples", scatter_kwargs={"s": 60, "alpha": 0.9}
)

# %%
# Softmax
# -------
# The exponentials of three logits are positive; divided by their sum they are probabilities.
z = np.array([2.0, 1.0, -0.5])
steps = [("Logits z", z), ("Exponentials", np.exp(z)), ("Divided by their sum", softmax(z))]

figure, axes = plt.subplots(1, 3, figsize=(6.4, 3.6), layout="constrained")
for ax, (title, values) in zip(axes, steps, strict=True):
    bars = ax.bar(["A", "B", "C"], values, 0.65, color=[BLUE, ORANGE, GREEN])
    ax.bar_label(bars, fmt="%.2f", padding=2)
    ax.axhline(0, color="0.3", linewidth=0.8)
    ax.set_title(title)
    ax.margins(y=0.15)
    ax.set_yticks([])
axes[0].set_xlabel("class")
axes[1].set_xlabel(f"sum: {np.exp(z).sum():.2f}")
axes[2].set_xlabel("sum: 1")

# %%
# Entropy and divergence
# ----------------------
# Where the truth is 0.7, every other forecast costs more on average: by the divergence.
truth = np.array([0.3, 0.7])
forecast = np.linspace(0.02, 0.98, 200)
q = np.column_stack([1 - forecast, forecast])
average = cross_entropy_loss(np.tile(truth, (200, 1)), q, reduction="none")
print(f"largest |CE - H - KL|: {np.abs(average - entropy(truth) - kl_divergence(truth, q)).max():.0e}")

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
ax.plot(forecast, average, color=BLUE, linewidth=2.2, label="cross-entropy of truth and forecast")
ax.axhline(entropy(truth), color="0.3", linestyle="--", label="entropy of the truth")
ax.fill_between(forecast, entropy(truth), average, color=BLUE, alpha=0.15, label="divergence")
ax.plot(
    0.7, entropy(truth), "*", color=ORANGE, markersize=14, label="forecast = truth = 0.7", linestyle="none"
)
ax.set(
    xlabel="Forecast of y = 1", ylabel="Mean loss (nats)", title="What a wrong forecast costs", ylim=(0, 2.9)
)
ax.legend(frameon=False, loc="upper right")
ax.grid(alpha=0.25)

# %%
# Overfitting
# -----------
# The weaker the penalty, the lower the loss on the samples of the fit; on samples that were left out it rises
# again.
X, y = load_breast_cancer(return_X_y=True)
model = CrossEntropyClassifierCV(Cs=np.geomspace(0.003, 30_000, 22)).fit(X, y)
training, unseen = model.paths_[0][0].losses, -model.mean_score_[0]

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
ax.semilogx(model.Cs_, unseen, "-o", color=ORANGE, markersize=4, label="on samples left out")
ax.semilogx(model.Cs_, training, "--s", color=BLUE, markersize=4, label="on the samples of the fit")
ax.axvline(model.C_best_, color="0.4", linestyle=":", label=f"least: C = {model.C_best_:.3g}")
ax.set(
    xlabel="C (weaker penalty to the right)",
    ylabel="Cross-entropy (nats)",
    title="Overfitting: 30 features, 569 samples",
    ylim=(0, None),
)
ax.legend(frameon=False, loc="upper center")
ax.grid(alpha=0.25)

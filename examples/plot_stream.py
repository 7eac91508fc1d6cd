"""
Learn from a stream without a learning rate
===========================================

Samples come in batches, and each is read once. A batch is scored before it is learnt from: that is a loss on
unseen samples, and nothing has to be held out. ``MiniBatchCrossEntropyClassifier`` takes Newton steps and has
no learning rate; ``SGDClassifier`` needs one, and which is best depends on the data. Here the features have
different units.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import SGDClassifier

from sklearn_xent import CrossEntropyClassifier, MiniBatchCrossEntropyClassifier, cross_entropy_loss

rng = np.random.default_rng(0)
X = rng.standard_normal((40_000, 20))
z = X @ rng.standard_normal(20)
y = (rng.random(40_000) < 1 / (1 + np.exp(-z))).astype(int)
X *= np.geomspace(0.1, 3, 20)  # units

# %%
# Score, then learn, batch by batch.


def progressive_losses(model, size=200):
    losses = []
    for start in range(0, len(y), size):
        rows = slice(start, start + size)
        if start:
            losses.append(cross_entropy_loss(y[rows], model.decision_function(X[rows]), from_logits=True))
        model.partial_fit(X[rows], y[rows], classes=[0, 1])
    return np.array(losses)


streams = {"MiniBatchCrossEntropyClassifier": MiniBatchCrossEntropyClassifier()}
for eta0 in (0.001, 0.01, 0.1):
    streams[f"SGDClassifier, rate {eta0:g}"] = SGDClassifier(
        loss="log_loss", alpha=1 / len(y), learning_rate="constant", eta0=eta0, random_state=0
    )
losses = {name: progressive_losses(model) for name, model in streams.items()}

# %%
# The mean loss of the last 20 batches. The straight line is the loss of a model fitted to all samples.
optimum = CrossEntropyClassifier().fit(X, y)
least = cross_entropy_loss(y, optimum.decision_function(X), from_logits=True)
figure, ax = plt.subplots(figsize=(7, 5), layout="constrained")
window, top = 20, 0.0
styles = zip(("#0072B2", "#E69F00", "#009E73", "#D55E00"), ("-", "-.", ":", "--"), "oDs^", strict=True)
for (name, values), (color, dash, marker) in zip(losses.items(), styles, strict=True):
    smooth = np.convolve(values, np.ones(window) / window, mode="valid")
    ours = name.startswith("MiniBatch")
    ax.plot(
        200 * (window + np.arange(len(smooth))),
        smooth,
        label=name,
        linewidth=2.5 if ours else 1.5,
        color=color,
        linestyle=dash,
        marker=marker,
        markersize=5,
        markevery=18,
        zorder=3 if ours else 2,
    )
    top = max(top, smooth.max())
ax.axhline(least, color="0.3", linewidth=1, label="optimum of all samples, on those samples")
ax.set(
    xlabel="Samples read",
    ylabel=f"Loss of the last {window} batches (nats)",
    title="Each batch is scored before it is learnt from",
    ylim=(least - 0.03, top + 0.02),
)
ax.grid(alpha=0.25)
figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")

"""
Gradient descent on log loss, step by step
==========================================

A few lines of numpy walk down the gradient with a fixed step; ``solver="gradient-descent"`` chooses its
steps. The pictures follow them towards the minimum that Newton's method finds in a few steps.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from sklearn_xent import ConvergenceDisplay, CrossEntropyClassifier, cross_entropy_loss, sigmoid

X, y = load_breast_cancer(return_X_y=True)
y = 1 - y  # 1 is malignant
X = X[:, [1, 7]]  # two features, so that the path can be drawn
X = (X - X.mean(axis=0)) / X.std(axis=0)
C = 100.0

# %%
# By hand: the gradient of the mean loss in the logits is :math:`p - y`, so the gradient in the
# weights is :math:`X^T (p - y) / n`. Walk against it.
w, b, step = np.zeros(2), 0.0, 0.5
path, losses = [w], []
for _ in range(200):
    p = sigmoid(X @ w + b)
    losses.append(cross_entropy_loss(y, p) + (w @ w) / (2 * C * len(y)))
    w = w - step * (X.T @ (p - y) / len(y) + w / (C * len(y)))
    b = b - step * (p - y).mean()
    path.append(w)
path = np.array(path)

# %%
# The same by the package, which also chooses its steps, and by Newton's method.
descent = CrossEntropyClassifier(C=C, solver="gradient-descent").fit(X, y)
newton = CrossEntropyClassifier(C=C, solver="newton-cholesky").fit(X, y)
print(f"by hand, 200 steps: {losses[-1]:.9f}")
print(f"gradient descent, {descent.n_iter_} steps: {descent.history_['objective'][-1]:.9f}")
print(f"Newton, {newton.n_iter_} steps: {newton.history_['objective'][-1]:.9f}")

# %%
# The loss is convex, and much steeper in one direction than in the other: descent first runs down the steep
# side, and then makes slow progress along the valley. Below, dotted lines are Newton steps with which every
# small fit ends, whatever its solver.
figure, axes = plt.subplots(2, 1, figsize=(6.4, 8.6), layout="constrained", gridspec_kw={"hspace": 0.06})
first, second = np.meshgrid(np.linspace(-0.4, 2.4, 60), np.linspace(-0.5, 6.0, 60))
bowl = [
    cross_entropy_loss(y, X @ [u, v] + newton.intercept_[0], from_logits=True)
    for u, v in zip(first.ravel(), second.ravel(), strict=True)
]
contours = axes[0].contour(first, second, np.reshape(bowl, first.shape), 14, cmap="viridis")
axes[0].clabel(contours, fontsize=8)
axes[0].plot(*path.T, ".-", color="#D55E00", markersize=4, label="200 steps by hand")
axes[0].plot(*newton.coef_[0], "k*", markersize=13, label="minimum")
axes[0].set(xlabel="Weight of mean texture", ylabel="Weight of mean concave points")
axes[0].legend(loc="lower right", framealpha=1.0)
ConvergenceDisplay.from_estimators(
    {"gradient-descent": descent, "newton-cholesky": newton}, ax=axes[1], name="Objective above the minimum"
)

"""
Train a small network on cross-entropy, by hand
===============================================

The loss is the same wherever probabilities are learnt. A page of numpy trains a small network: softmax
and cross-entropy from this package, the gradient by the chain rule, scipy for the descent.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

from sklearn_xent import CrossEntropyClassifier, cross_entropy_loss, softmax

# %%
# Three arms of a spiral: no straight line separates them.
rng = np.random.default_rng(0)
n, K, hidden = 150, 3, 24
radius = np.linspace(0.1, 1, n)
angle = [radius * 4 + 2 * np.pi * k / K + rng.normal(0, 0.12, n) for k in range(K)]
X = np.concatenate([np.column_stack([radius * np.cos(a), radius * np.sin(a)]) for a in angle])
y = np.repeat(np.arange(K), n)
Y = np.eye(K)[y]


# %%
# Forward: a hidden layer of tanh, then logits. Backward: at the logits the gradient of the mean loss is
# (p - y) / n, as for the linear model; the chain rule carries it through the layer.
def unpack(theta):
    parts = np.split(theta, np.cumsum([2 * hidden, hidden, hidden * K]))
    return parts[0].reshape(2, hidden), parts[1], parts[2].reshape(hidden, K), parts[3]


def logits(theta, X):
    A, a, B, b = unpack(theta)
    return np.tanh(X @ A + a) @ B + b


def loss_and_gradient(theta, weight_decay=1e-4):
    A, a, B, b = unpack(theta)
    H = np.tanh(X @ A + a)
    z = H @ B + b
    R = (softmax(z) - Y) / len(X)
    back = (R @ B.T) * (1 - H**2)
    gradient = np.concatenate([(X.T @ back).ravel(), back.sum(axis=0), (H.T @ R).ravel(), R.sum(axis=0)])
    loss = cross_entropy_loss(y, z, from_logits=True) + weight_decay / 2 * theta @ theta
    return loss, gradient + weight_decay * theta


# %%
# Train, and keep the curve. The linear classifier, at its optimum, is what it has to beat.
curve = []
start = rng.normal(0, 0.5, 2 * hidden + hidden + hidden * K + K)
found = minimize(
    loss_and_gradient,
    start,
    jac=True,
    method="L-BFGS-B",
    options={"maxiter": 400},
    callback=lambda theta: curve.append(cross_entropy_loss(y, logits(theta, X), from_logits=True)),
)
linear = CrossEntropyClassifier().fit(X, y)
linear_loss = cross_entropy_loss(y, linear.predict_proba(X))
print(f"linear {linear_loss:.3f} nats, network {curve[-1]:.3f} nats")

figure, axes = plt.subplots(
    2, 1, figsize=(6.4, 9.6), layout="constrained", gridspec_kw={"hspace": 0.06, "height_ratios": (2, 3)}
)
axes[0].semilogy(curve, color="#0072B2", linewidth=2, label="network")
axes[0].axhline(linear_loss, color="#D55E00", linestyle="--", label="softmax regression, optimum")
axes[0].axhline(np.log(K), color="0.5", linestyle=":", label="class frequencies: log 3")
axes[0].set(xlabel="Iterations", ylabel="Mean cross-entropy (nats)")
axes[0].grid(alpha=0.25)
axes[0].legend(frameon=False, loc="upper right", bbox_to_anchor=(1.0, 0.85))
u, v = np.meshgrid(np.linspace(-1.2, 1.2, 200), np.linspace(-1.2, 1.2, 200))
P = softmax(logits(found.x, np.column_stack([u.ravel(), v.ravel()])))
colours = np.array([[0, 114, 178], [213, 94, 0], [0, 158, 115]]) / 255
picture = (P @ colours).reshape(200, 200, 3)
axes[1].imshow(0.5 + 0.5 * picture, extent=(-1.2, 1.2, -1.2, 1.2), origin="lower")
for k, marker in enumerate("os^"):
    axes[1].scatter(
        *X[y == k].T,
        s=18,
        marker=marker,
        color=colours[k],
        edgecolors="white",
        linewidths=0.4,
        label=f"arm {k}",
    )
axes[1].legend(loc="lower right", framealpha=0.9)
axes[1].set(xlabel="First feature", ylabel="Second feature", title="Probabilities of the network")

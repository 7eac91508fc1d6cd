"""Fit on a torch device: `python benchmarks/devices.py [--device cuda] [--share 1.0]`.

Our fit on the device, torch's L-BFGS on the device, and our fit on the CPU, all float32, on 10M x 100 with
two classes and on 1.2M x 768 with 1000, or a share of those rows. Seconds, and the mean log loss plus penalty
that each ends with, evaluated in float64 by one independent function. Set SCIPY_ARRAY_API=1.
"""

from __future__ import annotations

import argparse
import time

import sklearn
import torch

from sklearn_xent import CrossEntropyClassifier

WORKLOADS = {"10M x 100, K = 2": (10_000_000, 100, 2), "1.2M x 768, K = 1000": (1_200_000, 768, 1000)}


def make(n_rows, n_columns, n_classes, device):
    """Rows of a softmax model, made on the device."""
    rng = torch.Generator(device=device).manual_seed(0)
    X = torch.randn((n_rows, n_columns), generator=rng, device=device)
    W = torch.randn((n_columns, n_classes), generator=rng, device=device) * 3 / n_columns**0.5
    y = torch.empty(n_rows, dtype=torch.int64, device=device)
    for rows in torch.split(torch.arange(n_rows, device=device), 100_000):
        noise = torch.rand((len(rows), n_classes), generator=rng, device=device).clamp_min(1e-20)
        y[rows] = (X[rows] @ W - (-noise.log()).log()).argmax(axis=1)
    return X, y


def summed_loss(X, y, W, b):
    """Sum of the log losses at W (1, d) for two classes, else (K, d)."""
    z = X @ W.T + b
    if len(W) == 1:
        return torch.nn.functional.binary_cross_entropy_with_logits(z[:, 0], y.to(z.dtype), reduction="sum")
    return torch.nn.functional.cross_entropy(z, y, reduction="sum")


def pieces(X, y, n_rows):
    return zip(torch.split(X, n_rows), torch.split(y, n_rows), strict=True)


def objective(X, y, W, b, C=1.0):
    """Mean log loss plus penalty in float64, some rows at a time."""
    W, b = W.double(), b.double()
    loss = sum(float(summed_loss(x.double(), t, W, b)) for x, t in pieces(X, y, 20_000))
    return (loss + 0.5 * float((W**2).sum()) / C) / len(y)


def torch_lbfgs(X, y, K, C=1.0):
    """What one would write: full batches in pieces that fit, L-BFGS with a strong Wolfe line search."""
    n_logits = 1 if K == 2 else K
    W = torch.zeros((n_logits, X.shape[1]), device=X.device, requires_grad=True)
    b = torch.zeros(n_logits, device=X.device, requires_grad=True)
    solver = torch.optim.LBFGS(
        [W, b], max_iter=500, history_size=10, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure():
        solver.zero_grad()
        total = 0.5 * (W**2).sum() / (C * len(y))
        total.backward()
        total = total.detach()
        for x, t in pieces(X, y, 200_000):
            loss = summed_loss(x, t, W, b) / len(y)
            loss.backward()
            total += loss.detach()
        return total

    solver.step(closure)
    return W.detach(), b.detach()


def ours(X, y, device):
    """Coefficients and intercepts, as tensors."""
    model = CrossEntropyClassifier(tol=1e-6).fit(X, y)
    return tuple(torch.as_tensor(v, device=device) for v in (model.coef_, model.intercept_))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--share", type=float, default=1.0)
    options = parser.parse_args()
    sklearn.set_config(array_api_dispatch=True)
    name = torch.cuda.get_device_name() if options.device.startswith("cuda") else "CPU"
    print(f"device: {name}; torch {torch.__version__}, {torch.get_num_threads()} threads on the CPU")
    for title, (n_rows, n_columns, K) in WORKLOADS.items():
        X, y = make(int(n_rows * options.share), n_columns, K, options.device)
        print(f"{title}, {X.shape[0]} rows")
        X_here, y_here = X.cpu().numpy(), y.cpu().numpy()
        ways = {
            "sklearn_xent, on the device": lambda X=X, y=y: ours(X, y, X.device),
            "torch L-BFGS, on the device": lambda X=X, y=y, K=K: torch_lbfgs(X, y, K),
            "sklearn_xent, numpy": lambda X=X_here, y=y_here: ours(X, y, options.device),
        }
        for way, fit in ways.items():
            began = time.perf_counter()
            W, b = fit()
            seconds = time.perf_counter() - began
            value = objective(X, y, W, b)
            print(f"  {way:30s} {seconds:8.2f} s   objective {value:.8f}", flush=True)


if __name__ == "__main__":
    main()

"""One pass over a stream: `python benchmarks/streams.py`.

Rows are shuffled, a fifth are for the test, a tenth of the rest for tuning. MiniBatchCrossEntropyClassifier
makes one pass at its defaults. SGDClassifier makes one pass for every learning rate of a grid, with the same
penalty; the one with the lowest log loss on the rows for tuning is kept. Both beside the optimum of all rows.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
from sklearn.linear_model import SGDClassifier
from workloads import sparse_text, tall

from sklearn_xent import CrossEntropyClassifier, MiniBatchCrossEntropyClassifier, cross_entropy_loss

RATES = [
    ("optimal", 0.0),
    *[(schedule, eta0) for schedule in ("constant", "invscaling") for eta0 in np.geomspace(1e-4, 10, 11)],
]


def loss(model, X, y):
    return cross_entropy_loss(y, model.decision_function(X), from_logits=True)


def one_pass(model, X, y):
    began = time.perf_counter()
    model.partial_fit(X, y, classes=[0, 1])
    return model, time.perf_counter() - began


def tuned_sgd(X, y, X_tune, y_tune, average):
    """The best of the grid on the rows for tuning, and the seconds of that one pass."""
    found = []
    for schedule, eta0 in RATES:
        sgd = SGDClassifier(
            loss="log_loss",
            alpha=1 / len(y),
            learning_rate=schedule,
            eta0=eta0 or 0.01,
            average=average,
            random_state=0,
        )
        model, seconds = one_pass(sgd, X, y)
        found.append((loss(model, X_tune, y_tune), schedule, eta0, model, seconds))
    return min(found, key=lambda row: row[0])


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore")
    for make in (tall, sparse_text):
        X, y = make()
        order = np.random.default_rng(7).permutation(len(y))
        test, rest = np.split(order, [len(y) // 5])
        tune, train = np.split(rest, [len(rest) // 10])
        print(f"{make.__doc__} {len(train)} rows to learn from, {len(test)} for the test")
        began = time.perf_counter()
        optimum = CrossEntropyClassifier().fit(X[train], y[train])
        least = loss(optimum, X[test], y[test])
        print(f"  optimum of all rows          {least:.6f}  {time.perf_counter() - began:6.2f} s")
        ours, seconds = one_pass(MiniBatchCrossEntropyClassifier(), X[train], y[train])
        mine = loss(ours, X[test], y[test])
        print(
            f"  MiniBatch..., one pass       {mine:.6f}  {seconds:6.2f} s   {mine / least - 1:+.3%}",
            flush=True,
        )
        for average in (False, True):
            _, schedule, eta0, sgd, seconds = tuned_sgd(X[train], y[train], X[tune], y[tune], average)
            theirs = loss(sgd, X[test], y[test])
            name = "SGDClassifier, averaged" if average else "SGDClassifier"
            print(
                f"  {name:27s}  {theirs:.6f}  {seconds:6.2f} s   {theirs / least - 1:+.3%}   "
                f"the best of {len(RATES)} rates: {schedule}, eta0 = {eta0:.2g}",
                flush=True,
            )


if __name__ == "__main__":
    main()

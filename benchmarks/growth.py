"""Time of a fit against the number of rows, 62k to 4M at 50 columns: `python benchmarks/growth.py`.

Prints the times and the exponent of the power law through them; with --figure FILE it draws them. Rows are
those of the first workload: X is made once, and smaller problems are its first rows.
"""

from __future__ import annotations

import argparse
import pathlib
import time

import numpy as np
from workloads import labels

from sklearn_xent import CrossEntropyClassifier

ROWS = [62_500 * 2**i for i in range(7)]


def measure(repeats):
    """Median seconds of a fit for each number of rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS[-1], 50))
    y = labels(X @ (rng.standard_normal(50) * 2 / np.sqrt(50)), rng)
    seconds = []
    for n in ROWS:
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            CrossEntropyClassifier().fit(X[:n], y[:n])
            times.append(time.perf_counter() - began)
        seconds.append(float(np.median(times)))
        an_entry = 1e9 * seconds[-1] / (n * 50)
        print(f"{n:9,d} rows  {seconds[-1]:7.3f} s  {an_entry:5.1f} ns an entry", flush=True)
    return np.asarray(seconds)


def draw(seconds, exponent, file):
    """Log-log picture of the times beside a line of slope 1."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
    rows = np.asarray(ROWS)
    ax.loglog(rows, seconds, "o-", label=f"fit: time grows as rows$^{{{exponent:.2f}}}$")
    ax.loglog(rows, seconds[0] * rows / rows[0], "--", color="0.5", label="proportional to the rows")
    ax.set(xlabel="Rows (50 columns)", ylabel="Seconds")
    ax.legend(frameon=False)
    figure.savefig(file, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--figure", type=pathlib.Path)
    arguments = parser.parse_args()
    seconds = measure(arguments.repeats)
    exponent = np.polyfit(np.log(ROWS), np.log(seconds), 1)[0]
    print(f"time grows as rows^{exponent:.2f}")
    if arguments.figure:
        draw(seconds, exponent, arguments.figure)


if __name__ == "__main__":
    main()

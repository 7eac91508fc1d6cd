"""What a Dask cluster costs on one machine: `python benchmarks/cluster.py [rows]`.

Fits rows x 50 in memory, and in 16 chunks on a LocalCluster of two processes of one thread each; with
dask-ml installed, its LogisticRegression too, along a grid of tolerances until it reaches the same gap. The
data are persisted on the workers before any clock starts. In the end the constants of the planning page are
printed: seconds a round takes when it does nothing, and bytes that go through the scheduler in a round.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

COLUMNS, CHUNKS, REPEATS = 50, 16, 3


def chunk(seed, n_rows):
    """Rows and labels of a known model, the last column of the result the labels."""
    w = np.random.default_rng(0).standard_normal(COLUMNS) * 2 / np.sqrt(COLUMNS)
    rng = np.random.default_rng(1 + seed)
    X = rng.standard_normal((n_rows, COLUMNS))
    return X, (rng.random(n_rows) < 1 / (1 + np.exp(-X @ w))).astype(np.int64)


def objective(X, y, coef, intercept, C=1.0):
    """Mean log loss plus penalty, independent of the package."""
    z = X @ coef + intercept
    return float(np.logaddexp(0, np.where(y == 1, -z, z)).mean() + 0.5 * coef @ coef / (C * len(y)))


def timed(fit):
    """Median seconds, and the last result."""
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        model = fit()
        times.append(time.perf_counter() - began)
    return float(np.median(times)), model


def collections(n_rows):
    """X and y as Dask arrays, made on the workers."""
    import dask
    import dask.array as da

    size = n_rows // CHUNKS
    pieces = [dask.delayed(chunk, nout=2, pure=True)(i, size) for i in range(CHUNKS)]
    X = da.concatenate([da.from_delayed(x, (size, COLUMNS), np.float64) for x, _ in pieces])
    y = da.concatenate([da.from_delayed(y, (size,), np.int64) for _, y in pieces])
    return dask.persist(X, y)


def rounds_of_nothing(client, n=20):
    """Seconds of a round with a task on every thread, and the bytes that it sends."""
    count = sum(client.nthreads().values())
    times = []
    for _ in range(n):
        began = time.perf_counter()
        first = client.map(_nothing, range(count), w=np.zeros(COLUMNS + 1), pure=False)
        client.gather(client.map(_nothing, first, w=None, pure=False))
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def _nothing(_, w):
    return np.zeros(COLUMNS + 1)


def main():
    from distributed import Client, LocalCluster, wait

    from sklearn_xent import CrossEntropyClassifier

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=4_000_000)
    n_rows = parser.parse_args().rows // CHUNKS * CHUNKS
    parts = [chunk(i, n_rows // CHUNKS) for i in range(CHUNKS)]
    X, y = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    del parts
    print(f"{n_rows} rows x {COLUMNS}, {X.nbytes / 1e9:.1f} GB, {CHUNKS} chunks, two workers of one thread")
    here, model = timed(lambda: CrossEntropyClassifier().fit(X, y))
    exact = CrossEntropyClassifier(tol=1e-13).fit(X, y)
    best = objective(X, y, exact.coef_[0], exact.intercept_[0])

    def gap(coef, intercept):
        return (objective(X, y, np.ravel(coef), float(np.ravel(intercept)[0])) - best) / best

    print(
        f"in memory      {here:7.2f} s   {model.history_['passes'][-1]:.0f} passes   "
        f"gap {gap(model.coef_, model.intercept_):.0e}",
        flush=True,
    )
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        DX, Dy = collections(n_rows)
        wait([DX, Dy])
        there, model = timed(lambda: CrossEntropyClassifier().fit(DX, Dy))
        print(
            f"on the cluster {there:7.2f} s   {model.history_['passes'][-1]:.0f} passes   "
            f"gap {gap(model.coef_, model.intercept_):.0e}   {there / here:.2f} times in memory",
            flush=True,
        )
        print(f"a round that does nothing: {1e3 * rounds_of_nothing(client):.0f} ms")
        try:
            from dask_ml.linear_model import LogisticRegression
        except ImportError:
            print("dask-ml is not installed: not compared")
            return
        warnings.simplefilter("ignore")
        for solver in ("lbfgs", "newton"):  # its admm does not end within minutes
            for tol in (1e-1, 1e-2, 1e-3, 1e-4):
                began = time.perf_counter()
                peer = LogisticRegression(solver=solver, C=1.0, tol=tol, max_iter=100).fit(DX, Dy)
                took = time.perf_counter() - began
                reached = gap(peer.coef_, peer.intercept_)
                print(
                    f"dask-ml {solver:7s} tol {tol:.0e} {took:7.2f} s   gap {reached:.0e}   "
                    f"{took / there:.1f} times ours",
                    flush=True,
                )
                if took > 120 or reached < 1e-6:
                    break


if __name__ == "__main__":
    main()

"""What a Dask cluster costs on one machine: `python benchmarks/cluster.py [rows]`.

Fits rows x 50 in memory, and in 16 chunks on a LocalCluster of two processes of one thread each; with
dask-ml installed, its LogisticRegression too, along a grid of tolerances until it reaches the same gap. The
data are persisted on the workers before any clock starts.

With --plan it measures the constants of a round instead (bytes a task is sent and sends back, what a task and
a round cost, the rate at which a thread sweeps rows) and prints what they say of a cluster of another size.
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


def round_of_nothing(client, n_tasks, n=20):
    """Median seconds of a round of two tasks a thread that do nothing, as a sweep has them."""
    times = []
    for i in range(n):
        began = time.perf_counter()
        keys = [[(f"{name}-{i}-{n_tasks}", j) for j in range(n_tasks)] for name in ("first", "second")]
        first = client.map(_nothing, range(n_tasks), w=np.zeros(COLUMNS + 1), key=keys[0], pure=False)
        client.gather(client.map(_nothing, first, w=None, key=keys[1], pure=False))
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def task_bytes(n_columns):
    """Bytes that a task of a gradient is sent, and that it sends back."""
    import cloudpickle

    from sklearn_xent.problem import kernels
    from sklearn_xent.problem.design import Design, Pulled
    from sklearn_xent.problem.losses import BinaryCrossEntropy

    d = np.random.default_rng(0).random(n_columns)
    design = Design(d, d + 1, d + 2)
    linear = design.linear(np.ones((1, n_columns + 1)))
    sent = cloudpickle.dumps((kernels.at, [linear, BinaryCrossEntropy(), design, False]))
    back = cloudpickle.dumps([(0, (1.0, Pulled(d[None], np.ones(1))))])
    return len(sent), len(back)


def sweep_rate(n_columns):
    """Bytes of X that one thread takes through a gradient in a second."""
    from sklearn_xent.problem import kernels
    from sklearn_xent.problem.design import Design
    from sklearn_xent.problem.losses import BinaryCrossEntropy
    from sklearn_xent.rows import as_rows

    n_rows = 400_000_000 // (8 * n_columns)
    X = np.random.default_rng(0).standard_normal((n_rows, n_columns))
    ones = np.ones(n_columns)
    design = Design(0 * ones, ones, ones)
    linear = design.linear(0.1 * np.ones((1, n_columns + 1)))
    rows = as_rows(X, np.zeros((1, n_rows)), np.full(n_rows, 1 / n_rows), alone=True)
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        rows.sweep(kernels.at, linear, BinaryCrossEntropy(), design, False)
        times.append(time.perf_counter() - began)
    return X.nbytes / float(np.median(times))


def plan(client, n_rows, n_columns, n_workers, n_threads):
    """Print the constants of this machine and what they say of a cluster."""
    from threadpoolctl import threadpool_limits

    from sklearn_xent.solvers.sampling import HESSIAN

    few, many = (round_of_nothing(client, n) for n in (2, 200))
    per_task = (many - few) / 198
    sent, back = task_bytes(n_columns)
    with threadpool_limits(1):
        rate = sweep_rate(n_columns)
    n_tasks, held = n_workers * n_threads, 8 * n_rows * n_columns / n_workers
    sweep, overhead = held / n_threads / rate, few + per_task * n_tasks
    drawn = 8 * HESSIAN.n_rows(n_rows, (1, n_columns + 1)) * n_columns
    print("measured here:")
    print(f"  a round of two tasks that do nothing      {1e3 * few:8.1f} ms")
    print(f"  each more task in a round                 {1e3 * per_task:8.2f} ms")
    print(f"  a task is sent, and sends back            {sent:8d} and {back} bytes at {n_columns} columns")
    print(f"  a thread sweeps                           {rate / 1e9:8.1f} GB of X in a second")
    print(f"{n_rows:.0e} rows x {n_columns} columns on {n_workers} workers of {n_threads} threads:")
    print(f"  a worker holds                            {held / 1e9:8.0f} GB")
    print(f"  bytes moved per round                     {(sent + back) * n_tasks / 1e6:8.1f} MB")
    print(f"  the sample that the client fetches once   {drawn / 1e9:8.1f} GB")
    print(f"  a round: tasks {overhead:.2f} s + sweep {sweep:.2f} s = {overhead + sweep:12.2f} s")
    print(f"  eight rounds, as a fit takes              {8 * (overhead + sweep):8.0f} s", flush=True)


def _nothing(_, w):
    return np.zeros(COLUMNS + 1)


def main():
    from distributed import Client, LocalCluster, wait

    from sklearn_xent import CrossEntropyClassifier

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=4_000_000)
    parser.add_argument("--plan", nargs=4, type=float, metavar=("ROWS", "COLUMNS", "WORKERS", "THREADS"))
    options = parser.parse_args()
    if options.plan:
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            plan(client, *map(int, options.plan))
        return
    n_rows = options.rows // CHUNKS * CHUNKS
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
        print(f"a round that does nothing: {1e3 * round_of_nothing(client, 2):.0f} ms")
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

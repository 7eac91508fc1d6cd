"""Time every peer on the workloads and print the table: `python benchmarks/run.py [workload ...]`.

Each peer runs in a process of its own with a cap on its time, along its grid of tolerances; T6 is the
time of the first fit with a relative gap of 1e-6, T3 of the first with 1e-3. The gap is computed from the
coefficients by one independent evaluation of the objective, against the lowest value that anyone reached.
With --table FILE the table is written as reStructuredText, too.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import time
import warnings

import numpy as np
import scipy.sparse as sp
from peers import PEERS
from scipy.special import logsumexp
from workloads import WORKLOADS, load


def objective(X, y, C, coef, intercept, l1_ratio=0.0):
    """Mean log loss plus penalty of coefficients in the units of X, written independently of the package."""
    z = np.asarray(X @ np.asarray(coef, dtype=X.dtype).T, dtype=np.float64) + intercept
    codes = np.unique(y, return_inverse=True)[1]
    if z.shape[1] == 1:
        loss = np.logaddexp(0, np.where(codes == 1, -z[:, 0], z[:, 0]))
    else:
        loss = logsumexp(z, axis=1) - z[np.arange(len(z)), codes]
    coef = np.asarray(coef, dtype=np.float64)
    penalty = l1_ratio * np.abs(coef).sum() + (1 - l1_ratio) / 2 * (coef**2).sum()
    return float(loss.mean() + penalty / (C * len(y)))


def measure_P(X, K):
    """Median time of X @ w plus X.T @ r."""
    rng = np.random.default_rng(0)
    k = 1 if K == 2 else K
    w, r = (rng.standard_normal((m, k)).astype(X.dtype) for m in (X.shape[1], X.shape[0]))
    times = []
    for _ in range(7):
        began = time.perf_counter()
        X @ w, X.T @ r
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def run_peer(workload, name, repeats, cap):
    """Fit along the grid; print a line of JSON for each fit."""
    warnings.simplefilter("ignore")
    X, y, C = load(workload)
    P, peer, l1_ratio = measure_P(X, len(np.unique(y))), PEERS[name], WORKLOADS[workload].l1_ratio
    rng = np.random.default_rng(0)
    # imports and compilation are not part of a fit
    tiny = rng.standard_normal((60, 3))
    peer.fit(sp.csr_array(tiny) if sp.issparse(X) else tiny, np.arange(60) % 2, 1.0, 1e-2, l1_ratio)
    for tol in peer.tols:
        times, base = [], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(repeats):
            began = time.perf_counter()
            coef, intercept = peer.fit(X, y, C, tol, l1_ratio)
            times.append(time.perf_counter() - began)
            if times[-1] > cap / 4:
                break
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
        value = objective(X, y, C, coef, intercept, l1_ratio)
        row = {"seconds": float(np.median(times)), "objective": value, "P": P, "peak": peak, "tol": tol}
        print(json.dumps(row), flush=True)
        if times[-1] > cap / 2:
            break


def collect(workload, name, repeats, cap, script):
    """Rows of a peer, run in a process of its own; what it managed before the cap."""
    options = ["--repeats", str(repeats), "--cap", str(cap)]
    command = [sys.executable, script, "--one", name, *options, workload]
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=4 * cap, check=False).stdout
    except subprocess.TimeoutExpired as error:
        out = (error.stdout or b"").decode()
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def compare(workload, repeats, cap, peers, script):
    """Best times of every peer, and the ratio of the best of them to ours."""
    X, y, _ = load(workload)
    K = len(np.unique(y))
    able = [name for name in peers or PEERS if PEERS[name].suits(X, K, WORKLOADS[workload].l1_ratio)]
    del X, y
    rows = {name: collect(workload, name, repeats, cap, script) for name in able}
    lowest = min(row["objective"] for found in rows.values() for row in found)
    best = {}
    for name, found in rows.items():
        times = {}
        for label, gap in (("T3", 1e-3), ("T6", 1e-6)):
            reached = [r["seconds"] for r in found if (r["objective"] - lowest) / lowest <= gap]
            times[label] = min(reached, default=np.inf)
        gaps = [(r["objective"] - lowest) / lowest for r in found]
        best[name] = times | {"gap": min(gaps, default=np.inf), "rows": found}
        P = found[0]["P"] if found else np.nan
        peak = max((r["peak"] for r in found), default=np.nan)
        print(
            f"  {name:26s} T3 {times['T3']:8.3f} s   T6 {times['T6']:8.3f} s = {times['T6'] / P:8.1f} P   "
            f"best gap {best[name]['gap']:.0e}   peak {peak:6.0f} MB",
            flush=True,
        )
    ours = best.pop("sklearn_xent")
    peer = min(best, key=lambda name: best[name]["T6"])
    return ours, peer, best[peer], ours["rows"][0]["P"]


def main(workloads, script=__file__):
    """Compare on workloads, or those that are named; ``script`` knows them, too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", default=workloads)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cap", type=float, default=60.0, help="seconds after which no more is tried")
    parser.add_argument("--peers", nargs="+", help="only these, of " + ", ".join(PEERS))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--table", type=pathlib.Path, help="write the table as reStructuredText, too")
    arguments = parser.parse_args()
    if arguments.one:
        run_peer(arguments.workloads[0], arguments.one, arguments.repeats, arguments.cap)
        return
    lines = [".. list-table::", "   :header-rows: 1", ""]
    head = ("data", "ours, in gradients", "fastest peer", "its time, in gradients", "times as fast")
    lines += ["   * - " + head[0], *(f"     - {cell}" for cell in head[1:])]
    for name in arguments.workloads:
        workload = WORKLOADS[name]
        print(f"{name}: {workload.title}", flush=True)
        ours, peer, theirs, P = compare(name, arguments.repeats, arguments.cap, arguments.peers, script)
        ratio = theirs["T6"] / ours["T6"]
        print(f"  ratio {ratio:.1f} (must {workload.must:g}), best peer {peer}\n", flush=True)
        cells = f"{ours['T6'] / P:.1f}", peer, f"{theirs['T6'] / P:.1f}", f"{ratio:.1f}"
        if theirs["T6"] == np.inf:
            cells = cells[0], "none", "not reached", "no peer"
        lines += [f"   * - {workload.title}", *(f"     - {cell}" for cell in cells)]
    if arguments.table:
        arguments.table.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(list(WORKLOADS))

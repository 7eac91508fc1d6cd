"""Fit files several times larger than the memory a process may have: `python benchmarks/memory.py [rows]`.

Writes a Parquet file and a .npy file of rows x 200 float64 into a temporary folder, then fits each in a
process of its own whose address space is limited (RLIMIT_AS): to what the libraries take, the mapping of the
.npy file, and a given allowance. Prints peak memory, time, readings of the file, and what reading it once
takes. The fit is the same, digit for digit, as that in memory, which is checked where it fits.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

COLUMNS, CHUNK = 200, 100_000
ROW_GROUP = 10_000  # 16 MB: each thread decodes one, and pyarrow holds all of its pages meanwhile
ALLOWANCE = 512 << 20  # bytes beyond the libraries and the numbers that are held for each row
# Allocators reserve address space that they never use, pyarrow's a gigabyte: not under a limit on it.
FRUGAL = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}


def chunks(n_rows):
    """Rows and labels of a known model, some at a time."""
    rng = np.random.default_rng(0)
    w = rng.standard_normal(COLUMNS) * 2 / np.sqrt(COLUMNS)
    for start in range(0, n_rows, CHUNK):
        X = rng.standard_normal((min(CHUNK, n_rows - start), COLUMNS))
        yield X, (rng.random(len(X)) < 1 / (1 + np.exp(-X @ w))).astype(np.int8)


def write(folder, n_rows):
    """Both files, and the labels of the .npy file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    mapped = np.lib.format.open_memmap(folder / "X.npy", mode="w+", dtype=np.float64, shape=(n_rows, COLUMNS))
    labels, writer, at = np.empty(n_rows, dtype=np.int8), None, 0
    for X, y in chunks(n_rows):
        mapped[at : at + len(X)], labels[at : at + len(X)] = X, y
        at += len(X)
        table = pa.table({**{f"x{j}": X[:, j] for j in range(COLUMNS)}, "label": y})
        if writer is None:
            pq.write_table(table[:10], folder / "tiny.parquet")
        writer = writer or pq.ParquetWriter(folder / "X.parquet", table.schema)
        writer.write_table(table, row_group_size=ROW_GROUP)
    writer.close()
    mapped.flush()
    np.save(folder / "y.npy", labels)


def virtual_bytes():
    """Address space of this process."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


class Watch(threading.Thread):
    """Peak of the memory that is this process's own: pages of a mapped file can be dropped at any time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self._done = 0, threading.Event()

    def run(self):
        while not self._done.wait(0.01):
            status = pathlib.Path("/proc/self/status").read_text()
            line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
            self.peak = max(self.peak, 1024 * int(line.split()[1]))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self._done.set()
        self.join()


def fit(folder, kind, limited):
    """Fit one of the files; print a line of JSON."""
    from sklearn_xent import CrossEntropyClassifier

    model = CrossEntropyClassifier()
    model.fit(np.random.default_rng(0).standard_normal((100, 3)), np.arange(100) % 2)
    if kind == "parquet":
        import pyarrow.dataset as ds

        ds.dataset(folder / "tiny.parquet").to_table()  # what pyarrow loads at its first reading
        X, y = ds.dataset(folder / "X.parquet"), "label"
    else:
        X, y = (
            np.load(folder / "X.npy", mmap_mode="r" if kind == "memmap" else None),
            np.load(folder / "y.npy"),
        )
    limit = virtual_bytes() + ALLOWANCE + per_row(folder)
    if limited:
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    with Watch() as watch:
        began = time.perf_counter()
        model.fit(X, y)
    row = {
        "seconds": time.perf_counter() - began,
        "passes": float(model.history_["passes"][-1]),
        "peak": watch.peak / 2**20,
        "gap": model.optimality_gap_ / model.history_["objective"][-1],
        # without the mapping of the .npy file, which is address space and no memory
        "limit": (limit - (X.nbytes if kind == "memmap" else 0)) / 2**20 if limited else None,
        "coef": model.coef_[0].tolist(),
    }
    print(json.dumps(row))


def per_row(folder):
    """Bytes of the numbers that a fit holds for each row: label, target, weight, logits and their like."""
    return 8 * 8 * len(np.load(folder / "y.npy", mmap_mode="r"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=4_000_000)
    parser.add_argument("--one", nargs=3, metavar=("FOLDER", "KIND", "LIMITED"), help=argparse.SUPPRESS)
    parser.add_argument("--in-memory", action="store_true", help="fit in memory too, without a limit")
    options = parser.parse_args()
    if options.one:
        folder, kind, limited = options.one
        fit(pathlib.Path(folder), kind, limited == "limited")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder, options.rows)
        size = 8 * options.rows * COLUMNS / 2**20
        print(f"{options.rows} rows x {COLUMNS}: {size:.0f} MB as float64")
        kinds = [("parquet", "limited"), ("memmap", "limited")]
        kinds += [("memory", "free")] if options.in_memory else []
        rows = {}
        for kind, limited in kinds:
            command = [sys.executable, __file__, "--one", name, kind, limited]
            out = subprocess.run(
                command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | FRUGAL
            ).stdout
            rows[kind] = row = json.loads(out.splitlines()[-1])
            allowed = "none" if row["limit"] is None else f"{row['limit']:.0f} MB"
            print(
                f"{kind:8s} limit on address space {allowed:>8s}   peak memory {row['peak']:6.0f} MB   "
                f"{row['seconds']:6.2f} s   {row['passes']:.0f} passes   relative gap {row['gap']:.0e}",
                flush=True,
            )
        first = np.asarray(rows[kinds[0][0]]["coef"])
        for kind, row in rows.items():
            off = np.abs(np.asarray(row["coef"]) - first).max() / np.abs(first).max()
            print(f"{kind:8s} coefficients differ from the first by {off:.0e}")


if __name__ == "__main__":
    main()

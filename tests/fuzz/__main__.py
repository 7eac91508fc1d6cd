"""Run the checks of a topic over many seeds: ``python -m tests.fuzz TOPIC --count N --seed S``."""

from __future__ import annotations

import argparse
import importlib
import os
import pathlib
import sys
import time
from collections import Counter

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

KINDS = ("ok", "warned", "false alarm", "violation", "hang", "error")
FAILURES = ("violation", "hang", "error")


def topics():
    """Names of the modules beside this one that have a ``check(seed)``."""
    here = pathlib.Path(__file__).parent
    return sorted(p.stem for p in here.glob("*.py") if "\ndef check(seed" in p.read_text())


def checked(arguments):
    """Kind and detail of one seed; what the check itself raises is an error of the check."""
    topic, seed = arguments
    check = importlib.import_module(f"tests.fuzz.{topic}").check
    try:
        kind, detail = check(seed)
    except Exception as error:
        kind, detail = "error", f"the check failed: {type(error).__name__}: {error}"
    return seed, kind, detail


def verdicts(topic, seeds, jobs):
    """Verdicts of the seeds, in their order."""
    work = [(topic, seed) for seed in seeds]
    if jobs == 1:
        yield from map(checked, work)
        return
    from multiprocessing import get_context

    with get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(checked, work, chunksize=1)


def main(argv=None):
    """Print the failures as they come and a summary; 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("topic", choices=topics())
    parser.add_argument("--count", type=int, default=100, help="how many seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--all", action="store_true", help="print the verdict of every seed")
    options = parser.parse_args(argv)
    began, kinds = time.perf_counter(), Counter()
    for seed, kind, detail in verdicts(
        options.topic, range(options.seed, options.seed + options.count), options.jobs
    ):
        kinds[kind] += 1
        if options.all or kind in FAILURES or kind == "false alarm":
            print(f"{options.topic} {seed} {kind}: {detail}", flush=True)
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS)
    print(f"{options.topic}: {options.count} seeds from {options.seed}: {counts}; ", end="")
    print(f"{time.perf_counter() - began:.0f} s")
    return int(any(kinds[kind] for kind in FAILURES))


if __name__ == "__main__":
    sys.exit(main())

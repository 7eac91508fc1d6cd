"""Run the checks of a topic over many seeds: ``python -m tests.fuzz TOPIC --count N --seed S``.

A topic is a module beside this one with ``check(seed) -> Verdict``. The failures are printed as they come,
with their seeds; then how often each ingredient was part of one, and a summary line. The exit status is 1 if
there was a violation, a hang or an error.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import time
from collections import Counter, defaultdict

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy is imported: many processes, one thread each

from tests.fuzz.seeds import checked, compared  # noqa: E402 - after the environment is set

KINDS = ("ok", "warned", "false alarm", "violation", "hang", "error")
FAILURES = ("violation", "hang", "error")


def topics():
    """Names of the modules beside this one that have a ``check(seed)``."""
    here = pathlib.Path(__file__).parent
    return sorted(p.stem for p in here.glob("*.py") if "\ndef check(seed" in p.read_text())


def mapped(function, work, jobs):
    """Results in the order of the work, by some processes."""
    if jobs == 1:
        yield from map(function, work)
        return
    from multiprocessing import get_context

    with get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(function, work)


def run(topic, seeds, jobs=1, everything=False):
    """Counts by kind, after every failure was printed."""
    kinds, failed, seen = Counter(), Counter(), Counter()
    for seed, kind, detail in mapped(checked, [(topic, seed) for seed in seeds], jobs):
        kinds[kind] += 1
        ingredients = set(detail.rpartition("}")[2].split()) if "|" in detail else set()
        seen.update(ingredients)
        if kind in FAILURES:
            failed.update(ingredients)
        if everything or kind in FAILURES or kind == "false alarm":
            print(f"{topic} {seed} {kind}: {detail}", flush=True)
    if failed:
        worst = sorted(failed, key=lambda name: -failed[name] / seen[name])[:12]
        print("failures by ingredient:", ", ".join(f"{name} {failed[name]}/{seen[name]}" for name in worst))
    return kinds


def run_peers(topic, seeds, jobs=1):
    """Print how the peers end on the problems they can pose, and how this package does on the same."""
    table = defaultdict(Counter)
    for outcomes in mapped(compared, [(topic, seed) for seed in seeds], jobs):
        for peer, ends in outcomes:
            table[peer].update(dict.fromkeys(ends.items(), 1))
    for peer, counts in sorted(table.items()):
        for who in ("peer", "ours"):
            ends = {kind: n for (whose, kind), n in sorted(counts.items()) if whose == who}
            line = ", ".join(f"{n} {kind}" for kind, n in ends.items())
            print(f"{peer if who == 'peer' else 'ours on the same'}: {sum(ends.values())} problems: {line}")


def main(argv=None):
    """Print the failures, a summary line and, if asked, the peers; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("topic", choices=topics())
    parser.add_argument("--count", type=int, default=100, help="how many seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--all", action="store_true", help="print the verdict of every seed")
    parser.add_argument("--peers", action="store_true", help="also fit the problems with other solvers")
    options = parser.parse_args(argv)
    seeds, began = range(options.seed, options.seed + options.count), time.perf_counter()
    kinds = run(options.topic, seeds, options.jobs, options.all)
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS)
    seconds = time.perf_counter() - began
    print(f"{options.topic}: {options.count} seeds from {options.seed}: {counts} ({seconds:.0f} s)")
    if options.peers:
        run_peers(options.topic, seeds, options.jobs)
    return int(any(kinds[kind] for kind in FAILURES))


if __name__ == "__main__":
    sys.exit(main())

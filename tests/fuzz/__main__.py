"""Run the checks of a topic over many seeds: ``python -m tests.fuzz TOPIC --count N --seed S``.

A topic is a module beside this one with ``check(seed) -> Verdict``. The failures are printed as they come,
with their seeds; then how often each ingredient was part of one, and a summary line. The exit status is 1 if
there was a violation, a hang or an error. With ``--peers`` the problems are fitted by other solvers and by
this package, and what became of them is counted. ``--table FILE`` also writes the counts to a table of
reStructuredText, in place of those that it has of the topic.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import sys
import time
from collections import Counter, defaultdict

from tests.fuzz import table

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy is imported: many processes, one thread each

from tests.fuzz.seeds import checked, compared  # noqa: E402 - after the environment is set

TOPIC = r"^def check\(seed(: int)?\)"  # what a module must have to be one
KINDS = ("ok", "warned", "false alarm", "violation", "hang", "error")
FAILURES = ("violation", "hang", "error")
ENDS = ("optimal", "warned", "silently worse", "failed", "too long")  # of a peer's fits


def topics():
    """Names of the modules beside this one that have a ``check(seed)``."""
    here = pathlib.Path(__file__).parent
    return sorted(p.stem for p in here.glob("*.py") if re.search(TOPIC, p.read_text(), re.MULTILINE))


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
    """Rows (seeds, solver, problems, count of each end) of peers, each followed by this package's."""
    ends_of = defaultdict(Counter)
    for outcomes in mapped(compared, [(topic, seed) for seed in seeds], jobs):
        for peer, ends in outcomes:
            ends_of[peer].update(ends.items())
    rows = []
    for peer, counts in sorted(ends_of.items()):
        for who, name in (("peer", peer), ("ours", "this package, the same problems")):
            ends = [counts[who, kind] for kind in ENDS]
            rows.append([f"{len(seeds)} from {seeds[0]}", name, sum(ends), *ends])
            line = ", ".join(f"{n} {kind}" for n, kind in zip(ends, ENDS, strict=True))
            print(f"{name}: {sum(ends)} problems: {line}")
    return rows


def main(argv=None):
    """Print the failures, a summary line and, if asked, the peers; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("topic", choices=topics())
    parser.add_argument("--count", type=int, default=100, help="how many seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--all", action="store_true", help="print the verdict of every seed")
    parser.add_argument("--peers", action="store_true", help="fit the problems with other solvers instead")
    parser.add_argument("--table", metavar="FILE", help="write the counts to a table, too")
    options = parser.parse_args(argv)
    topic, count, first = options.topic, options.count, options.seed
    seeds, began = range(first, first + count), time.perf_counter()
    if options.peers:
        rows = run_peers(topic, seeds, options.jobs)
        if options.table:
            header = "topic", "seeds", "solver", "problems", *ENDS
            table.replace(options.table, header, topic, rows)
        return 0
    kinds = run(topic, seeds, options.jobs, options.all)
    seconds = f"{time.perf_counter() - began:.0f}"
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS)
    print(f"{topic}: {count} seeds from {first}: {counts} ({seconds} s)")
    if options.table:
        row = [f"{count} from {first}", *(kinds[kind] for kind in KINDS), seconds]
        table.replace(options.table, ("topic", "seeds", *KINDS, "seconds"), topic, [row])
    return int(any(kinds[kind] for kind in FAILURES))


if __name__ == "__main__":
    sys.exit(main())

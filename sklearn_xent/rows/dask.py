"""Rows on the workers of a Dask cluster: a sweep is one round of tasks; only coefficients and sums travel.

Each task sweeps a group of partitions that one worker holds, with the kernels that local rows use. A worker
that dies takes nothing with it: groups, and what sweeps have kept on them, are results of tasks, which the
scheduler runs again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Kernel, PerRow, Rows, as_rows, joined
from sklearn_xent.rows.blocks import added, sample_rows
from sklearn_xent.rows.parts import between, row_runs
from sklearn_xent.rows.threads import Team

__all__ = ["ClusterRows", "Group", "groups_of"]

FAN_IN = 16  # results that one task adds
# Numbers in a partition's sums beyond which they are added on the worker, not in the order of partitions on
# the client: rounding then depends on which worker holds what.
FEW = 50_000

# what a partition's sums are known by: its number, and the sums
Sums = list[tuple[int, Any]]


@dataclass(frozen=True)
class Group:
    """Partitions that a worker holds, by number, and their size: what looks small, the scheduler moves."""

    members: list[tuple[int, Rows]]
    n_bytes: float

    def __sizeof__(self) -> int:
        """Bytes, as Dask asks for them."""
        return int(self.n_bytes)


class KeptThere:
    """Values per row that stay on the workers: entry ``j`` of what the tasks of a sweep have kept."""

    def __init__(self, rows: ClusterRows, results: list[Any], j: int) -> None:
        self._rows, self.results, self.j = rows, results, j

    def flat(self) -> list[Any]:
        """The values of all blocks, in their order, fetched."""
        return self._rows.fetch(self.results, self.j)


class ClusterRows:
    """Groups of partitions, each group the future of a Group.

    ``lengths`` are the rows of each partition, by number, in the order of the rows.
    """

    def __init__(
        self,
        client: Any,
        groups: list[Any],
        lengths: dict[int, int],
        *,
        n_features: int,
        dtype: Any,
        sparse: bool,
        n_bytes: float,
    ) -> None:
        self.n_rows, self.n_features = sum(lengths.values()), n_features
        self.passes = 0
        self.rounds = 0  # of tasks, whether or not they read X
        self.dtype, self.sparse, self.bytes = dtype, sparse, n_bytes
        self.single = self.local = False
        self.stands_for = 1.0
        self._client, self._groups, self._lengths = client, groups, lengths
        self._runs = dict(zip(lengths, row_runs(list(lengths.values())), strict=True))
        self.team = Team(n_bytes)

    def __enter__(self) -> Self:
        self.team.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.team.__exit__(*error)

    def _map(self, function: Callable[..., Any], *columns: Any, **options: Any) -> list[Any]:
        """A task for every group; one that is lost is run again, and so may run twice: none has effects.

        Tasks whose keys do not tell one round from another are taken, after a few rounds, for the roots of
        a graph, and sent anywhere, their data after them.
        """
        round_name = f"{function.__name__}-{uuid.uuid4().hex}"
        keys = [(round_name, i) for i in range(len(columns[0]))]
        futures: list[Any] = self._client.map(function, *columns, key=keys, pure=False, **options)
        return futures

    def sweep(self, kernel: Kernel, *args: Any, reads: bool = True) -> tuple[Any, Any]:
        """See ``Rows.sweep``; ``kernel`` and all but what is per row go along with every task."""
        self.passes += reads
        self.rounds += 1
        there = [a for a in args if isinstance(a, KeptThere)]
        sent = [None if isinstance(a, KeptThere) else a for a in args]
        places = [(i, a.j) for i, a in enumerate(args) if isinstance(a, KeptThere)]
        columns = [a.results for a in there]
        results = self._map(
            _sweep, self._groups, *columns, kernel=kernel, args=sent, places=places, single=self.single
        )
        parts = self._map(_sums_of, results)
        while len(parts) > FAN_IN:
            parts = [
                self._client.submit(_merged, parts[i : i + FAN_IN], pure=False)
                for i in range(0, len(parts), FAN_IN)
            ]
        gathered, n_kept = _merged(self._client.gather(parts))
        sums: list[Any] = []
        for _, more in sorted(gathered, key=lambda pair: pair[0]):
            sums = added(sums, more)
        return tuple(sums), tuple(KeptThere(self, results, j) for j in range(n_kept))

    def fetch(self, results: list[Any], j: int) -> list[Any]:
        """What sweeps have kept, block by block in the order of the rows."""
        groups = self._client.gather(self._map(_kept_of, results, j=j))
        kept = dict(pair for group in groups for pair in group)
        return PerRow(kept[i] for i in sorted(kept)).flat()

    def split(self, R: Array) -> Any:
        """See ``Rows.split``."""
        pieces = {number: R[:, run] for number, run in self._runs.items()}
        return KeptThere(self, self._map(_split, self._groups, pieces=pieces), 0)

    def columns(self, which: Array) -> ClusterRows:
        """See ``Rows.columns``."""
        rows = ClusterRows(
            self._client,
            self._map(_columns, self._groups, which=which),
            self._lengths,
            n_features=len(which),
            dtype=self.dtype,
            sparse=self.sparse,
            n_bytes=self.bytes * len(which) / max(self.n_features, 1),
        )
        rows.team, rows.single = self.team, self.single
        return rows

    def take(self, rows: Array) -> Block:
        """See ``Rows.take``; one round."""
        self.passes += 1
        self.rounds += 1
        wanted = {number: between(rows, run) for number, run in self._runs.items()}
        groups = self._client.gather(self._map(_take, self._groups, wanted=wanted))
        blocks = dict(pair for group in groups for pair in group)
        return joined([blocks[i] for i in sorted(blocks)])

    def sample(self, n_rows: int, rng: np.random.RandomState, always: Array) -> Rows:
        """See ``Rows.sample``; the sample is in this process."""
        block, stands_for = sample_rows(self, n_rows, rng, always, 1.0)
        rows = as_rows(*block)
        rows.stands_for = stands_for
        rows.team, rows.single = self.team, self.single
        return rows

    def place(self, row: int) -> str:
        """See ``Rows.place``."""
        number = next(number for number, run in self._runs.items() if row < run.stop)
        return f", first in partition {number}"


def groups_of(client: Any, futures: dict[int, Any]) -> list[list[int]]:
    """Numbers of the partitions that tasks should take together: neighbours on one worker."""
    held: dict[str, list[int]] = {}
    where = client.who_has(list(futures.values()))
    for i, future in futures.items():
        held.setdefault(next(iter(where.get(future.key, ())), ""), []).append(i)
    threads = client.nthreads()
    groups = []
    for worker, mine in held.items():
        # one for each thread: of tasks that wait for one, the scheduler would send data to an idle worker
        count = min(len(mine), threads.get(worker, 1))
        cuts = [len(mine) * k // count for k in range(count + 1)]
        groups += [mine[a:b] for a, b in pairwise(cuts)]
    return sorted(groups)


# What follows runs on the workers.


def _sweep(group: Group, *there: Any, kernel: Kernel, args: list[Any], places: Any, single: bool) -> Any:
    """Sums of the partitions, by number, and what is to be kept of each: ((sums, n_kept), kept)."""
    sums: Sums = []
    kept = []
    for i, (number, rows) in enumerate(group.members):
        mine = list(args)
        for (place, j), result in zip(places, there, strict=True):
            mine[place] = result[1][i][1][j]
        rows.single = single
        of_rows, stays = rows.sweep(kernel, *mine)
        sums.append((number, of_rows))
        kept.append((number, stays))
    return (_folded(sums), len(kept[0][1])), kept


def _folded(sums: Sums) -> Sums:
    """Sums, added up where they are many numbers."""
    if sum(np.size(getattr(s, "RX", s)) for s in sums[0][1]) <= FEW:
        return sums
    total: list[Any] = []
    for _, more in sums:
        total = added(total, more)
    return [(sums[0][0], tuple(total))]


def _sums_of(result: Any) -> Any:
    return result[0]


def _merged(parts: list[Any]) -> Any:
    return _folded([pair for sums, _ in parts for pair in sums]), parts[0][1]


def _kept_of(result: Any, *, j: int) -> Any:
    return [(number, stays[j]) for number, stays in result[1]]


def _split(group: Group, *, pieces: dict[int, Array]) -> Any:
    return None, [(number, (rows.split(pieces[number]),)) for number, rows in group.members]


def _take(group: Group, *, wanted: dict[int, Array]) -> Any:
    return [(number, rows.take(wanted[number])) for number, rows in group.members]


def _columns(group: Group, *, which: Array) -> Group:
    members = [(number, rows.columns(which)) for number, rows in group.members]
    return Group(members, sum(rows.bytes for _, rows in members))

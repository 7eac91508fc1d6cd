"""A team of threads for one fit: it splits row blocks, and holds BLAS to one thread meanwhile.

OpenBLAS does not split the sample axis of the products that a sweep makes, and hardly that of X @ w;
blocks of rows on threads of our own do. numpy's products and ufuncs release the interpreter lock.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain, pairwise
from types import TracebackType
from typing import Any, Self

from threadpoolctl import ThreadpoolController

__all__ = ["Team", "usable_cores"]

WORTH_THREADS = 8 << 20  # bytes of X below which starting a pool costs more than it saves
# Bytes from which BLAS would use threads of its own. numpy and scipy carry a BLAS each, and the idle
# threads of the one spin while the other works.
WORTH_LIMIT = 128 << 10


@cache
def _controller() -> ThreadpoolController:
    """The loaded BLAS libraries; finding them takes milliseconds, so it is done once."""
    return ThreadpoolController().select(user_api="blas")


def usable_cores() -> int:
    """Cores this process may use, and no more than BLAS has been told to (by joblib, or by the user)."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = [library.num_threads for library in _controller().lib_controllers]
    return min([mine, max(told, default=mine)])


class _SingleThreadedBlas:
    """Counts who needs BLAS on one thread: the first sets the limit, the last lifts it.

    Nested limits of fits that overlap in time would restore each other's one instead.
    """

    def __init__(self) -> None:
        self._lock, self._users, self._limit = threading.Lock(), 0, None

    def acquire(self) -> None:
        """Hold BLAS to one thread."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._limit = _controller().limit(limits=1)

    def release(self) -> None:
        """Give it back what it had, once nobody needs this."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._limit is not None:
                self._limit.restore_original_limits()
                self._limit = None


_BLAS = _SingleThreadedBlas()


class Team:
    """Threads while it is entered, where the work is worth it; else the calling thread alone."""

    def __init__(self, n_bytes: float) -> None:
        self._wants_pool, self._wants_limit = n_bytes >= WORTH_THREADS, n_bytes >= WORTH_LIMIT
        self._pool: ThreadPoolExecutor | None = None
        self.size = 1

    def __enter__(self) -> Self:
        self.size = usable_cores() if self._wants_pool else 1
        if self.size > 1:
            self._pool = ThreadPoolExecutor(self.size)
        if self._wants_limit:
            _BLAS.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._wants_limit:
            _BLAS.release()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool, self.size = None, 1

    def map(self, function: Callable[[int], Any], n: int) -> Iterable[Any]:
        """Results of 0, ..., n - 1 in order. Each thread takes one run of them: handing out costs, too."""
        if self._pool is None:
            return map(function, range(n))
        cuts = [n * i // self.size for i in range(self.size + 1)]
        runs = [range(a, b) for a, b in pairwise(cuts)]
        parts = self._pool.map(lambda run: [function(i) for i in run], runs)
        return chain.from_iterable(parts)

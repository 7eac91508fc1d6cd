"""A team of threads for one fit: it splits row blocks, and holds BLAS to one thread meanwhile.

OpenBLAS does not split the sample axis of the products that a sweep makes, and hardly that of X @ w;
blocks of rows on threads of our own do. numpy's products and ufuncs release the interpreter lock.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from functools import cache, partial
from itertools import chain, pairwise
from typing import Any, Self
from weakref import WeakSet, finalize, ref

from threadpoolctl import ThreadpoolController

from sklearn_xent.isolation import close_at_end
from sklearn_xent.rows.pool import Pool

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
    return min([mine, max(_BLAS.told(), default=mine)])


class _Entered:
    """A team that is entered, and may need BLAS on one thread, as long as this exists.

    The call that entered it holds this, not the team, which threads may hold that have not ended yet.
    """

    def __init__(self, team: Team) -> None:
        self._team = team

    def close(self) -> None:
        """Leave the team."""
        self._team.close()


class _SingleThreadedBlas:
    """Holds BLAS to one thread while anybody uses that: the first sets the limit, the last lifts it.

    Nested limits of fits that overlap in time would restore each other's one instead. Whether there is to be
    a limit follows from who exists, and every step can be taken again: one that an interrupt has cut short is
    completed by whoever comes next.
    """

    def __init__(self) -> None:
        # a garbage collection may end a user while its thread is in here
        self._lock = threading.RLock()
        self._users: set[ref[_Entered]] = set()
        self._found: list[int] | None = None  # each library's threads before the limit, while there is one

    def add(self, user: ref[_Entered]) -> None:
        """Hold BLAS to one thread until the user is discarded, or exists no more."""
        self._users.add(user)
        self.settle()

    def discard(self, user: ref[_Entered]) -> None:
        """Give BLAS back what it had, if nobody else needs it on one thread; again is nothing."""
        self._users.discard(user)
        self.settle()

    def told(self) -> list[int]:
        """Threads that each library would use without the limit."""
        with self._lock:
            present = [library.num_threads for library in _controller().lib_controllers]
            found = self._found or present
            # a number that is not the limit's was set by somebody else meanwhile
            return [a if b == 1 else b for a, b in zip(found, present, strict=True)]

    def forget_users(self) -> None:
        """Start anew in a forked process, which has none of the threads that may have held the lock."""
        self._lock = threading.RLock()
        self._users.clear()
        self.settle()

    def settle(self) -> None:
        """Set or lift the limit, as the users want it."""
        while self._wanted() != (self._found is not None):
            with self._lock:
                if self._wanted():
                    self._limit()
                else:
                    self._lift()

    def _wanted(self) -> bool:
        for user in list(self._users):
            if user() is not None:
                return True
            self._users.discard(user)
        return False

    def _limit(self) -> None:
        libraries = _controller().lib_controllers
        if self._found is None:
            self._found = [library.num_threads for library in libraries]
        for library in libraries:
            library.set_num_threads(1)

    def _lift(self) -> None:
        for library, n in zip(_controller().lib_controllers, self._found or [], strict=False):
            # any other number was set by somebody else meanwhile
            if library.num_threads == 1:
                library.set_num_threads(n)
        self._found = None


_BLAS = _SingleThreadedBlas()


class Team:
    """Threads while it is entered, where the work is worth it; else the calling thread alone."""

    def __init__(self, n_bytes: float) -> None:
        self._wants_pool, self._wants_limit = n_bytes >= WORTH_THREADS, n_bytes >= WORTH_LIMIT
        self._pool: Pool | None = None
        self._closing = False
        self._user: ref[_Entered] | None = None
        self._own: _Entered | None = None  # where no call holds it
        # What a finaliser raises is lost, Ctrl-C too: so there are some only while the team is entered.
        self._endings: list[finalize[..., _Entered]] = []
        self.size = 1

    def __enter__(self) -> Self:
        self._closing = False
        entered = _Entered(self)
        self._user = ref(entered)
        hash(self._user)  # which is known only of what has been hashed while it existed
        if not close_at_end(entered):
            self._own = entered
        try:
            if self._wants_limit:
                self._endings.append(finalize(entered, _BLAS.settle))
                _BLAS.add(self._user)
            size = usable_cores() if self._wants_pool else 1
            if size > 1:
                _WITH_POOL.add(self)
                self._pool = Pool(size)
                self._endings.append(finalize(entered, self._pool.end))
                self._pool.start()
                self.size = size
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads once each is through with the item it is at; again is nothing."""
        self._closing = True
        try:
            if self._pool is not None:
                self._pool.end()
                self._pool.join()
            self.leave_pool()
        finally:
            if self._user is not None:
                _BLAS.discard(self._user)
        while self._endings:
            self._endings.pop().detach()
        self._user = self._own = None

    def leave_pool(self) -> None:
        """Go on with the calling thread alone."""
        _WITH_POOL.discard(self)
        self._pool, self.size = None, 1

    def map(self, function: Callable[[int], Any], n: int) -> Iterable[Any]:
        """Results of 0, ..., n - 1 in order. Each thread takes one run of them: handing out costs, too."""
        if self._pool is None:
            return map(function, range(n))
        cuts = [n * i // self.size for i in range(self.size + 1)]
        parts = self._pool.run([partial(self._part, function, range(a, b)) for a, b in pairwise(cuts)])
        return chain.from_iterable(parts)

    def _part(self, function: Callable[[int], Any], run: range) -> list[Any]:
        return [function(i) for i in run if not self._closing]


_WITH_POOL: WeakSet[Team] = WeakSet()


def _after_fork() -> None:
    """A forked process has the thread that forked, and no other: no pool and no other fit."""
    for team in list(_WITH_POOL):
        team.leave_pool()
    _BLAS.forget_users()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

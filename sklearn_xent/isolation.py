"""What a call does to the process around it ends with the call, however it ends.

Ctrl-C may arrive between any two instructions, also where a context manager is about to undo what it did:
then its undoing never runs. So there is a second one, at the level of the call.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

import numpy as np

__all__ = ["all_or_nothing", "assign", "close_at_end", "isolated", "warn_caller"]

P = ParamSpec("P")
R = TypeVar("R")


class Closable(Protocol):
    """What can be closed, several times over."""

    def close(self) -> None:
        """Undo what was done to the process."""
        ...


# of the innermost isolated call; None outside of all
_OPENED: ContextVar[list[Closable] | None] = ContextVar("_OPENED", default=None)


def isolated(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function in a context of its own; what it opened and has not closed is closed after it.

    numpy's error state is a variable of the context, or of the thread where numpy is older than 2.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        errors, filters = np.geterr(), warnings.filters
        opened: list[Closable] = []
        context = copy_context()
        context.run(_OPENED.set, opened)
        try:
            return context.run(function, *args, **kwargs)
        except BaseException:
            _restore(filters)
            raise
        finally:
            for resource in opened:
                resource.close()
            if np.geterr() != errors:
                np.seterr(**errors)  # type: ignore[arg-type]

    return call


def _restore(filters: Any) -> None:
    """Take back the warning filters of a ``catch_warnings`` that was not left; scikit-learn has some."""
    # it copies the list and adds to the copy; where some are lacking, another thread has left one of its own
    if warnings.filters is not filters and all(f in warnings.filters for f in filters):
        warnings.filters = filters
        with warnings.catch_warnings():  # which makes the interpreter look at them anew
            pass


def all_or_nothing(fit: Callable[P, R]) -> Callable[P, R]:
    """Isolate a method that sets attributes, and take back all it has set if it raises anything."""
    run = isolated(fit)

    @wraps(fit)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        estimator: Any = args[0]
        before = dict(vars(estimator))
        try:
            return run(*args, **kwargs)
        except BaseException:
            estimator.__dict__ = before
            raise

    return call


def close_at_end(resource: Closable) -> bool:
    """Have a resource held, and closed when the isolated call ends; False outside of such a call."""
    opened = _OPENED.get()
    if opened is None:
        return False
    opened.append(resource)
    return True


def assign(estimator: Any, fitted: dict[str, Any]) -> None:
    """Give an estimator the attributes of a fit, all in one step: another thread sees all or none of them."""
    kept = {name: value for name, value in vars(estimator).items() if name != "feature_names_in_"}
    estimator.__dict__ = kept | fitted


def warn_caller(warning: Warning) -> None:
    """Warn at the line of the user: that called this package, or what it was called by of scikit-learn."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(warning, stacklevel=level)


def _is_ours(module: str) -> bool:
    """Whether a module is of this package, or of what a fit is called through: pipelines, searches."""
    return module.split(".")[0] in {"sklearn_xent", "sklearn", "joblib"}

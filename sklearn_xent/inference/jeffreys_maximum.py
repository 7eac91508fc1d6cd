"""The maximum of a likelihood penalised by Jeffreys' prior, of all coefficients or on a flat of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.inference.identifiability import reduced
from sklearn_xent.inference.jeffreys import JeffreysLikelihood, JeffreysPoint, inverse_of

__all__ = ["JeffreysMaximum", "maximise"]


@dataclass(frozen=True)
class JeffreysMaximum:
    """Where an ascent ended: ``size`` is the norm of the score there, in standard errors."""

    point: JeffreysPoint
    size: float
    n_iter: int
    converged: bool
    stalled: bool = False


@np.errstate(over="ignore", invalid="ignore")
def maximise(
    problem: JeffreysLikelihood, start: JeffreysPoint, tol: float, max_iter: int, Z: Array | None = None
) -> JeffreysMaximum:
    """Maximise from a start, along the columns of ``Z`` (N, r), or of the identity where there is none.

    Steps are Newton's with the metric of `JeffreysPoint`, corrected by the changes of the score that the
    last steps made (L-BFGS), and halved until the penalised likelihood rises. It ends where the norm of the
    score U, sqrt(U' I^-1 U), is at most ``tol``: no linear combination of the coefficients is then further
    from the maximum than about ``tol`` of its standard error.
    """
    Z = np.eye(len(start.b)) if Z is None else Z
    point, pairs = start, _Pairs()
    for n_iter in range(max_iter + 1):
        score = point.score @ Z
        size = _norm(point.information_root, Z, score)
        if size <= tol:
            return JeffreysMaximum(point, size, n_iter, converged=True)
        if n_iter == max_iter:
            break
        step = pairs.direction(score, inverse_of(reduced([point.metric_root @ Z])))
        following = _ascend(problem, point, Z, step, score, size)
        if following is None and pairs.changes:
            # what the steps have taught may be of another place: once more without
            pairs = _Pairs()
            step = pairs.direction(score, inverse_of(reduced([point.metric_root @ Z])))
            following = _ascend(problem, point, Z, step, score, size)
        if following is None:
            return JeffreysMaximum(point, size, n_iter, converged=False, stalled=True)
        pairs.learn(Z.T @ (following.b - point.b), score - following.score @ Z)
        point = following
    return JeffreysMaximum(point, size, max_iter, converged=False)


def _norm(root: Array, Z: Array, score: Array) -> float:
    """Norm of a score in standard errors, on the flat."""
    return float(np.linalg.norm(score @ inverse_of(reduced([root @ Z]))))


def _ascend(
    problem: JeffreysLikelihood, point: JeffreysPoint, Z: Array, step: Array, score: Array, size: float
) -> JeffreysPoint | None:
    """The first of a step and its halves at which the penalised likelihood rises enough, or None.

    Where rises are below rounding the score decides.
    """
    direction, slope = Z @ step, float(step @ score)
    for halvings in range(40):
        t = 0.5**halvings
        trial = problem.at(point.b + t * direction)
        rise = trial.value - point.value
        if rise >= 1e-4 * t * slope:
            return trial
        if rise >= -point.noise and _norm(trial.information_root, Z, trial.score @ Z) < size:
            return trial
    return None


@dataclass
class _Pairs:
    """The last steps, and what each took off the score."""

    steps: list[Array] = field(default_factory=list)
    changes: list[Array] = field(default_factory=list)

    def learn(self, step: Array, change: Array) -> None:
        """Add a pair, if the penalised likelihood was concave along it; the eighth last is let go."""
        if step @ change > 1e-8 * np.linalg.norm(step) * np.linalg.norm(change):
            self.steps, self.changes = [*self.steps[-7:], step], [*self.changes[-7:], change]

    def direction(self, score: Array, root: Array) -> Array:
        """Ascent direction by the two-loop recursion, from the inverse metric root root'.

        Nocedal and Wright (2006), Numerical Optimization, algorithm 7.4.
        """
        q, shares = score.copy(), []
        for s, y in zip(self.steps[::-1], self.changes[::-1], strict=True):
            shares.append(float(s @ q) / float(s @ y))
            q -= shares[-1] * y
        q = root @ (q @ root)
        for s, y, share in zip(self.steps, self.changes, shares[::-1], strict=True):
            q += (share - float(y @ q) / float(s @ y)) * s
        return np.asarray(q)

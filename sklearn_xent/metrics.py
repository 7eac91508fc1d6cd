"""Scores of probabilistic forecasts by their cross-entropy, and the scorers that compute them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.formulas import cross_entropy_loss, entropy_of_masses
from sklearn_xent.scorer import LogProbabilityScorer
from sklearn_xent.truth import as_shares, as_targets, as_weights, in_order

__all__ = ["cross_entropy_skill", "cross_entropy_skill_scorer", "neg_cross_entropy_scorer"]


def cross_entropy_skill(
    y_true: Any,
    y_prob: Any,
    *,
    labels: Any = None,
    sample_weight: Any = None,
    from_logits: bool = False,
) -> float:
    r"""Share of the uncertainty that a forecast removes, :math:`1 - CE / CE_0`.

    :math:`CE_0` is the loss of the best constant forecast, the weighted class frequencies of ``y_true``:
    their entropy. 1 is perfect, 0 no better than the frequencies, negative worse than them. McFadden's
    pseudo R squared is this on the training samples.

    Parameters
    ----------
    y_true, y_prob, labels, sample_weight, from_logits
        As in `cross_entropy_loss`.

    Returns
    -------
    skill : float
        At most 1; higher is better. Where ``y_true`` holds one class only there is no uncertainty to
        remove: 0 if the loss is 0, else ``-inf``.

    Raises
    ------
    ValueError
        As `cross_entropy_loss`.

    References
    ----------
    .. [1] McFadden, D. (1974), "Conditional logit analysis of qualitative choice behavior".
    .. [2] Roulston, M. S. and Smith, L. A. (2002), "Evaluating probabilistic forecasts using information
       theory", Mon. Weather Rev. 130.

    Examples
    --------
    >>> from sklearn_xent.metrics import cross_entropy_skill
    >>> round(cross_entropy_skill([0, 1, 1, 0], [0.1, 0.8, 0.7, 0.2]), 3)
    0.672
    """
    y_prob, labels = in_order(y_prob, labels)
    loss = cross_entropy_loss(
        y_true, y_prob, labels=labels, sample_weight=sample_weight, from_logits=from_logits
    )
    shape = np.shape(np.atleast_1d(y_prob))
    outcomes = np.atleast_1d(y_true) if np.ndim(y_prob) == 0 else y_true
    targets = as_targets(outcomes, (shape[0], 2 if len(shape) == 1 else shape[1]), labels)
    shares = as_shares(as_weights(sample_weight, len(targets)))
    with np.errstate(under="ignore"):
        null = entropy_of_masses(shares @ targets)
    if null == 0:
        return 0.0 if loss == 0 else -np.inf
    with np.errstate(over="ignore", under="ignore"):
        return 1 - float(np.divide(loss, null))


def _neg_loss(y_true: Any, y_prob: Any, **options: Any) -> float:
    return -float(cross_entropy_loss(y_true, y_prob, **options))


#: Minus the mean loss in nats, for ``scoring=``; higher is better.
neg_cross_entropy_scorer = LogProbabilityScorer("neg_cross_entropy_scorer", _neg_loss)

#: `cross_entropy_skill` for ``scoring=``; higher is better.
cross_entropy_skill_scorer = LogProbabilityScorer("cross_entropy_skill_scorer", cross_entropy_skill)

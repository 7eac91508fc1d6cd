"""CrossEntropyClassifierCV: the strength of the penalty, chosen by the loss on rows a fit has not seen."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent.arrays import Array
from sklearn_xent.callbacks import CallbackSupportMixin, Task, with_callbacks
from sklearn_xent.classifier import CrossEntropyClassifier
from sklearn_xent.cross_validation import Data, encoded, scores_of
from sklearn_xent.fitting import fitted_attributes
from sklearn_xent.intake import validated
from sklearn_xent.isolation import all_or_nothing, assign, warn_caller
from sklearn_xent.parameters import check_l1_ratio, check_parameters
from sklearn_xent.path import CrossEntropyPath, check_Cs, summary_of
from sklearn_xent.predictor import LinearPredictor
from sklearn_xent.targets import check_offset, check_sample_weight

__all__ = ["CrossEntropyClassifierCV"]


class CrossEntropyClassifierCV(CallbackSupportMixin, LinearPredictor, ClassifierMixin, BaseEstimator):
    """`CrossEntropyClassifier` whose ``C`` and ``l1_ratio`` are chosen by the loss on unseen samples.

    With ``cv=None`` every sample's loss without it is computed from one fit per C [1]_, as ``RidgeCV`` does
    for ridge, as far as that is valid. With folds, each fold's fits start from one another along the grid.

    Parameters
    ----------
    Cs : int or array-like of shape (n_Cs,), default=10
        Inverse strengths to choose from; a number is that many between 1e-4 and 1e4.
    l1_ratios : array-like of shape (n_l1_ratios,), default=(0.0,)
        Shares of the l1 norm to choose from.
    cv : int, splitter, iterable of (train, test) or None, default=None
        None is approximate leave-one-out, with a fit of the others for each sample where one from all samples
        is not valid; with ``groups`` of features, or more than 4000 coefficients in use, it is five folds. A
        number is that many stratified folds.
    scoring : str, callable or None, default=None
        Of fitted classifiers on a fold's samples; higher is better. None is minus the mean cross-entropy in
        nats, with ``sample_weight``. Others need folds.
    one_standard_error : bool, default=False
        Whether the strongest penalty is chosen whose score is within one standard error of the best.
    n_jobs : int, default=None
        Processes over folds and l1_ratios, and over samples left out of a fit each, as in joblib.
    fit_intercept, class_weight, penalty_factor, groups, coef_bounds, solver, tol, max_iter
        As for `CrossEntropyClassifier`. The ``groups`` are of features; those of samples, which some
        splitters ask for, are an argument of ``fit``.
    label_smoothing, prior_correction, random_state
        As for `CrossEntropyClassifier`.
    verbose : int, default=0
        If positive, print a line for each optimum of each path, and then for each iteration of the last fit.

    Attributes
    ----------
    C_, l1_ratio_ : float
        Those chosen.
    C_best_, C_1se_ : float
        Of the best score, and the smallest whose score is within a standard error of it.
    Cs_ : ndarray of shape (n_Cs,)
        The grid.
    scores_ : ndarray of shape (n_l1_ratios, n_folds, n_Cs)
        Score of each fold, or of leave-one-out (one "fold").
    mean_score_, std_error_ : ndarray of shape (n_l1_ratios, n_Cs)
        Over folds, or over samples.
    n_refitted_ : ndarray of shape (n_l1_ratios, n_Cs)
        Samples that were left out of a fit each, where leave-one-out from one fit is not valid; 0 with folds.
    paths_ : list of list of CrossEntropyPath
        Coefficients along the grid, for each l1_ratio and fold.
    coef_, intercept_, classes_, n_iter_, converged_, history_
        Of the fit of all samples with what was chosen, as in `CrossEntropyClassifier`.
    optimality_gap_, optimality_gap_kind_, solver_
        Of the fit of all samples with what was chosen, as in `CrossEntropyClassifier`.

    See Also
    --------
    cross_entropy_path : The path alone.
    RegularizationPathDisplay : Draws coefficients and scores against C.

    Notes
    -----
    A fold whose training samples lack a class fits the others; its test samples of that class have no
    probability, say nothing of C, and are left out of its score. So is the only sample of a class with
    leave-one-out, which takes each sample for one observation, whatever its weight, and whose class weights
    are those of all samples. It factors the Hessian, so that at most 4000 coefficients may be free to move
    (or, with ridge and fewer samples than features, 1500 samples times classes).

    The Newton step that leaves a sample out is believed where it moves the other samples' logits by so little
    that their curvature stays the same but for a factor near 1, which bounds what the step leaves [3]_. Where
    the errors may add up to more than 1 % of the mean loss (and 4e-4 nats), the samples with the largest take
    more steps, and what these leave in doubt is fitted without the sample: ``n_refitted_``. No more than 500
    samples are; if that is not enough, a warning says so.

    scikit-learn's callbacks (``set_callbacks``, from version 1.9 on) see each path, each optimum of it and
    the fit of all samples, whose iterations those see that it hands on, such as ``ProgressBar``. Only there a
    request to stop is heard: C is chosen from the whole grid. With ``n_jobs``, callbacks must be picklable.

    References
    ----------
    .. [1] Rad, K. and Maleki, A. (2020), "A scalable estimate of the out-of-sample prediction error via
       approximate leave-one-out cross-validation", J. R. Stat. Soc. B 82(4).
    .. [2] Breiman, L., Friedman, J., Olshen, R. and Stone, C. (1984), "Classification and Regression Trees",
       section 3.4.3: the rule of one standard error.
    .. [3] Bach, F. (2010), "Self-concordant analysis for logistic regression", Electron. J. Stat. 4.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_xent import CrossEntropyClassifierCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = CrossEntropyClassifierCV(Cs=[0.1, 1, 10, 100, 1000]).fit(X, y)
    >>> model.C_
    100.0
    """

    groups: Any = None  # estimators pickled by a version without them have none of their own
    verbose: int = 0

    def __init__(
        self,
        *,
        Cs: Any = 10,
        l1_ratios: Any = (0.0,),
        cv: Any = None,
        scoring: Any = None,
        one_standard_error: bool = False,
        n_jobs: int | None = None,
        fit_intercept: bool = True,
        class_weight: Any = None,
        penalty_factor: Any = None,
        groups: Any = None,
        coef_bounds: Any = None,
        solver: str = "auto",
        tol: float = 1e-6,
        max_iter: int = 1000,
        label_smoothing: float = 0.0,
        prior_correction: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.cv = cv
        self.scoring = scoring
        self.one_standard_error = one_standard_error
        self.n_jobs = n_jobs
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.penalty_factor = penalty_factor
        self.groups = groups
        self.coef_bounds = coef_bounds
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.label_smoothing = label_smoothing
        self.prior_correction = prior_correction
        self.random_state = random_state
        self.verbose = verbose

    @all_or_nothing
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, groups: Any = None
    ) -> CrossEntropyClassifierCV:
        """Choose the strength, and fit all samples with it.

        Parameters
        ----------
        X, y, sample_weight, offset
            As for ``CrossEntropyClassifier.fit``.
        groups : array-like of shape (n_samples,), default=None
            For splitters that keep groups together.

        Returns
        -------
        self : CrossEntropyClassifierCV
            The fitted estimator. If anything raises, it is as it was before.

        Raises
        ------
        ValueError
            As for ``CrossEntropyClassifier.fit``; for grids out of range, ``scoring`` without folds, and
            approximate leave-one-out of too many coefficients.

        Warns
        -----
        ConvergenceWarning
            Once, if some fits did not converge: how many, at which C, l1_ratio and fold, and why the first
            did not. ``paths_`` keeps all: ``CrossEntropyPath.failures``.
        SeparationWarning
            The same where all of them have no finite optimum.
        UserWarning
            If approximate leave-one-out is not valid for more than 500 samples, which are then not all left
            out of a fit each; if there are too many coefficients for it, and folds are used.
        """
        grid, ratios = self._grids()
        check_parameters(self._with(1.0, 0.0))
        plain = copy.copy(self)
        plain.__dict__ = {name: value for name, value in vars(self).items() if not name.endswith("_")}
        fitted, warning = _fitted(copy.copy(plain), plain, X, y, sample_weight, offset, groups, grid, ratios)
        if warning is not None:
            warn_caller(warning)
        assign(self, fitted)
        return self

    def _grids(self) -> tuple[Array, Array]:
        Cs = check_Cs(self.Cs)
        grid = np.geomspace(1e-4, 1e4, Cs) if isinstance(Cs, int) else Cs
        ratios = np.atleast_1d(np.asarray(self.l1_ratios, dtype=np.float64))
        if ratios.ndim != 1 or not ratios.size:
            raise ValueError(f"l1_ratios must be one or more numbers in [0, 1]; got {self.l1_ratios!r}.")
        for ratio in ratios.tolist():
            check_l1_ratio(ratio, "l1_ratios")
        if self.cv is None and self.groups is None and self.scoring is not None:
            raise ValueError(
                "scoring needs folds, such as cv=5: approximate leave-one-out (cv=None) gives losses only."
            )
        return grid, ratios

    def _with(self, C: float, l1_ratio: float) -> CrossEntropyClassifier:
        """The classifier of one strength."""
        shared = set(CrossEntropyClassifier().get_params()) & set(self.get_params())
        options = {name: getattr(self, name) for name in shared}
        return CrossEntropyClassifier(C=C, l1_ratio=l1_ratio, **options)

    def _choose(self, mean: Array, errors: Array, grid: Array, ratios: Array) -> dict[str, float]:
        """The best of the grid, and the strongest penalty within a standard error of it."""
        if not np.isfinite(mean).any():
            raise ValueError(
                "no fold has a finite score: none has test rows of a class that it was trained on."
            )
        i, j = np.unravel_index(int(np.nanargmax(mean)), mean.shape)
        least = mean[i, j] - errors[i, j]
        within = float(grid[mean[i] >= least].min(initial=grid[j]))
        best = float(grid[j])
        return {
            "C_": within if self.one_standard_error else best,
            "C_best_": best,
            "C_1se_": within,
            "l1_ratio_": float(ratios[i]),
        }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


@with_callbacks
def _fitted(
    shown: Any,
    estimator: CrossEntropyClassifierCV,
    X: Any,
    y: Any,
    sample_weight: Any,
    offset: Any,
    groups: Any,
    grid: Array,
    ratios: Array,
) -> tuple[dict[str, Any], ConvergenceWarning | None]:
    """The attributes of a fit, and what to warn of; callbacks are set up for ``shown``, a copy."""
    scratch = copy.copy(estimator)  # validate_data writes on the estimator it is given
    rows = validated(scratch, X, reset=True)
    data = Data(rows, y, check_sample_weight(sample_weight, rows.shape[0]), None)
    shifts = check_offset(offset, rows.shape[0], len(encoded(estimator, data).classes))
    data = data._replace(offset=None if shifts is None else np.asarray(offset))
    # scores and the last fit; before folds, leave-one-out may be found to be too large
    task = Task.root(shown, X, y, sample_weight, 2 + (estimator.cv is None and estimator.groups is None))
    scores, errors, paths, refitted, failed = scores_of(estimator, data, grid, ratios, groups, task)
    counted = ~np.isnan(scores)
    with np.errstate(invalid="ignore"):
        mean = scores.sum(axis=1, where=counted) / counted.sum(axis=1)
    chosen = estimator._choose(mean, errors, grid, ratios)
    final = estimator._with(chosen["C_"], chosen["l1_ratio_"])
    with task.subtask("fit of all rows") as last, last.hand_over(final):
        last.begin(X, y, sample_weight)
        fitted, warning = fitted_attributes(final, X, y, sample_weight, offset)
    failures = [] if warning is None else [("the fit of all rows", warning)]
    failures += _failures(paths, ratios) + failed
    n_fits = 1 + sum(len(p.Cs) for of_ratio in paths for p in of_ratio) + int(refitted.sum())
    fitted |= chosen | {"n_features_in_": rows.shape[1], "Cs_": grid, "scores_": scores, "paths_": paths}
    fitted |= {"mean_score_": mean, "std_error_": errors, "n_refitted_": refitted}
    if hasattr(scratch, "feature_names_in_"):
        fitted["feature_names_in_"] = scratch.feature_names_in_
    task.end(lambda: fitted)
    return fitted, summary_of(failures, n_fits) if failures else None


def _failures(paths: list[list[CrossEntropyPath]], ratios: Array) -> list[tuple[str, ConvergenceWarning]]:
    """Where the fits of the paths did not converge, and what is to be said of it."""
    return [
        (f"C={C:g} (l1_ratio={ratio:g}{f', fold {k}' if len(of_ratio) > 1 else ''})", warning)
        for ratio, of_ratio in zip(ratios.tolist(), paths, strict=True)
        for k, path in enumerate(of_ratio)
        for C, warning in path.failures
    ]

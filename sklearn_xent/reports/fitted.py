"""What a model says of its fit: what was fitted, how near the optimum, coefficients, and how it got there."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_xent.composites import final_step
from sklearn_xent.displays import CoefficientDisplay, ConvergenceDisplay, RegularizationPathDisplay
from sklearn_xent.displays.frame import column_names
from sklearn_xent.reports.markup import Markup, element, number, paragraph, section, shortened, table
from sklearn_xent.reports.pictures import image

__all__ = ["of_fit", "of_model"]


def of_fit(report: Any) -> Iterator[Markup]:
    """What was fitted, and whether it is at the optimum."""
    last, before = final_step(report.estimator)
    facts = [("Model", type(last).__name__)]
    if before is not None:
        facts.append(("After", ", ".join(type(step).__name__ for _, step in before.steps)))
    classes = np.asarray(report.estimator.classes_)
    facts.append(("Classes", shortened(", ".join(map(str, classes.tolist())))))
    if hasattr(last, "n_features_in_"):
        facts.append(("Features", str(last.n_features_in_)))
    facts += [(key, repr(value)) for key, value in _changed(last).items()]
    facts += [(f"Best {key}", repr(v)) for key, v in getattr(report.estimator, "best_params_", {}).items()]
    chosen = [key for key in ("C_", "l1_ratio_") if hasattr(last, key)]
    facts += [(f"Chosen {key[:-1]}", number(getattr(last, key))) for key in chosen]
    yield section("What was fitted", element("div", table(("", ""), facts), class_="text"))
    yield section("Is it at the optimum?", *_optimum(last))


def _changed(estimator: Any) -> dict[str, Any]:
    """Parameters that are not the defaults."""
    defaults = inspect.signature(type(estimator)).parameters
    return {
        key: value
        for key, value in estimator.get_params(deep=False).items()
        if key not in defaults or repr(value) != repr(defaults[key].default)
    }


def _optimum(last: Any) -> Iterator[Markup]:
    if not hasattr(last, "optimality_gap_"):
        yield paragraph(f"{type(last).__name__} does not say how far it is from the optimum.")
        return
    ended = "Yes. The fit ended without" if last.converged_ else "No. The fit ended with"
    bounded, gap = last.optimality_gap_kind_ == "bound", f"{last.optimality_gap_:.1e}"
    distance = f"at most {gap}" if bounded else f"by an estimate {gap}"
    yield paragraph(f"{ended} a warning: its mean objective is {distance} nats above the minimum.")
    facts = [
        ("Converged", str(last.converged_)),
        ("Optimality gap (nats)", gap),
        ("The gap is", "a bound" if bounded else "an estimate"),
        ("Solver", last.solver_),
        ("Iterations", str(last.n_iter_)),
        ("Mean objective (nats)", number(last.history_["objective"][-1])),
    ]
    yield element("div", table(("", ""), facts), class_="text")


def of_model(report: Any) -> Iterator[Markup]:
    """Coefficients, and how the fit came to them."""
    last, _ = final_step(report.estimator)
    # other models have coefficients of other things, such as pairs of classes
    n_logits = 1 if len(last.classes_) == 2 else len(last.classes_)
    if np.shape(getattr(last, "coef_", ()))[:1] == (n_logits,):
        estimated = report.inference
        shown = _coefficients(report, last) if estimated is None else _intervals(report, estimated)
        yield section("Coefficients", *shown)
    if hasattr(last, "paths_"):
        yield section(
            "How C was chosen",
            paragraph("Coefficients, and the loss on unseen samples, against the strength of the penalty."),
            image(
                lambda figure: RegularizationPathDisplay.from_estimator(
                    report.estimator, ax=figure.subplots(2, 1, sharex=True)
                ),
                (6.4, 7.0),
                "Coefficients and loss against C",
            ),
        )
    if "objective" in getattr(last, "history_", {}):
        yield section(
            "How the fit came down",
            image(
                lambda figure: ConvergenceDisplay.from_estimator(
                    last, ax=figure.subplots(), name=getattr(last, "solver_", None)
                ),
                (6.4, 4.2),
                "Objective above the best, against iterations",
            ),
        )


def _coefficients(report: Any, last: Any) -> Iterator[Markup]:
    """The largest coefficients: of two classes of the second, of more of each."""
    coef = last.coef_.toarray() if hasattr(last.coef_, "toarray") else np.asarray(last.coef_)
    names = column_names(coef.shape[1], report.feature_names)
    classes = np.asarray(last.classes_)
    two = len(classes) == 2
    shown = np.argsort(-np.abs(coef), axis=None, kind="stable")[: report.n_coefficients]
    rows = []
    for k, j in zip(*np.unravel_index(shown, coef.shape), strict=True):
        label = () if two else (str(classes[k]),)
        rows.append((names[j], *label, coef[k, j]))
    more = "" if len(shown) == coef.size else f" The {len(shown)} largest of {coef.size}."
    what = f"log odds of class {shortened(str(classes[1]), 40)}" if two else "logit of each class"
    yield paragraph(f"Change of the {what}, in nats per unit of the feature.{more}")
    if report.without_inference:
        yield paragraph(report.without_inference)
    yield table(("Feature", *(() if two else ("Class",)), "Coefficient"), rows)
    intercepts = np.atleast_1d(np.asarray(last.intercept_))
    yield table(
        ("Intercept", "Nats"), zip(map(str, classes[1:] if two else classes), intercepts, strict=True)
    )


def _intervals(report: Any, estimated: Any) -> Iterator[Markup]:
    """Estimates with their errors and intervals, those furthest from 0 in standard errors first."""
    interval = estimated.interval()
    with np.errstate(divide="ignore", invalid="ignore"):
        order = np.argsort(-np.abs(np.nan_to_num(estimated.z)), kind="stable")[: report.n_coefficients]
    rows = [
        (
            estimated.names[i],
            estimated.estimate[i],
            estimated.std_error[i],
            *interval[i],
            estimated.p_value[i],
        )
        for i in order
    ]
    yield paragraph(
        "Change of the log odds, in nats per unit of the feature, with intervals of 95 % confidence; "
        f"covariance: {estimated.kind}. {len(rows)} of {len(estimated.estimate)}."
    )
    yield table(("", "Estimate", "Std. error", "2.5 %", "97.5 %", "p"), rows)
    height = max(2.6, 0.9 + 0.27 * min(report.n_coefficients, len(estimated.estimate)))
    if not np.all(estimated.is_intercept):
        yield image(
            lambda figure: CoefficientDisplay.from_inference(
                estimated, ax=figure.subplots(), most=report.n_coefficients
            ),
            (6.4, height),
            "Estimates and intervals",
        )

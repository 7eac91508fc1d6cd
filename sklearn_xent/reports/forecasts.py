"""What a model's forecasts of the rows cost: the loss and its parts, reliability, and the worst rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_xent.displays import LossContributionDisplay, ReliabilityDisplay
from sklearn_xent.reports.markup import Markup, paragraph, section, table
from sklearn_xent.reports.pictures import image

__all__ = ["of_rows"]


def of_rows(report: Any) -> Iterator[Markup]:
    """Sections about the rows."""
    yield _loss(report)
    yield _reliability(report)
    yield _worst(report)


def _loss(report: Any) -> Markup:
    parts, n, total = report.parts, len(report.losses), report.weights.sum()
    rows = [
        ("Loss of the model (nats)", report.loss),
        ("Loss of the class frequencies (nats)", parts.uncertainty),
        ("Skill: the share of it that the model removes", report.skill),
    ]
    made_of = [
        ("Uncertainty: what the class frequencies leave", parts.uncertainty),
        ("- Discrimination: what the forecasts tell apart", parts.discrimination),
        ("+ Miscalibration: what a monotone recalibration would save", parts.miscalibration),
        ("= Loss", parts.loss),
    ]
    weighed = "" if (report.weights == 1).all() else f" of total weight {total:.6g}"
    return section(
        "Loss",
        paragraph(
            f"Mean cross-entropy of {n} samples{weighed}, in nats. For samples of the fit it is too low."
        ),
        table(("", ""), rows),
        paragraph("What the loss is made of:"),
        table(("", "Nats"), made_of),
    )


def _reliability(report: Any) -> Markup:
    def draw(figure: Any) -> None:
        ReliabilityDisplay.from_estimator(
            report.estimator,
            report.X,
            report.y,
            sample_weight=report.weights,
            ax=figure.subplots(),
            name="Reliability",
        )

    return section(
        "Reliability",
        paragraph(
            "Observed frequency against the predicted probability. Of a calibrated model nine of ten such "
            "curves would be in the band."
        ),
        image(draw, (5.6, 6.0), "Observed frequency against forecast probability"),
    )


def _worst(report: Any) -> Markup:
    classes = np.asarray(report.estimator.classes_)
    index = getattr(report.X, "index", np.arange(len(report.losses)))
    happened, forecast = report.targets.argmax(axis=1), report.log_p.argmax(axis=1)
    rows = []
    for i in np.argsort(-report.losses, kind="stable")[: report.n_worst]:
        p = np.exp(report.log_p[i])
        true, best = happened[i], forecast[i]
        labels = str(classes[true]), str(classes[best])
        rows.append((str(index[i]), report.losses[i], labels[0], p[true], labels[1], p[best]))

    def draw(figure: Any) -> None:
        LossContributionDisplay.from_estimator(
            report.estimator,
            report.X,
            report.y,
            sample_weight=report.weights,
            ax=figure.subplots(2, 1, gridspec_kw={"hspace": 0.06}),
            name="Classes",
            n_worst=0,
        )

    return section(
        "Samples of the largest loss",
        paragraph("A sample that is hard to predict, or a wrong label: p is the predicted probability."),
        table(("Sample", "Loss (nats)", "Label", "its p", "Predicted", "its p"), rows),
        image(draw, (6.4, 7.6), "Loss of each class, and share of the loss of the worst samples"),
    )

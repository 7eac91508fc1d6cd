"""The demo: real data bundled with scikit-learn, fitted raw and scaled, beside LogisticRegression."""

from __future__ import annotations

import pathlib
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_xent.classifier import CrossEntropyClassifier
from sklearn_xent.classifier_cv import CrossEntropyClassifierCV
from sklearn_xent.displays import ConvergenceDisplay, CrossEntropyLossDisplay
from sklearn_xent.formulas import cross_entropy_loss
from sklearn_xent.metrics import (
    cross_entropy_skill_scorer,
    neg_cross_entropy_scorer,
)

__all__ = ["run_demo"]

DATA = {
    "breast_cancer": load_breast_cancer,
    "wine": load_wine,
    "digits": load_digits,
    "iris": load_iris,
}
HEADINGS = (
    "data",
    "model",
    "objective",
    "above best",
    "cross entropy",
    "skill",
    "Brier",
    "seconds",
    "warnings",
)


def run_demo(out: str) -> None:
    """Print the table and write the pictures into a folder."""
    print("Trained on three quarters of each data set, scored on the rest. All losses in nats.")
    print("'objective' is the training objective, mean log loss + penalty, at C = 1;")
    print("'above best' is how far it is above the lowest that any row reached.")
    print("At C = 1 raw columns have hardly a penalty, and a fit that stops early scores as if it had one:")
    print("scale the columns and choose C, as the last row of each does, by five folds.\n")
    print(_line(HEADINGS), flush=True)
    for name, loader in DATA.items():
        X, y = loader(return_X_y=True)
        for line in _compare(name, *train_test_split(X, y, random_state=0, stratify=y)):
            print(_line(line), flush=True)
    print("\nIn a pipeline and a grid search:", _grid_search())
    for path in _pictures(pathlib.Path(out)):
        print("picture:", path)
    print("Read on: README.md, examples/, and docs/ (python -m sphinx docs docs/_build/html)")


def _line(cells: Any) -> str:
    widths = (13, 32, 11, 10, 13, 7, 7, 8, 8)
    return "  ".join(f"{cell:<{w}}" for cell, w in zip(cells, widths, strict=True)).rstrip()


def _compare(name: str, X: Any, X_test: Any, y: Any, y_test: Any) -> Iterator[tuple[str, ...]]:
    """One line for each model, fitted on raw and on scaled columns, as soon as it is known."""
    scaler = StandardScaler().fit(X)
    for label, train, test in (
        ("raw", X, X_test),
        ("scaled", scaler.transform(X), scaler.transform(X_test)),
    ):
        models = {
            "DummyClassifier": DummyClassifier(),
            f"LogisticRegression, {label}": LogisticRegression(),
            f"CrossEntropyClassifier, {label}": CrossEntropyClassifier(),
        }
        if label == "scaled":
            del models["DummyClassifier"]
            models["CrossEntropyClassifierCV, scaled"] = CrossEntropyClassifierCV(cv=5)
        fitted = {title: _fit(model, train, y) for title, model in models.items()}
        values = [objective for _, objective, _, _ in fitted.values() if objective is not None]
        for title, (model, objective, seconds, n_warnings) in fitted.items():
            above = None if objective is None else objective - min(values)
            scores = _scores(model, test, y_test)
            yield _formatted((name, title, objective, above, *scores, seconds, n_warnings))


def _formatted(values: tuple[Any, ...]) -> tuple[str, ...]:
    formats = ("{}", "{}", "{:.7f}", "{:.1e}", "{:.4f}", "{:z.3f}", "{:.4f}", "{:.3f}", "{}")
    return tuple("-" if v is None else f.format(v) for f, v in zip(formats, values, strict=True))


def _fit(model: Any, X: Any, y: Any) -> tuple[Any, float | None, float, int]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        began = time.perf_counter()
        model.fit(X, y)
        seconds = time.perf_counter() - began
    objective = None
    if getattr(model, "C", None) == 1.0 and hasattr(model, "coef_"):  # at another C, not of this problem
        logits = model.decision_function(X)
        loss = cross_entropy_loss(y, logits, labels=model.classes_, from_logits=True)
        objective = loss + float((model.coef_**2).sum()) / (2 * len(y))
    return model, objective, seconds, len(caught)


def _scores(model: Any, X: Any, y: Any) -> tuple[float, float, float]:
    """Held-out cross entropy, skill and Brier score."""
    error = model.predict_proba(X) - (np.asarray(y)[:, None] == model.classes_)
    loss = -neg_cross_entropy_scorer(model, X, y)
    return loss, cross_entropy_skill_scorer(model, X, y), float((error**2).sum(axis=1).mean())


def _grid_search() -> str:
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), CrossEntropyClassifier())
    grid = {"crossentropyclassifier__C": [0.01, 0.1, 1.0, 10.0]}
    search = GridSearchCV(pipeline, grid, scoring=neg_cross_entropy_scorer, cv=5).fit(X, y)
    return (
        f"breast_cancer, best C = {search.best_params_['crossentropyclassifier__C']:g}, "
        f"cross entropy {-search.best_score_:.4f} (5 folds)"
    )


def _pictures(out: pathlib.Path) -> list[pathlib.Path]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    out.mkdir(parents=True, exist_ok=True)
    X, y = load_breast_cancer(return_X_y=True)
    fits = {}
    for solver in ("auto", "lbfgs", "accelerated-gradient", "gradient-descent"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # plain descent does not arrive: that is what the picture shows
            model = CrossEntropyClassifier(solver=solver, max_iter=400)
            fits["newton-cholesky (auto)" if solver == "auto" else solver] = model.fit(X, y)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    model = fits["newton-cholesky (auto)"]
    CrossEntropyLossDisplay.from_estimator(model, X, y, ax=axes[0], name="Where the loss comes from")
    ConvergenceDisplay.from_estimators(fits, x="passes", ax=axes[1], name="How the fit came down")
    overview = out / "overview.png"
    figure.savefig(overview, dpi=120)
    loss = CrossEntropyLossDisplay().plot(name="The loss of a forecast")
    loss.figure_.savefig(out / "loss_curve.png", dpi=120)
    plt.close("all")
    return [overview, out / "loss_curve.png"]

"""Random names of classes, columns and fits through every display.

A check draws one display with names from a hostile alphabet. It fails if drawing raises or warns, if a
legend or an axis lacks a name, if a name is drawn as a formula, or if axes or figure lose their size.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from sklearn_xent import (
    CoefficientDisplay,
    ConvergenceDisplay,
    CrossEntropyLossDisplay,
    LossContributionDisplay,
    RegularizationPathDisplay,
    ReliabilityDisplay,
)
from tests.fuzz.verdict import Verdict

PIECES = [
    *"$_^{}\\%#&~'\"<>[]()|/ \n\t\r\0\x7f",
    *"aZ09éß中界😀∑²\u0301\u202e\u200b\u2028\ud800",
    r"\frac{1}",
    r"\$",
    "$x^{$",
    "$$",
    "{x}",
    "%s",
    "__",
    "None",
    "nan",
    "W" * 40,
    "a long name " * 5,
]
SMALLEST = 0.8  # inches that axes in a figure of the display's own must keep


def name_of(rng):
    kind = rng.integers(4)
    if kind == 0:
        return str(rng.choice(["", " ", "_", "$", "\\", "\n", "...", "_nolegend_", "x" * 2000]))
    return "".join(rng.choice(PIECES, rng.integers(1, 4 if kind < 3 else 30)))


def distinct(rng, count):
    found = {}
    while len(found) < count:
        found[name_of(rng) + ("" if rng.random() < 0.7 else str(rng.integers(99)))] = None
    return np.array(list(found), dtype=object)


def loss_curves(rng, ax, title):
    names = distinct(rng, 2)
    p, y = rng.random(30), names[rng.integers(0, 2, 30)]
    display = CrossEntropyLossDisplay.from_predictions(y, p, labels=names, ax=ax, name=title)
    return display, display.ax_, legend(display.ax_), [f"y = {name}" for name in reversed(names)]


def reliability(rng, ax, title):
    names = distinct(rng, 2)
    p, y = rng.random(30), names[rng.integers(0, 2, 30)]
    display = ReliabilityDisplay.from_predictions(y, p, labels=names, ax=ax, name=title, n_resamples=5)
    return display, display.ax_, [display.ax_.xaxis.label], [names[1]]


def contributions(rng, ax, title):
    K = int(rng.integers(2, 31))
    names = distinct(rng, K)
    y, P = names[rng.integers(0, K, 60)], rng.dirichlet(np.ones(K), 60)
    index = distinct(rng, 60)
    ax = None if ax is None else [ax, ax.figure.add_subplot(2, 2, 4)]
    display = LossContributionDisplay.from_predictions(y, P, labels=names, index=index, ax=ax, name=title)
    model, _ = display.contributions()
    shown = np.sort(np.argsort(-model, kind="stable")[:12])
    return display, display.ax_[0], display.ax_[0].get_yticklabels(), list(names[shown])


def coefficients(rng, ax, title):
    names = distinct(rng, int(rng.integers(1, 31)))
    estimate = rng.standard_normal(len(names))
    display = CoefficientDisplay(names=names, estimate=estimate).plot(ax=ax, name=title)
    return display, display.ax_, display.ax_.get_yticklabels(), [names[i] for i in display.shown_]


def path(rng, ax, title):
    names = distinct(rng, int(rng.integers(1, 31)))
    coefs = rng.standard_normal((5, len(names)))
    losses = rng.random(5) if ax is None and rng.random() < 0.5 else None
    display = RegularizationPathDisplay(Cs=np.geomspace(1e-3, 1, 5), coefs=coefs, feature_names=names)
    display.losses = losses
    display.plot(ax=ax, name=title)
    strongest = np.argsort(-np.abs(coefs).max(axis=0), kind="stable")[:7]
    axes = display.ax_ if losses is None else display.ax_[0]
    return display, axes, legend(axes), [names[j] for j in strongest]


def convergence(rng, ax, title):
    names = distinct(rng, int(rng.integers(1, 31)))
    values = np.geomspace(1, 1e-8, 6)
    history = dict.fromkeys(("objective", "passes", "seconds", "gap", "gradient_norm"), values)
    display = ConvergenceDisplay(histories=dict.fromkeys(names, history)).plot(ax=ax, name=title)
    return display, display.ax_, legend(display.ax_), list(names)


DISPLAYS = (loss_curves, reliability, contributions, coefficients, path, convergence)


def legend(axes):
    return axes.get_legend().get_texts()


def readable(name):
    """What of a name a picture must show at the least: its first character that needs no escape."""
    return name[0] if name and (name[0].isascii() and name[0].isprintable()) and name.strip() else None


def fault_of(texts, names):
    """What is wrong with texts drawn for names, in their order; those left out are said to be."""
    drawn = [text.get_text() for text in texts]
    if len(drawn) != len(names):
        left_out = drawn[-1] if drawn else ""
        if left_out != f"and {len(names) - len(drawn) + 1} more":
            return f"{len(names)} names, {len(drawn)} texts: {drawn}"
        texts, names = texts[:-1], names[: len(drawn) - 1]
    for text, name in zip(texts, names, strict=True):
        plain, is_formula = text._preprocess_math(text.get_text())
        if is_formula or not plain.strip():
            return f"{name!r} is drawn as {'a formula' if is_formula else 'nothing'}: {text.get_text()!r}"
        first = readable(name)
        if first and first not in plain:
            return f"{name!r} is drawn as {plain!r}"
    return ""


def check(seed):
    rng = np.random.default_rng(seed)
    draw = DISPLAYS[seed % len(DISPLAYS)]
    ax = None
    if rng.random() < 0.3:  # a part of a figure of the user's
        ax = plt.figure(figsize=rng.uniform(5, 10, 2), layout="constrained").add_subplot(2, 2, 1)
    title = name_of(rng) if rng.random() < 0.5 else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # matplotlib's own use of names that newer libraries rename
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="matplotlib|pyparsing")
        try:
            display, axes, texts, names = draw(rng, ax, title)
            display.figure_.set_dpi(50)
            display.figure_.draw_without_rendering()
        except Exception as error:
            return Verdict("error", f"{draw.__name__}: {type(error).__name__}: {error}")
        finally:
            plt.close("all")
    fault = fault_of(list(texts), names)
    if title and title.strip() and not fault:
        fault = fault_of([axes.title if axes.title.get_text() else display.figure_.axes[0].title], [title])
    inches = axes.bbox.size / display.figure_.dpi
    if not fault and (not np.isfinite(inches).all() or (inches < (SMALLEST if ax is None else 0.3)).any()):
        fault = f"axes of {inches.round(2)} inches"
    if not fault and ax is None and (display.figure_.get_size_inches() > 12).any():
        fault = f"figure of {display.figure_.get_size_inches()} inches"
    return Verdict("violation", f"{draw.__name__}: {fault}") if fault else Verdict("ok")

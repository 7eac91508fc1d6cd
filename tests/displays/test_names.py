"""Names are drawn as they are: no formula, none hidden, none lost, and none that takes all the room."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_xent import (
    CoefficientDisplay,
    ConvergenceDisplay,
    CrossEntropyClassifier,
    CrossEntropyLossDisplay,
    LossContributionDisplay,
    RegularizationPathDisplay,
    ReliabilityDisplay,
)

NAMES = ["$x^{$", "_name", "100 % \\frac", "two\nlines", "中文", "", "a" * 20 + "b" * 20, "a" * 20 + "c" * 20]
DRAWN = ["$x^{$", " _name", "100 % \\frac", "two\\nlines", "\\u4e2d\\u6587", "''"]
HISTORY = dict.fromkeys(("objective", "passes", "seconds", "gap", "gradient_norm"), np.geomspace(1, 1e-6, 5))


def as_drawn(texts):
    """What matplotlib makes of texts, each of which must not be a formula to it."""
    plain = [text._preprocess_math(text.get_text()) for text in texts]
    assert not any(is_formula for _, is_formula in plain)
    return [text for text, _ in plain]


def path(names):
    coefs = np.linspace(1, 2, len(names)) * np.linspace(0, 1, 4)[:, None]
    return RegularizationPathDisplay(Cs=np.geomspace(1e-2, 1, 4), coefs=coefs, feature_names=names).plot()


@pytest.mark.parametrize(
    "drawn",
    [
        lambda: path(NAMES[:6][::-1]).ax_.get_legend().get_texts(),
        lambda: (
            ConvergenceDisplay(histories=dict.fromkeys(NAMES[:6], HISTORY))
            .plot()
            .ax_.get_legend()
            .get_texts()
        ),
        lambda: (
            CoefficientDisplay(names=NAMES[:6], estimate=np.arange(6.0, 0, -1)).plot().ax_.get_yticklabels()
        ),
        lambda: (
            LossContributionDisplay.from_predictions(NAMES[:6], np.full((6, 6), 1 / 6), labels=NAMES[:6])
            .ax_[0]
            .get_yticklabels()
        ),
    ],
    ids=["path", "convergence", "coefficients", "contribution"],
)
def test_names_are_text(drawn):
    texts = drawn()
    texts[0].get_figure().draw_without_rendering()
    assert as_drawn(texts) == DRAWN


@pytest.mark.parametrize("name", NAMES[:5])
def test_a_class_on_an_axis_and_in_a_legend_is_text(name):
    classes, p = np.array(["other", name], dtype=object), np.array([0.3, 0.6, 0.2, 0.8])
    y, expected = classes[[0, 1, 1, 0]], DRAWN[NAMES.index(name)].strip()
    for display in (CrossEntropyLossDisplay, ReliabilityDisplay, LossContributionDisplay):
        picture = display.from_predictions(y, p, labels=classes, name=name)
        picture.figure_.draw_without_rendering()
        axes = np.ravel(picture.ax_)[0]
        assert as_drawn([axes.title])[0].strip() == expected
        named = {LossContributionDisplay: axes.get_yticklabels()[-1]}.get(display, axes.xaxis.label)
        assert expected in as_drawn([named])[0]
    plt.close("all")


def test_long_names_that_differ_in_their_middle_are_told_apart():
    axes = CoefficientDisplay(names=["a" * 30 + c + "z" * 30 for c in "bcd"], estimate=np.ones(3)).plot().ax_
    texts = as_drawn(axes.get_yticklabels())
    assert len(set(texts)) == 3
    assert all(len(text) < 40 for text in texts)


@pytest.mark.parametrize("mine", [True, False], ids=["own figure", "part of another"])
@pytest.mark.parametrize("name", ["W" * 200, "name " * 40, "x\n" * 40])
def test_long_names_leave_the_axes_their_room(name, mine):
    names = [f"{name}{i}" for i in range(30)]
    figure = plt.figure(figsize=(8, 8), layout="constrained")
    ax = None if mine else figure.add_subplot(2, 2, 1)
    for display in (
        CoefficientDisplay(names=names, estimate=np.arange(30.0)),
        ConvergenceDisplay(histories=dict.fromkeys(names, HISTORY)),
        RegularizationPathDisplay(Cs=np.geomspace(1e-2, 1, 4), coefs=np.ones((4, 30)), feature_names=names),
    ):
        display.plot(ax=ax, name=name)
        display.figure_.draw_without_rendering()
        width, height = display.ax_.bbox.size / display.figure_.dpi
        assert min(width, height) > (2 if mine else 0.8)
        if ax is not None:
            ax.clear()
    plt.close("all")


def test_a_legend_says_how_many_it_has_no_room_for():
    names = [f"fit {i}" for i in range(99)]
    display = ConvergenceDisplay(histories=dict.fromkeys(names, HISTORY)).plot()
    texts = as_drawn(display.ax_.get_legend().get_texts())
    assert texts[-1] == f"and {99 - len(texts) + 1} more"
    assert texts[:-1] == names[: len(texts) - 1]
    styles = {(line.get_color(), str(line.get_linestyle())) for line in display.lines_}
    assert len(styles) > 7


def test_frames_keep_whole_names_and_columns_of_any_name():
    pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    names = ["C", "loss", "same", "same", "_" * 60]
    display = path(names)
    frame = display.frame()
    assert frame.columns.tolist() == ["C", *names]
    np.testing.assert_array_equal(frame.iloc[:, 1:], display.coefs)
    model = CrossEntropyClassifier().fit(rng.standard_normal((30, 5)), np.arange(30) % 2)
    coefficients = CoefficientDisplay.from_estimator(model, feature_names=names).frame()
    assert sorted(coefficients["name"]) == sorted(names)

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sklearn_xent import (
    ConvergenceDisplay,
    CrossEntropyClassifier,
    CrossEntropyLossDisplay,
    cross_entropy_loss,
)
from tests.problems import overlapping


def test_loss_curves_are_the_loss():
    display = CrossEntropyLossDisplay().plot()
    for line, y in zip(display.lines_, (1, 0), strict=True):
        p, loss = line.get_data()
        for i in (1, 200, 399):
            assert loss[i] == pytest.approx(cross_entropy_loss(y, p[i]), rel=1e-9)
    assert display.ax_.get_xlabel() == "Predicted probability of y = 1"
    assert len(display.frame()) == 0


def test_samples_lie_on_their_curves():
    X, y = overlapping()
    model = CrossEntropyClassifier().fit(X, y)
    display = CrossEntropyLossDisplay.from_estimator(model, X, y)
    frame = display.frame()
    p = model.predict_proba(X)[:, 1]
    np.testing.assert_allclose(frame["probability"], p, rtol=1e-9)
    expected = cross_entropy_loss(y, model.predict_proba(X), reduction="none")
    np.testing.assert_allclose(frame["loss"], expected, rtol=1e-9)
    assert [len(points.get_offsets()) for points in display.points_] == [(y == 1).sum(), (y == 0).sum()]


def test_labels_name_the_curves_and_predictions_may_be_given():
    _, ax = plt.subplots()
    display = CrossEntropyLossDisplay.from_predictions(["no", "yes"], [0.2, 0.7], ax=ax, name="mine")
    assert display.ax_ is ax
    assert ax.get_title() == "mine"
    assert "y = yes" in ax.get_legend().get_texts()[0].get_text()


def test_more_classes_have_one_curve():
    X, y = overlapping(K=3)
    display = CrossEntropyLossDisplay.from_estimator(CrossEntropyClassifier().fit(X, y), X, y)
    assert len(display.lines_) == 1
    assert display.ax_.get_xlabel() == "Predicted probability of the true class"


def test_options_overrule_and_infinite_losses_do_not_break_the_picture():
    display = CrossEntropyLossDisplay.from_predictions(
        [0, 1], [1.0, 0.5], curve_kwargs={"linewidth": 5}, scatter_kwargs={"marker": "x", "linewidths": 1}
    )
    assert display.lines_[0].get_linewidth() == 5
    assert np.isinf(display.frame()["loss"]).any()


def drawn(display, i=0):
    """What is drawn of a fit: the iterates of its method, and the steps of its certificate."""
    own, steps = display.lines_[i].get_xydata(), display.certificate_lines_[i].get_xydata()
    return own, steps[1:]  # the first joins the two


def test_convergence_shows_the_history():
    model = CrossEntropyClassifier().fit(*overlapping())
    display = ConvergenceDisplay.from_estimator(model, x="passes", y="objective")
    x, y = np.concatenate(drawn(display)).T
    np.testing.assert_array_equal(x, model.history_["passes"])
    np.testing.assert_array_equal(y, model.history_["objective"])
    assert display.ax_.get_xlabel() == "Passes over the data"


@pytest.mark.parametrize(
    ("solver", "l1_ratio"),
    [
        *[(s, 0.0) for s in ("newton-cholesky", "lbfgs", "quasi-newton", "gradient-descent")],
        *[(s, 1.0) for s in ("proximal-newton", "accelerated-gradient")],
    ],
)
def test_the_steps_of_a_certificate_are_those_that_the_method_did_not_visit(solver, l1_ratio, capsys):
    """What the method itself visits is what ``verbose`` prints; one step alone is not told from it."""
    model = CrossEntropyClassifier(solver=solver, l1_ratio=l1_ratio, verbose=1).fit(*overlapping())
    visited = len([line for line in capsys.readouterr().out.splitlines() if "iteration" in line])
    _, steps = drawn(ConvergenceDisplay.from_estimator(model))
    others = len(model.history_["objective"]) - visited
    assert len(steps) == (others if others > 1 else 0)


def test_the_steps_of_a_certificate_are_drawn_as_another_thing():
    history = {"objective": np.geomspace(1, 1e-8, 6), "passes": np.array([2.0, 4, 6, 9, 9, 9])}
    display = ConvergenceDisplay(histories={"a": history}).plot(y="objective")
    own, steps = drawn(display)
    assert [len(own), len(steps)] == [3, 3]
    line = display.certificate_lines_[0]
    np.testing.assert_array_equal(line.get_xydata()[0], own[-1])
    assert line.get_color() == display.lines_[0].get_color()
    assert line.get_linestyle() != display.lines_[0].get_linestyle()
    assert line.get_markerfacecolor() == "white"
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["a", "final Newton steps"]
    complete = history | dict.fromkeys(("seconds", "gap", "gradient_norm"), np.arange(6.0))
    frame = ConvergenceDisplay(histories={"a": complete}).frame()
    assert frame["certificate"].tolist() == [False] * 3 + [True] * 3


def test_a_fit_without_a_certificate_has_none_drawn():
    history = dict.fromkeys(("objective", "passes", "seconds", "gap", "gradient_norm"), np.arange(5.0, 0, -1))
    display = ConvergenceDisplay(histories={"a": history}).plot()
    assert [len(part) for part in drawn(display)] == [5, 0]
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["a"]


def test_costs_far_apart_are_drawn_on_a_logarithmic_axis():
    def history(n):
        falling = np.geomspace(1, 1e-6, n)
        return {"objective": falling, "passes": np.arange(1.0, n + 1)}

    for n, iterations, passes in ((10, "linear", "linear"), (200, "symlog", "log")):
        display = ConvergenceDisplay(histories={"short": history(8), "long": history(n)})
        assert display.plot(x="iterations").ax_.get_xscale() == iterations
        assert display.plot(x="passes").ax_.get_xscale() == passes
        assert display.ax_.get_xlim()[0] <= 1 <= n <= display.ax_.get_xlim()[1]


def test_several_fits_are_measured_from_the_lowest_of_all():
    X, y = overlapping()
    fits = {s: CrossEntropyClassifier(solver=s).fit(X, y) for s in ("lbfgs", "gradient-descent")}
    display = ConvergenceDisplay.from_estimators(fits)
    assert display.ax_.get_yscale() == "log"
    lowest = min(fit.history_["objective"].min() for fit in fits.values())
    first = fits["lbfgs"].history_["objective"][0] - lowest
    assert display.lines_[0].get_ydata()[0] == pytest.approx(first)
    frame = display.frame()
    assert set(frame["name"]) == set(fits)
    assert len({line.get_color() for line in display.lines_}) == 2


@pytest.mark.parametrize(("option", "message"), [({"x": "hours"}, "x must be"), ({"y": "loss"}, "y must be")])
def test_unknown_axes_are_named(option, message):
    model = CrossEntropyClassifier().fit(*overlapping())
    with pytest.raises(ValueError, match=message):
        ConvergenceDisplay.from_estimator(model, **option)


def test_an_unfitted_estimator_has_no_history():
    with pytest.raises(NotFittedError):
        ConvergenceDisplay.from_estimator(CrossEntropyClassifier())

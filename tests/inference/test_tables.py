"""Summaries in the languages of documents, with names of any kind, and effects at means."""

import re
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sklearn_xent import CoefficientDisplay, CrossEntropyClassifier, infer
from sklearn_xent.inference.tables import as_latex, as_markdown
from tests.problems import overlapping

HOSTILE = ["a_b & 5% $x^{2}$ #1 \\n ~", "pipe | *bold* `code` <script>", "two\nlines [link](x)"]


def inferred(K=2, names=("height", "weight", "age"), scale=1.0, **data):
    X, y = overlapping(n=200, d=3, K=K)
    frame = pd.DataFrame(X * scale, columns=list(names))
    return infer(CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(frame, y, **data), frame, y, **data)


def cells(line):
    """Cells of a row of a Markdown table, their escapes undone."""
    return [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.mark.parametrize("K", [2, 3])
def test_markdown_has_the_numbers_of_the_frame(K):
    result = inferred(K)
    head, table = result.to_markdown(0.9).split("\n\n")
    assert head.splitlines()[0].startswith("observations 200")
    title, rule, *rows = [cells(line) for line in table.splitlines()]
    frame = result.frame(0.9)
    assert title == list(frame.columns)
    assert len(rule) == 8
    assert [row[0] for row in rows] == result.names
    numbers = np.array([row[1:] for row in rows], dtype=float)
    np.testing.assert_allclose(numbers, frame.iloc[:, 1:].to_numpy(dtype=float), rtol=1e-3)


def test_names_of_any_kind_stay_in_their_cells():
    result = inferred(names=HOSTILE)
    rows = result.to_markdown().split("\n\n")[1].splitlines()[2:]
    assert [cells(row)[0] for row in rows[:3]] == [" ".join(name.split()) for name in HOSTILE]
    assert not re.search(r"(?<!\\)[<`*]", "".join(rows))
    assert "<script>" not in result.to_html()
    assert result._repr_html_() == result.to_html()


def test_latex_is_a_tabular_whose_specials_are_escaped():
    lines = inferred(names=HOSTILE).to_latex().splitlines()
    assert lines[0] == r"\begin{tabular}{lrrrrrrr}"
    assert lines[-1] == r"\end{tabular}"
    body = lines[lines.index(r"\midrule") + 1 :][:4]
    assert all(len(re.split(r"(?<!\\)&", line)) == 8 and line.endswith(r" \\") for line in body)
    assert body[0].startswith(
        r"a\_b \& 5\% \$x\textasciicircum{}\{2\}\$ \#1 \textbackslash{}n \textasciitilde{} & $"
    )
    assert any("observations 200" in line for line in lines)


def test_numbers_in_latex_are_formulas():
    table = as_latex({"term": ["a"], "v": [1.5e-20], "w": [-np.inf], "x": [np.nan], "y": [-2.0]}, [])
    assert r"a & $1.5 \cdot 10^{-20}$ & $-\infty$ & -- & $-2$ \\" in table
    assert "| a | 0.3333 |" in as_markdown({"term": ["a"], "v": [1 / 3]}, ["head"])


def test_odds_ratios_that_overflow_are_said_to_and_drawn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = inferred(scale=[-1e-4, 1.0, 1.0])
        assert result.odds_ratios()[0, 0] == np.inf
        assert np.isfinite(result.interval()[0]).all()
        for text in (result.summary(), result.to_html(), result.to_markdown(), result.to_latex()):
            assert "odds ratios beyond 1.8e308 are shown as inf" in text
        display = CoefficientDisplay.from_inference(result, odds_ratios=True)
        display.figure_.canvas.draw()
    drawn = display.line_.get_xdata()
    assert np.isfinite(drawn).all()
    assert drawn.max() == pytest.approx(1e100)
    assert "odds ratios beyond" not in inferred().summary()
    plt.close("all")


@pytest.mark.parametrize("K", [2, 3])
def test_effects_at_means_beside_statsmodels(K):
    sm = pytest.importorskip("statsmodels.api")
    X, y = overlapping(n=300, d=3, K=K)
    X += [1.0, -0.5, 0.2]
    result = infer(CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(X, y), X, y)
    kind = sm.Logit if K == 2 else sm.MNLogit
    peer = kind(y, sm.add_constant(X, prepend=False)).fit(disp=0, method="newton", tol=1e-13)
    theirs = peer.get_margeff(at="mean")
    ours = result.marginal_effects(at="mean")
    shape = (3,) if K == 2 else (K, 3)
    np.testing.assert_allclose(ours["effect"].to_numpy().reshape(shape).T, theirs.margeff, rtol=1e-6)
    np.testing.assert_allclose(ours["std_error"].to_numpy().reshape(shape).T, theirs.margeff_se, rtol=1e-5)


@pytest.mark.parametrize("K", [2, 3])
def test_the_mean_row_is_that_of_weights_and_offset(K):
    rng = np.random.default_rng(0)
    weights, shift = rng.uniform(0.5, 2, 200), rng.normal(size=200 if K == 2 else (200, K))
    X, y = overlapping(n=200, d=3, K=K)
    data = {"sample_weight": weights, "offset": shift}
    model = CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(X, y, **data)
    effects = infer(model, X, y, **data).marginal_effects(at="mean")
    share = weights / weights.sum()
    at, offset = (share @ X)[None, :], (share @ shift)[None]
    for j in range(3):
        step = 1e-5 * np.eye(3)[j]
        up, down = (model.predict_proba(at + s * step, offset=offset)[0] for s in (1, -1))
        slope = (up - down) / 2e-5
        mine = effects["effect"][effects["column"] == f"x{j}"]
        np.testing.assert_allclose(mine, slope[1:] if K == 2 else slope, rtol=1e-6, atol=1e-9)


def test_effects_are_overall_or_at_the_mean():
    with pytest.raises(ValueError, match="at must be 'overall' or 'mean'; got 'median'"):
        inferred().marginal_effects(at="median")

"""Tables in the languages of documents, with names of any kind."""

import re

import numpy as np
import pandas as pd
import pytest

from sklearn_xent import CrossEntropyClassifier, infer
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

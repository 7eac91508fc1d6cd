"""Linear hypotheses about coefficients: all ways to write them, and what is none."""

import numpy as np
import pandas as pd
import pytest

from sklearn_xent.inference.hypotheses import read_hypotheses

NAMES = ["age", "income", "mean age", "C(x)[T.b]", "1", "intercept"]


def matrix_of(text, names=NAMES):
    asked = read_hypotheses(text, names, names)
    return np.column_stack([asked.matrix, asked.value]).tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("age", [[1, 0, 0, 0, 0, 0, 0]]),
        ("age = 2", [[1, 0, 0, 0, 0, 0, 2]]),
        ("age = 0, income - age = 0", [[1, 0, 0, 0, 0, 0, 0], [-1, 1, 0, 0, 0, 0, 0]]),
        ("income = age", [[-1, 1, 0, 0, 0, 0, 0]]),
        ("age = income = 1", [[1, -1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 1]]),
        ("2*age-income/4 = 1e-1 + .5", [[2, -0.25, 0, 0, 0, 0, 0.6]]),
        ("-(age + 2 * (income - 1)) = 0", [[-1, -2, 0, 0, 0, 0, -2]]),
        ("mean age - age", [[-1, 0, 1, 0, 0, 0, 0]]),
        ("C(x)[T.b] = 3 * intercept", [[0, 0, 0, 1, 0, -3, 0]]),
        ("age = 1", [[1, 0, 0, 0, 0, 0, 1]]),  # a number, though a column is called 1
        ("`1` = 1", [[0, 0, 0, 0, 1, 0, 1]]),
        (["1"], [[0, 0, 0, 0, 1, 0, 0]]),
        (["age", "income = 2", -1], [[1, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 2], [0, 0, 0, 0, 0, 1, 0]]),
        (np.array([True, False, False, False, False, True]), [[1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0]]),
        (3, [[0, 0, 0, 1, 0, 0, 0]]),
    ],
)
def test_text_names_and_indices_are_rows_of_a_matrix(text, rows):
    np.testing.assert_allclose(matrix_of(text), rows, rtol=1e-15)


def test_names_hold_operators_and_commas():
    names = ["a", "b", "a-b", "Smith, J", "x=1", "intercept"]
    assert matrix_of("a-b = a - b", names) == [[-1, 1, 1, 0, 0, 0, 0]]
    assert matrix_of("Smith, J = x=1, a", names) == [[0, 0, 0, 1, -1, 0, 0], [1, 0, 0, 0, 0, 0, 0]]


def test_a_name_is_a_name_before_it_is_text():
    assert read_hypotheses("GPA", ["GPA", "G"], ["GPA", "G"]).labels == ["GPA = 0"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nobody = 0", "terms must be among .*'nobody = 0', which is neither at 'nobody = 0'"),
        ("age2 = 0", "neither at 'age2 = 0'"),
        ("age = ", "neither at its end"),
        ("age = 0 income", "neither at 'income'"),
        ("(age = 0", "neither at '= 0'"),
        ("`nobody` = 0", "neither at '`nobody` = 0'"),
        ("age * income = 0", "is not linear in the coefficients"),
        ("1 / age = 0", "is not linear"),
        ("age / 0 = 0", "is not linear"),
        ("age - age = 0", "'age - age = 0' is about no coefficient"),
        ([], "one coefficient or more; got none"),
        ([6], "must be below 6; got 6"),
        ([1.5], r"terms must be among .*got 1.5. A matrix has two dimensions"),
        (None, "terms must be among .*got None"),
        (np.eye(5), r"must have shape \(n_hypotheses, 6\), a column for each of .*got \(5, 5\)"),
        (np.zeros((1, 6)), "not all zero"),
        ([[np.nan] * 6], "finite"),
        ([["a"] * 6], "hypotheses are no matrix: .*must hold numbers; got text"),
        ([[1, 0], [1]], "hypotheses are no matrix"),
        (pd.DataFrame(np.eye(6)), "columns of a matrix of hypotheses must be"),
        ([True, False], "a mask of coefficients must have 6 entries; got 2"),
    ],
)
def test_what_is_no_hypothesis_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        matrix_of(given)


def test_values_go_with_a_matrix():
    R = np.eye(6)[:2]
    np.testing.assert_array_equal(read_hypotheses(R, NAMES, NAMES, [3, 4]).value, [3, 4])
    assert read_hypotheses(R - np.eye(6)[1:3] * 2, NAMES, NAMES, 1).labels[0] == "age - 2 * income = 1"
    with pytest.raises(ValueError, match=r"value must be a finite number, or 2 of them; got \[1, 2, 3\]"):
        read_hypotheses(R, NAMES, NAMES, [1, 2, 3])
    with pytest.raises(ValueError, match="value goes with a matrix"):
        read_hypotheses("age = 1", NAMES, NAMES, 1)


def test_a_name_of_two_coefficients_is_refused_in_text():
    names = ["a", "intercept", "intercept"]
    with pytest.raises(ValueError, match="'intercept' is the name of several coefficients"):
        matrix_of("a = intercept", names)
    assert len(matrix_of(["intercept"], names)) == 2

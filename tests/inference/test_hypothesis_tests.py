"""Linear hypotheses about coefficients: beside statsmodels, in all ways to write them, and what is none."""

import numpy as np
import pandas as pd
import pytest

from sklearn_xent import CrossEntropyClassifier, infer
from sklearn_xent.inference.hypotheses import read_hypotheses
from tests.problems import overlapping

NAMES = ["age", "income", "mean age", "C(x)[T.b]", "1", "intercept"]


def matrix_of(text, names=NAMES):
    asked = read_hypotheses(text, names, names)
    return np.column_stack([asked.matrix, asked.value]).tolist()


def inferred(K=2, n=300, **options):
    X, y = overlapping(n=n, d=3, K=K)
    frame = pd.DataFrame(X, columns=["GPA", "mean score", "PSI"])
    return infer(CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(frame, y), frame, y, **options), frame, y


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


@pytest.mark.parametrize("covariance", ["model", "robust"])
def test_hypotheses_beside_statsmodels(covariance):
    sm = pytest.importorskip("statsmodels.api")
    result, X, y = inferred(covariance=covariance)
    options = {"cov_type": "HC0"} if covariance == "robust" else {}
    peer = sm.Logit(y, sm.add_constant(X, prepend=False)).fit(disp=0, method="newton", tol=1e-13, **options)
    R, q = np.array([[1.0, -2.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.5]]), np.array([0.3, -1.0])
    one_by_one = peer.t_test((R, q))
    text = "GPA - 2 * mean score = 0.3, mean score + PSI + intercept / 2 = -1"
    for given in ((text,), (R, q), (pd.DataFrame(R, columns=result.names).iloc[:, ::-1], q)):
        frame = result.linear_hypotheses(*given, confidence=0.9)
        np.testing.assert_allclose(frame["estimate"], one_by_one.effect, rtol=1e-6)
        np.testing.assert_allclose(frame["value"], q)
        np.testing.assert_allclose(frame["std_error"], one_by_one.sd.ravel(), rtol=1e-6)
        np.testing.assert_allclose(frame["z"], one_by_one.statistic.ravel(), rtol=1e-6)
        np.testing.assert_allclose(frame["p_value"], one_by_one.pvalue, rtol=1e-6)
        np.testing.assert_allclose(frame[["low", "high"]], one_by_one.conf_int(0.1), rtol=1e-6)
        both = peer.wald_test((R, q), scalar=True)
        np.testing.assert_allclose(result.wald_test(*given)[::2], [both.statistic, both.pvalue], rtol=1e-6)
    np.testing.assert_allclose(result.conf_int(0.1), peer.conf_int(0.1), rtol=1e-6)
    np.testing.assert_allclose(result.params, peer.params, rtol=1e-6)
    with pytest.raises(ValueError, match="alpha must be between 0 and 1; got 5"):
        result.conf_int(5)


def test_a_name_alone_is_one_term_of_a_wald_test():
    result, *_ = inferred()
    assert result.wald_test("GPA") == result.wald_test(["GPA"]) == result.wald_test(np.eye(4)[:1])
    assert result.wald_test("GPA").statistic == pytest.approx(result.z[0] ** 2)
    with pytest.raises(ValueError, match="one is named twice or follows from others"):
        result.wald_test("GPA = 1, mean score = 0, GPA - mean score = 1")


def test_of_several_classes_a_column_is_meant_of_each():
    result, *_ = inferred(K=3)
    frame = result.linear_hypotheses("GPA - mean score = 1, 1: PSI = 2: PSI")
    assert frame["hypothesis"].tolist() == [
        "1: GPA - mean score = 1",
        "2: GPA - mean score = 1",
        "1: PSI = 2: PSI",
    ]
    b = result.estimate.reshape(2, 4)
    np.testing.assert_allclose(frame["estimate"], [*(b[:, 0] - b[:, 1]), b[0, 2] - b[1, 2]])
    V = result.covariance
    np.testing.assert_allclose(frame["std_error"][2] ** 2, V[2, 2] + V[6, 6] - 2 * V[2, 6])
    assert result.wald_test("GPA = mean score").df == 2


def test_of_an_estimate_without_an_error_nothing_is_left_to_chance():
    X, y = overlapping(n=40, d=2)
    groups = np.arange(40) % 2  # whose scores sum to 0 between them: a covariance of rank one
    result = infer(
        CrossEntropyClassifier(C=np.inf, tol=1e-12).fit(X, y), X, y, covariance="cluster", groups=groups
    )
    V = result.covariance
    frame = result.linear_hypotheses([[1.0, -V[0, 0] / V[0, 1], 0.0]])
    assert frame["std_error"][0] < 1e-6
    assert np.isfinite(frame["p_value"][0])

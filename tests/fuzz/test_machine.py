"""The oracle against what is known, and the checker against models that are wrong in known ways."""

import os
import pathlib
import signal
import warnings
from fractions import Fraction

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent import CrossEntropyClassifier
from tests.fuzz import __main__ as command
from tests.fuzz import checker, columns, peers, table
from tests.fuzz.checker import judge
from tests.fuzz.exact import exact
from tests.fuzz.generator import Problem, problem
from tests.fuzz.oracle import optimum
from tests.fuzz.separation import separates, separation
from tests.fuzz.verdict import Verdict
from tests.problems import overlapping, reference_objective

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "testing.rst"


def posed(X, y, weights=None, n_classes=None, **parameters):
    K = n_classes or (y.shape[1] if y.ndim == 2 else len(np.unique(y)))
    return Problem(0, "small", X, y, weights, None, {"C": 1.0} | parameters, K)


def solved(made):
    truth = exact(made)
    d, L = made.X.shape[1], truth.L
    return optimum(truth, [(np.zeros((L, d)), np.zeros(L))])


def test_oracle_finds_the_published_fit_of_the_beetles():
    dose = np.array([1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839])
    n, killed = np.array([59, 60, 62, 56, 63, 59, 62, 60]), np.array([6, 13, 18, 28, 52, 53, 61, 60])
    share = killed / n
    made = posed(dose[:, None], np.column_stack([1 - share, share]), n.astype(float), C=np.inf)
    best = solved(made)
    assert best.proved
    assert float(best.intercept[0]) == pytest.approx(-60.7174545616, abs=1e-9)
    assert float(best.coef[0, 0]) == pytest.approx(34.2703257341, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "parameters", "published"),
    [
        ("breast_cancer", {}, 37.758945961876),
        ("breast_cancer", {"C": 0.1, "l1_ratio": 1.0}, 116.450020477966),
        ("wine", {}, 12.090335773855),
        ("wine", {"C": 0.1, "l1_ratio": 1.0}, 88.1168337085),
    ],
)
def test_oracle_finds_published_optima(standardised, name, parameters, published):
    X, y = standardised(name)
    best = solved(posed(X, y, **parameters))
    assert best.proved
    assert float(best.value) == pytest.approx(published, rel=1e-11)


def test_oracle_finds_published_optima_in_raw_units(raw):
    assert float(solved(posed(*raw("breast_cancer"))).value) == pytest.approx(53.794611230483, rel=1e-12)
    assert float(solved(posed(*raw("iris"))).value) == pytest.approx(28.886316604092, rel=1e-12)


def test_oracle_knows_a_table_in_closed_form():
    counts = np.array([[30.0, 10.0], [5.0, 45.0]])
    X = np.array([[0.0], [0.0], [1.0], [1.0]])
    y, w = np.array([0, 1, 0, 1]), counts.ravel()
    entropy = -(counts * np.log(counts / counts.sum(axis=1, keepdims=True))).sum()
    best = solved(posed(X, y, w, C=np.inf))
    assert float(best.value) == pytest.approx(entropy, rel=1e-15)
    assert best.proved


def test_oracle_stops_at_a_bound():
    X, y = overlapping(n=60, d=3)
    free = solved(posed(X, y)).coef[0].astype(float)
    bounds = [(None, float(free[0]) - 0.3), (None, None), (None, None)]
    best = solved(posed(X, y, coef_bounds=bounds))
    assert best.proved
    assert float(best.coef[0, 0]) == pytest.approx(free[0] - 0.3, abs=1e-6)


def test_oracle_sees_the_signal_in_the_difference_of_two_columns():
    # (x, x + 1e-9 e) spans what (x, e) does; coefficients of 1e9 leave 1e-10 of long double's digits
    X, y = overlapping(n=200, d=2)
    near = np.column_stack([X[:, 0], X[:, 0] + 2.0**-30 * X[:, 1]])
    apart = solved(posed(np.column_stack([X[:, 0], (near[:, 1] - near[:, 0]) * 2.0**30]), y, C=np.inf))
    assert float(solved(posed(near, y, C=np.inf)).value) == pytest.approx(float(apart.value), rel=1e-10)


@pytest.mark.parametrize("K", [2, 4])
def test_objective_is_the_documented_one(K):
    X, y = overlapping(n=50, d=3, K=K)
    rng = np.random.default_rng(0)
    made = posed(X, y, rng.random(50), C=0.7, l1_ratio=0.3)
    made.offset = rng.standard_normal((50, K))
    made.offset[:, 0] *= K > 2  # the generator gives two classes one offset
    model, _ = checker.fit(made)
    expected = reference_objective(model, X, y, made.sample_weight, made.offset)
    made.offset = made.offset if K > 2 else made.offset[:, 1]
    assert float(exact(made).value(model.coef_, model.intercept_)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("X", "y", "expected"),
    [
        ([0.0, 1, 2, 3], [0, 0, 1, 1], "yes"),
        ([0.0, 1, 1, 2], [0, 0, 1, 1], "yes"),  # quasi-separation: a tie
        ([0.0, 2, 1, 3], [0, 0, 1, 1], "no"),
        ([0.0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 2, 2], "yes"),
    ],
)
def test_separation_is_known_exactly(X, y, expected):
    made = posed(np.array(X)[:, None], np.array(y), C=np.inf)
    assert separation(exact(made)) == expected


def test_a_separation_by_the_rounding_of_a_sum_is_none():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 40))
    direction = [[Fraction(-1), Fraction(-1), Fraction(1)]]
    errors = [Fraction(s) - Fraction(u) - Fraction(v) for u, v, s in zip(a, b, a + b, strict=True)]
    rounding = np.array(errors, dtype=float)
    y = np.where(rounding == 0, rng.random(40) < 0.5, rounding > 0).astype(int)
    assert set(y[rounding != 0]) == {0, 1}
    assert not separates(exact(posed(np.column_stack([a, b, a + b]), y, C=np.inf)), direction)
    assert separates(
        exact(posed(np.column_stack([a, b, a + b + 1e-9 * np.sign(rounding)]), y, C=np.inf)), direction
    )


def test_generator_is_deterministic():
    for seed in range(20):
        first, again = problem(seed), problem(seed)
        assert first.describe() == again.describe()
        np.testing.assert_array_equal(first.dense, again.dense)


class Worse(CrossEntropyClassifier):
    """Stops after one iteration and says nothing."""

    def fit(self, X, y, sample_weight=None, offset=None):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.set_params(max_iter=1, solver="lbfgs")
            return super().fit(X, y, sample_weight, offset)


class Outside(CrossEntropyClassifier):
    """Leaves its bounds by a little."""

    def fit(self, X, y, sample_weight=None, offset=None):
        super().fit(X, y, sample_weight, offset)
        self.coef_ = self.coef_ - 1e-9
        return self


class Anxious(CrossEntropyClassifier):
    """Warns at an optimum."""

    def fit(self, X, y, sample_weight=None, offset=None):
        warnings.warn("not converged", ConvergenceWarning, stacklevel=2)
        return super().fit(X, y, sample_weight, offset)


class Leaking(CrossEntropyClassifier):
    """Lets a RuntimeWarning out."""

    def fit(self, X, y, sample_weight=None, offset=None):
        np.log(np.zeros(1))
        return super().fit(X, y, sample_weight, offset)


class Endless(CrossEntropyClassifier):
    """Never returns."""

    def fit(self, X, y, sample_weight=None, offset=None):
        while True:
            pass


class Broken(CrossEntropyClassifier):
    """Raises what no user can read."""

    def fit(self, X, y, sample_weight=None, offset=None):
        raise KeyError("x0")


@pytest.mark.parametrize(
    ("estimator", "parameters", "kind", "seen"),
    [
        (CrossEntropyClassifier, {}, "ok", "excess"),
        (CrossEntropyClassifier, {"C": 100.0, "l1_ratio": 1.0}, "ok", "excess"),
        (Worse, {}, "violation", "excess"),
        (Worse, {"C": 100.0, "l1_ratio": 1.0}, "violation", "excess"),
        (Outside, {"coef_bounds": (0, None)}, "violation", "bounds"),
        (Anxious, {}, "false alarm", "ConvergenceWarning"),
        (Leaking, {}, "violation", "RuntimeWarning"),
        (Endless, {}, "hang", "more than"),
        (Broken, {}, "error", "KeyError"),
    ],
)
def test_checker_sees_what_is_wrong(monkeypatch, estimator, parameters, kind, seen):
    monkeypatch.setitem(checker.SECONDS, "small", 1.0)
    X, y = overlapping(n=60, d=3)
    verdict = judge(posed(X, y, **parameters), estimator)
    assert verdict.kind == kind, verdict
    assert seen in verdict.detail


def test_checker_asks_for_a_warning_of_separable_classes():
    X = np.arange(8.0)[:, None]
    made = posed(X, np.repeat([0, 1], 4), C=np.inf)
    assert judge(made).kind == "ok"
    silent = judge(made, Worse)
    assert silent.kind == "violation"
    assert silent.detail.startswith("separation")


def test_command_counts_and_names_the_seeds_of_failures(monkeypatch, capsys):
    def checked(work):
        kind = "violation" if work[1] == 7 else "ok"
        return work[1], *Verdict(kind, "J too high | n=4 {'C': 1.0} outliers")

    monkeypatch.setattr(command, "checked", checked)
    assert command.main(["small", "--count", "4", "--seed", "5"]) == 1
    out = capsys.readouterr().out
    assert "small 7 violation: J too high" in out
    assert "4 seeds from 5: 3 ok, 0 warned, 0 false alarm, 1 violation" in out
    assert "outliers 1/4" in out
    assert command.main(["small", "--count", "2"]) == 0


def test_topics_are_the_modules_that_check():
    assert {"small", "medium", "functions"} <= set(command.topics())
    assert "checker" not in command.topics()


def test_command_replaces_the_rows_of_its_topic_in_a_table(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(command, "checked", lambda work: (work[1], *Verdict("ok")))
    file = tmp_path / "table.rst"
    for topic, count in (("small", "4"), ("medium", "2"), ("small", "3")):
        assert command.main([topic, "--count", count, "--seed", "5", "--table", str(file)]) == 0
    header, *rows = table.read(file)
    assert header == ["topic", "seeds", *command.KINDS, "seconds"]
    assert [row[:3] for row in rows] == [["medium", "2 from 5", "2"], ["small", "3 from 5", "3"]]


def test_command_counts_the_ends_of_peers_beside_ours(monkeypatch, capsys, tmp_path):
    ends = {1: "optimal", 2: "silently worse", 3: "warned"}
    monkeypatch.setattr(command, "compared", lambda w: [("other", {"peer": ends[w[1]], "ours": "optimal"})])
    file = tmp_path / "table.rst"
    options = ["small", "--count", "3", "--seed", "1", "--peers", "--table", str(file)]
    assert command.main(options) == command.main(options) == 0
    header, theirs, ours = table.read(file)
    assert header == ["topic", "seeds", "solver", "problems", *command.ENDS]
    assert theirs == ["small", "3 from 1", "other", "3", "1", "1", "1", "0", "0"]
    assert ours == ["small", "3 from 1", "this package, the same problems", "3", "3", "0", "0", "0", "0"]
    assert "other: 3 problems: 1 optimal, 1 warned, 1 silently worse" in capsys.readouterr().out


@pytest.mark.skipif(not PAGE.exists(), reason="the pages are not part of a source distribution")
def test_page_names_every_topic_ingredient_and_solver():
    text = PAGE.read_text()
    assert [topic for topic in command.topics() if f"python -m tests.fuzz {topic} " not in text] == []
    edits = {edit.__name__ for edit in columns.EDITS}
    assert {name for name in edits | set(peers.PEERS) if f"``{name}``" not in text} == set()


@pytest.mark.skipif(not PAGE.exists(), reason="the pages are not part of a source distribution")
def test_figures_on_the_page_are_as_the_command_writes_them():
    header, *rows = table.read(PAGE.with_name("fuzz_table.rst"))
    assert header == ["topic", "seeds", *command.KINDS, "seconds"]
    assert {row[0] for row in rows} <= set(command.topics())
    for row in rows:
        assert int(row[1].split()[0]) == sum(map(int, row[2:-1]))
    header, *rows = table.read(PAGE.with_name("fuzz_peers_table.rst"))
    assert header == ["topic", "seeds", "solver", "problems", *command.ENDS]
    for row in rows:
        assert int(row[3]) == sum(map(int, row[4:]))


@pytest.mark.parametrize("name", ["algebra", "duality", "exact", "interior", "oracle", "separation"])
def test_the_oracle_imports_nothing_of_the_package(name):
    text = (pathlib.Path(__file__).parent / f"{name}.py").read_text()
    assert "import sklearn_xent" not in text
    assert "from sklearn_xent" not in text


def endless():
    while True:
        pass


def killed():
    os.kill(os.getpid(), signal.SIGTERM)


def lost():
    raise ValueError


@pytest.mark.parametrize(("run", "end"), [(killed, "failed"), (lost, "failed"), (endless, "too long")])
def test_a_peer_that_ends_its_process_has_failed(run, end):
    assert peers._apart(run, 0.2) == end


def test_a_peer_is_judged_by_its_coefficients():
    X, y = overlapping(n=60, d=3)
    coef, _, warned = peers._apart(lambda: CrossEntropyClassifier().fit(X, y), 10.0)
    np.testing.assert_array_equal(coef, CrossEntropyClassifier().fit(X, y).coef_)
    assert not warned

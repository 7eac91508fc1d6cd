"""What the README and the pages state as measured is what the tables say that the runs have written."""

import pathlib
import re
import statistics

import numpy as np
import pytest
from sklearn import datasets

from sklearn_xent.solvers.sampling import HESSIAN

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
PAGE = (DOCS / "benchmarks.rst").read_text()


def table(name):
    """The rows of a list-table, without its head."""
    rows = re.findall(r"^   \* -(.*\n(?:     - .*\n)*)", (DOCS / name).read_text(), re.M)
    return [tuple(cell.strip() for cell in row.split("\n     - ")) for row in rows][1:]


SPEED, EVERYDAY = table("benchmark_table.rst"), table("everyday_table.rst")
ROW = {title: (peer.replace("sklearn", "scikit-learn"), ratio) for title, _, peer, _, ratio in SPEED}
BUNDLED = [ratio for title, (_, ratio) in ROW.items() if re.match("iris|wine|breast_cancer", title)]

# rows of the README, and what the benchmarks call them
SHORT = {
    "1M x 50, well conditioned": "1M x 50 dense",
    "1M x 50, column scales 1 to 1000": "1M x 50, column scales 1..1e3",
    "581k x 54, raw scales and one-hot": "581k x 54, raw scales and one-hot",
    "MNIST, 60k x 784, 10 classes": "60k x 784, K=10",
    "sparse 200k x 47k": "sparse 200k x 47k, tf-idf",
    "lasso, 1M x 100, lambda_max / 100": "1M x 100, l1_ratio 1, lambda_max / 100",
    "lasso, sparse 200k x 47k, lambda_max / 50": "sparse 200k x 47k, l1_ratio 1, lambda_max / 50",
}


def ratio_of(cell):
    """Times as fast; where only ours reached the minimum, more than any."""
    return float(cell) if re.fullmatch(r"[\d.]+", cell) else np.inf


def test_the_readme_s_speeds_are_those_of_the_benchmarks():
    rows = {name: rest for name, *rest in re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", README, re.M)}
    assert [rows.pop(name) for name in SHORT] == [list(ROW[title]) for title in SHORT.values()]
    of_bundled = f"{min(BUNDLED)} to {max(BUNDLED)}"
    assert rows.pop("iris, wine, breast_cancer") == ["scikit-learn newton-cholesky", of_bundled]
    median = statistics.median(ratio_of(row[-1]) for row in EVERYDAY)
    everyday = rows.pop(f"{len(EVERYDAY)} everyday problems, by `benchmarks/everyday.py`")
    assert everyday == ["whoever is the fastest", f"median {median}"]
    assert set(rows) == {"problem"}


def test_ratios_of_the_benchmarks_are_those_of_their_times():
    for title, ours, _, theirs, ratio in SPEED + EVERYDAY:
        if theirs != "not reached":
            exact = float(theirs) / float(ours)
            rounding = 0.051 + 0.05 * exact * (1 / float(theirs) + 1 / float(ours))
            assert float(ratio) == pytest.approx(exact, abs=rounding), title


def test_the_benchmarks_page_states_no_other_number_than_its_tables():
    """Each number with a decimal point is a cell of the tables, or of the block of paths."""
    prose = re.sub(r"::\n\n(    .*\n|\n)+", "", PAGE.replace("numpy 2.4, scikit-learn 1.9", ""))
    printed = " ".join(" ".join(row) for row in SPEED + EVERYDAY) + PAGE[PAGE.index("::\n\n") :]
    cells = set(re.findall(r"(?<![\w.=])\d+\.\d+(?![\w.])", printed))
    stated = set(re.findall(r"(?<![\w.=])\d+\.\d+(?![\w.])", prose))
    assert stated
    assert stated <= cells


def test_the_benchmarks_page_begins_each_explanation_with_the_ratio_of_its_row():
    section = PAGE.split("Where the time goes\n")[1].split("\nPaths, and")[0]
    explained = dict(re.findall(r"^(\S.*)\n    (\d+\.\d+(?: to \d+\.\d+)?)", section, re.M))
    assert explained.pop("iris, wine, breast_cancer") == f"{min(BUNDLED)} to {max(BUNDLED)}"
    assert len(explained) == 7
    for title, ratio in explained.items():
        assert ROW[title][1] == ratio, title


def test_the_everyday_rows_that_are_explained_are_those_where_a_peer_is_twice_as_fast():
    median = statistics.median(ratio_of(row[-1]) for row in EVERYDAY)
    assert f"The median of the last column is {median}," in PAGE
    section = PAGE.split("Where a peer is at least twice as fast:\n")[1].split("\nWhere the time")[0]
    listed = re.findall(r"^(\S.*)\n    \S", section, re.M)
    slower = [title for title, *_, ratio in EVERYDAY if ratio_of(ratio) <= 0.5]
    assert {next(name for name in listed if title.startswith(name)) for title in slower} == set(listed)


def test_ratios_of_paths_are_those_of_their_times():
    block = PAGE.split("divided by ours::\n")[1]
    one, ten, fits = re.search(
        r"one fit ([\d.]+) s, ten strengths ([\d.]+) s = ([\d.]+) fits", block
    ).groups()
    assert float(fits) == pytest.approx(float(ten) / float(one), abs=0.051)
    for ours, theirs, ratio in re.findall(
        r"out ([\d.]+) s, LogisticRegressionCV ([\d.]+) s, ratio ([\d.]+)", block
    ):
        assert float(ratio) == pytest.approx(float(theirs) / float(ours), rel=0.02)
    for path in block.split(" strengths\n")[1:]:
        (ours, gap), *_ = re.findall(r"sklearn_xent +([\d.]+) s  worst gap (\S+)", path)
        assert float(gap) <= 1e-8  # as the page says
        for theirs, ratio in re.findall(r"skglm +(?:not in )?([\d.]+) s.* ratio (?:> )?([\d.]+)", path):
            assert float(ratio) == pytest.approx(float(theirs) / float(ours), abs=0.051)


def test_clusters_cost_what_the_table_says():
    seconds = {fit: float(time.removesuffix(" s")) for fit, time, *_ in table("cluster_table.rst")}
    cluster = seconds.pop("on the cluster (6 readings)")
    for fit, _, beside, _ in table("cluster_table.rst"):
        assert float(beside) == pytest.approx(seconds.get(fit, cluster) / cluster, rel=0.05), fit
    memory = seconds.pop("in memory, two threads")
    assert memory < cluster  # "on one machine a cluster gains nothing"
    assert re.search(r"\((\S+) times the time\s+in memory", README)[1] == f"{cluster / memory:.1f}"
    assert "a ninth of dask-ml's" in README
    assert round(min(seconds.values()) / cluster) == 9


def test_the_plan_of_a_cluster_adds_up():
    plan = (DOCS / "plan_table.rst").read_text()
    tasks, sweep, round_ = map(float, re.search(r"tasks (\S+) s \+ sweep (\S+) s = +(\S+) s", plan).groups())
    assert tasks + sweep == pytest.approx(round_)
    assert float(re.search(r"eight rounds, as a fit takes +(\S+) s", plan)[1]) == pytest.approx(
        8 * round_, abs=0.5
    )
    n_rows, n_columns = map(float, re.search(r"(\S+) rows x (\S+) columns", plan).groups())
    drawn = 8 * HESSIAN.n_rows(int(n_rows), (1, int(n_columns) + 1)) * n_columns
    assert float(re.search(r"client fetches once +(\S+) GB", plan)[1]) == pytest.approx(drawn / 1e9, abs=0.05)


def test_losses_of_streams_are_set_beside_the_optimum_as_they_are():
    (_, *optimum), ours, sgd, averaged = table("streams_table.rst")
    for _, *cells in (ours, sgd, averaged):
        for best, cell in zip(optimum, cells, strict=True):
            loss, percent = re.match(r"([\d.]+) \((\S+) %\)", cell).groups()
            assert float(percent) == pytest.approx(100 * (float(loss) / float(best) - 1), abs=0.006)
    sparse = [row[2] for row in (ours, sgd, averaged)]
    times = [float(re.search(r", (\S+) s", cell)[1]) for cell in sparse]
    assert times[0] > 3 * max(times[1:])  # "On the sparse data it is faster by far"
    assert min(sparse) == sparse[2]  # "with averaging its loss is lower"


def test_what_a_million_samples_leave():
    page = (DOCS / "large_data.rst").read_text()
    samples, features = 1e6, 50
    left = re.search(r"A million samples of fifty features leave (\S+) nats", page)[1]
    assert float(left) == pytest.approx(features / (2 * samples), rel=0.05)


def test_the_readme_s_data_are_as_it_says():
    X = datasets.load_breast_cancer().data
    spreads = [f"{spread:.0g}" for spread in (X.std(axis=0).min(), X.std(axis=0).max())]
    low, high = re.search(r"# raw columns, whose spreads go from (\S+) to (\S+)\n", README).groups()
    assert [float(low), float(high)] == [float(spread) for spread in spreads]
    loaders = (datasets.load_breast_cancer, datasets.load_wine, datasets.load_digits, datasets.load_iris)
    held_out = [int(np.ceil(0.25 * len(load().target))) for load in loaders]
    assert f"Test sets of {min(held_out)} to {max(held_out)} samples" in README

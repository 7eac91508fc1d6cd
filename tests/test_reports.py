"""A page about a model: its numbers, its escapes, and that it needs nothing but itself."""

import base64
import html.parser
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_xent import (
    CrossEntropyClassifier,
    CrossEntropyClassifierCV,
    LossContributionDisplay,
    MiniBatchCrossEntropyClassifier,
    cross_entropy_decomposition,
    cross_entropy_loss,
    cross_entropy_skill,
    infer,
    report,
)
from tests.problems import overlapping

pd = pytest.importorskip("pandas")

HOSTILE = [
    "<script>alert(1)</script>",
    "$x^{$",
    "a" * 5000,
    "\u05d0\u05d1 \u202e\"' onload=x & <b>",
    "\x07",
]
VOID = {"meta", "img", "br"}


class Page(html.parser.HTMLParser):
    """The tree of a page: its tags, texts and attributes; refuses tags that do not match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.texts, self.cells = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)
        if self.cells and {"td", "th"} & set(self.open):
            self.cells[-1][-1] += data

    def row(self, first):
        return next(cells for cells in self.cells if cells[0].startswith(first))

    @property
    def pictures(self):
        return [value for key, value in self.attributes if key == "src"]


def _binary():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return X.iloc[:200, :4], np.array(["benign", "malignant"])[1 - y][:200]


def test_the_numbers_are_those_of_the_public_functions():
    X, y = _binary()
    model = CrossEntropyClassifier().fit(X[::2], y[::2])
    weights = np.arange(len(y[1::2])) % 3 + 1.0
    made = report(model, X[1::2], y[1::2], sample_weight=weights)
    page = Page(made._repr_html_())
    z, options = model.decision_function(X[1::2]), {"sample_weight": weights, "from_logits": True}
    loss = cross_entropy_loss(y[1::2], z, labels=model.classes_, **options)
    parts = cross_entropy_decomposition(y[1::2], z, labels=model.classes_, **options)
    skill = cross_entropy_skill(y[1::2], z, labels=model.classes_, **options)
    assert made.loss == pytest.approx(loss, rel=1e-13)
    assert page.row("Loss of the model")[1] == f"{loss:.5g}"
    assert page.row("Loss of the class frequencies")[1] == f"{parts.uncertainty:.5g}"
    assert page.row("Skill")[1] == f"{skill:.5g}"
    assert page.row("- Discrimination")[1] == f"{parts.discrimination:.5g}"
    assert page.row("+ Miscalibration")[1] == f"{parts.miscalibration:.5g}"
    assert page.row("Optimality gap")[1] == f"{model.optimality_gap_:.1e}"
    assert page.row("Solver")[1] == model.solver_
    assert page.row("Mean objective")[1] == f"{model.history_['objective'][-1]:.5g}"
    for name, coef in zip(X.columns, model.coef_[0], strict=True):
        assert page.row(name)[1] == f"{coef:.5g}"
    assert repr(made).endswith(f"loss {loss:.3f} nats, skill {skill:.3f}")


def test_the_worst_rows_are_those_of_the_display():
    X, y = _binary()
    X.index = [f"case {i}" for i in range(len(X))]
    model = CrossEntropyClassifier().fit(X, y)
    worst = LossContributionDisplay.from_estimator(model, X, y).frame().head(3)
    page = Page(report(model, X, y, n_worst=3)._repr_html_())
    for _, row in worst.iterrows():
        cells = page.row(row["sample"])
        assert cells[1:3] == [f"{row['loss']:.5g}", row["label"]]
        assert float(cells[3]) == pytest.approx(np.exp(-row["loss"]), rel=1e-4)
    assert sum(cells[0].startswith("case") for cells in page.cells) == 3


def test_intervals_are_those_of_inference_where_there_are_any():
    X, y = _binary()
    model = CrossEntropyClassifier(C=np.inf).fit(X, y)
    result = infer(model, X, y)
    low, high = result.interval()[0]
    expected = [f"{v:.5g}" for v in (result.estimate[0], result.std_error[0], low, high, result.p_value[0])]
    assert Page(report(model, X, y)._repr_html_()).row(result.names[0])[1:] == expected
    # of other rows, they are those of an inference that is given
    assert report(model, X[::2], y[::2]).inference is None
    assert "There are no intervals" in "".join(Page(report(model, X[::2], y[::2])._repr_html_()).texts)
    robust = infer(model, X, y, covariance="robust")
    page = Page(report(model, X[::2], y[::2], inference=robust)._repr_html_())
    assert page.row(result.names[0])[2] == f"{robust.std_error[0]:.5g}"


def test_hostile_names_are_text_and_nothing_else(tmp_path):
    X, y = load_iris(return_X_y=True)
    frame = pd.DataFrame(np.column_stack([X, X[:, 0] ** 2]), columns=HOSTILE)
    labels = np.array(["</bdi></table><script>", "$y_{$", "\u202elr"])[y]
    frame.index = [f"<img src=x onerror=alert({i})>" for i in range(len(frame))]
    model = CrossEntropyClassifier().fit(frame, labels)
    file = report(model, frame, labels, name="<script>alert('x')</script>", n_coefficients=50).save(
        tmp_path / "report.html"
    )
    text = file.read_text(encoding="utf-8")
    page = Page(text)
    assert not {"script", "b"} & set(page.tags)
    assert len(page.pictures) == page.tags.count("img") == 3
    assert not any(key.startswith("on") for key, _ in page.attributes)
    assert "\u202e" not in text
    whole = "".join(page.texts)
    assert {"<script>alert(1)</script>", "$x^{$", "<script>alert('x')</script>"} <= set(page.texts)
    assert r"\u202elr" in whole
    assert r"\x07" in whole
    assert max(map(len, page.texts)) < 600


def test_the_page_needs_nothing_but_itself(tmp_path):
    X, y = _binary()
    file = report(CrossEntropyClassifier().fit(X, y), X, y).save(str(tmp_path / "report.html"))
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"https?://|//[a-z]|@import|url\(", re.sub(r"base64,[\w+/=]+", "", text))
    page = Page(text)
    assert {key for key, _ in page.attributes} <= {
        *("lang", "charset", "http-equiv", "content", "name", "class", "scope", "src", "alt")
    }
    assert page.pictures
    for source in page.pictures:
        kind, data = source.split(";base64,")
        assert kind == "data:image/svg+xml"
        assert b"<script" not in base64.b64decode(data)
    assert all(value for key, value in page.attributes if key == "alt")


def test_the_same_report_has_the_same_bytes_and_opens_no_figure():
    import matplotlib.pyplot as plt

    X, y = _binary()
    model = CrossEntropyClassifier().fit(X, y)
    before = plt.get_fignums()
    assert report(model, X, y)._repr_html_() == report(model, X, y)._repr_html_()
    assert plt.get_fignums() == before


@pytest.mark.parametrize("search", [False, True])
def test_pipelines_and_searches_are_of_their_last_step(search):
    X, y = _binary()
    model = make_pipeline(StandardScaler(), CrossEntropyClassifierCV(Cs=[0.1, 1.0, 10.0], cv=2))
    if search:
        model = GridSearchCV(model, {"crossentropyclassifiercv__one_standard_error": [True]}, cv=2)
    page = Page(report(model.fit(X, y), X, y)._repr_html_())
    last = (model.best_estimator_ if search else model)[-1]
    assert page.row("Model")[1] == "CrossEntropyClassifierCV"
    assert page.row("After")[1] == "StandardScaler"
    assert page.row("Chosen C")[1] == f"{last.C_:.5g}"
    assert page.row("mean radius")[1] == f"{last.coef_[0, 0]:.5g}"
    assert "How C was chosen" in page.texts
    if search:
        assert page.row("Best crossentropyclassifiercv__one")[1] == "True"


@pytest.mark.parametrize(
    "model", [GaussianNB(), LogisticRegression(max_iter=5000), MiniBatchCrossEntropyClassifier()]
)
def test_what_another_estimator_does_not_know_is_left_out(model):
    X, y = overlapping(n=90, K=3)
    page = Page(report(model.fit(X, y), X, y)._repr_html_())
    assert f"{type(model).__name__} does not say how far it is from the optimum." in page.texts
    assert "How the fit came down" not in page.texts
    assert ("Coefficients" in page.texts) == hasattr(model, "coef_")


def test_a_fit_that_has_not_converged_says_so():
    X, y = _binary()
    with pytest.warns(ConvergenceWarning):
        model = CrossEntropyClassifier(max_iter=1).fit(X, y)
    page = Page(report(model, X, y)._repr_html_())
    assert page.row("Converged")[1] == "False"
    assert any(text.startswith("No. The fit ended with a warning") for text in page.texts)


def test_soft_labels_and_sparse_rows_and_many_rows():
    import scipy.sparse as sp

    X, y = overlapping(n=400, K=3)
    soft = np.eye(3)[y] * 0.9 + 0.1 / 3
    model = CrossEntropyClassifier().fit(X, soft)
    made = report(model, sp.csr_array(X), soft)
    assert made.loss == pytest.approx(
        cross_entropy_loss(soft, model.decision_function(X), from_logits=True), rel=1e-12
    )
    assert Page(made._repr_html_()).row("Classes")[1] == "0, 1, 2"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_worst": -1}, ValueError, "n_worst must be an integer, at least 0; got -1"),
        ({"n_coefficients": 1.5}, ValueError, "n_coefficients must be an integer"),
        ({"sample_weight": [1.0]}, ValueError, "sample_weight must have shape"),
    ],
)
def test_what_is_out_of_range_is_refused(options, error, message):
    X, y = _binary()
    model = CrossEntropyClassifier().fit(X, y)
    with pytest.raises(error, match=message):
        report(model, X, y, **options)
    with pytest.raises(ValueError, match="not among"):
        report(model, X, np.where(y == "benign", "other", y))
    with pytest.raises(TypeError, match="predict_proba; got Perceptron"):
        report(Perceptron().fit(X, y), X, y)


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, which the distribution has")
@pytest.mark.skipif(sys.platform == "win32", reason="chromium's command line is another there")
@pytest.mark.parametrize("width", [420, 1280])
def test_a_browser_shows_it_at_the_width_of_a_phone(tmp_path, width):
    X, y = load_iris(return_X_y=True)
    frame = pd.DataFrame(np.column_stack([X, X[:, 0] ** 2]), columns=HOSTILE)
    file = report(CrossEntropyClassifier().fit(frame, y), frame, y).save(tmp_path / "report.html")
    # a frame of that width, since a window of the browser may be wider; it writes what it has measured
    script = (
        "const d = f.contentDocument, r = d.documentElement, i = [...d.images];"
        "document.body.textContent = JSON.stringify({wide: r.scrollWidth, of: r.clientWidth,"
        "shown: i.every(x => x.complete && x.naturalWidth > 0 && x.width <= r.clientWidth), n: i.length,"
        "scripts: d.scripts.length})"
    )
    around = tmp_path / "around.html"
    around.write_text(
        f'<iframe id="f" src="{file.name}" style="border:0;width:{width}px;height:900px"></iframe>'
        f"<script>f.onload = () => {{ {script} }}</script>"
    )
    shown = subprocess.run(
        [
            CHROMIUM,
            *("--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=10000", "--dump-dom"),
            around.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    measured = json.loads(re.search(r"\{.*\}", html.unescape(shown.stdout)).group())
    assert measured["wide"] == measured["of"] > width - 30  # a scroll bar
    assert measured["shown"]
    assert (measured["n"], measured["scripts"]) == (3, 0)

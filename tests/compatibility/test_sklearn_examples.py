"""Examples of scikit-learn's gallery and user guide that use LogisticRegression, with the import changed.

What is downloaded there is data that come with scikit-learn here, or are drawn; what is drawn there is
compared here. Each returns numbers, which must be those of LogisticRegression, fitted to its last digits.
"""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_multilabel_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import RFE, SelectFromModel, SequentialFeatureSelector
from sklearn.impute import SimpleImputer
from sklearn.inspection import DecisionBoundaryDisplay, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import RocCurveDisplay, log_loss, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_score,
    learning_curve,
    train_test_split,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.fixes import parse_version

from sklearn_xent import CrossEntropyClassifier


def peer(**options):
    if "l1_ratio" in options:
        options |= {"solver": "saga"}
        if parse_version(sklearn.__version__) < parse_version("1.8"):
            options |= {"penalty": "elasticnet"}
    return LogisticRegression(**{"solver": "newton-cholesky", "tol": 1e-8, "max_iter": 2000} | options)


def plot_iris_logistic(model):
    X, y = load_iris(return_X_y=True)
    fitted = model(C=1e5).fit(X[:, :2], y)
    display = DecisionBoundaryDisplay.from_estimator(
        fitted, X[:, :2], response_method="predict", grid_resolution=50
    )
    return display.response


def plot_logistic_multinomial(model):
    X, y = load_iris(return_X_y=True)
    scaled = make_pipeline(StandardScaler(), model())
    return scaled.fit(X[:, :2], y).predict_proba(X[:, :2])


def one_against_the_rest(model):
    X, y = load_iris(return_X_y=True)
    return OneVsRestClassifier(model()).fit(X, y).predict_proba(X)


def plot_logistic_l1_l2_sparsity(model):
    X, y = load_digits(return_X_y=True)
    X, y = StandardScaler().fit_transform(X[:300]), (y[:300] > 4).astype(int)
    return [
        np.mean(model(C=C, l1_ratio=ratio).fit(X, y).coef_ == 0) for C in (0.1, 0.01) for ratio in (1, 0.5)
    ]


def plot_logistic_path(model):
    X, y = load_iris(return_X_y=True)
    X, y = X[y != 2], y[y != 2]
    X = X / X.max()
    walking = model(l1_ratio=1.0, warm_start=True)
    return [walking.set_params(C=C).fit(X, y).coef_.ravel().copy() for C in (1.0, 3.0, 10.0)]


def plot_digits_pipe(model):
    X, y = load_digits(return_X_y=True)
    steps = [("scaler", StandardScaler()), ("pca", PCA(random_state=0)), ("logistic", model())]
    grid = {"pca__n_components": [3, 8], "logistic__C": [0.01, 1.0]}
    return GridSearchCV(Pipeline(steps), grid, cv=3).fit(X[y < 4], y[y < 4]).cv_results_["mean_test_score"]


def plot_rbm_logistic_classification(model):
    X, y = load_digits(return_X_y=True)
    X = MinMaxScaler().fit_transform(X[:150])
    rbm = BernoulliRBM(n_components=10, n_iter=3, random_state=0)
    return Pipeline([("rbm", rbm), ("logistic", model(C=60))]).fit(X, y[:150]).score(X, y[:150])


def plot_column_transformer_mixed_types(model):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"age": rng.normal(30, 9, 200), "fare": rng.gamma(2, 9, 200), "sex": rng.choice(["f", "m"], 200)}
    )
    frame.loc[::7, "age"] = np.nan
    y = (frame["sex"] == "f") ^ (rng.random(200) < 0.2)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer([("n", numbers, ["age", "fare"]), ("c", OneHotEncoder(), ["sex"])])
    return make_pipeline(columns, model()).fit(frame, y).predict_proba(frame)


def plot_calibration_curve(model):
    X, y = load_breast_cancer(return_X_y=True)
    train, test, y_train, y_test = train_test_split(X[:, :5], y, random_state=0)
    calibrated = CalibratedClassifierCV(make_pipeline(StandardScaler(), model()), method="sigmoid", cv=3)
    display = CalibrationDisplay.from_estimator(calibrated.fit(train, y_train), test, y_test, n_bins=5)
    return display.prob_pred


def plot_voting_and_stacking(model):
    X, y = load_iris(return_X_y=True)
    members = [("lr", make_pipeline(StandardScaler(), model())), ("gnb", GaussianNB())]
    voted = VotingClassifier(members, voting="soft", weights=[1, 2]).fit(X, y)
    stacked = StackingClassifier(members, final_estimator=model(), cv=3).fit(X, y)
    return voted.predict_proba(X), stacked.predict_proba(X)


def plot_feature_transformation(model):
    X, y = load_breast_cancer(return_X_y=True)
    forest = RandomForestClassifier(n_estimators=5, max_depth=3, random_state=0).fit(X, y)
    leaves = OneHotEncoder().fit_transform(forest.apply(X))
    fitted = model().fit(leaves, y)
    return RocCurveDisplay.from_estimator(fitted, leaves, y).roc_auc


def plot_classifier_chain(model):
    X, Y = make_multilabel_classification(n_samples=150, n_classes=4, random_state=0)
    return ClassifierChain(model(), order="random", random_state=0).fit(X, Y).predict_proba(X)


def plot_text_features(model):
    texts = ["sell now", "meet at noon", "sell all now", "noon is late", "now or noon", "we sell late"]
    return make_pipeline(TfidfVectorizer(), model(C=10)).fit(texts, [1, 0, 1, 0, 0, 1]).predict_proba(texts)


def plot_rfe_digits(model):
    X, y = load_digits(return_X_y=True)
    X, y = MinMaxScaler().fit_transform(X[y < 5, 8:24]), y[y < 5]
    return RFE(model(), n_features_to_select=4, step=4).fit(X, y).ranking_


def plot_select_from_model(model):
    X, y = load_iris(return_X_y=True)
    chosen = SelectFromModel(model(), threshold="median").fit(StandardScaler().fit_transform(X), y)
    forward = SequentialFeatureSelector(model(), n_features_to_select=2, cv=3).fit(X, y)
    return chosen.get_support(), forward.get_support()


def plot_cost_sensitive_learning(model):
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X[:, :4])
    tuned = TunedThresholdClassifierCV(model(), scoring="balanced_accuracy", cv=3).fit(X, y)
    fixed = FixedThresholdClassifier(model(), threshold=0.2).fit(X, y)
    return tuned.predict(X).mean(), fixed.predict(X)


def plot_self_training_varying_threshold(model):
    X, y = load_iris(return_X_y=True)
    masked = np.where(np.arange(len(y)) % 3 == 0, y, -1)
    return SelfTrainingClassifier(model(), threshold=0.8).fit(X, masked).predict(X)


def plot_permutation_importance(model):
    X, y = load_iris(return_X_y=True)
    fitted = model(class_weight="balanced").fit(X, y)
    return permutation_importance(fitted, X, y, n_repeats=3, random_state=0).importances_mean


def plot_learning_and_validation_curves(model):
    X, y = load_iris(return_X_y=True)
    pipe = make_pipeline(StandardScaler(), model())
    _, _, learnt = learning_curve(pipe, X, y, train_sizes=[0.5, 1.0], cv=3, shuffle=True, random_state=0)
    name = pipe.steps[-1][0] + "__C"
    _, validated = validation_curve(pipe, X, y, param_name=name, param_range=[0.1, 10.0], cv=3)
    return learnt, validated


def plot_randomized_search(model):
    X, y = load_iris(return_X_y=True)
    search = RandomizedSearchCV(model(), {"C": [0.01, 0.1, 1, 10]}, n_iter=3, cv=3, random_state=0)
    return search.fit(X, y).cv_results_["mean_test_score"]


def plot_discretization_classification(model):
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of KBinsDiscretizer's quantile_method
        binned = KBinsDiscretizer(5, encode="onehot", strategy="uniform").fit_transform(X)
    return model(C=10).fit(binned, y).predict_proba(binned)


def metadata_routing(model):
    X, y = load_breast_cancer(return_X_y=True)
    X, weights = StandardScaler().fit_transform(X[:, :4]), np.arange(len(y)) % 4
    with sklearn.config_context(enable_metadata_routing=True):
        weighted = model().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        return cross_val_score(weighted, X, y, cv=3, params={"sample_weight": weights})


def getting_started(model):
    X, y = load_breast_cancer(return_X_y=True)
    train, test, y_train, y_test = train_test_split(X[:, :6], y, random_state=0)
    pipe = clone(make_pipeline(StandardScaler(), model())).fit(train, y_train)
    p = pipe.predict_proba(test)
    return roc_auc_score(y_test, p[:, 1]), log_loss(y_test, p)


EXAMPLES = [
    item
    for name, item in list(globals().items())
    if getattr(item, "__module__", None) == __name__ and name not in ("peer",)
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.__name__)
def test_an_example_gives_the_same_with_the_import_changed(example):
    import matplotlib.pyplot as plt

    ours = example(CrossEntropyClassifier)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of the peer, at so small a tol
        theirs = example(peer)
    plt.close("all")
    for a, b in zip(*(item if isinstance(item, tuple) else (item,) for item in (ours, theirs)), strict=True):
        np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=0, atol=2e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalty": "l1"}, "l1_ratio=1 makes it a lasso"),
        ({"penalty": None}, "C=np.inf leaves it out"),
        ({"dual": False}, "no parameter 'dual': leave it out"),
        ({"intercept_scaling": 1.0}, "no parameter 'intercept_scaling': leave it out"),
        ({"multi_class": "multinomial"}, "no parameter 'multi_class': leave it out"),
        ({"n_jobs": -1}, "no parameter 'n_jobs': leave it out"),
        ({"solver": "liblinear"}, "solver must be 'auto', which suits every problem"),
        ({"solver": "saga"}, "solver must be 'auto', which suits every problem"),
    ],
)
def test_what_only_scikit_learn_has_is_refused_with_what_to_write(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        CrossEntropyClassifier(**options).fit([[0.0], [1.0], [2.0]], [0, 1, 0])

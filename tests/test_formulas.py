import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from sklearn_xent import (
    cross_entropy_loss,
    entropy,
    kl_divergence,
    log_sigmoid,
    log_softmax,
    sigmoid,
    softmax,
)

TAIL = 4.248354255291589e-18  # log(1 + exp(-40)), from its series exp(-40) - exp(-80) / 2


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_cross_entropy_is_entropy_plus_divergence(masses, random):
    p = np.array(masses) / sum(masses)
    q = np.array(random.sample(masses, len(masses))) / sum(masses)
    expected = entropy(p) + kl_divergence(p, q)
    assert cross_entropy_loss([p], [q]) == pytest.approx(expected, rel=1e-13, abs=1e-15)
    assert kl_divergence(p, q) >= 0


@given(st.lists(st.floats(-700, 700), min_size=2, max_size=6), st.floats(-100, 100))
def test_softmax_sums_to_one_and_ignores_a_shift(logits, shift):
    p = softmax(logits)
    assert p.sum() == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(softmax(np.array(logits) + shift), p, atol=1e-12)
    np.testing.assert_allclose(np.exp(log_softmax(logits)), p, rtol=1e-12, atol=1e-300)


def test_two_class_softmax_is_the_sigmoid():
    z = np.linspace(-30, 30, 41)
    both = np.column_stack([np.zeros_like(z), z])
    np.testing.assert_allclose(softmax(both)[:, 1], sigmoid(z), rtol=1e-14)
    np.testing.assert_allclose(log_softmax(both)[:, 1], log_sigmoid(z), rtol=1e-14)


def test_tails_keep_their_digits():
    assert log_sigmoid(40.0) == -TAIL
    assert log_sigmoid(-1e4) == -1e4
    assert log_softmax([[40.0, 0.0]])[0, 0] == pytest.approx(-TAIL, rel=1e-15)
    assert cross_entropy_loss(1, 40.0, from_logits=True) == TAIL
    assert cross_entropy_loss([0], [[40.0, 0.0]], from_logits=True) == pytest.approx(TAIL, rel=1e-15)
    assert cross_entropy_loss(0, 1e4, from_logits=True) == 1e4
    assert sigmoid(-720.0) == pytest.approx(np.exp(-720.0), rel=1e-9)
    assert sigmoid([-720.0, -746.0, 0.0]).tolist() == [np.exp(-720.0), 0.0, 0.5]
    assert np.isfinite(log_softmax([[1.7e308, -1.7e308], [0.0, 1.0]])).all()
    assert log_softmax([0.0, -np.inf]).tolist() == [0.0, -np.inf]


def test_certain_forecasts_are_exact():
    assert cross_entropy_loss(1, 1.0) == 0.0
    assert cross_entropy_loss(0, 1.0) == np.inf
    assert cross_entropy_loss([0, 1], [[1.0, 0.0], [0.5, 0.5]]) == pytest.approx(np.log(2) / 2)
    assert cross_entropy_loss([0, 1], [0.5, 0.0], sample_weight=[1.0, 0.0]) == pytest.approx(np.log(2))
    assert entropy([1.0, 0.0]) == 0.0
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == np.inf


def test_agrees_with_scikit_learn_where_nothing_is_clipped():
    rng = np.random.default_rng(0)
    p, weights = rng.dirichlet([1, 1, 1], 50), rng.random(50)
    y = np.array(["ham", "spam", "viagra"])[rng.integers(0, 3, 50)]
    expected = log_loss(y, p, sample_weight=weights)
    assert cross_entropy_loss(y, p, sample_weight=weights) == pytest.approx(expected, rel=1e-14)
    each = cross_entropy_loss(y, p, reduction="none")
    assert each.shape == (50,)
    total = cross_entropy_loss(y, p, sample_weight=weights, reduction="sum")
    assert total == pytest.approx(weights @ each)


@pytest.mark.parametrize("labels", [[False, True], [-1, 2**40], ["a", "bbb"], [0, 1]])
def test_labels_of_any_kind_mean_the_same(labels):
    y = np.array(labels)[[0, 1, 1]]
    assert cross_entropy_loss(y, [0.2, 0.7, 0.6]) == cross_entropy_loss([0, 1, 1], [0.2, 0.7, 0.6])


def test_labels_name_a_class_that_is_missing():
    p = [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]
    assert cross_entropy_loss(["a", "b"], p, labels=["a", "b", "c"]) == -np.log([0.2, 0.8]).mean()
    with pytest.raises(ValueError, match="pass labels="):
        cross_entropy_loss(["a", "b"], p)


def test_a_frames_columns_name_the_classes():
    pd = pytest.importorskip("pandas")
    soft = pd.DataFrame({"b": [0.3, 1.0], "a": [0.7, 0.0]})
    p = [[0.6, 0.4], [0.1, 0.9]]
    expected = cross_entropy_loss([[0.7, 0.3], [0.0, 1.0]], p)
    assert cross_entropy_loss(soft, p) == expected
    assert cross_entropy_loss(soft, p, labels=["a", "b"]) == expected
    with pytest.raises(ValueError, match="names the classes"):
        cross_entropy_loss(soft, p, labels=["a", "c"])


def test_rows_that_do_not_sum_to_one_warn_and_stay_as_they_are():
    with pytest.warns(UserWarning, match="row 1 sums to 0.9"):
        loss = cross_entropy_loss([0, 1], [[0.5, 0.5], [0.4, 0.5]])
    assert loss == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    ("y", "p", "options", "message"),
    [
        (1, 1.5, {}, "y_prob must hold probabilities"),
        (1, np.nan, {}, "y_prob must hold probabilities"),
        ([0, 1], [0.5], {}, "y_true must have 1 samples"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], {"labels": [0, 1]}, "holds 2, which is not among"),
        ([0, 1], [0.5, 0.5], {"labels": [0, 1, 2]}, "labels must name 2 classes"),
        ([[0.5, 0.6]], [[0.5, 0.5]], {}, "sum to 1"),
        ([[0.5, 0.5]], [[0.2, 0.3, 0.5]], {}, "must have shape"),
        ([0, 1], [0.5, 0.5], {"sample_weight": [1]}, "sample_weight must have shape"),
        ([0, 1], [0.5, 0.5], {"sample_weight": [1, -1]}, "sample_weight must be finite"),
        ([0, 1], [0.5, 0.5], {"sample_weight": [0, 0]}, "not all zero"),
        ([0, 1], [0.5, 0.5], {"reduction": "max"}, "reduction must be"),
        ([0], [[1.0]], {}, "at least two classes"),
        ([1], [np.inf], {"from_logits": True}, "not finite"),
        ([], [], {}, "y_prob must not be empty"),
        ([], [], {"from_logits": True}, "y_prob must not be empty"),
        ([], np.empty((0, 3)), {}, "y_prob must not be empty"),
        ([], [0.5], {}, "y_true must not be empty"),
        ([None, "a"], [0.5, 0.5], {}, "y_true holds labels that cannot be sorted"),
    ],
)
def test_errors_name_the_argument(y, p, options, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy_loss(y, p, **options)


def test_functions_of_distributions_check_them():
    with pytest.raises(ValueError, match="p must hold probabilities"):
        entropy([1.2, -0.2])
    with pytest.raises(ValueError, match="q must hold probabilities"):
        kl_divergence([0.5, 0.5], [np.nan, 1])
    with pytest.raises(ValueError, match="class axis"):
        softmax(3.0)
    with pytest.raises(ValueError, match="p must not be empty"):
        entropy([])
    with pytest.raises(ValueError, match="q must have an axis of classes"):
        kl_divergence([1.0, 0.0], 0.5)
    with pytest.raises(ValueError, match=r"p must hold probabilities that sum to 1; row 1 sums to 0.9"):
        entropy([[0.5, 0.5], [0.4, 0.5]])
    with pytest.raises(ValueError, match=r"p must hold probabilities that sum to 1; it sums to 0.9"):
        kl_divergence([0.4, 0.5], [0.5, 0.5])
    with pytest.raises(ValueError, match="shapes that broadcast"):
        kl_divergence([0.5, 0.5], [0.2, 0.3, 0.5])


def test_a_divergence_from_what_does_not_sum_to_one_warns_and_is_not_negative():
    with pytest.warns(UserWarning, match="q: it sums to 1.8 and not to 1"):
        assert kl_divergence([0.5, 0.5], [0.9, 0.9]) == pytest.approx(0.8 - np.log(1.8))


@pytest.mark.parametrize("e", [1e-3, 1e-6, 1e-9, 2.0**-51])
def test_a_divergence_keeps_its_digits_where_the_distributions_are_close(e):
    p, q = [0.5, 0.5], [0.5 + e, 0.5 - e]
    assert kl_divergence(p, q) == pytest.approx(2 * e**2 + 4 * e**4, rel=1e-14 + 8 * e**4)
    assert kl_divergence(p, p) == 0


@pytest.mark.parametrize("scale", [1e308, 1e-308, 1e-310])
def test_only_ratios_of_weights_matter(scale):
    y, p, w = [0, 1, 1], [0.2, 0.3, 0.4], np.array([1.0, 0.5, 0.25])
    expected = cross_entropy_loss(y, p, sample_weight=w)
    assert cross_entropy_loss(y, p, sample_weight=scale * w) == pytest.approx(expected, rel=1e-12)


def test_a_mean_of_large_losses_does_not_overflow():
    z = np.full(3, -1.7e308)
    assert cross_entropy_loss([1, 1, 1], z, from_logits=True) == pytest.approx(1.7e308)


def test_axis_is_respected_and_inputs_stay():
    z = np.arange(6.0).reshape(2, 3)
    before = z.copy()
    np.testing.assert_array_equal(softmax(z, axis=0), softmax(z.T).T)
    np.testing.assert_array_equal(log_softmax(z, axis=0), log_softmax(z.T).T)
    np.testing.assert_array_equal(z, before)
    assert entropy(softmax(z), axis=1).shape == (2,)
    assert softmax(z.astype(np.float32)).dtype == np.float64


@pytest.mark.parametrize(
    ("y_true", "y_prob", "options"),
    [
        (1, [0.2, 0.5, 1.0], {}),
        ([0, 1, 1], 0.3, {}),
        (0, [-2.0, 0.0, 3.0], {"from_logits": True}),
        ("b", [[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]], {"labels": ["a", "b"]}),
    ],
)
def test_a_scalar_stands_for_every_sample(y_true, y_prob, options):
    outcomes = [y_true] * 3 if np.ndim(y_true) == 0 else y_true
    forecasts = [y_prob] * 3 if np.ndim(y_prob) == 0 else y_prob
    for reduction in ("none", "mean", "sum"):
        found = cross_entropy_loss(y_true, y_prob, reduction=reduction, **options)
        np.testing.assert_array_equal(
            found, cross_entropy_loss(outcomes, forecasts, reduction=reduction, **options)
        )


@pytest.mark.parametrize(("base", "unit"), [(None, 1.0), (np.e, 1.0), (2, np.log(2)), (0.5, -np.log(2))])
def test_a_base_changes_the_unit_only(base, unit):
    p, q = [0.5, 0.25, 0.25], [0.2, 0.3, 0.5]
    assert entropy(p, base=base) == pytest.approx(entropy(p) / unit, rel=1e-15)
    assert kl_divergence(p, q, base=base) == pytest.approx(kl_divergence(p, q) / unit, rel=1e-15)
    for reduction in ("mean", "sum", "none"):
        loss = cross_entropy_loss([0, 1], [p, q], labels=[0, 1, 2], reduction=reduction)
        other = cross_entropy_loss([0, 1], [p, q], labels=[0, 1, 2], reduction=reduction, base=base)
        np.testing.assert_allclose(other, loss / unit, rtol=1e-15)


def test_bits_of_powers_of_two_are_whole():
    assert entropy([0.25] * 4, base=2) == 2.0
    assert kl_divergence([1.0, 0.0], [0.125, 0.875], base=2) == 3.0
    assert cross_entropy_loss(1, 0.5, base=2) == 1.0
    assert str(entropy([1.0, 0.0], base=2)) == "0.0"
    assert cross_entropy_loss(1, 0.0, base=2) == np.inf


@pytest.mark.parametrize(
    ("base", "error"),
    [
        (0, ValueError),
        (-2, ValueError),
        (1, ValueError),
        (np.inf, ValueError),
        (np.nan, ValueError),
        ("2", TypeError),
        (True, TypeError),
    ],
)
def test_a_base_that_is_none_is_refused(base, error):
    for wrong in (
        lambda: entropy([0.5, 0.5], base=base),
        lambda: kl_divergence([0.5, 0.5], [0.5, 0.5], base=base),
        lambda: cross_entropy_loss(1, 0.5, base=base),
    ):
        with pytest.raises(error, match="base must be"):
            wrong()


def test_the_divergence_of_frames_is_that_of_their_classes():
    pd = pytest.importorskip("pandas")
    p = pd.DataFrame([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]], columns=["a", "b", "c"])
    q = pd.DataFrame([[0.3, 0.3, 0.4], [0.2, 0.1, 0.7]], columns=["a", "b", "c"])
    expected = kl_divergence(p.to_numpy(), q.to_numpy())
    np.testing.assert_array_equal(kl_divergence(p, q[["c", "a", "b"]]), expected)
    np.testing.assert_array_equal(kl_divergence(p.to_numpy(), q[["c", "a", "b"]]), expected)
    np.testing.assert_array_equal(kl_divergence(p[["c", "a", "b"]], q.to_numpy()), expected)
    with pytest.raises(ValueError, match=r"the columns of p, \['a', 'b', 'c'\]; got \['a', 'b', 'z'\]"):
        kl_divergence(p, q.rename(columns={"c": "z"}))

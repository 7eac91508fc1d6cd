"""Bias-reduced fits against published tables, and against another package.

The data are of two studies: urinary tract infections of 239 women (``sex2``) and the histology of 79
endometrial cancers, as the R packages logistf and brglm2 hand them on. The coefficients, intervals and tests
are those that logistf prints; the endometrial ones are in G. Heinze and M. Schemper (2002), Statistics in
Medicine 21(16).
"""

import numpy as np
import pytest

from sklearn_xent import BiasReducedClassifier, CrossEntropyClassifier, SeparationWarning, infer_profile

# infected; aged 24 or more, oral contraceptive, condom, lubricated, spermicide, diaphragm: how many women
SEX2 = """
0000010:1 0001000:2 0001010:1 0001100:8 0001110:18 0010000:42 0010010:1 0011000:1 0011100:5 0011110:6
0101100:2 0101110:4 0110000:14 0110010:1 0111000:1 0111110:2 1000010:1 1001000:14 1001010:3 1001100:10
1001110:12 1001111:1 1010000:44 1010001:3 1011000:15 1011001:1 1011010:2 1011100:7 1011110:3 1101000:2
1101010:1 1101011:1 1101100:1 1101111:1 1110000:5 1111000:3
"""
# neovascularisation, pulsatility index, endometrium height, high grade: one word a patient
ENDOMETRIAL = """
0/13/1.64/0 0/16/2.26/0 0/8/3.14/0 0/34/2.68/0 0/20/1.28/0 0/5/2.31/0 0/17/1.8/0 0/10/1.68/0 0/26/1.56/0
0/17/2.31/0 0/8/2.01/0 0/7/1.89/0 0/20/3.15/0 0/10/1.23/0 0/18/1.27/0 0/16/1.76/0 0/18/2/0 0/8/2.64/1
0/29/0.88/1 0/12/1.27/1 0/20/1.37/1 1/38/0.97/1 1/22/1.14/1 1/7/0.88/1 1/25/0.91/1 1/15/0.58/1
0/7/0.97/1 0/28/1.5/0 0/11/1.33/0 0/19/2.37/0 0/10/1.82/0 0/10/3.13/0 0/18/1.31/0 0/14/1.92/0
0/21/1.64/0 0/11/2.01/0 0/17/1.88/0 0/25/1.93/0 0/16/2.11/0 0/19/1.29/0 0/15/1.72/0 0/33/0.75/0
0/24/1.92/0 0/48/1.84/1 0/12/1.11/1 0/19/1.61/1 0/2/1.18/1 1/22/1.44/1 1/40/1.18/1 1/5/0.93/1 1/0/1.17/1
0/21/1.19/1 0/15/1.06/1 0/29/2.02/0 0/15/2.29/0 0/12/2.33/0 0/3/2.9/0 0/20/1.7/0 0/23/1.41/0 0/12/2.25/0
0/22/1.54/0 0/42/1.97/0 0/15/1.75/0 0/13/2.16/0 0/14/2.57/0 0/19/1.37/0 0/12/3.61/0 0/13/2.04/0
0/10/2.17/0 0/12/1.69/1 1/49/0.27/1 0/6/1.84/1 0/5/1.3/1 0/17/0.96/1 1/11/1.01/1 1/21/0.98/1 0/5/0.35/1
1/19/1.02/1 0/33/0.85/1
"""


def sex2():
    """Rows X, labels y and how many women have them."""
    pairs = [word.split(":") for word in SEX2.split()]
    bits = np.array([[int(bit) for bit in key] for key, _ in pairs])
    return bits[:, 1:], bits[:, 0], np.array([int(count) for _, count in pairs])


def endometrial():
    table = np.array([[float(part) for part in word.split("/")] for word in ENDOMETRIAL.split()])
    return table[:, :3], table[:, 3].astype(int)


def test_urinary_tract_infections():
    X, y, women = sex2()
    assert women.sum() == 239
    model = BiasReducedClassifier().fit(X, y, sample_weight=women)
    expected = [-1.10598133, -0.06881673, 2.26887465, -2.11140819, -0.78831695, 3.09601183, 0.12025405]
    found = np.append(model.coef_, model.intercept_)
    np.testing.assert_allclose(found, expected, atol=2e-7)


def test_intervals_and_tests_of_urinary_tract_infections():
    X, y, women = sex2()
    result = infer_profile(BiasReducedClassifier().fit(X, y, sample_weight=women), X, y, sample_weight=women)
    low = [-1.97379, -0.94144, 1.27302, -3.26086, -1.60809, 0.77457, -0.81856]
    high = [-0.30743, 0.78920, 3.43543, -1.11774, 0.01518, 8.03029, 1.07315]
    np.testing.assert_allclose(result.interval(), np.column_stack([low, high]), atol=1e-5)
    np.testing.assert_allclose(result.p_value[0], 0.006143, atol=1e-6)
    test = result.likelihood_ratio_test()
    assert (round(test.statistic, 5), test.df) == (49.09064, 6)


def test_endometrial_cancer():
    X, y = endometrial()
    with pytest.warns(SeparationWarning, match="BiasReducedClassifier"):
        CrossEntropyClassifier(C=np.inf).fit(X, y)  # neovascularisation separates: no estimate
    result = infer_profile(BiasReducedClassifier().fit(X, y), X, y)
    np.testing.assert_allclose(result.estimate, [2.92927, -0.03475, -2.60416, 3.77456], atol=6e-6)
    np.testing.assert_allclose(result.std_error, [1.55076, 0.03958, 0.77602, 1.48869], atol=6e-6)
    expected = [[0.60972, 7.85463], [-0.12446, 0.04046], [-4.36518, -1.23272], [1.08254, 7.20928]]
    np.testing.assert_allclose(result.interval(), expected, atol=6e-6)
    np.testing.assert_allclose(result.statistic, [6.79846, 0.74683, 17.75932, 8.19801], atol=1e-5)
    test = result.likelihood_ratio_test()
    assert (round(test.statistic, 4), test.df) == (43.6558, 3)


@pytest.mark.parametrize("offset", [False, True])
def test_another_package_finds_the_same(offset):
    reason = "the optional package firthmodels is not installed"
    peer = pytest.importorskip("firthmodels", reason=reason).FirthLogisticRegression
    X, y = endometrial()
    shift = np.linspace(-1, 1, len(y)) if offset else None
    theirs = peer(backend="numpy", gtol=1e-6, xtol=1e-6, max_iter=500).fit(X, y, offset=shift)
    model = BiasReducedClassifier().fit(X, y, offset=shift)
    np.testing.assert_allclose(model.coef_[0], theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(model.intercept_[0], theirs.intercept_, rtol=1e-6)
    result = infer_profile(model, X, y, offset=shift)
    np.testing.assert_allclose(
        result.interval(), theirs.conf_int(method="pl", tol=1e-6, max_iter=500), rtol=1e-4
    )
    np.testing.assert_allclose(result.p_value[:3], theirs.lrt().lrt_pvalues_[:3], rtol=1e-5)

"""
Separated classes: finite estimates and their intervals
=======================================================

In a study of 79 endometrial cancers, each of the thirteen with neovascularisation is of high grade. Maximum
likelihood then has no finite estimate of its coefficient: the likelihood rises for ever. Firth's penalised
likelihood has a maximum, and its profile an interval [1]_.
"""

import textwrap
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import chi2

from sklearn_xent import (
    BiasReducedClassifier,
    CrossEntropyClassifier,
    SeparationWarning,
    infer_profile,
)

# neovascularisation / pulsatility index / endometrium height / high grade: one word per patient
PATIENTS = """
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
table = np.array([[float(part) for part in word.split("/")] for word in PATIENTS.split()])
names = ["neovascularisation", "pulsatility index / 10", "endometrium height"]
X, y = pd.DataFrame(table[:, :3] / [1, 10, 1], columns=names), table[:, 3].astype(int)

# %%
# The warning names the feature, and a way out.
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", SeparationWarning)
    CrossEntropyClassifier(C=np.inf).fit(X, y)
print(textwrap.fill(str(caught[0].message), 76))

# %%
# The fit with Firth's penalty, and what its profile says. A coefficient is tested by how far the penalised
# likelihood falls where it is zero; the interval holds the values where twice the fall of its logarithm is
# less than the quantile of the chi-squared distribution.
model = BiasReducedClassifier().fit(X, y)
result = infer_profile(model, X, y)
print(result.frame().round(3).to_string(index=False))

# %%
# That fall, against the coefficient of neovascularisation: the ends of the intervals of many confidences are
# the profile. For the likelihood alone the others are fitted beside a fixed coefficient, as an offset.
confidences = np.linspace(0.01, 0.99, 50)
ends = np.array([result.interval(confidence)[0] for confidence in confidences])
fixed = np.linspace(-0.5, 10.0, 43)
losses, others = [], X[names[1:]]
for b in fixed:
    offset = b * X[names[0]].to_numpy()
    fit = CrossEntropyClassifier(C=np.inf).fit(others, y, offset=offset)
    losses.append(fit.history_["objective"][-1])  # the mean loss

both = np.r_[ends[::-1, 0], result.estimate[0], ends[:, 1]]
fall = chi2.ppf(np.r_[confidences[::-1], 0.0, confidences], df=1)
quantile = chi2.ppf(0.95, df=1)
figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
ax.plot(both, fall, color="#D55E00", label="with Firth's penalty")
ax.plot(fixed, 2 * len(y) * (np.array(losses) - min(losses)), "--", color="#0072B2", label="likelihood alone")
ax.axhline(quantile, color="0.35", linestyle=":", label="95 % quantile")
ax.plot(result.interval()[0], [quantile, quantile], "o", color="#D55E00", label="ends of the interval")
ax.set(
    xlim=(fixed[0], fixed[-1]),
    ylim=(0.0, 7.0),
    xlabel="Coefficient of neovascularisation",
    ylabel="Twice the fall of the log-likelihood",
    title="With the penalty there is a maximum",
)
ax.grid(alpha=0.25)
ax.legend(loc="upper center", frameon=False)

# %%
# The intervals beside those by standard errors, which are symmetric: under separation these reach too low and
# not high enough. The one for neovascularisation holds zero, and the finding would be lost.
n = len(names)
profile = result.interval()[:n]
wald = result.estimate[:n, None] + 1.96 * result.std_error[:n, None] * [-1, 1]
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for intervals, up, marker, colour, label in (
    (profile, 0.12, "o", "#D55E00", "by the profile"),
    (wald, -0.12, "s", "#000000", "by standard errors"),
):
    middle = np.arange(n)[::-1] + up
    off = np.abs(intervals - result.estimate[:n, None]).T
    ax.errorbar(result.estimate[:n], middle, xerr=off, fmt=marker, color=colour, capsize=3, label=label)
ax.axvline(0.0, color="0.35", linestyle=":")
ax.set(yticks=np.arange(n)[::-1], yticklabels=names, ylim=(-0.6, n - 0.4), xlabel="Coefficient")
ax.set_title("95 % intervals")
ax.legend(loc="lower right", frameon=False)

# %%
# .. [1] Heinze, G. and Schemper, M. (2002), "A solution to the problem of separation in logistic regression",
#    Statistics in Medicine 21(16). The data are those of the R packages logistf and brglm2.

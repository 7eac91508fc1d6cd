"""
Keep or drop features together: the group lasso
===============================================

Features that belong together, such as the levels of a category or several statistics of one measurement, are
in the model together or not at all. In the breast cancer data each of ten measurements has three features:
mean, standard error and worst value. The lasso keeps some of the three; the group lasso keeps all or none.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from sklearn_xent import cross_entropy_path

data = load_breast_cancer()
X = StandardScaler().fit_transform(data.data)  # so that coefficients can be compared
y = 1 - data.target  # 1 is malignant

# %%
# ``groups`` names the group of each feature: here the measurement, without "mean", "error" or "worst".
measurement = np.array(
    [name.replace("mean ", "").replace(" error", "").replace("worst ", "") for name in data.feature_names]
)
Cs = np.geomspace(3e-3, 1, 25)
lasso = cross_entropy_path(X, y, Cs=Cs, l1_ratio=1.0)
grouped = cross_entropy_path(X, y, Cs=Cs, l1_ratio=0.0, groups=measurement)

# %%
# How many measurements are in the model, and of how many only a part.
names = np.unique(measurement)
for C, lasso_coef, group_coef in list(zip(Cs, lasso.coefs[:, 0], grouped.coefs[:, 0], strict=True))[6::6]:
    inside = [
        [np.count_nonzero(coef[measurement == name]) for name in names] for coef in (lasso_coef, group_coef)
    ]
    for method, counts in zip(("lasso", "group lasso"), inside, strict=True):
        print(f"C={C:.3f}  {method:12s} {sum(n > 0 for n in counts):2d} measurements, ", end="")
        print(f"{sum(0 < n < 3 for n in counts)} of them in part")

# %%
# How much each measurement weighs: the norm of its three coefficients. Each enters with all three.
sizes = {name: np.linalg.norm(grouped.coefs[:, 0][:, measurement == name], axis=1) for name in names}
colours = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
figure, ax = plt.subplots(figsize=(8.0, 4.4), layout="constrained")
for i, name in enumerate(sorted(names, key=lambda name: -sizes[name][-1])):
    style = {"color": colours[i % 5], "linestyle": "-" if i < 5 else "--", "marker": "os^DvPX<>*"[i]}
    ax.semilogx(Cs, sizes[name], label=name, markersize=4, markevery=4, **style)
ax.set(
    xlabel="C (weaker penalty to the right)",
    ylabel="Norm of the three coefficients",
    title="Measurements enter one by one",
)
ax.grid(alpha=0.25)
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)

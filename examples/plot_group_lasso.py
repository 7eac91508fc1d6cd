"""
A category in or out as a whole
===============================

One-hot columns of a category belong together: the lasso keeps some levels and drops others, the group
lasso keeps the category or drops it. Census income (Adult), 32,561 people: who earns more than 50,000
dollars a year?
"""

import os
import pathlib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import fetch_openml
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_xent import cross_entropy_path


def census():
    """The frame and the label: a file in the folder SKLEARN_XENT_DATA, else OpenML; None without either."""
    file = pathlib.Path(os.environ.get("SKLEARN_XENT_DATA", "")) / "adult.csv.gz"
    if file.exists():
        frame = pd.read_csv(file, skipinitialspace=True)
        return frame.drop(columns="income-per-year"), frame["income-per-year"].str.startswith(">")
    try:
        data = fetch_openml("adult", version=2, as_frame=True)
    except OSError as error:
        print(f"skipped: Adult cannot be had here ({error})")
        return None
    return data.data.astype({"age": float}), data.target.str.startswith(">")


def paths_of(frame, rich):
    """Name of each column's category, and the paths of the lasso and the group lasso."""
    numeric = frame.select_dtypes("number").columns
    encode = make_column_transformer(
        (StandardScaler(), numeric), (OneHotEncoder(sparse_output=False), frame.columns.difference(numeric))
    )
    X = encode.fit_transform(frame)
    category = np.array([name.split("__")[1].split("_")[0] for name in encode.get_feature_names_out()])
    Cs = np.geomspace(2e-4, 0.1, 13)
    lasso = cross_entropy_path(X, rich, Cs=Cs, l1_ratio=1.0)
    grouped = cross_entropy_path(X, rich, Cs=Cs, l1_ratio=0.0, groups=category)
    return category, lasso, grouped


data = census()

# %%
# ``groups`` is the name of the category for each column. A category enters with all its levels.
if data is not None:
    category, lasso, grouped = paths_of(*data)
    for C, lasso_coef, group_coef in list(zip(lasso.Cs, lasso.coefs, grouped.coefs, strict=True))[::4]:
        partly = [
            name
            for name in np.unique(category)
            if 0 < np.count_nonzero(lasso_coef[:, category == name]) < (category == name).sum()
        ]
        whole = [name for name in np.unique(category) if group_coef[:, category == name].any()]
        print(f"C={C:.2g}: the lasso splits {len(partly)} categories; the group lasso has {', '.join(whole)}")

# %%
# How much each category weighs: the norm of its coefficients.
if data is not None:
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    names = np.unique(category)
    sizes = [
        np.linalg.norm(grouped.coefs[:, :, category == name], axis=(1, 2)) / np.sqrt((category == name).sum())
        for name in names
    ]
    order = np.argsort([-size[-1] for size in sizes])
    for rank, i in enumerate(order):
        axes.semilogx(
            grouped.Cs, sizes[i], label=names[i], color=f"C{rank % 10}", linestyle="-" if rank < 10 else "--"
        )
    axes.set(xlabel="C (weaker penalty to the right)", ylabel="root mean square coefficient of the category")
    axes.set_title("Group lasso on census income: categories enter one by one")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    plt.show()

"""
Choose the strength of a penalty
================================

Coefficients enter one by one as the l1 penalty weakens. The loss on unseen samples, from one fit per
strength by approximate leave-one-out, says where to stop.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from sklearn_xent import CrossEntropyClassifierCV, RegularizationPathDisplay

data = load_breast_cancer()
X = StandardScaler().fit_transform(data.data)  # so that coefficients can be compared
y = 1 - data.target  # 1 is malignant

# %%
# Thirty strengths, no folds.
model = CrossEntropyClassifierCV(Cs=np.geomspace(1e-3, 10, 30), l1_ratios=[1.0]).fit(X, y)
RegularizationPathDisplay.from_estimator(
    model, feature_names=data.feature_names, name="Lasso on the breast cancer data"
)
print(f"least loss at C = {model.C_best_:.3g}: {-model.mean_score_.max():.4f} nats")
print(f"within one standard error, strongest penalty: C = {model.C_1se_:.3g}")

# %%
# The rule of one standard error prefers the simplest model that cannot be told from the best.
path = model.paths_[0][0]
for C in (model.C_1se_, model.C_best_):
    i = int(np.flatnonzero(path.Cs == C)[0])
    print(f"C = {C:.3g}: {path.n_nonzero[i]} of {X.shape[1]} features")

"""
Read odds ratios with their intervals
=====================================

Which measurements go with a malignant tumour, and how surely? Without a penalty the estimates are those
of maximum likelihood, and have standard errors.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

from sklearn_xent import CoefficientDisplay, CrossEntropyClassifier, infer

data = load_breast_cancer(as_frame=True)
columns = ["mean radius", "mean texture", "mean smoothness", "mean symmetry", "mean concave points"]
X = data.data[columns]
X = (X - X.mean()) / X.std()  # odds ratios per standard deviation
y = 1 - data.target  # 1 is malignant

# %%
# The fit, and what can be inferred from it.
model = CrossEntropyClassifier(C=np.inf).fit(X, y)
result = infer(model, X, y)
print(result.summary())
CoefficientDisplay.from_inference(result, odds_ratios=True, name="Odds of malignancy, per standard deviation")

# %%
# On the scale of probabilities: average marginal effects.
print(result.marginal_effects().round(4).to_string(index=False))

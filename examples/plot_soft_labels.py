"""
Soft labels: learn from probabilities
=====================================

Annotators disagree, a teacher model is unsure, a record stands for a hundred people: the target is
then a probability, and cross-entropy takes it as it is.
"""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_xent import CrossEntropyClassifier

# %%
# Bliss (1935): beetles exposed to carbon disulphide, eight doses, how many of how many died.
dose = np.array([1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839])
beetles = np.array([59, 60, 62, 56, 63, 59, 62, 60])
killed = np.array([6, 13, 18, 28, 52, 53, 61, 60])

# %%
# Eight samples of soft labels, weighted by the number of beetles; or 481 samples of hard ones. The loss is
# linear in the labels, so the fit is the same.
share = killed / beetles
soft = CrossEntropyClassifier(C=np.inf).fit(
    dose[:, None], np.column_stack([1 - share, share]), sample_weight=beetles
)
rows = np.repeat(dose, beetles)[:, None]
died = np.concatenate([np.arange(n) < k for n, k in zip(beetles, killed, strict=True)])
hard = CrossEntropyClassifier(C=np.inf).fit(rows, died)
print(f"soft: {soft.intercept_[0]:.6f} + {soft.coef_[0, 0]:.6f} dose")
print(f"hard: {hard.intercept_[0]:.6f} + {hard.coef_[0, 0]:.6f} dose")

# %%
grid = np.linspace(1.66, 1.91, 200)
figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
ax.plot(grid, soft.predict_proba(grid[:, None])[:, 1], linewidth=2.2, label="fitted from soft labels")
ax.scatter(dose, share, s=beetles, color="#D55E00", zorder=3, label="share killed (area: beetles)")
ax.set(xlabel="Dose (log10 of mg/l)", ylabel="Probability of death")
ax.grid(alpha=0.25)
ax.legend(frameon=False)

"""Penalties: each is one class, and the only place that knows its fields.

A penalty has a smooth part, with a value, a gradient and a constant diagonal Hessian, and the rest: prox,
least-norm subgradient, where it has a curvature, and its conjugate, which bounds the gap.
"""

from sklearn_xent.problem.penalties.elastic_net import ElasticNet, pull
from sklearn_xent.problem.penalties.group_lasso import GroupLasso
from sklearn_xent.problem.penalties.scaled import elastic_net, group_lasso

__all__ = ["ElasticNet", "GroupLasso", "elastic_net", "group_lasso", "pull"]

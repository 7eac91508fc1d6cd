"""Penalties: each is one class, and the only place that knows its fields."""

from sklearn_xent.problem.penalties.elastic_net import ElasticNet, elastic_net, pull
from sklearn_xent.problem.penalties.group_lasso import GroupLasso, group_lasso

__all__ = ["ElasticNet", "GroupLasso", "elastic_net", "group_lasso", "pull"]

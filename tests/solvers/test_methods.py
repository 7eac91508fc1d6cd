"""Which method is chosen, which go on after it, and what is said where one cannot treat a penalty."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import ElasticNet, GroupLasso, elastic_net
from sklearn_xent.solvers import methods
from sklearn_xent.solvers.methods import FIRST_ORDER, METHODS, choose, successors
from tests.problem.test_derivatives import assemble, pose


def shaped(n, d, K=2, l1_ratio=0.0, strength=0.1, container="C"):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    targets = rng.dirichlet(np.ones(K), n).T
    return assemble(X, targets, np.full(n, 1 / n), None, container, strength=strength, l1_ratio=l1_ratio)


def grouped(objective):
    size = objective.shape[1]
    return objective.under(
        GroupLasso(
            np.zeros(size), np.zeros(size), index=np.append(np.zeros(size - 1, int), -1), weight=np.ones(1)
        )
    )


def bounded(objective):
    size = objective.shape[1]
    ends = np.append(np.zeros(size - 1), -np.inf), np.full(size, np.inf)
    return objective.under(ElasticNet(np.zeros(size), np.ones(size), *ends))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: shaped(100, 5), "newton-cholesky"),
        (lambda: shaped(100, 5, K=5), "newton-cholesky"),
        (lambda: shaped(100, 5, l1_ratio=0.5), "proximal-newton"),
        (lambda: bounded(shaped(100, 5)), "proximal-newton"),
        (lambda: grouped(shaped(100, 5)), "proximal-newton"),
        (lambda: shaped(50, 600), "row-space"),
        (lambda: shaped(50, 600, strength=0.0), "truncated-newton"),
        (lambda: shaped(700, 600), "truncated-newton"),
        (lambda: shaped(400, 180, K=10), "quasi-newton"),
        (lambda: shaped(50, 2000, l1_ratio=1.0, container="csr"), "proximal-newton"),
    ],
)
def test_auto_chooses_by_shape_and_penalty(make, expected):
    assert choose("auto", make())[0] == expected


def test_auto_samples_rows_where_they_are_many(monkeypatch):
    objective = shaped(20_000, 3)
    assert choose("auto", objective)[0] == "newton-cholesky"
    monkeypatch.setattr(methods, "LARGE", 0)
    assert choose("auto", objective)[0] == "progressive"
    assert choose("auto", shaped(100, 3))[0] == "newton-cholesky"


@pytest.mark.parametrize("container", ["C", "csr"])
def test_auto_samples_rows_where_a_hessian_of_all_is_dear(container):
    # by the entries of dense rows: that of sparse ones is made of these
    assert choose("auto", shaped(6000, 20, container=container))[0] == "progressive"
    assert choose("auto", shaped(3000, 20, container=container))[0] == "newton-cholesky"


@pytest.mark.parametrize(
    ("name", "applies", "does_not"),
    [
        ("row-space", shaped(20, 40), shaped(40, 20)),
        ("row-space", shaped(20, 40), shaped(20, 40, strength=0.0)),
        ("progressive", shaped(400, 4), shaped(30, 4)),
    ],
)
def test_a_method_that_does_not_apply_is_auto(name, applies, does_not):
    assert choose(name, applies)[0] == name
    assert choose(name, does_not)[0] == choose("auto", does_not)[0] != name


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_what_it_cannot_treat_and_who_can(name):
    plain = shaped(30, 4)
    kinds = {"l1": shaped(30, 4, l1_ratio=0.5), "bounds": bounded(plain), "groups": grouped(plain)}
    words = {"l1": "l1_ratio > 0", "bounds": "coef_bounds", "groups": "groups"}
    for kind, objective in kinds.items():
        if getattr(METHODS[name], kind):
            assert choose(name, objective)[0] == name
            continue
        with pytest.raises(
            ValueError, match=f"solver='{name}' cannot treat {words[kind]}; use one of"
        ) as error:
            choose(name, objective)
        for other in METHODS:
            able = getattr(METHODS[other], kind)
            assert (repr(other) in str(error.value).split("use one of")[1]) == able


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"solver must be 'auto'.*'bfgs'.*; got 'newton'"):
        choose("newton", shaped(30, 4))


def test_a_seed_is_drawn_from_the_random_state_and_is_fixed_without_one():
    objective = shaped(400, 4)

    def seed_of(state):
        return choose("progressive", objective, state)[1].keywords["seed"]

    assert seed_of(None) == seed_of(0) == seed_of(np.random.RandomState(0))
    assert seed_of(1) != seed_of(0)
    assert choose("newton-cholesky", objective, 3)[1] is METHODS["newton-cholesky"].method


def test_a_memory_goes_to_methods_that_keep_something():
    memory = {}
    kept = choose("proximal-newton", shaped(30, 4, l1_ratio=0.5), 0, memory)[1]
    assert kept.keywords["memory"] is memory
    assert "memory" not in choose("progressive", shaped(400, 4), 0, memory)[1].keywords


@pytest.mark.parametrize("name", METHODS)
def test_those_that_go_on_are_others_that_can_treat_the_penalty(name):
    plain = shaped(30, 4)
    for objective in (plain, shaped(30, 4, l1_ratio=0.5), bounded(plain), grouped(plain)):
        others = successors(name, objective)
        assert name not in others
        for other in others:
            assert choose(other, objective)[0] == other
        if name not in FIRST_ORDER:
            assert others


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"row-space"}))
def test_every_method_lowers_the_objective(name):
    objective, W = pose(2, n=400)
    objective = objective.under(elastic_net(objective.design, 0.1, 0.5 if METHODS[name].l1 else 0.0))
    chosen, method = choose(name, objective)
    assert chosen == name
    values = []

    class Enough(Exception):
        pass

    class Visit:
        tol = 0.0

        def goal(self, point):
            return 0.0

        def inside(self, point, gap):
            assert point.objective.rows.n_rows < 400  # an iterate on a sample, whose value is another

        def __call__(self, point, **known):
            values.append(point.value)
            if len(values) == 4:
                raise Enough

    with pytest.raises(Enough):
        method(objective, W, Visit())
    assert values[-1] < values[0]

"""What every penalty promises, by definition: differences, minimisers and the conjugate, each found anew."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import ElasticNet, GroupLasso

INF = np.inf
L2, L1 = np.array([1.0, 0.5, 0.0, 2.0, 0.3, 0.0]), np.array([0.3, 0.0, 1.0, 2.0, 0.1, 0.0])
BOX = np.array([-0.5, -INF, 0.0, -1.0, -0.2, -INF]), np.array([INF, 0.7, 2.0, 1.0, 0.4, INF])
GROUPED = {"index": np.array([0, 0, 1, 1, 1, -1]), "weight": np.array([0.7, 0.9])}
UNHELD = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])  # the ridge of a missing intercept

PENALTIES = {
    "ridge": ElasticNet(np.zeros(6), L2),
    "lasso": ElasticNet(L1, UNHELD),
    "elastic net": ElasticNet(L1, L2),
    "bounds": ElasticNet(np.zeros(6), L2, *BOX),
    "elastic net within bounds": ElasticNet(L1, L2, *BOX),
    "groups": GroupLasso(np.zeros(6), UNHELD, **GROUPED),
    "sparse groups": GroupLasso(np.array([0.2, 0.2, 0.5, 0.0, 0.1, 0.0]), UNHELD, **GROUPED),
}
EVERY = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
KINKED = pytest.mark.parametrize(
    "penalty", [p for p in PENALTIES.values() if p.kinked], ids=[k for k, p in PENALTIES.items() if p.kinked]
)


def points(penalty, count=30, seed=0):
    """Coefficients (3, 6) within the bounds, at kinks and off them, and random slopes."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        W = rng.normal(size=(3, 6)) * rng.integers(0, 2, (3, 6)) * rng.integers(0, 2, 6)
        yield np.clip(W, *penalty.bounds), rng.normal(size=(3, 6)), rng


def feasible_direction(penalty, W, D):
    """D (3, 6) without what would leave the bounds at once."""
    lower, upper = penalty.bounds
    return np.where(((lower >= W) & (D < 0)) | ((upper <= W) & (D > 0)), 0.0, D)


def least(penalty, G):
    """Minimiser of penalty + <G, V>, by proximal gradient steps."""
    V, step = np.zeros_like(G), 1 / max(penalty.hessian_diagonal.max(), 0.1)
    for _ in range(3000):
        V = penalty.prox(V - step * (G + penalty.gradient(V)), step)
    return V


@EVERY
def test_the_smooth_part_has_its_gradient_and_hessian(penalty):
    for W, D, _ in points(penalty):
        smooth = [penalty.value(V) - penalty.absolute(V) for V in (W + 1e-4 * D, W - 1e-4 * D)]
        along = (smooth[0] - smooth[1]) / 2e-4
        assert (penalty.gradient(W) * D).sum() == pytest.approx(along, abs=1e-9)
        bend = (penalty.gradient(W + D) - penalty.gradient(W - D)) / 2
        np.testing.assert_allclose(penalty.hessian_diagonal * D, bend, atol=1e-12)


@EVERY
def test_the_prox_is_the_minimiser_within_the_bounds(penalty):
    for W, D, rng in points(penalty):
        for step in (0.01, 0.5, 10.0):
            U = W + 3 * D
            V = penalty.prox(U, step)
            assert ((penalty.bounds[0] <= V) & (penalty.bounds[1] >= V)).all()
            best = ((V - U) ** 2).sum() / (2 * step) + penalty.absolute(V)
            for size in (1e-3, 1e-1, 1.0):
                other = np.clip(V + size * rng.normal(size=V.shape), *penalty.bounds)
                assert best <= ((other - U) ** 2).sum() / (2 * step) + penalty.absolute(other) + 1e-12
            # and stationary, which no other point is
            np.testing.assert_allclose(penalty.subgradient(V, (V - U) / step), 0.0, atol=1e-9)


@EVERY
def test_the_subgradient_is_the_steepest_descent_within_the_bounds(penalty):
    h = 1e-7
    for W, G, rng in points(penalty):
        S = penalty.subgradient(W, G)

        def slope(D, W=W, G=G):
            return (G * D).sum() + (penalty.absolute(W + h * D) - penalty.absolute(W)) / h

        np.testing.assert_array_equal(feasible_direction(penalty, W, -S), -S)
        norm = np.linalg.norm(S)
        if norm:
            assert slope(-S / norm) == pytest.approx(-norm, abs=1e-5)
        for _ in range(20):
            D = feasible_direction(penalty, W, rng.normal(size=W.shape))
            assert slope(D) >= -norm * np.linalg.norm(D) - 1e-5


@EVERY
def test_the_slope_along_a_line_is_that_of_a_difference_beyond_the_point(penalty):
    for W, D, rng in points(penalty):
        D = feasible_direction(penalty, W, D * rng.integers(0, 2, D.shape))
        difference = (penalty.value(W + 1e-7 * D) - penalty.value(W)) / 1e-7
        assert penalty.slope_along(W, D) == pytest.approx(difference, rel=1e-4, abs=1e-6)


@EVERY
def test_the_change_towards_a_target_is_that_of_its_parts(penalty):
    for W, G, rng in points(penalty):
        for size in (1e-6, 1.0):
            target = np.clip(W + size * rng.normal(size=W.shape), *penalty.bounds)
            plain = (G * (target - W)).sum() + penalty.absolute(target) - penalty.absolute(W)
            assert penalty.change(W, G, target) == pytest.approx(plain, rel=1e-9, abs=1e-14)


@EVERY
def test_where_a_coefficient_can_move_slopes_and_curvature_are_differences(penalty):
    h = 1e-5
    for W, G, rng in points(penalty):
        movable = penalty.movable(W)
        D = np.where(movable, rng.normal(size=W.shape), 0.0)
        D *= np.minimum(1.0, np.where(movable & (W != 0), np.abs(W) / (2 * h), 1.0))  # no sign changes
        ahead, behind = (penalty.absolute(W + s * D) for s in (h, -h))
        slope = (G * D).sum() + (ahead - behind) / (2 * h)
        assert (penalty.slopes(W, G) * D).sum() == pytest.approx(slope, abs=1e-6)

        def whole(V):
            return penalty.slopes(V, penalty.gradient(V))

        bend = (whole(W + h * D) - whole(W - h * D)) / (2 * h)
        curved = penalty.curvature(W, D)
        np.testing.assert_allclose(np.where(movable, curved, 0), np.where(movable, bend, 0), atol=1e-5)
        H = np.zeros((W.size, W.size))
        penalty.add_curvature(H, W, np.ones(W.shape, bool))
        beside = (curved - penalty.hessian_diagonal * D).ravel()
        np.testing.assert_allclose(H @ D.ravel(), beside, atol=1e-12)


@EVERY
def test_a_coefficient_can_move_where_slopes_to_both_sides_are_one(penalty):
    h = 1e-7
    for W, _, _ in points(penalty):
        lower, upper = penalty.bounds
        movable = penalty.movable(W)
        for k, j in np.ndindex(W.shape):
            D = np.zeros(W.shape)
            D[k, j] = h
            right, left = penalty.absolute(W + D), penalty.absolute(W - D)
            kink = (right + left - 2 * penalty.absolute(W)) / h
            assert movable[k, j] == (kink < 1e-3 and lower[j] < W[k, j] < upper[j])


@EVERY
def test_the_gap_of_fenchel_and_young_is_that_of_the_conjugate(penalty):
    for W, G, _ in points(penalty, 10):
        G = np.where(penalty.free, 0.0, penalty.feasible(G))
        G = penalty.feasible(penalty.shrinkage(G) * G)
        V = least(penalty, G)
        conjugate = -(penalty.value(V) + (G * V).sum())
        gap = penalty.value(W) + conjugate + (W * G).sum()
        assert penalty.fenchel_gap(W, G) == pytest.approx(gap, rel=1e-7, abs=1e-7)
        # and 0 where the slopes are those of the penalty there
        assert penalty.fenchel_gap(V, G) == pytest.approx(0.0, abs=1e-7)


@EVERY
def test_changes_of_slopes_cost_no_more_than_is_said(penalty):
    for W, G, rng in points(penalty):
        reach = rng.exponential(size=G.shape) * rng.integers(0, 2, G.shape)
        moved = penalty.feasible(G + reach * rng.uniform(-1, 1, G.shape))
        G = penalty.feasible(G)
        rise = penalty.fenchel_gap(W, moved) - penalty.fenchel_gap(W, G)
        assert rise <= penalty.fenchel_rise(W, G, np.abs(moved - G)) * (1 + 1e-9) + 1e-9


@EVERY
def test_shrunk_slopes_are_at_the_edge_of_what_is_feasible(penalty):
    shrunk = 0
    for _, G, _ in points(penalty):
        G = np.where(penalty.free, 0.0, 10 * G)
        c = penalty.shrinkage(G)
        assert 0 < c <= 1
        assert penalty.fenchel_gap(np.zeros_like(G), penalty.feasible(c * G)) < INF
        assert not penalty.beyond(c * (1 - 1e-12) * G).any()
        if c < 1:
            shrunk += 1
            # at a little more some coefficients may leave zero, and fall for ever
            more = 1.01 * c * G
            V = penalty.prox(-1e6 * more, 1e6)
            without = V * (penalty.hessian_diagonal == 0)
            assert (more * without).sum() + penalty.value(without) < 0
    endless = (penalty.hessian_diagonal == 0) & ~np.isfinite(penalty.bounds).all(axis=0) & ~penalty.free
    assert (shrunk > 0) == endless.any()


@KINKED
def test_the_least_multiple_is_that_at_which_zero_is_a_minimum(penalty):
    for _, G, _ in points(penalty):
        c = penalty.least_multiple(G)
        selects = penalty.selects
        assert (penalty.excess(G, c * (1 + 1e-9))[:, selects] <= 0).all()
        assert (penalty.excess(G, c * (1 - 1e-9))[:, selects] > 0).any()
        # slopes of G / c are held by the penalty itself: prox of a step from zero stays there
        held = penalty.prox(-G / c * (1 - 1e-9), 1.0)
        within = selects & (penalty.bounds[0] <= 0) & (penalty.bounds[1] >= 0)
        np.testing.assert_array_equal(held[:, within], 0.0)


@EVERY
def test_the_penalty_of_some_columns_is_the_whole_one_where_the_others_are_zero(penalty):
    which = np.array([1, 2, 5])
    for W, G, _ in points(penalty):
        inside = np.zeros_like(W)
        inside[:, which] = W[:, which]
        part = penalty.columns(which)
        assert part.value(W[:, which]) == pytest.approx(penalty.value(inside), rel=1e-14)
        np.testing.assert_allclose(part.prox(G[:, which], 0.3), penalty.prox(_only(G, which), 0.3)[:, which])
        for bound, whole in zip(part.bounds, penalty.bounds, strict=True):
            np.testing.assert_array_equal(bound, whole[which])


def _only(G, which):
    out = np.zeros_like(G)
    out[:, which] = G[:, which]
    return out


@EVERY
def test_free_columns_are_those_that_nothing_holds(penalty):
    nothing = (penalty.bounds[0] == -INF) | (penalty.bounds[1] == INF)
    for j in range(6):
        W = np.zeros((3, 6))
        W[:, j] = 0.1
        costless = penalty.value(W) == 0
        assert penalty.costless[j] == costless
        assert penalty.free[j] == (costless and nothing[j])


@EVERY
def test_more_ridge_is_added_to_the_smooth_part_alone(penalty):
    more = np.arange(6.0)
    for W, _, _ in points(penalty, 5):
        other = penalty.with_ridge(more)
        assert other.value(W) == pytest.approx(penalty.value(W) + 0.5 * (more * W**2).sum(), rel=1e-12)
        np.testing.assert_array_equal(other.prox(W, 0.7), penalty.prox(W, 0.7))


@EVERY
def test_what_is_in_use_is_what_is_not_held_at_zero(penalty):
    for W, _, _ in points(penalty):
        used, index = penalty.used(W), getattr(penalty, "index", np.full(6, -1))
        for k, j in np.ndindex(W.shape):
            group = W[:, index == index[j]] if index[j] >= 0 else W[k, j]
            held = penalty.selects[j] or penalty.kinks[j] > 0
            assert used[k, j] == (np.any(group != 0) or not held)

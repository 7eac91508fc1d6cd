"""Random fits without a penalty: `infer` beside long doubles, and beside statsmodels where that can be."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.optimize

from sklearn_xent import CrossEntropyClassifier, infer
from tests.fuzz.verdict import Verdict

REAL = np.longdouble
KINDS = ("model", "robust", "cluster")


# The reference: Newton's method and everything after it in long doubles, by formulas of its own.


def probabilities(A, W, offset):
    """Of all classes (n, K), at coefficients W (K - 1, m) less the first class's."""
    z = np.column_stack([np.zeros(len(A), REAL), A @ W.T]) + offset
    z = z - z.max(axis=1, keepdims=True)
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def information(A, P, weights):
    K, m = P.shape[1], A.shape[1]
    H = np.zeros(((K - 1) * m, (K - 1) * m), REAL)
    for k in range(1, K):
        for l in range(1, K):
            others = P[:, [c for c in range(K) if c != k]].sum(axis=1)
            h = weights * (P[:, k] * others if k == l else -P[:, k] * P[:, l])
            H[(k - 1) * m : k * m, (l - 1) * m : l * m] = (A * h[:, None]).T @ A
    return H


def inverse_root(H):
    """R with R'R the inverse, by Cholesky's method in long doubles; numpy's is of doubles."""
    unit, n = 1 / np.sqrt(np.diag(H)), len(H)
    E, L, R = H * unit[:, None] * unit, np.zeros_like(H), np.eye(n, dtype=REAL)
    for j in range(n):
        L[j, j] = np.sqrt(E[j, j] - L[j, :j] @ L[j, :j])
        L[j + 1 :, j] = (E[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j]) / L[j, j]
    for j in range(n):
        R[j] = (R[j] - L[j, :j] @ R[:j]) / L[j, j]
    return R * unit


class Reference:
    """The optimum for rows (n, d), soft labels (n, K), weights and offset, and its covariances."""

    def __init__(self, X, T, weights, offset, intercept):
        X, self.T, self.weights = X.astype(REAL), T.astype(REAL), weights.astype(REAL)
        self.shift = X.mean(axis=0) if intercept else np.zeros(X.shape[1], REAL)
        self.scale = np.sqrt(((X - self.shift) ** 2).mean(axis=0))
        A = (X - self.shift) / self.scale
        self.A = np.column_stack([A, np.ones(len(A), REAL)]) if intercept else A
        self.intercept, self.K, self.offset = intercept, T.shape[1], offset.astype(REAL)
        m = self.A.shape[1]
        self.W = np.zeros((self.K - 1, m), REAL)
        self.found = self._newton()
        change = np.diag(np.append(1 / self.scale, np.ones(int(intercept), REAL)))
        if intercept:
            change[-1, :-1] = -self.shift / self.scale
        self.change = np.kron(np.eye(self.K - 1, dtype=REAL), change)

    @np.errstate(all="ignore")  # of separable classes there is no optimum
    def _newton(self):
        for _ in range(200):
            self.P, self.log_P = probabilities(self.A, self.W, self.offset)
            self.value = (self.weights[:, None] * self.T * self.log_P).sum()
            self.scores = (self.weights[:, None] * (self.T - self.P)[:, 1:])[:, :, None] * self.A[:, None, :]
            self.scores = self.scores.reshape(len(self.A), -1)
            self.half = inverse_root(information(self.A, self.P, self.weights))
            g = self.scores.sum(axis=0)
            step = self.half.T @ (self.half @ g)
            if not np.isfinite(step.astype(float)).all():
                return False
            gain = g @ step / 2
            if gain < 1e-20 * (1 + abs(self.value)):
                return True
            t, W = REAL(1), self.W
            while t > 1e-12:
                self.W = W + t * step.reshape(W.shape)
                _, log_P = probabilities(self.A, self.W, self.offset)
                value = (self.weights[:, None] * self.T * log_P).sum()
                if gain < 1e-12 or value >= self.value + 1e-4 * t * gain:  # below, the value is rounding
                    break
                t = t / 2
        return False

    def condition(self):
        """Largest over least eigenvalue of the equilibrated information."""
        H = information(self.A, self.P, self.weights).astype(float)
        unit = 1 / np.sqrt(np.maximum(np.diag(H), 1e-300))
        values = np.linalg.eigvalsh(H * unit[:, None] * unit)
        return values[-1] / max(values[0], 1e-300)

    def root(self, kind, groups):
        """R with R'R the covariance, in the coordinates of A."""
        if kind == "model":
            return self.half
        used = self.weights > 0
        scores = self.scores[used] @ self.half.T
        if kind == "robust":
            return scores / np.sqrt(self.weights[used])[:, None] @ self.half
        names = np.unique(groups[used])
        scores = np.array([scores[groups[used] == name].sum(axis=0) for name in names])
        return np.sqrt(REAL(len(names)) / (len(names) - 1)) * scores @ self.half

    def errors(self, kind="model", groups=None):
        """Standard errors and covariance in the units of X."""
        R = self.root(kind, groups) @ self.change.T
        return np.sqrt((R**2).sum(axis=0)).astype(float), (R.T @ R).astype(float)

    def effects(self, R):
        """Average marginal effects of each class and column in the units of X, with errors."""
        K, m, d = self.K, self.A.shape[1], len(self.scale)
        share = self.weights / self.weights.sum()
        out = []
        for k in [1] if K == 2 else range(K):
            for j in range(d):

                def effect(W, k=k, j=j):
                    P, _ = probabilities(self.A, W, self.offset)
                    v = np.append(REAL(0), W[:, j]) / self.scale[j]
                    return (share * P[:, k] * (P * (v[k] - v)).sum(axis=1)).sum()

                slopes = np.zeros((K - 1) * m, REAL)
                for i in range(len(slopes)):
                    e = np.zeros_like(slopes)
                    e[i] = REAL(1e-4)  # differences of fourth order: some 15 digits
                    e = e.reshape(self.W.shape)
                    once, twice = (effect(self.W + t * e) - effect(self.W - t * e) for t in (1, 2))
                    slopes[i] = (8 * once - twice) / (12 * REAL(1e-4))
                out.append((effect(self.W), np.sqrt(((R @ slopes) ** 2).sum())))
        return np.array(out)

    def null(self):
        """Log-likelihood of intercepts alone, beside the offset."""
        if not self.intercept:
            _, log_P = probabilities(self.A, 0 * self.W, self.offset)
            return (self.weights[:, None] * self.T * log_P).sum()
        plain = Reference.__new__(Reference)
        plain.__dict__.update(self.__dict__)
        plain.A, plain.W = np.ones((len(self.A), 1), REAL), np.zeros((self.K - 1, 1), REAL)
        assert plain._newton()
        return plain.value


def separated(A, T, weights):
    """Whether some direction lowers the loss of some row for ever and raises that of none: a program."""
    used = weights > 0
    A, T = A[used].astype(float), T[used]
    A = A / np.maximum(np.linalg.norm(A, axis=1, keepdims=True), 1e-300)
    K, m = T.shape[1], A.shape[1]
    up, same = [], []
    for k in range(K):
        for l in range(K):
            if k == l:
                continue
            for a, t in zip(A, T, strict=True):
                row = np.zeros((K, m))
                row[k], row[l] = a, -a
                if t[k] > 0 and t[l] == 0:
                    up.append(row[1:].ravel())
                elif t[k] > 0 and t[l] > 0 and k < l:
                    same.append(row[1:].ravel())
    up = np.array(up)
    if not len(up):
        return False
    result = scipy.optimize.linprog(
        -up.sum(axis=0),
        A_ub=-up,
        b_ub=np.zeros(len(up)),
        A_eq=np.array(same) if same else None,
        b_eq=np.zeros(len(same)) if same else None,
        bounds=[(-1, 1)] * up.shape[1],
        method="highs",
    )
    return bool(-result.fun > 1e-5)


class Problem:
    """Random rows of every scale and offset, labels with or without overlap, weights, offsets, groups."""

    def __init__(self, seed):
        rng = np.random.default_rng([seed, 77])
        n, d, self.K = int(rng.integers(30, 400)), int(rng.integers(1, 7)), int(rng.choice([2, 2, 3, 4]))
        Z = rng.normal(size=(n, d))
        if rng.random() < 0.3:
            Z[:, 0] = rng.random(n) < rng.choice([0.03, 0.1, 0.5])
            Z[:2, 0] = 0.0, 1.0
        if d > 1 and rng.random() < 0.3:
            Z[:, -1] = Z[:, 0] + 10 ** rng.uniform(-5, 0) * Z[:, -1]
        if rng.random() < 0.2:
            Z = rng.standard_t(3, size=(n, d))
        strength = rng.choice([0.0, 0.5, 1.0, 3.0, 30.0], p=[0.1, 0.3, 0.4, 0.1, 0.1])
        W = rng.normal(size=(d, self.K)) * strength
        self.intercept = bool(rng.random() < 0.85)
        base = rng.normal(size=self.K) * rng.choice([0.5, 2.0]) * self.intercept
        z = Z @ W + base
        self.offset = None
        if rng.random() < 0.3:
            self.offset = rng.normal(size=n if self.K == 2 else (n, self.K))
        full = np.zeros((n, self.K))
        if self.offset is not None:
            full = np.column_stack([np.zeros(n), self.offset]) if self.K == 2 else self.offset
        self.full_offset = full - full[:, :1]
        y = np.argmax(z + full + rng.gumbel(size=(n, self.K)), axis=1)
        y[: self.K] = np.arange(self.K)
        self.labels, self.T = y, np.eye(self.K)[y]
        if rng.random() < 0.15:
            self.T = 0.9 * self.T + 0.1 * rng.dirichlet(np.ones(self.K), n)
            self.labels = self.T
        hard = rng.random() < 0.6
        scale = 10 ** (rng.uniform(-6, 6, d) * hard)
        spreads = 10 ** rng.uniform(0, 6, d) * rng.choice([0, 0, 1], d) * (hard and self.intercept)
        self.X = Z * scale + spreads * scale * rng.choice([-1, 1], d)
        self.weights = None
        if rng.random() < 0.4:
            self.weights = rng.integers(0, 4, n).astype(float) if rng.random() < 0.6 else rng.random(n)
            self.weights[: self.K] = 1.0
        self.all_weights = np.ones(n) if self.weights is None else self.weights
        self.groups = rng.integers(0, int(rng.integers(5, 40)), n)
        self.kind = str(rng.choice(KINDS))

    def fit(self, tol):
        """A fitted model; what it warns of is not the matter here."""
        model = CrossEntropyClassifier(C=np.inf, tol=tol, fit_intercept=self.intercept)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.fit(self.X, self.labels, sample_weight=self.weights, offset=self.offset)

    def infer(self, model):
        more = {"groups": self.groups} if self.kind == "cluster" else {}
        rest = {"sample_weight": self.weights, "offset": self.offset, "covariance": self.kind}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return infer(model, self.X, self.labels, **rest, **more)


def apart(ours, theirs, scale=None):
    """Largest difference relative to theirs, or to a scale."""
    ours, theirs = np.asarray(ours, REAL), np.asarray(theirs, REAL)
    scale = np.abs(theirs) if scale is None else scale
    scale = np.where(scale > 0, scale, 1)
    return float(np.max(np.abs(ours - theirs) / scale, initial=0.0))


def check(seed: int) -> Verdict:
    """Compare estimates, errors, covariance, likelihoods and effects of one random problem."""
    problem = Problem(seed)
    reference = Reference(problem.X, problem.T, problem.all_weights, problem.full_offset, problem.intercept)
    apparent = separated(reference.A, problem.T, problem.all_weights)
    try:
        model = problem.fit(1e-12 if seed % 2 else 1e-8)
    except Exception as error:
        return Verdict("error", f"the fit: {error!r}")
    try:
        result = problem.infer(model)
    except ValueError as error:
        if apparent and "separated" in str(error):
            return Verdict("ok", "separated")
        if not model.converged_ and "not at an optimum" in str(error):
            return Verdict("warned", "the fit had not converged")
        if "collinear" in str(error) and reference.condition() > 1e13:
            return Verdict("warned", "collinear")
        return Verdict("false alarm", f"{error} (condition {reference.condition():.1g})")
    except Exception as error:
        return Verdict("error", repr(error))
    if apparent or not reference.found:
        return Verdict("violation", f"separated: errors up to {result.std_error.max():.3g} are reported")
    # in standard errors of any combination of coefficients
    distance = float(np.sqrt(2 * model.optimality_gap_ * problem.all_weights.sum()))
    return _compared(problem, reference, result, distance)


def _compared(problem, reference, result, distance):
    error, own = reference.errors(problem.kind, problem.groups)
    W = reference.change @ reference.W.ravel()
    effects = reference.effects(reference.root(problem.kind, problem.groups))
    frame = result.marginal_effects()
    nulls = reference.null()
    size = np.abs(reference.value) + 1
    slack = 1e-7 + 1e-17 * reference.condition() + distance
    far = float(np.max(np.abs(reference.shift) / reference.scale))
    precise = {
        # the intercept as it is kept has the last digit of coefficients times means
        "estimate in errors": (apart(result.estimate, W, error), 1e-6 + 1e-14 * far + distance),
        "std_error": (apart(result.std_error, error), slack),
        "covariance": (apart(result.covariance, own, np.outer(error, error)), slack),
        "log_likelihood": (apart(result.log_likelihood, reference.value, size), 1e-9),
        "null_log_likelihood": (apart(result.null_log_likelihood, nulls, size), 1e-9),
        "effect": (apart(frame["effect"], effects[:, 0], effects[:, 1]), 1e-6 + distance),
        "effect error": (apart(frame["std_error"], effects[:, 1]), 1e-6 + slack),
    }
    wrong = [f"{name} {got:.2g} > {most:.2g}" for name, (got, most) in precise.items() if not got <= most]
    wrong += _beside_statsmodels(problem, result, reference) if distance < 1e-6 else []
    return Verdict("violation", f"{problem.kind}: {', '.join(wrong)}") if wrong else Verdict("ok")


def _beside_statsmodels(problem, result, reference):
    """What differs from statsmodels, where columns are such that it keeps its digits."""
    import statsmodels.api as sm

    X = problem.X
    spread = X.std(axis=0)
    plain = reference.condition() < 1e4 and (np.abs(X.mean(axis=0)) < 10 * spread).all()
    plain = plain and ((spread > 0.1) & (spread < 10)).all() and problem.labels.ndim == 1
    extras = problem.weights is not None, problem.offset is not None, problem.kind != "model"
    if not plain or (problem.K > 2 and any(extras)) or (extras[0] and extras[2]):
        return []
    A = sm.add_constant(X, prepend=False, has_constant="add") if problem.intercept else X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if problem.K == 2:
            if problem.weights is None:
                peer = sm.Logit(problem.labels, A, offset=problem.offset)
                options = {"disp": 0, "method": "newton", "tol": 1e-13, "maxiter": 200}
            else:  # whose sandwich divides by p (1 - p), which may be 0
                more = {"offset": problem.offset, "freq_weights": problem.weights}
                peer = sm.GLM(problem.labels, A, family=sm.families.Binomial(), **more)
                options = {"tol": 1e-14, "maxiter": 200}
            groups = {"groups": problem.groups, "use_correction": False}
            kinds = {"cov_type": {"model": "nonrobust", "robust": "HC0"}.get(problem.kind, "cluster")}
            kinds |= {"cov_kwds": groups} if problem.kind == "cluster" else {}
            peer = peer.fit(**options, **kinds)
            count = len(np.unique(problem.groups))
            params, errors = peer.params, peer.bse
            if problem.kind == "cluster":
                errors = errors * np.sqrt(count / (count - 1))
        else:
            peer = sm.MNLogit(problem.labels, A).fit(disp=0, method="newton", tol=1e-13, maxiter=200)
            params, errors = np.asarray(peer.params).T.ravel(), np.asarray(peer.bse).T.ravel()
    seen = {
        "statsmodels' estimate": apart(result.estimate, params, errors),
        "statsmodels' std_error": apart(result.std_error, errors),
        "statsmodels' likelihood": apart(result.log_likelihood, peer.llf, abs(peer.llf) + 1),
    }
    return [f"{name} {got:.2g}" for name, got in seen.items() if not got < 1e-6]

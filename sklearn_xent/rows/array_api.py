"""Rows in an array of another library, such as torch, wherever that keeps it: products are taken there.

X stays on its device, and so do its products with X; logits and residuals, a few numbers per row, travel.
The namespace is that of the array API standard (2023.12), through ``array_api_compat`` for libraries that do
not speak it themselves.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn import get_config

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Kernel, PerRow, Rows, as_rows
from sklearn_xent.rows.blocks import row_slices, sample_rows, sweep_blocks
from sklearn_xent.rows.threads import Team

__all__ = [
    "DeviceBlock",
    "DeviceRows",
    "Placement",
    "beside",
    "check_same_place",
    "is_device_array",
    "to_numpy",
]

# A device wants large products: blocks are no smaller than this, and their logits fit on the host.
ROWS = 1 << 18


def is_device_array(X: Any) -> bool:
    """Whether scikit-learn's ``array_api_dispatch`` is on and X belongs to another library than numpy.

    Raises
    ------
    ImportError
        If that library does not speak the standard, and ``array_api_compat``, which does for it, is missing.
    """
    if not get_config()["array_api_dispatch"] or isinstance(X, np.ndarray | np.generic | list | tuple):
        return False
    if hasattr(X, "__array_namespace__"):
        return True
    if type(X).__module__.split(".")[0] not in ("torch", "cupy", "jax", "jaxlib"):
        return False
    try:
        import array_api_compat
    except ImportError as error:
        raise ImportError(
            f"an array of {type(X).__module__} needs the package array-api-compat: pip install "
            '"sklearn-xent[array-api]".'
        ) from error
    return bool(array_api_compat.is_array_api_obj(X))


def to_numpy(X: Any) -> Any:
    """Copy an array of another library to the host; what is none of these stays as it is."""
    if not is_device_array(X):
        return X
    if hasattr(X, "detach"):  # torch
        return X.detach().cpu().numpy()
    if hasattr(X, "get"):  # cupy
        return X.get()
    if type(X).__module__.split(".")[0] == "array_api_strict":
        # its mock devices refuse to be read elsewhere
        return np.asarray(X.to_device(X.__array_namespace__().Device("CPU_DEVICE")))
    return np.asarray(X)


class Placement:
    """Where an array is: its library and device. A call puts a numpy array there.

    Numbers that are not integers are of the most precise type that the device knows, as those of a fit of
    numpy's arrays are.
    """

    def __init__(self, X: Any) -> None:
        if hasattr(X, "__array_namespace__"):
            self.xp, self.device = X.__array_namespace__(), X.device
        else:
            import array_api_compat

            self.xp, self.device = array_api_compat.array_namespace(X), array_api_compat.device(X)
        self.floating = self.xp.isdtype(X.dtype, "real floating")
        known = self.xp.__array_namespace_info__().dtypes(device=self.device, kind="real floating")
        self.dtype = known.get("float64", self.xp.float32)

    def __call__(self, values: Array) -> Any:
        """The values there."""
        if values.dtype.kind == "f":
            return self.xp.asarray(values, dtype=self.dtype, device=self.device)
        return self.xp.asarray(values, device=self.device)


def check_same_place(X: Any, fitted: Any, call: str) -> None:
    """Refuse rows that are elsewhere than those of the fit: scikit-learn's convention.

    Raises
    ------
    ValueError
        If another library or device than that of what was fitted holds X.
    """
    theirs, ours = _library_and_device(X), _library_and_device(fitted)
    if theirs != ours:
        raise ValueError(
            f"Inputs passed to {call} must use the same namespace and the same device as those passed to "
            f"fit(): got {theirs[0]} on {theirs[1]}, but it was fitted with {ours[0]} on {ours[1]}."
        )


def _library_and_device(X: Any) -> tuple[str, str]:
    if not is_device_array(X):
        return "numpy", "cpu"
    return type(X).__module__.split(".")[0], str(Placement(X).device)


def beside(X: Any, values: Array) -> Any:
    """Values where X is: numbers on its device, in its library; text, which it does not know, as it is."""
    return Placement(X)(values) if is_device_array(X) and values.dtype.kind in "biuf" else values


class DeviceBlock:
    """A block of X on its device, for products and Gram matrices; for all else, its copy in numpy."""

    def __init__(self, X: Any, place: Placement) -> None:
        self.X, self._place = X, place
        self.shape = X.shape

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        """Copy to the host, for what is not done on the device."""
        return np.asarray(to_numpy(self.X), dtype=dtype)

    def _there(self, values: Array) -> Any:
        xp = self._place.xp
        return xp.asarray(np.ascontiguousarray(values), dtype=self.X.dtype, device=self._place.device)

    @staticmethod
    def _here(values: Any) -> Array:
        return np.array(to_numpy(values), dtype=np.float64)

    def part(self, rows: slice) -> DeviceBlock:
        """Some of its rows."""
        # the standard leaves open what a slice beyond the end is
        return DeviceBlock(self.X[rows.start : min(rows.stop, self.shape[0]), :], self._place)

    def right_product(self, V: Array) -> Array:
        """V X' for V (K, d): (K, m)."""
        return self._here(self._place.xp.matmul(self._there(V), self.X.T))

    def left_product(self, R: Array) -> Array:
        """R X for R (K, m): (K, d)."""
        return self._here(self._place.xp.matmul(self._there(R), self.X))

    def shifted(self, shift: Array) -> DeviceBlock:
        """The block less a number for each column."""
        return DeviceBlock(self.X - self._there(shift), self._place)

    def squared(self) -> DeviceBlock:
        """The squares of the entries."""
        return DeviceBlock(self.X * self.X, self._place)

    def absolute(self) -> DeviceBlock:
        """The sizes of the entries."""
        return DeviceBlock(self._place.xp.abs(self.X), self._place)

    def gram(self, shift: Array, scale: Array, last: float, h: Array) -> Array:
        """A' diag(h) A for A = [(X - shift) * scale, last], (d + 1, d + 1)."""
        xp = self._place.xp
        A = (self.X - self._there(shift)) * self._there(scale)
        A = xp.concat([A, xp.full_like(A[:, :1], last)], axis=1)
        return self._here(xp.matmul((A * self._there(h)[:, None]).T, A))


class DeviceRows:
    """Row blocks of an array on a device; a float32 one is converted in use, if not ``single``."""

    def __init__(self, X: Any, targets: Array, weights: Array, offset: Array | None) -> None:
        self._place = Placement(X)
        self.n_rows, self.n_features = X.shape
        self.passes = 0
        self.single = self.sparse = self.local = False
        self.stands_for = 1.0
        self.bytes = 8.0 * self.n_rows * self.n_features
        self.dtype = np.dtype(np.float32 if X.dtype == self._place.xp.float32 else np.float64)
        self._X, self._targets, self._weights, self._offset = X, targets, weights, offset
        self._slices = row_slices(self.n_rows, 1.0, float(ROWS))
        self.team = Team(self.bytes)  # of samples, which are on the host

    def __enter__(self) -> Self:
        self.team.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.team.__exit__(*error)

    def _block(self, i: int) -> Block:
        rows, place = self._slices[i], self._place
        offset = None if self._offset is None else self._offset[:, rows]
        X = self._X[rows, :]
        if not self.single and X.dtype != place.dtype:
            X = place.xp.astype(X, place.dtype)
        return Block(DeviceBlock(X, place), self._targets[:, rows], self._weights[rows], offset)

    def sweep(self, kernel: Kernel, *args: Any, reads: bool = True) -> tuple[Any, Any]:
        """See ``Rows.sweep``; the device has threads of its own."""
        self.passes += reads
        return sweep_blocks(Team(0.0), len(self._slices), self._block, kernel, args)

    def split(self, R: Array) -> PerRow:
        """See ``Rows.split``."""
        return PerRow(R[:, rows] for rows in self._slices)

    def columns(self, which: Array) -> DeviceRows:
        """See ``Rows.columns``."""
        X = self._place.xp.take(self._X, self._place(which), axis=1)
        part = DeviceRows(X, self._targets, self._weights, self._offset)
        part.team, part.single = self.team, self.single
        return part

    def take(self, rows: Array) -> Block:
        """See ``Rows.take``; on the host."""
        offset = None if self._offset is None else self._offset[:, rows]
        X = to_numpy(self._place.xp.take(self._X, self._place(rows), axis=0))
        return Block(X, self._targets[:, rows], self._weights[rows], offset)

    def sample(self, n_rows: int, rng: np.random.RandomState, always: Array) -> Rows:
        """See ``Rows.sample``; on the host."""
        block, stands_for = sample_rows(self, n_rows, rng, always, float(self._weights.sum()))
        rows = as_rows(*block)
        rows.stands_for = stands_for
        rows.team, rows.single = self.team, self.single
        return rows

    def place(self, row: int) -> str:
        """See ``Rows.place``."""
        return ""

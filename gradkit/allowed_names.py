"""List the numpy functions, attributes and built-in functions that assignment files may use.

An assignment file is data: reading or running its expressions must not write files, load
libraries or start programs. Everything that is not listed here is refused when the file is read.
"""

from __future__ import annotations

from functools import lru_cache
from types import BuiltinFunctionType, FunctionType, MethodType

import numpy as np

NUMPY = frozenset(
    """
    abs absolute add all allclose amax amin any append arange arccos arccosh arcsin arcsinh arctan
    arctan2 arctanh argmax argmin argpartition argsort argwhere around array array_equal asarray
    atleast_1d atleast_2d atleast_3d average bincount bool_ broadcast_to cbrt ceil clip column_stack
    concatenate copy cos cosh count_nonzero cov cross cumprod cumsum deg2rad diag diagonal diff
    divide dot dstack e einsum empty empty_like equal exp exp2 expand_dims expm1 eye fabs flip
    fliplr flipud float32 float64 floor floor_divide fmax fmin full full_like greater greater_equal
    heaviside histogram hstack hypot identity inf inner int32 int64 interp isclose isfinite isin
    isinf isnan kron less less_equal linalg.cholesky linalg.det linalg.eigh linalg.eigvalsh
    linalg.inv linalg.lstsq linalg.norm linalg.pinv linalg.qr linalg.solve linalg.svd linspace log
    log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor logspace matmul max
    maximum mean median meshgrid min minimum mod moveaxis multiply nan nan_to_num nanmax nanmean
    nanmin nanstd nansum nanvar ndim negative newaxis nonzero not_equal ones ones_like outer pad
    partition percentile pi positive power prod ptp quantile rad2deg random.choice random.normal
    random.permutation random.rand random.randint random.randn random.random random.seed
    random.uniform ravel reciprocal remainder repeat reshape resize rint roll rollaxis rot90 round
    searchsorted shape sign sin sinc sinh size sort split sqrt square squeeze stack std subtract sum
    swapaxes take take_along_axis tan tanh tensordot tile trace transpose tri tril triu true_divide
    trunc unique var vdot vstack where zeros zeros_like
    """.split()  # noqa: SIM905  (two hundred quoted words are hard to read)
)
"""Functions and constants of numpy that only compute, by the name after ``np.``."""

ATTRIBUTES = frozenset(
    """
    accumulate add all any append argmax argmin argpartition argsort astype at base byteswap
    capitalize casefold center choose clear clip compress conj conjugate copy count cumprod
    cumsum data decode denominator device diagonal difference discard dot dtype encode endswith
    extend fields fill find flags flat flatten fromkeys get hex identity imag index indices
    insert intersection is_integer isalpha isdigit isdisjoint issubset issuperset item items
    itemsize join keys kind ljust lower lstrip max mean min mT name names nbytes ndim nonzero
    numerator obj outer partition pop popitem prod ptp put ravel real reduce reduceat release
    remove repeat replace reshape resize reverse rfind rindex rjust round rsplit rstrip
    searchsorted setdefault shape signature size sort split splitlines squeeze start startswith
    std step stop strides strip sum swapaxes swapcase T take title tobytes tolist trace
    transpose type union update upper values var zfill
    """.split()  # noqa: SIM905  (two hundred quoted words are hard to read)
)
"""Attributes of arrays, numbers, texts and containers that can neither write nor load."""

BUILTINS = frozenset(
    """
    abs all any bool complex dict divmod enumerate float int len list max min pow range reversed
    round set slice sorted str sum tuple zip
    """.split()  # noqa: SIM905  (two hundred quoted words are hard to read)
)
"""Built-in functions that only compute."""

_VALUE_TYPES = (
    *(np.ndarray, np.float64, np.int64, np.bool_, np.complex128, np.str_, np.void, np.dtype),
    *(np.ufunc, np.flatiter, memoryview, object, type, FunctionType, BuiltinFunctionType),
    *(MethodType, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set),
    *(frozenset, range, slice),
)
"""Types whose attributes `attributes_of_values` lists."""


@lru_cache(maxsize=1)
def attributes_of_values() -> frozenset[str]:
    """Return the names of all attributes of built-in values and of numpy's values.

    Any other attribute can only belong to an object of the exercise, as ``layer.W``.
    """
    return frozenset(name for kind in _VALUE_TYPES for name in dir(kind))

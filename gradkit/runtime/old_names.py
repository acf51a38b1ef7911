"""Names that numpy has given up, for code that was written when it had them.

Whoever wrote ``np.float`` or ``np.Inf`` was right at the time, and is right still where another
numpy is installed. Only the student's process has these names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

ALIASES: dict[str, Any] = {
    "float": float,
    "int": int,
    "bool": bool,
    "object": object,
    "complex": complex,
    "str": str,
    "float_": np.float64,
    "complex_": np.complex128,
    "longfloat": np.longdouble,
    "Inf": np.inf,
    "Infinity": np.inf,
    "infty": np.inf,
    "PINF": np.inf,
    "NINF": -np.inf,
    "NaN": np.nan,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "alltrue": np.all,
    "sometrue": np.any,
    "round_": np.round,
    "row_stack": np.vstack,
    "in1d": lambda a, b: np.isin(np.ravel(a), b),
    "mat": np.asmatrix,
    "asfarray": lambda a, dtype=np.float64: np.asarray(a, dtype),
    "msort": lambda a: np.sort(a, axis=0),
    "trapz": np.trapezoid,
    "asscalar": lambda a: a.item(),
}


def restore() -> None:
    """Give numpy back the names that it does not have any more."""
    for name, value in ALIASES.items():
        if name not in vars(np):
            setattr(np, name, value)
    np.reshape = _with_old_keyword(np.reshape)


def _with_old_keyword(reshape: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``np.reshape`` be called with ``newshape``, as its second parameter was called."""

    def call(a: Any, *shape: Any, newshape: Any = None, **rest: Any) -> Any:
        return reshape(a, *shape, **rest) if newshape is None else reshape(a, newshape, **rest)

    return call

"""Grade hand-written backpropagation, and check gradients against finite differences.

The public functions are loaded when they are first used, so that the command line starts faster.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradkit.classroom.tables import attempts, findings, grades
    from gradkit.gradcheck import (
        assert_backward,
        assert_gradient,
        check_backward,
        check_gradient,
        check_module,
        finite_difference,
    )
    from gradkit.notebook import check
    from gradkit.other_graders import explain
    from gradkit.testing import assert_trajectory

__version__ = "0.3.0"

__all__ = [
    "assert_backward",
    "assert_gradient",
    "assert_trajectory",
    "attempts",
    "check",
    "check_backward",
    "check_gradient",
    "check_module",
    "explain",
    "findings",
    "finite_difference",
    "grades",
]

_MODULES = {
    "assert_trajectory": "testing",
    **dict.fromkeys(("attempts", "findings", "grades"), "classroom.tables"),
    "check": "notebook",
    "explain": "other_graders",
    "load_ipython_extension": "notebook",  # called by `%load_ext gradkit`
}
"""Modules of the public names that are not in `gradkit.gradcheck`."""


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    if name in __all__ or name in _MODULES:
        return getattr(import_module(f"gradkit.{_MODULES.get(name, 'gradcheck')}"), name)
    raise AttributeError(f"gradkit has no {name!r}; it has {', '.join(__all__)}.")

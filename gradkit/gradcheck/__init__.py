"""Check gradients against finite differences with measured noise and error bounds.

The functions for backward passes and for Jacobian-vector products are loaded when they are first
used, because the check of a net needs only `check_gradient`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gradkit.gradcheck.check import assert_gradient, check_gradient, finite_difference
from gradkit.gradcheck.records import (
    BackwardReport,
    Differences,
    Direction,
    Entry,
    InputReport,
    Report,
)

if TYPE_CHECKING:
    from gradkit.gradcheck.backward import assert_backward, check_backward, check_module
    from gradkit.gradcheck.forward import check_forward, compare_products

__all__ = [
    "BackwardReport",
    "Differences",
    "Direction",
    "Entry",
    "InputReport",
    "Report",
    "assert_backward",
    "assert_gradient",
    "check_backward",
    "check_forward",
    "check_gradient",
    "check_module",
    "compare_products",
    "finite_difference",
]


def __getattr__(name: str) -> Any:
    modules = {
        **dict.fromkeys(("assert_backward", "check_backward", "check_module"), "backward"),
        **dict.fromkeys(("check_forward", "compare_products"), "forward"),
    }
    if name in modules:
        return getattr(import_module(f"gradkit.gradcheck.{modules[name]}"), name)
    raise AttributeError(f"gradkit.gradcheck has no {name!r}; it has {', '.join(__all__)}.")

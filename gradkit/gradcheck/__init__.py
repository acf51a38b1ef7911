"""Check gradients against finite differences with measured noise and error bounds."""

from gradkit.gradcheck.backward import assert_backward, check_backward, check_module
from gradkit.gradcheck.check import assert_gradient, check_gradient, finite_difference
from gradkit.gradcheck.forward import check_forward, compare_products
from gradkit.gradcheck.records import (
    BackwardReport,
    Differences,
    Direction,
    Entry,
    InputReport,
    Report,
)

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

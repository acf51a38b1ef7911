"""Finite differences that can be trusted, and gradient checks that stand on them.

Public names are loaded when they are first asked for, and nothing here imports anything but numpy
until it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradkit.gradcheck.check import assert_gradient, check_gradient
    from gradkit.gradcheck.compare import judge_ladder
    from gradkit.gradcheck.differences import finite_difference
    from gradkit.gradcheck.module import check_module
    from gradkit.gradcheck.plan import plan_ladder, read_ladder
    from gradkit.gradcheck.records import Differences, Direction, Entry, Plan, Report

__all__ = [
    "Differences",
    "Direction",
    "Entry",
    "Plan",
    "Report",
    "assert_gradient",
    "check_gradient",
    "check_module",
    "finite_difference",
    "judge_ladder",
    "plan_ladder",
    "read_ladder",
]

_HOMES = {
    "assert_gradient": "check",
    "check_gradient": "check",
    "check_module": "module",
    "finite_difference": "differences",
    "judge_ladder": "compare",
    "plan_ladder": "plan",
    "read_ladder": "plan",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"gradkit.gradcheck has no {name!r}; it has {', '.join(__all__)}.")
    return getattr(import_module(f"gradkit.gradcheck.{_HOMES.get(name, 'records')}"), name)

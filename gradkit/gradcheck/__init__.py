"""Finite differences that can be trusted, and gradient checks that stand on them.

Public names are loaded when they are first asked for, and nothing here imports anything but numpy
until it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradkit.gradcheck.backward import assert_backward, check_backward
    from gradkit.gradcheck.check import assert_gradient, check_gradient
    from gradkit.gradcheck.differences import (
        finite_difference,
        judge_ladder,
        plan_ladder,
        read_ladder,
    )
    from gradkit.gradcheck.module import check_module
    from gradkit.gradcheck.records import (
        BackwardReport,
        Differences,
        Direction,
        Entry,
        InputReport,
        Plan,
        Report,
    )

__all__ = [
    "BackwardReport",
    "Differences",
    "Direction",
    "Entry",
    "InputReport",
    "Plan",
    "Report",
    "assert_backward",
    "assert_gradient",
    "check_backward",
    "check_gradient",
    "check_module",
    "finite_difference",
    "judge_ladder",
    "plan_ladder",
    "read_ladder",
]

_HOMES = {
    "assert_backward": "backward",
    "check_backward": "backward",
    "assert_gradient": "check",
    "check_gradient": "check",
    "check_module": "module",
    "finite_difference": "differences",
    "judge_ladder": "differences",
    "plan_ladder": "differences",
    "read_ladder": "differences",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"gradkit.gradcheck has no {name!r}; it has {', '.join(__all__)}.")
    return getattr(import_module(f"gradkit.gradcheck.{_HOMES.get(name, 'records')}"), name)

"""Finite differences that can be trusted, and gradient checks that stand on them.

Nothing here imports anything but numpy until it is needed.
"""

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

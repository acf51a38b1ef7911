"""Records of drafted tasks.

In: nothing. Out: `DraftTask`, which the other modules fill: `gradkit.drafting.search` adds checks,
`gradkit.drafting.sizes` relates sizes, and `gradkit.drafting.confirm` adds gradients.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from msgspec import Struct

from gradkit.drafting.guess import Shape
from gradkit.drafting.handout import HandoutFunction
from gradkit.drafting.trial import Inputs, Run
from gradkit.records.task import Equivalent

DOCUMENTED = "documented"
"""Reason for an input whose shape is in the docstring."""


class DraftCheck(Struct, frozen=True):
    """A check: its lines, outputs to compare, and gradients with the scalar ``of``.

    ``notes`` are comments for the instructor. ``called`` are the functions of the lines. With
    ``is_fixed``, the outputs are the same for all random numbers, although the function draws some.
    """

    name: str
    function: HandoutFunction
    lines: str
    called: tuple[str, ...]
    compare: tuple[str, ...]
    gradient: Mapping[str, str] = {}
    of: str = ""
    notes: tuple[str, ...] = ()
    is_fixed: bool = False


class DraftTask(Struct, frozen=True):
    """A task: functions that depend on one another, with sizes, inputs and checks.

    ``why`` are the reasons for inputs by name. ``links`` are values that cannot be compared, such
    as caches, which later functions take. ``shapes`` are the shapes of all outputs. ``hard`` are
    the inputs of more probes, each with the reason. ``equivalent`` are changes of the model
    solution that seem to be no mistakes, and ``untried`` is the number of changes not tried.
    """

    id: str
    title: str
    sizes: Mapping[str, int | str] = {}
    inputs: Mapping[str, Any] = {}
    why: Mapping[str, str] = {}
    checks: tuple[DraftCheck, ...] = ()
    links: frozenset[str] = frozenset()
    shapes: Mapping[str, tuple[int, ...]] = {}
    hard: tuple[tuple[Mapping[str, Any], str], ...] = ()
    equivalent: tuple[Equivalent, ...] = ()
    untried: int = 0

    @property
    def called(self) -> tuple[str, ...]:
        """Return the functions and classes that the checks call."""
        return tuple(dict.fromkeys(name for check in self.checks for name in check.called))

    def run(
        self, reads: Sequence[str], inputs: Inputs | None = None, moved: Mapping[str, Any] = {}
    ) -> Run:
        """Return a run of the lines of all checks, by default with the inputs of the task."""
        lines = tuple(check.lines for check in self.checks)
        return Run(self.called, lines, inputs or self.drawn, tuple(reads), moved)

    @property
    def drawn(self) -> Inputs:
        """Return the sizes and inputs, to be drawn."""
        return Inputs(self.sizes, self.inputs)


def makes(check: DraftCheck) -> list[str]:
    """Return the names that the last line of a check assigns."""
    targets, is_assignment, _ = check.lines.splitlines()[-1].partition(" = ")
    return targets.split(", ") if is_assignment else []


def random_checks(task: DraftTask) -> list[bool]:
    """Return for each check whether its outputs depend on numbers that students draw.

    Later functions get such numbers in a cache, and later methods in the object. The arrays that a
    constructor draws are replaced by inputs.
    """
    found: list[bool] = []
    random: set[str] = set()
    for check in task.checks:
        call = check.lines.splitlines()[-1].rpartition(" = ")[2]
        is_method = bool(check.function.owner)
        is_random = check.function.is_random or bool(random & {*re.findall(r"\w+", call)})
        is_random = is_random and not check.is_fixed
        if is_random:
            random |= {"layer"} if is_method else {*makes(check)} - {"layer"}
        found.append(is_random)
    return found


def symbolic(shape: Sequence[int], task: DraftTask) -> Shape:
    """Return a shape in the sizes of a task; a length that is no size stays a number."""
    drawn = task.drawn.drawn(0)
    lengths = {drawn[name]: name for name in reversed(list(task.sizes)) if drawn[name] > 1}
    products = {
        drawn[a] * drawn[b]: f"{a} * {b}" for a, b in combinations(task.sizes, 2) if a in lengths
    }
    return tuple(lengths.get(n) or products.get(n) or str(n) for n in shape)

"""The model solution of functions as an audit takes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck import check_gradient
from gradkit.judge.outputs import Probe, judge_check
from gradkit.lines import packed, read_expression, run, unpacked, value_of, words_in
from gradkit.records.task import Draw, FunctionCheck, FunctionTask, Made
from gradkit.task.draws import draws
from gradkit.task.functions import scalar_of, steps_of
from gradkit.task.oracle import OracleError
from gradkit.task.solution import Solution, load_solution

SEED = 0
"""Draws the probes of an audit."""


class FunctionModel:
    """The model solution of a function task, its own checks, and changes of it.

    Raises
    ------
    OracleError
        It cannot be loaded.

    Attributes
    ----------
    words : set of str
        Names that the lines of checks use.
    """

    def __init__(self, task: FunctionTask, reference: Path) -> None:
        self._task, self._solution = task, load_solution(task, reference)
        self._probes = list(draws(task, SEED))
        self.words = {word for check in task.checks for word in words_in(check)}

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with it: for each check and output, at most one sentence.

        Raises
        ------
        OracleError
            It raises, or gives no numbers.
        """
        for check in self._task.checks:
            told = dict[str, str]()
            for draw in self._probes:
                where = f"with {draw.label}" if draw.hard else f"at {_sizes(draw)}"
                made = self._solution.make(check, draw)
                for name, value in made.values.items():
                    if not np.isfinite(value).all():
                        told.setdefault(name, f"`{name}` is not finite {where}")
                    again = made.again[name]
                    steady = not (made.changed or check.call.changes)
                    if steady and not _same(value, again):
                        told.setdefault(
                            name, f"`{name}` is another when the same call is made again, {where}"
                        )
                for name in check.untouched:
                    if name in made.changed:
                        told.setdefault(f"{name}!", f"`{name}` is changed in place {where}")
            for output, expression in check.gradient.items():
                for draw in self._probes:
                    if not draw.hard and output not in told:
                        told |= _against_differences(
                            self._solution, check, draw, output, expression
                        )
            yield from (f"{check.name}: {sentence}." for sentence in told.values())

    def run(self) -> None:
        """Call all that its checks call."""
        for check in self._task.checks:
            for draw in self._probes:
                self._solution.read(steps_of(self._task, check), draw.values, ())

    @cached_property
    def _right(self) -> list[list[dict[str, Made]]]:
        """What is right in each probe and check: by itself, then by each of the conventions."""
        checks = self._task.checks
        ways = zip_longest(*(({}, *check.conventions) for check in checks), fillvalue={})
        by = self._solution.by
        return [
            [
                {check.name: by(check, draw, how) for check, how in zip(checks, way, strict=True)}
                for draw in self._probes
            ]
            for way in ways
        ]

    def failed(self, changed: ModuleType) -> Iterator[str]:
        """Yield the first check that sees a change, or nothing, by each way to be right."""
        solution = Solution(self._task, vars(changed))
        for right in self._right:
            yield self._first(solution, right)

    def _first(self, changed: Solution, expected: Sequence[Mapping[str, Made]]) -> str:
        """Return the first check that fails in some probe."""
        for draw, right in zip(self._probes, expected, strict=True):
            for check in self._task.checks:
                try:
                    made = changed.make(check, draw, right)
                except (OracleError, MemoryError, RecursionError):
                    return check.name
                probes_of = [Probe(draw, right[check.name], made)]
                if judge_check(check, probes_of).state in ("fail", "missing"):
                    return check.name
        return ""


def _sizes(draw: Draw) -> str:
    return ", ".join(f"{name} = {size}" for name, size in draw.sizes.items()) or draw.label


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-9, atol=0, equal_nan=True))


def _against_differences(
    solution: Solution, check: FunctionCheck, draw: Draw, output: str, expression: str
) -> dict[str, str]:
    """Hold one gradient to finite differences of ``of``; nothing where they do not disagree."""
    claimed = solution.make(check, draw).values[output]
    start = np.array(value_of(expression, dict(draw.values)), dtype=float)
    if claimed.shape != start.shape:
        told = f"has shape {claimed.shape}, and `{expression}` has {start.shape}"
        return {output: f"`{output}` {told}"}
    wanted = read_expression(check.of) - {"sum", "mean", *draw.values}
    before = steps_of(solution.task, check, wanted)
    steps = [step for step in before if step is not check or wanted & {*step.call.makes}]

    def of(moved: Any) -> float:
        tree, arrays = packed(draw.values)
        names = {"np": np, **solution.names, **unpacked(tree, arrays), "moved_": moved.copy()}
        run(f"{expression} = moved_", names)
        for step in steps:
            np.random.seed(0)
            run(step.call.text, names)
        return scalar_of(check, names)

    with np.errstate(all="ignore"):
        report = check_gradient(of, start, claimed.astype(float), seed=SEED)
    if report.verdict != "disagree":
        return {}
    parts = report.entries or report.directions
    off = [part for part in parts if part.verdict == "disagree"]
    first = off[0]
    place = getattr(first, "index", ())
    at = f"[{', '.join(map(str, place))}]" if place else ""
    told = (
        f"`{output}` is not the gradient of {check.of} in `{expression}`: {len(off)} of "
        f"{len(parts)} differ, the first is `{output}{at}` = {first.claimed:.6g}, where "
        f"differences give {first.estimate:.6g}, at {_sizes(draw)}"
    )
    return {output: told}

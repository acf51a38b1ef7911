"""Run the checks of a function task on its model solution and on mutants of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, zip_longest
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
"""Seed of the random inputs of an audit of nets, and of finite differences."""

SEEDS = (SEED, 1, 2)
"""Seeds of the random inputs of an audit. A change must be detected with each of them."""


class FunctionModel:
    """The model solution of a function task, with the expected outputs of its checks.

    Raises
    ------
    OracleError
        The model solution cannot be loaded.

    Attributes
    ----------
    words : set of str
        Names in the lines of the checks.
    """

    def __init__(self, task: FunctionTask, reference: Path) -> None:
        self._task, self._solution = task, load_solution(task, reference)
        self._probes = [list(draws(task, seed)) for seed in SEEDS]
        self.words = {word for check in task.checks for word in words_in(check)}

    def problems(self) -> Iterator[str]:
        """Yield problems of the model solution, at most one sentence per check and output.

        An output is not finite, differs when the call is repeated, is changed although the check
        says that it stays untouched, or is not the gradient that finite differences give.

        Raises
        ------
        OracleError
            The model solution raises an exception, or an output is not numeric.
        """
        for check in self._task.checks:
            found = dict[str, str]()
            for draw in chain(*self._probes):
                where = f"with {draw.label}" if draw.hard else f"at {_sizes(draw)}"
                made = self._solution.make(check, draw)
                for name, value in made.values.items():
                    if not np.isfinite(value).all():
                        found.setdefault(name, f"`{name}` is not finite {where}")
                    again = made.again[name]
                    # A call that changes its inputs may give other outputs the second time.
                    is_repeatable = not (made.changed or check.call.changes)
                    if is_repeatable and not _is_close(value, again):
                        found.setdefault(
                            name, f"`{name}` has another value when the call is repeated, {where}"
                        )
                for name in check.untouched:
                    if name in made.changed:
                        found.setdefault(f"{name}!", f"`{name}` is changed in place {where}")
            for output, expression in check.gradient.items():
                for draw in self._probes[0]:
                    if not draw.hard and output not in found:
                        found |= _compare_with_differences(
                            self._solution, check, draw, output, expression
                        )
            yield from (f"{check.name}: {sentence}." for sentence in found.values())

    def run(self) -> None:
        """Execute the lines of all checks on all inputs."""
        for check in self._task.checks:
            for draw in chain(*self._probes):
                self._solution.read(steps_of(self._task, check), draw.values, ())

    @cached_property
    def _expected(self) -> list[list[list[dict[str, Made]]]]:
        """Return the expected outputs, by check name, for each allowed convention, seed and input.

        The nested lists have the order convention, seed, input. A check with fewer conventions has
        its default outputs for the others.
        """
        checks = self._task.checks
        conventions = zip_longest(*(({}, *check.conventions) for check in checks), fillvalue={})
        outputs = self._solution.by
        return [
            [
                [
                    {
                        check.name: outputs(check, draw, convention)
                        for check, convention in zip(checks, of_checks, strict=True)
                    }
                    for draw in probes
                ]
                for probes in self._probes
            ]
            for of_checks in conventions
        ]

    def failed(self, changed: ModuleType) -> Iterator[str]:
        """Yield for each convention the name of the first check that a mutant fails.

        ``changed`` is the loaded mutant. The text is empty if the mutant passes all checks with the
        inputs of at least one seed.
        """
        solution = Solution(self._task, vars(changed))
        for by_seed in self._expected:
            pairs = zip(self._probes, by_seed, strict=True)
            found = [self._first_failed(solution, probes, right) for probes, right in pairs]
            yield found[0] if all(found) else ""

    def _first_failed(
        self, changed: Solution, probes: Sequence[Draw], expected: Sequence[Mapping[str, Made]]
    ) -> str:
        """Return the name of the first check that a mutant fails on any input, "" if it passes all.

        ``probes`` are the inputs, and ``expected`` the expected outputs for each of them. An
        exception of the mutant is a failure.
        """
        for draw, right in zip(probes, expected, strict=True):
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
    """Describe inputs by their sizes, as ``N = 3, D = 4``, or else by their label."""
    return ", ".join(f"{name} = {size}" for name, size in draw.sizes.items()) or draw.label


def _is_close(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Return True if two arrays have the same shape, and values that differ by rounding only."""
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-9, atol=0, equal_nan=True))


def _compare_with_differences(
    solution: Solution, check: FunctionCheck, draw: Draw, output: str, expression: str
) -> dict[str, str]:
    """Compare a gradient of the model solution with finite differences.

    ``output`` is the gradient and ``expression`` the input that it belongs to. The differences are
    those of the scalar that the check's ``of`` defines. Return the problem by the name of the
    gradient, nothing if they agree.
    """
    claimed = solution.make(check, draw).values[output]
    start = np.array(value_of(expression, dict(draw.values)), dtype=float)
    if claimed.shape != start.shape:
        shapes = f"has shape {claimed.shape}, and `{expression}` has {start.shape}"
        return {output: f"`{output}` {shapes}"}
    wanted = read_expression(check.of) - {"sum", "mean", *draw.values}
    before = steps_of(solution.task, check, wanted)
    steps = [step for step in before if step is not check or wanted & {*step.call.makes}]

    def of(moved: Any) -> float:
        """Return the scalar that ``of`` defines, with the input moved."""
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
    differing = [part for part in parts if part.verdict == "disagree"]
    first = differing[0]
    index = getattr(first, "index", ())
    subscript = f"[{', '.join(map(str, index))}]" if index else ""
    problem = (
        f"`{output}` is not the gradient of {check.of} in `{expression}`: {len(differing)} of "
        f"{len(parts)} differ, the first is `{output}{subscript}` = {first.claimed:.6g}, where "
        f"differences give {first.estimate:.6g}, at {_sizes(draw)}"
    )
    return {output: problem}

"""Run the checks of a function task on its model solution and on mutants of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path
from types import ModuleType

from gradkit.judge.outputs import Probe, judge_check
from gradkit.lines import words_in
from gradkit.records.task import Draw, FunctionTask, Made
from gradkit.task.draws import draws
from gradkit.task.functions import steps_of
from gradkit.task.oracle import OracleError
from gradkit.task.solution import Solution, load_solution
from gradkit.task.verified import problems_of

SEED = 0
"""Seed of the random inputs of an audit of nets."""

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
        """Yield problems of the model solution; see `problems_of` for more.

        Gradients are compared with finite differences at the inputs of the first seed.
        """
        yield from problems_of(self._solution, [*chain(*self._probes)], self._probes[0])

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

"""Verify a model solution by its own checks: finite differences and repeated calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck import check_gradient
from gradkit.lines import packed, read_expression, run, unpacked, value_of
from gradkit.records.task import Draw, FunctionCheck, FunctionTask
from gradkit.task.draws import draws
from gradkit.task.functions import scalar_of, steps_of
from gradkit.task.oracle import OracleError
from gradkit.task.solution import Solution, load_solution


def load_verified(task: FunctionTask, folder: Path) -> Solution:
    """Load the model solution of a task, and verify it at one random input and all hard cases.

    ``folder`` has the file of the solution. A hard case is an input that the assignment sets.

    Raises
    ------
    OracleError
        The model solution cannot be loaded or has a problem, so that nobody can be graded.
    """
    solution = load_solution(task, folder)
    probes = [*draws(task, 0, count=1)]
    for problem in problems_of(solution, probes, probes):
        raise OracleError(
            f"{task.id}/{problem} Correct the model solution {task.solution}, or the assignment "
            "file."
        )
    return solution


def problems_of(
    solution: Solution, probes: Sequence[Draw], differentiated: Sequence[Draw]
) -> Iterator[str]:
    """Yield problems of a model solution, at most one sentence per check and output.

    An output is not finite, differs when the call is repeated, is changed although the check says
    that it stays untouched, or is not the gradient that finite differences give.

    Parameters
    ----------
    solution : Solution
    probes : sequence of Draw
        Inputs at which all checks are run.
    differentiated : sequence of Draw
        Inputs at which gradients are compared with finite differences, except hard ones.

    Raises
    ------
    OracleError
        The model solution raises an exception, or an output is not numeric.
    """
    for check in solution.task.checks:
        found = dict[str, str]()
        for draw in probes:
            where = f"with {draw.label}" if draw.hard else f"at {_sizes(draw)}"
            made = solution.make(check, draw)
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
            for draw in differentiated:
                if not draw.hard and output not in found:
                    found |= _compare_with_differences(solution, check, draw, output, expression)
        yield from (f"{check.name}: {sentence}." for sentence in found.values())


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

    ``draw`` has the inputs, ``output`` is the gradient and ``expression`` the input that it belongs
    to. The differences are those of the scalar that the check's ``of`` defines. Return the problem
    by the name of the gradient, nothing if they agree.
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
        report = check_gradient(of, start, claimed.astype(float), seed=0)
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
        f"finite differences give {first.estimate:.6g}, at {_sizes(draw)}"
    )
    return {output: problem}

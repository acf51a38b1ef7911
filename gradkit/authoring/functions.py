"""Audit a function task: the model solution held to its own checks, and changes of it tried.

A change that no check sees is one that a student can make and have full marks. Changes are tried
in a process of their own, since one may never end.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradkit.authoring.mutants import mutants
from gradkit.gradcheck import check_gradient
from gradkit.judge.outputs import Probe, judge_check
from gradkit.lines import packed, read_expression, run, unpacked, value_of, words_in
from gradkit.processes import start
from gradkit.records.mistake import FunctionAudit, Mutant
from gradkit.records.task import Draw, Equivalent, FunctionCheck, FunctionTask, Made
from gradkit.task.draws import draws
from gradkit.task.functions import scalar_of, steps_of
from gradkit.task.oracle import OracleError
from gradkit.task.solution import Solution, load_solution

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

CONVENTION = "a convention"
"""What a change follows that is right by one of the assignment's conventions."""

SEED = 0
"""Draws the probes of an audit."""

LEAST, TIMES = 5.0, 20.0
"""Seconds that a change is given, and so many times what the model solution takes."""


def audit_functions(task: FunctionTask, reference: Path | None) -> FunctionAudit:
    """Hold the model solution to its checks, then try every change of it."""
    audit = partial(FunctionAudit, task.id, task.title, task.solution)
    if reference is None:
        return audit(untried="No model solution was looked at: name its folder with --reference.")
    try:
        solution = load_solution(task, reference)
        problems = tuple(problems_of(solution, list(draws(task, SEED))))
    except OracleError as error:
        return audit((str(error),))
    if problems:
        return audit(problems)
    tried = list(_tried(task, reference))
    unseen = [mutant for mutant, seen in tried if not seen]
    conventional = sum(seen == CONVENTION for _, seen in tried)
    left = [m for m in unseen if not any(_is_of(entry, m) for entry in task.equivalent)]
    stale = []
    for entry in task.equivalent:
        if not any(_is_of(entry, mutant) for mutant in unseen):
            known = any(_is_of(entry, mutant) for mutant, _ in tried)
            why = "a check sees it" if known else "there is no such line or change"
            stale.append(": ".join(filter(None, (entry.line, entry.change, why))))
    return audit(
        tried=len(tried),
        unseen=tuple(left),
        equivalent=len(unseen) - len(left) + conventional,
        stale=tuple(stale),
    )


def _is_of(entry: Equivalent, mutant: Mutant) -> bool:
    """Tell whether an entry of the assignment speaks of a change."""
    return entry.line == mutant.source and entry.change in ("", mutant.change)


# --- the model solution held to its own checks -------------------------------------------------


def problems_of(solution: Solution, probes: Sequence[Draw]) -> Iterator[str]:
    """Yield what is wrong with a model solution: for each check and output, at most one sentence.

    Raises
    ------
    OracleError
        It raises, or gives no numbers.
    """
    for check in solution.task.checks:
        told = dict[str, str]()
        for draw in probes:
            where = f"with {draw.label}" if draw.hard else f"at {_sizes(draw)}"
            made = solution.make(check, draw)
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
            for draw in probes:
                if not draw.hard and output not in told:
                    told |= _against_differences(solution, check, draw, output, expression)
        yield from (f"{check.name}: {sentence}." for sentence in told.values())


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


# --- changes of it, one at a time ---------------------------------------------------------------


def _tried(task: FunctionTask, reference: Path) -> Iterator[tuple[Mutant, str]]:
    """Yield every change, and the check that sees it: empty for one that none sees.

    A change that does not end, or that ends its process, is seen by everybody.
    """
    first = 0
    while True:
        other = start(try_mutants, task, reference, first)
        mutant: Mutant | None = None
        try:
            limit = LEAST + TIMES * other.connection.recv()
            while mutant := _heard(other.connection, limit):
                seen = _heard(other.connection, limit)
                first += 1
                yield mutant, seen
                mutant = None
            return
        except EOFError:
            if mutant is None:
                raise OracleError(
                    f"{reference / task.solution}: the process that tries changes of it has ended "
                    "by itself. Run `gradkit audit` again; if it ends so again, it is an error of "
                    "gradkit."
                ) from None
            first += 1
            yield mutant, "no end"
        finally:
            other.process.kill()
            other.process.wait()
            other.connection.close()


def _heard(connection: Connection, limit: float) -> Any:
    """Return what comes within so many seconds; EOFError where nothing does."""
    if not connection.poll(limit):
        raise EOFError
    return connection.recv()


def try_mutants(connection: Connection, task: FunctionTask, reference: Path, first: int) -> None:
    """Try the changes from a number on, in a process of their own, and send what sees each.

    First come the seconds that the model solution takes, then each change and what sees it, at last
    None.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        solution = load_solution(task, reference)
        probes = list(draws(task, SEED))
        path = reference / task.solution
        text = path.read_text(encoding="utf-8")
        words = {word for check in task.checks for word in words_in(check)}
        began = time.perf_counter()
        ways = 1 + max(len(check.conventions) for check in task.checks)
        expected = [right_by(solution, probes, way) for way in range(ways)]
        connection.send(time.perf_counter() - began)
        with _watching(path) as watched:
            for check in task.checks:
                for draw in probes:
                    solution.read(steps_of(task, check), draw.values, ())
        # By function and expression, others that are alike in shape and not in value.
        kinds = {name: dict(_alike(calls)) for name, calls in watched.items()}
        for number, (mutant, tree) in enumerate(mutants(text, words, kinds)):
            if number < first:
                continue
            connection.send(mutant)
            connection.send(_seen(task, probes, expected, tree))
        connection.send(None)


def right_by(solution: Solution, probes: Sequence[Draw], way: int) -> list[dict[str, Made]]:
    """Return what is right in each probe and check, by the conventions of one number; 0 is none."""
    checks = solution.task.checks
    conventions = {c.name: ({}, *c.conventions)[way : way + 1] or ({},) for c in checks}
    return [
        {check.name: solution.by(check, draw, conventions[check.name][0]) for check in checks}
        for draw in probes
    ]


def _seen(
    task: FunctionTask,
    probes: Sequence[Draw],
    expected: Sequence[Sequence[Mapping[str, Made]]],
    tree: Any,
) -> str:
    """Return the first check that sees a change, empty for none.

    ``expected`` is what is right by each convention, the model solution's own first.
    """
    module = ModuleType("gradkit_changed")
    sys.modules[module.__name__] = module
    try:
        exec(compile(tree, "<changed>", "exec"), vars(module))  # noqa: S102  (the instructor's own)
    except Exception:  # whatever comes of a change is seen
        return "loading"
    own, *others = expected
    changed = Solution(task, vars(module))
    seen = _first(changed, probes, own)
    if seen and any(not _first(changed, probes, right) for right in others):
        return CONVENTION
    return seen


def _first(
    changed: Solution, probes: Sequence[Draw], expected: Sequence[Mapping[str, Made]]
) -> str:
    """Return the first check that fails in some probe."""
    for draw, right in zip(probes, expected, strict=True):
        for check in changed.task.checks:
            try:
                made = changed.make(check, draw, right)
            except (OracleError, MemoryError, RecursionError):
                return check.name
            probes_of = [Probe(draw, right[check.name], made)]
            if judge_check(check, probes_of).state in ("fail", "missing"):
                return check.name
    return ""


# --- what in a function is of the same kind -----------------------------------------------------

CALLS = 40
"""Calls of a function that are looked at."""


@contextlib.contextmanager
def _watching(path: Path) -> Iterator[dict[str, list[dict[str, tuple[object, bytes]]]]]:
    """Give what the functions of a file hold when they return: by function, for each call."""
    calls: dict[str, list[dict[str, tuple[object, bytes]]]] = {}

    def look(frame: Any, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "return" and code.co_filename == str(path):
            held = calls.setdefault(getattr(code, "co_qualname", code.co_name), [])
            if len(held) < CALLS:
                held.append(dict(_held(frame.f_locals)))

    sys.setprofile(look)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def _held(names: Mapping[str, Any]) -> Iterator[tuple[str, tuple[object, bytes]]]:
    """Yield arrays and numbers among names, in dicts, and in the object of a method."""
    for name, value in names.items():
        parts: dict[str, Any] = {name: value}
        if isinstance(value, dict):
            parts = {f"{name}[{key!r}]": each for key, each in value.items()}
        elif name == "self":
            parts = {f"{name}.{key}": each for key, each in vars(value).items()}
        for expression, part in parts.items():
            if isinstance(part, np.ndarray) and part.dtype.kind in "biuf":
                yield expression, (part.shape, part.tobytes())
            elif isinstance(part, int | float | np.number) and not isinstance(part, bool):
                yield expression, ("number", np.float64(part).tobytes())


def _of_what(expression: str) -> str:
    """Return the dict or object of which an expression is an entry or attribute, if it is one."""
    return expression.partition("[")[0] if "[" in expression else expression.rpartition(".")[0]


def _alike(calls: Sequence[Mapping[str, tuple[object, bytes]]]) -> Iterator[tuple[str, list[str]]]:
    always = [name for name in calls[0] if all(name in call for call in calls)]
    for name in always:
        others = [
            other
            for other in always
            if _of_what(other) == _of_what(name)
            and all(call[name][0] == call[other][0] for call in calls)
            and any(call[name][1] != call[other][1] for call in calls)
        ]
        if others:
            yield name, others

"""Find what the checks of a drafted assignment do not detect, as `gradkit audit` does.

In: the tasks of a drafted assignment file, and their model solution. Out: for each task, inputs
that detect more mistakes, and changes of the model solution that seem to be no mistakes.

All runs are in the sandbox. A change that no check detects is tried with further inputs. If inputs
that the assignment may use tell it from the model solution, they become a hard case. If no input
does, the change is a guessed entry of ``equivalent``, unless

- a run of the checks does not reach the changed part, or
- the changed function returns something that no check reads, such as a cache, or
- the change has no effect only because of an initial value, such as an array of zeros, or because
  of a number among the inputs that always is the same.

A right solution may have 1e-12 where the model solution has 1e-15. So inputs with which the size of
such a number matters are not used, unless it matters in all checks.
"""

from __future__ import annotations

import ast
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.authoring.functions import SEEDS
from gradkit.authoring.mutants import Kinds, mutants, raising, reached
from gradkit.drafting.solution import Replacement, SolutionProcess
from gradkit.lines import LinesError, words_in, words_of
from gradkit.records.task import Draw, Equivalent, FunctionTask, Made, Mutant
from gradkit.task.draws import draws

SECONDS = 240.0
"""Seconds for all tasks of a handout."""

MAX_HARD = 4
"""Most hard cases that are added to a task."""

MORE_SEEDS = (3, 4, 5)
"""Seeds of further random inputs."""

MIN_INPUTS = 10
"""Fewest further inputs with which a change must make no difference to be guessed harmless."""


class Gaps(Struct, frozen=True):
    """What was found for a task.

    ``hard`` are inputs that detect more mistakes, each with the reason. ``equivalent`` are changes
    that seem to be no mistakes. ``untried`` is the number of changes for which the time was over.
    """

    hard: tuple[tuple[Mapping[str, Any], str], ...] = ()
    equivalent: tuple[Equivalent, ...] = ()
    untried: int = 0


class _Change(Struct, frozen=True):
    """A mutant of the model solution, with the text that makes it."""

    mutant: Mutant
    replacement: Replacement

    @property
    def key(self) -> tuple[str, str]:
        """Return what an entry of ``equivalent`` has."""
        return self.mutant.source, self.mutant.change


Probes = Sequence[tuple[Draw, Mapping[str, Made]]]
"""Inputs, each with the right outputs by check."""


def find_gaps(
    tasks: Sequence[FunctionTask], text: str, show: Callable[[str], object]
) -> list[Gaps]:
    """Find what the checks of each task do not detect in the model solution ``text``.

    All ``tasks`` have this model solution; ``show`` shows a line of progress.
    """
    with SolutionProcess(text) as process:
        search = _Search(text, process, show, time.monotonic() + SECONDS)
        for task in tasks:
            search.add(task)
        return [search.gaps(task) for task in tasks]


class _Search:
    """Tries changes of a model solution with the checks of its tasks, until the time is over."""

    def __init__(
        self, text: str, process: SolutionProcess, show: Callable[[str], object], end: float
    ) -> None:
        self._text, self._process, self._show, self._end = text, process, show, end
        self._definitions = ast.parse(text).body
        self._with_other_tiny = TINY.sub(lambda match: f"(3 * {match[0]})", text)
        self._detected: set[Mutant] = set()
        self._undetected: dict[str, list[_Change]] = {}
        self._untried: Counter[str] = Counter()
        self._judges_tiny: set[str] = set()
        self._kinds: dict[tuple[str, int], Kinds] = {}

    def add(self, task: FunctionTask) -> None:
        """Try all changes with the checks of a task."""
        probes = self._probes_by_seed(task)
        self._undetected[task.id] = []
        if probes is None:
            return
        if any(self._depends_on_tiny(task, draw, made) for draw, made in probes[0]):
            self._judges_tiny.add(task.id)
        changes = list(self._changes(self._text, task, probes))
        for number, change in enumerate(changes, 1):
            if time.monotonic() > self._end:
                self._untried[task.id] = len(changes) - number + 1
                return
            self._show(f"{task.id}: change {number} of {len(changes)} of the model solution")
            if any(e.line.strip() == change.mutant.source for e in task.equivalent):
                continue
            if self._is_detected(task, change, probes):
                self._detected.add(change.mutant)
            else:
                self._undetected[task.id].append(change)

    def gaps(self, task: FunctionTask) -> Gaps:
        """Find hard cases for a task, and then changes that seem to be no mistakes."""
        found: list[tuple[Mapping[str, Any], str]] = []
        waiting = self._waiting(task)
        while waiting and len(found) < MAX_HARD and not self._is_late(task, waiting):
            best = self._best(task, waiting)
            if best is None:
                break
            case, detected = best
            names = {change.mutant.change for change in detected}
            more = f", and {len(names) - 1} more" if len(names) > 1 else ""
            found.append((case, f"detects the mistake {detected[0].mutant.change}{more}"))
            self._detected |= {change.mutant for change in detected}
            task = replace(task, hard=(*task.hard, case))
            waiting = self._waiting(task)
        probes = self._probes_by_seed(task)
        if probes is None:
            return Gaps(untried=self._untried[task.id])
        if found:
            # Other inputs change which names can replace each other.
            known = {change.key for change in waiting}
            changes = [
                change
                for change in self._changes(self._text, task, probes)
                if change.mutant not in self._detected
            ]
            waiting = [
                c for c in changes if c.key in known or not self._is_detected(task, c, probes)
            ]
        return Gaps(
            tuple(found), tuple(self._harmless(task, waiting, probes)), self._untried[task.id]
        )

    def _waiting(self, task: FunctionTask) -> list[_Change]:
        """Return the changes that no check of any task detects."""
        every = self._undetected[task.id]
        return [change for change in every if change.mutant not in self._detected]

    def _is_late(self, task: FunctionTask, waiting: Sequence[_Change]) -> bool:
        """Return whether the time is over, and count the changes that were not tried further."""
        if time.monotonic() < self._end:
            return False
        self._untried[task.id] += len(waiting)
        return True

    def _best(
        self, task: FunctionTask, waiting: Sequence[_Change]
    ) -> tuple[Mapping[str, Any], list[_Change]] | None:
        """Return the hard case that detects most of some changes, and these changes."""
        best: tuple[Mapping[str, Any], list[_Change]] | None = None
        for case in _cases(task, _reads(self._text, task)):
            probes = self._hard_probes(task, case)
            if probes is None or time.monotonic() > self._end:
                continue
            self._show(f"{task.id}: further inputs for {len(waiting)} changes")
            found = [c for c in waiting if all(self._is_wrong(task, c, p) for p in probes)]
            if found and (best is None or len(found) > len(best[1])):
                best = case, found
        return best

    def _harmless(
        self, task: FunctionTask, waiting: Sequence[_Change], probes: Sequence[Probes]
    ) -> Iterator[Equivalent]:
        """Yield the changes that are executed, and that no further input tells apart."""
        executed = self._executed(task, waiting, probes)
        remaining = [
            change for change in waiting if not any(self._is_wrong(task, change, p) for p in probes)
        ]
        unread = self._with_unread_values(task)
        remaining = [
            c
            for c in remaining
            if (c.mutant.line, _was(c)) in executed and c.replacement.line not in unread
        ]
        count = 0
        if not remaining or self._is_late(task, remaining) or not self._varies(task):
            return
        cases = [*_cases(task, frozenset()), *_wild_cases(task)]
        further: list[Probes] = [
            [(draw, made)]
            for seed in MORE_SEEDS
            for draw in _drawn(task, seed)
            if (made := self._usable(task, draw)) is not None
        ]
        further += [p for case in cases for p in self._hard_probes(task, case) or []]
        for each in further:
            if self._is_late(task, remaining):
                return
            self._show(f"{task.id}: further inputs for {len(remaining)} changes")
            count += len(each)
            remaining = [c for c in remaining if not self._is_wrong(task, c, each)]
        remaining = self._without_initial(task, remaining, probes)
        # An entry accepts all changes with its line and text.
        dubious = Counter(c.key for c in waiting) - Counter(c.key for c in remaining)
        if count >= MIN_INPUTS:
            for line, change in dict.fromkeys(c.key for c in remaining if c.key not in dubious):
                why = f"equal outputs with {count} other inputs"
                yield Equivalent(line=line, change=change, why=why)

    def _with_unread_values(self, task: FunctionTask) -> set[int]:
        """Return the lines of the definitions that make values which no check reads."""
        words: set[str] = set()
        for place, check in enumerate(task.checks):
            made = {*check.call.makes}
            others = [each for n, each in enumerate(task.checks) if n != place]
            for other in others:
                made -= {*other.call.reads}
            made -= {name for text in check.compare for name in re.findall(r"\w+", text)}
            words |= words_in(check) if made else set()
        lines = {node.lineno for _, node in reached(ast.parse(self._text), words)}
        return {
            _first_line(top)
            for top in self._definitions
            if any(top.lineno <= line <= (top.end_lineno or line) for line in lines)
        }

    def _executed(
        self, task: FunctionTask, waiting: Sequence[_Change], probes: Sequence[Probes]
    ) -> set[tuple[int, str]]:
        """Return the line and text of the changed parts that a run of the checks executes."""
        wanted = {(change.mutant.line, _was(change)) for change in waiting}
        found: set[tuple[int, str]] = set()
        missed: set[tuple[int, str]] = set()
        for mutant, tree in raising(self._text, _words(task), task.given.values()):
            key = mutant.line, mutant.change.removesuffix(" -> ")
            if key in wanted:
                stops = _Change(mutant, self._replacement(mutant.line, tree))
                is_executed = any(self._is_wrong(task, stops, each) for each in probes)
                (found if is_executed else missed).add(key)
        return found - missed

    def _without_initial(
        self, task: FunctionTask, waiting: Sequence[_Change], probes: Sequence[Probes]
    ) -> list[_Change]:
        """Return the changes that have no effect with other initial values either."""
        remaining = list(waiting)
        for text in _with_other_initial(self._text, task):
            if not remaining or self._is_late(task, remaining):
                return []
            known = {(c.mutant.line, c.mutant.change) for c in remaining}
            with self._process.with_text(text):
                made = [(draw, self._finite(task, draw)) for draw, _ in probes[0]]
                right = [(draw, each) for draw, each in made if each is not None]
                differing = {
                    (change.mutant.line, change.mutant.change)
                    for change in self._changes(text, task, probes)
                    if (change.mutant.line, change.mutant.change) in known
                    and self._is_wrong(task, change, right)
                }
            remaining = [c for c in remaining if (c.mutant.line, c.mutant.change) not in differing]
        return remaining

    def _varies(self, task: FunctionTask) -> bool:
        """Return whether the model solution runs with another value of each plain number."""
        for name, value in task.inputs.items():
            for number in _numbers(value):
                others = (number + 1, number + 2, number - 1)
                cases = ({name: _with_number(value, number, other)} for other in others)
                if not any(self._hard_probes(task, case) for case in cases):
                    return False
        return True

    def _is_detected(self, task: FunctionTask, change: _Change, probes: Sequence[Probes]) -> bool:
        """Return whether the checks of a task detect a change with each seed."""
        return all(self._is_wrong(task, change, each) for each in probes)

    def _is_wrong(self, task: FunctionTask, change: _Change, probes: Probes) -> bool:
        """Return whether a change fails a check with some inputs."""
        return any(
            self._process.is_wrong(task, draw, right, [change.replacement])
            for draw, right in probes
        )

    def _probes_by_seed(self, task: FunctionTask) -> list[Probes] | None:
        """Return the inputs of an audit for each seed; None if the model solution fails there."""
        found: list[Probes] = []
        for seed in SEEDS:
            drawn = _drawn(task, seed)
            found.append([(d, made) for d in drawn if (made := self._finite(task, d)) is not None])
            if not drawn or len(found[-1]) < len(drawn):
                return None
        return found

    def _hard_probes(self, task: FunctionTask, case: Mapping[str, Any]) -> list[Probes] | None:
        """Return the inputs of one more hard case, for each seed; None if it is no good case."""
        other = replace(task, hard=(*task.hard, case))
        last = [draw for seed in SEEDS for draw in _drawn(other, seed)[-1:]]
        found = [(draw, made) for draw in last if (made := self._usable(task, draw)) is not None]
        return [[each] for each in found] if len(found) == len(SEEDS) else None

    def _usable(self, task: FunctionTask, draw: Draw) -> dict[str, Made] | None:
        """Return the right outputs for further inputs.

        None if they are not finite, or depend on the size of a tiny number.
        """
        made = self._finite(task, draw)
        is_judged = task.id in self._judges_tiny or self._with_other_tiny == self._text
        if made is None or is_judged or not self._depends_on_tiny(task, draw, made):
            return made
        return None

    def _depends_on_tiny(self, task: FunctionTask, draw: Draw, made: Mapping[str, Made]) -> bool:
        """Return whether other tiny numbers in the model solution give other outputs."""
        with self._process.with_text(self._with_other_tiny):
            return self._process.is_wrong(task, draw, made, ())

    def _finite(self, task: FunctionTask, draw: Draw) -> dict[str, Made] | None:
        """Return the right outputs for some inputs, None if they are not finite."""
        made = self._process.make(task, draw)
        return made if made is not None and _is_finite(made) else None

    def _changes(
        self, text: str, task: FunctionTask, probes: Sequence[Probes]
    ) -> Iterator[_Change]:
        """Yield all changes of a text that the checks of a task reach."""
        place = task.id, len(task.hard)
        if place not in self._kinds:
            every = [draw for each in probes for draw, _ in each]
            self._kinds[place] = self._process.kinds(task, every)
        kinds = self._kinds[place]
        for mutant, tree in mutants(text, _words(task), kinds, task.given.values()):
            yield _Change(mutant, self._replacement(mutant.line, tree))

    def _replacement(self, line: int, tree: ast.Module) -> Replacement:
        """Return the definition at a line, as it is in a changed tree."""
        place = max(n for n, node in enumerate(self._definitions) if _first_line(node) <= line)
        return Replacement(_first_line(self._definitions[place]), ast.unparse(tree.body[place]))


def _drawn(task: FunctionTask, seed: int) -> list[Draw]:
    """Return the inputs of a seed; none if an expression cannot be computed with its sizes."""
    try:
        return list(draws(task, seed))
    except LinesError:
        return []


def _first_line(node: ast.stmt) -> int:
    """Return the line in which a statement begins, with its decorators."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(int(each.lineno) for each in decorators)])


def _was(change: _Change) -> str:
    """Return the text of the changed part."""
    return change.mutant.change.partition(" -> ")[0]


def _is_finite(made: Mapping[str, Made]) -> bool:
    """Return whether all outputs are finite."""
    return all(np.isfinite(value).all() for each in made.values() for value in each.values.values())


def _words(task: FunctionTask) -> set[str]:
    """Return the names in the lines of all checks."""
    return {word for check in task.checks for word in words_in(check)}


def _reads(text: str, task: FunctionTask) -> frozenset[str]:
    """Return the names in the definitions that a task reaches, and ``<`` if they compare."""
    nodes = [node for _, node in reached(ast.parse(text), _words(task))]
    compares = any(isinstance(part, ast.Compare) for node in nodes for part in ast.walk(node))
    return frozenset({*words_of(*nodes), *(["<"] if compares else [])})


# --- further inputs ----------------------------------------------------------------------


ARRAY = re.compile(r"(normal|positive|distinct)\((.+)\)")
PROBABLE = re.compile(r"uniform\([^,]+, [^,]+, (.+)\)")
LABELS = re.compile(r"integers\((\w+), .+\)")

TINY = re.compile(r"(?<![\w.])(?:\d(?:\.\d*)?e-(?:0?[4-9]|\d\d)|0?\.000\d+)\b", re.IGNORECASE)
"""A tiny number in code, such as 1e-8."""

KINKS = frozenset(
    ["<", "max", "maximum", "amax", "argmax", "min", "minimum", "abs", "sign", "sort"]
)
"""Functions and comparisons for which courses differ at zeros and at equal numbers."""


def _cases(task: FunctionTask, reads: frozenset[str]) -> Iterator[Mapping[str, Any]]:
    """Yield further inputs that fit what the inputs of a task are, as hard cases.

    ``reads`` are the names in the model solution. Zeros and equal numbers are left out if a right
    solution may treat them in another way.
    """
    for name, choice in task.sizes.items():
        if isinstance(choice, tuple) and max(choice) > 1:
            yield from ({name: length} for length in (2 * max(choice), 2, 1))
    yield from _varied(task, _negative)
    yield from _varied(task, _wide)
    yield from _varied(task, _certain)
    yield from _varied(task, _first_label)
    for other in (1, 2, -1):
        yield from _varied(task, partial(_other_number, change=other))
    if not reads & KINKS:
        yield from _varied(task, _tied)
        yield from _varied(task, _zero)


def _wild_cases(task: FunctionTask) -> Iterator[Mapping[str, Any]]:
    """Yield further inputs that no assignment would use."""
    for factor in ("0", "-1", "1e-6", "30", "1e6"):
        yield from _varied(task, partial(_scaled, factor=factor))
    yield from _varied(task, _shifted)


def _varied(task: FunctionTask, vary: Callable[[Any], Any]) -> Iterator[Mapping[str, Any]]:
    """Yield cases in which all inputs that ``vary`` changes are changed, and each one alone."""
    changed = {
        name: new for name, value in task.inputs.items() if (new := _deep(value, vary)) != value
    }
    if len(changed) > 1:
        yield changed
    yield from ({name: new} for name, new in changed.items())


def _deep(value: Any, vary: Callable[[Any], Any]) -> Any:
    """Return an input with each of its items changed."""
    if isinstance(value, Mapping):
        return {key: _deep(item, vary) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_deep(item, vary) for item in value]
    return vary(value)


def _negative(value: Any) -> Any:
    match = ARRAY.fullmatch(str(value))
    return f"-1 * positive({match[2]})" if match and match[1] == "normal" else value


def _wide(value: Any) -> Any:
    match = ARRAY.fullmatch(str(value))
    return f"100 * {value}" if match else value


def _tied(value: Any) -> Any:
    match = ARRAY.fullmatch(str(value))
    return f"integers(3, {match[2]}) - 1.0" if match and match[1] == "normal" else value


def _zero(value: Any) -> Any:
    match = ARRAY.fullmatch(str(value))
    return f"0 * {value}" if match and match[1] == "normal" else value


def _certain(value: Any) -> Any:
    match = PROBABLE.fullmatch(str(value))
    return f"binary({match[1]})" if match else value


def _first_label(value: Any) -> Any:
    return f"0 * {value}" if LABELS.fullmatch(str(value)) else value


def _other_number(value: Any, change: int) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value + change if is_number and value + change >= 0 else value


def _scaled(value: Any, factor: str) -> Any:
    is_drawn = isinstance(value, str) and "(" in value and "integers" not in value
    return f"{factor} * ({value})" if is_drawn else value


def _shifted(value: Any) -> Any:
    is_drawn = isinstance(value, str) and "(" in value and "integers" not in value
    return f"3 + ({value})" if is_drawn else value


def _numbers(value: Any) -> list[int]:
    """Return the plain whole numbers in an input."""
    if isinstance(value, Mapping):
        return [number for item in value.values() for number in _numbers(item)]
    if isinstance(value, list | tuple):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []


def _with_number(value: Any, number: int, other: int) -> Any:
    """Return an input with another value of a plain number in it."""
    return _deep(value, lambda item: other if item is not True and item == number else item)


# --- other initial values ----------------------------------------------------------------


INITIAL = ("zeros", "zeros_like", "ones", "ones_like")
"""Functions that return initial values."""


def _with_other_initial(text: str, task: FunctionTask) -> Iterator[str]:
    """Yield the model solution with another initial value, for each zero and one that is set.

    Such values are arrays of zeros or ones, numbers that are assigned, and defaults of entries, as
    ``config.get("step", 0)``.
    """
    lines = text.encode().split(b"\n")
    for _, node in reached(ast.parse(text), _words(task)):
        for part in ast.walk(node):
            for value in _initial_values(part):
                if value.lineno != value.end_lineno:
                    continue
                line, first, last = value.lineno - 1, value.col_offset, value.end_col_offset
                old = lines[line][first:last].decode()
                new = f"({old} + {'2' if old in ('0', '1') else '0.37'})"
                changed = lines[line][:first] + new.encode() + lines[line][last:]
                yield b"\n".join([*lines[:line], changed, *lines[line + 1 :]]).decode()


def _initial_values(part: ast.AST) -> Iterable[ast.expr]:
    """Return the initial values that a node sets."""
    if isinstance(part, ast.Call):
        name = getattr(part.func, "attr", getattr(part.func, "id", ""))
        if name in INITIAL:
            return [part]
        if name in ("get", "setdefault") and len(part.args) == 2 and _is_zero_or_one(part.args[1]):
            return [part.args[1]]
    if isinstance(part, ast.Assign) and _is_zero_or_one(part.value):
        return [part.value]
    return []


def _is_zero_or_one(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value in (0, 1)
    )

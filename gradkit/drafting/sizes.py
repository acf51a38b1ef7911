"""Find the lengths of sizes, and which sizes are equal.

In: a drafted task, and the error with which its lines stop. Out: the task with two sizes made
equal, as the error demands. All other sizes have different lengths, because equal ones hide
exchanged axes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, zip_longest
from typing import Any

from msgspec.structs import replace

from gradkit.drafting.draft import DOCUMENTED, DraftCheck, DraftTask
from gradkit.drafting.guess import LABELS, LENGTHS, WINDOWS, names_in
from gradkit.drafting.trial import Inputs

MAX_ENTRIES = 200_000
"""Most numbers of an input."""

_PAIRS = (
    r"size (\d+) is different from (\d+)",
    r"not aligned: (\d+) \(dim \d+\) != (\d+) \(dim \d+\)",
    r"has size (\d+) and the array at index \d+ has size (\d+)",
    r"size of axis is (\d+) but size of corresponding boolean axis is (\d+)",
)
"""Errors of numpy that name two lengths which differ."""

_OUTSIDE = re.compile(r"index (\d+) is out of bounds for (?:axis \d+ with )?size (\d+)")
_LABELS = re.compile(r"\bintegers\((\w+), (\w+)")
_FIRST_AXIS = re.compile(r"^(?:normal|positive)\((\w+), ")
_SHAPES = re.compile(r"\((\d[\d, ]*)\)")
_RESHAPED = re.compile(r"cannot reshape array of size (\d+) into shape \((\d[\d, ]*)\)")


def with_lengths(sizes: Mapping[str, int | str], names: Iterable[str]) -> dict[str, int | str]:
    """Return sizes with more names, whose lengths differ from one another and from the others."""
    new = [name for name in dict.fromkeys(names) if name not in sizes]
    usual = {name: next(n for pattern, n in LENGTHS if pattern.fullmatch(name)) for name in new}
    # Sizes with the fewest usual lengths, such as those of windows, choose first.
    chosen = dict(sizes)
    for name in sorted(new, key=lambda each: len(usual[each])):
        lengths = (*usual[name], *range(16, 17 + len(chosen)))
        chosen[name] = next(length for length in lengths if length not in chosen.values())
    return {**sizes, **{name: chosen[name] for name in new}}


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a value with each name in its texts replaced by its name in ``names``.

    ``value`` is an input of an assignment file, or lines of code: a text, or a list or mapping of
    such values. The keys of a mapping are not replaced.
    """
    if isinstance(value, Mapping):
        return {key: renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda match: names.get(match[0], match[0]), value)


Equality = tuple[str, int | str]
"""A size, and the number or the expression of other sizes that it is equal to."""


def equated(task: DraftTask, error: str) -> list[DraftTask]:
    """Return tasks with sizes made equal because of an error; nothing if it names no such sizes.

    Of several tasks, the most likely one is first. Sizes that an earlier function tells apart stay
    different.
    """
    lengths = {name: int(size) for name, size in Inputs(task.sizes, {}).drawn(0).items()}
    if match := _RESHAPED.search(error):
        found = _with_longer_vector(task, int(match[1]), _numbers(match[2]), lengths)
    elif match := _OUTSIDE.search(error):
        found = _without_outside(task, int(match[1]), int(match[2]), lengths)
    else:
        found = _with_equal_lengths(task, error, lengths)
    # A constructor that only stores its arguments tells no sizes apart.
    apart = [{*_sizes_of(task, check)} for check in task.checks[:-1] if check.compare]
    tasks = [
        with_equal(task, name, other)
        for name, other in found
        if other != 0 and not any({name, other} <= names for names in apart)
    ]
    return [each for each in tasks if _most_entries(each) <= MAX_ENTRIES]


def _most_entries(task: DraftTask) -> int:
    """Return about how many numbers the largest input of a task has."""
    lengths = Inputs(task.sizes, {}).drawn(0)
    arrays = (array for value in task.inputs.values() for array in _arrays(value))
    return max((_product(names_in(array), lengths) for array in arrays), default=0)


def _arrays(value: Any) -> Iterator[Any]:
    """Yield the expressions of an input, which may be a table or a list."""
    if isinstance(value, Mapping | list):
        parts = value.values() if isinstance(value, Mapping) else value
        yield from (array for part in parts for array in _arrays(part))
    else:
        yield value


def _sizes_of(task: DraftTask, check: DraftCheck) -> list[str]:
    """Return the sizes of the inputs of a check."""
    words = re.findall(r"\w+", check.lines)
    return names_in([value for name, value in task.inputs.items() if name in words])


def _with_equal_lengths(task: DraftTask, error: str, lengths: Mapping[str, int]) -> list[Equality]:
    """Return the equality of two sizes with lengths that an error says differ."""
    documented = {name for name in lengths if is_documented(name, task)}
    order = list(task.sizes)
    for first, second in _differing(error):
        pairs: list[Equality] = []
        for one, two in ((second, first), (first, second)):
            others: list[int | str] = [*_expressions(two, lengths), two]
            names = [name for name in _expressions(one, lengths) if _is_number(name, task)]
            pairs += [(n, other) for n in names for other in others if n != other]
        pairs = [(name, other) for name, other in pairs if name not in names_in(str(other))]
        pairs.sort(key=lambda p: (isinstance(p[1], int), p[0] in documented, -order.index(p[0])))
        plain = [p for p in pairs if p[1] in order and p[0] not in documented]
        # The later of two sizes without a meaning of its own takes the name of the earlier one.
        later = [p for p in plain if order.index(p[0]) > order.index(str(p[1]))]
        if pairs:
            return [*later, *pairs][:1]
    return []


def mirrored(task: DraftTask) -> DraftTask:
    """Return a task in which the longest size is the shortest one.

    Only then an error shows that an array that was longer than needed is too short now. Windows
    stay smaller than images. A size that has to be 1 stays 1.
    """
    numbers = [n for n in task.sizes if _is_number(n, task) and task.sizes[n] != 1]
    names = [name for name in numbers if not WINDOWS.fullmatch(name)]
    ordered = sorted(names, key=lambda name: int(task.sizes[name]))
    lengths = {name: task.sizes[other] for name, other in zip(ordered, ordered[::-1], strict=True)}
    return replace(task, sizes={**task.sizes, **lengths})


def with_equal(task: DraftTask, name: str, other: int | str) -> DraftTask:
    """Return a task with one size replaced by another one, a number or a product.

    A documented size keeps its name, and is computed from the other one. Nothing changes if that
    depends on the size itself.
    """
    others = names_in(str(other))
    if name in [*others, *names_in([task.sizes.get(each) for each in others])]:
        return task
    is_plain = other in task.sizes or (isinstance(other, int) and _is_of_labels(name))
    names = {name: str(other) if is_plain else f"({other})"}
    sizes = {n: renamed(size, names) for n, size in task.sizes.items() if n != name}
    if not is_plain or is_documented(name, task):
        return replace(task, sizes={**sizes, name: other})
    inputs = {key: renamed(value, names) for key, value in task.inputs.items()}
    return replace(task, sizes=sizes, inputs=inputs)


def without_labels(task: DraftTask) -> DraftTask:
    """Return a task with three classes where no length of an axis is the number of classes."""
    for name in [name for name in task.sizes if _is_of_labels(name)]:
        task = with_equal(task, name, 3)
    return task


def _is_number(name: str, task: DraftTask) -> bool:
    """Return whether a text is a size of which the length is a number, and no expression."""
    return isinstance(task.sizes.get(name), int)


def _is_of_labels(name: str) -> bool:
    return re.fullmatch(rf"{LABELS}(_\d+)?", name) is not None


def is_documented(name: str, task: DraftTask) -> bool:
    """Return whether a size is in the docstring, or is passed to a function as it is."""
    documented = [v for key, v in task.inputs.items() if task.why[key] == DOCUMENTED]
    lines = "\n".join(check.lines for check in task.checks)
    return name in names_in(documented) or re.search(rf"\b{name}\b", lines) is not None


def _expressions(length: int, lengths: Mapping[str, int]) -> list[str]:
    """Return the sizes with a length, or else the products of sizes that have it."""
    plain = [name for name, each in lengths.items() if each == length]
    if plain or length < 2:
        return plain
    longer = {name: each for name, each in lengths.items() if each > 1 and not _is_of_labels(name)}
    products = (group for count in (2, 3) for group in combinations(longer, count))
    return [" * ".join(group) for group in products if _product(group, longer) == length]


def _product(names: Iterable[str], lengths: Mapping[str, int]) -> int:
    found = 1
    for name in names:
        found *= lengths[name]
    return found


def _differing(error: str) -> Iterator[tuple[int, int]]:
    """Yield pairs of lengths that an error of numpy says should be equal."""
    for pattern in _PAIRS:
        for match in re.finditer(pattern, error):
            yield int(match[1]), int(match[2])
    if "broadcast" in error or "shape mismatch" in error:
        shapes = [_numbers(text) for text in _SHAPES.findall(error)]
        for one, two in combinations(shapes, 2):
            for first, second in zip_longest(reversed(one), reversed(two), fillvalue=1):
                if first != second and 1 not in (first, second):
                    yield first, second


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number.strip()]


def _without_outside(
    task: DraftTask, index: int, length: int, lengths: Mapping[str, int]
) -> list[Equality]:
    """Return equalities with which no label, and no number of a row, is outside of an axis."""
    found: list[Equality] = []
    names: list[int | str] = [*_expressions(length, lengths), length]
    labels = [_LABELS.search(str(value)) for value in task.inputs.values()]
    for match in filter(None, labels):
        classes, rows = match[1], match[2]
        others = [
            axes[1] for value in task.inputs.values() if (axes := _FIRST_AXIS.search(str(value)))
        ]
        is_label = lengths.get(classes, 0) > length
        if is_label and index == lengths[classes] - 1:
            found.append((classes, names[0]))
        # A number of a row is first outside of an axis at the length of the axis.
        if index == length and lengths.get(rows, 0) > length:
            found.append((rows, names[0]))
        if index == length == lengths.get(rows):
            found += [(rows, other) for other in others if lengths.get(other, 0) > length]
        if is_label:
            found.append((classes, names[0]))
    if not found:
        longer = [name for name, each in lengths.items() if each > length]
        found = [(str(name), other) for name in names[:-1] for other in longer]
    return [
        (name, other)
        for name, other in found
        if _is_number(name, task) and name not in names_in(str(other))
    ]


def _with_longer_vector(
    task: DraftTask, size: int, shape: list[int], lengths: Mapping[str, int]
) -> list[Equality]:
    """Return the length of a vector that is long enough for an array of a shape.

    Courses pass all parameters as one vector, of which a function reshapes parts: the parts that
    are there already keep their lengths.
    """
    names = [next((n for n, each in lengths.items() if each == length), "") for length in shape]
    if not all(name or length == 1 for name, length in zip(names, shape, strict=True)):
        return []
    missing = " * ".join(filter(None, names)) or "1"
    vectors = [
        name
        for key, value in task.inputs.items()
        if task.why[key] != DOCUMENTED
        for name in re.findall(r"^\w+\((\w+)\)$", str(value))
        if name not in missing.split(" * ")
    ]
    for name in vectors[-1:]:
        old = task.sizes.get(name)
        if isinstance(old, int) or size == 0:
            return [(name, f"{old} + {missing}" if size == 0 else missing)]
    return []

"""Compare each output of a check's lines with the output of the model solution."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.lines import arrays_in
from gradkit.records.result import LEFT_ALONE, Entry, State, Verdict
from gradkit.records.task import Draw, FunctionCheck, Made
from gradkit.text import format_count, format_probe, format_text

DOUBLE_TOLERANCE = 1e-7
"""Accepted error of an output in double precision, relative to its largest number.

Sums in another order differ by far less, and mistakes by far more.
"""

SINGLE_TOLERANCE = 2e-4
"""Accepted error of an output in single precision, relative to its largest number."""

MIN_FACTOR_ERROR = 1e-3
"""Smallest distance from 1 of a factor that a message names: others would be printed as 1."""

MIN_OUTPUT_SIZE = 1e-12
"""Smallest size of an output's largest number that tolerances are relative to."""

CANCELLATION_ERROR = 2.0**-46
"""Accepted error of sums whose terms cancel, relative to the largest input."""


class Probe(Struct, frozen=True):
    """One probe of a check: its inputs, the model solution's results, and the student's results.

    ``expected`` is None without a model solution.
    """

    draw: Draw
    expected: Made | None
    found: Made


NOT_CHECKED = "Not checked: this needs the model solution, which is not on this machine."

Output = tuple[Entry, str]
"""The entry of one output over all probes, and a sentence on what is wrong with it.

The entry names the first probe in which the output is wrong, and holds its worst number there.
"""


def judge_check(
    check: FunctionCheck, probes: Sequence[Probe], right: Collection[str] = ()
) -> Verdict:
    """Judge all outputs of a check, and the inputs that it must not change.

    Parameters
    ----------
    check : FunctionCheck
        The check with the outputs that it compares.
    probes : sequence of Probe
        At least one.
    right : collection of str
        Outputs that are known to be right, whatever the model solution gives.

    Returns
    -------
    Verdict
        With an entry for each output, and for each input that was changed and must not be.
    """
    outputs = _outputs(check, probes, right)
    for name in check.untouched:
        changed = [probe for probe in probes if name in probe.found.changed]
        if changed:
            sentence = format_text(
                "`{name}` is changed in place, but must stay the same. Work on a copy.", name=name
            )
            entry = output_entry(f"{name}{LEFT_ALONE}", "fail", changed[0].draw.label)
            outputs.append((replace(entry, hard_cases=_hard_cases(changed, probes)), sentence))
    entries = tuple(entry for entry, _ in outputs)
    states = [entry.state for entry in entries]
    sentences = [sentence for entry, sentence in outputs if entry.state == "fail"]
    if all(state == "missing" for state in states):
        return Verdict(check.name, "missing", outputs[0][1], entries)
    state: State = next(
        (s for s in ("fail", "missing", "inconclusive", "not-checked") if s in states), "pass"
    )
    state = "fail" if state == "missing" else state
    sentences += [text for entry, text in outputs if entry.state in ("missing", "inconclusive")]
    if "not-checked" in states:
        sentences.append(NOT_CHECKED)
    return Verdict(
        check.name,
        state,
        " ".join(dict.fromkeys(sentences)),
        entries,
        notes=tuple(_notes(check, probes)),
    )


def followed(check: FunctionCheck, ways: Sequence[Sequence[Probe]]) -> list[int]:
    """Return the indices of the sets of expected values that the outputs fit best.

    Each item of `ways` holds the same probes with other expected values. The best have the most
    right outputs and, among these, the most right outputs in single probes. Several indices are
    returned if they are equally good, for example if no output is right.
    """

    def right(probes: Sequence[Probe]) -> int:
        return sum(entry.state == "pass" for entry, _ in _outputs(check, probes, ()))

    counts = [(right(probes), sum(right([probe]) for probe in probes)) for probes in ways]
    return [way for way, count in enumerate(counts) if count == max(counts)]


def _outputs(check: FunctionCheck, probes: Sequence[Probe], right: Collection[str]) -> list[Output]:
    """Judge each output that a check compares; those named in `right` pass without a comparison."""
    names = dict.fromkeys(check.compare)
    return [
        (output_entry(name, "pass"), "") if name in right else _counted(name, check, probes)
        for name in names
    ]


def _counted(name: str, check: FunctionCheck, probes: Sequence[Probe]) -> Output:
    """Judge the output ``name`` over all probes; if it is wrong only in hard cases, count these.

    A hard case is a probe whose inputs the assignment sets. The count is stored in the entry of the
    result. ``check`` is the check that compares the output.
    """
    entry, sentence = _output(name, check, probes)
    if not any(probe.draw.hard for probe in probes if probe.draw.label == entry.probe):
        return entry, sentence
    states = [_output(name, check, [probe])[0].state for probe in probes]
    wrong = [p for p, state in zip(probes, states, strict=True) if state in ("fail", "missing")]
    return replace(entry, hard_cases=_hard_cases(wrong, probes)), sentence


def _hard_cases(wrong: Sequence[Probe], probes: Sequence[Probe]) -> int:
    """Return the number of wrong probes if all of them are hard cases, otherwise 0.

    A hard case is a probe whose inputs the assignment sets. ``probes`` are all probes. The result
    is also 0 if the check has no other probes than hard cases.
    """
    if all(probe.draw.hard for probe in probes) or not all(probe.draw.hard for probe in wrong):
        return 0
    return len(wrong)


def output_entry(
    name: str,
    state: State,
    probe: str = "",
    index: tuple[int, ...] = (),
    found: float | None = None,
    expected: float | None = None,
    hard_cases: int = 0,
) -> Entry:
    """Return the entry of an output in a verdict.

    ``probe`` names the first probe in which it is wrong, and ``index`` is the place of its worst
    number there, ``found`` that number, and ``expected`` the right one. ``hard_cases`` is the
    number of wrong hard cases if only these are wrong.
    """
    # The entry itself has no index, because it stands for the whole output.
    label = f"{name}[{', '.join(map(str, index))}]" if index else name
    return Entry(name, (), state, found, expected, probe, label, hard_cases=hard_cases)


def _notes(check: FunctionCheck, probes: Sequence[Probe]) -> Iterator[str]:
    """Yield remarks on a check that cost no points: on changed inputs and on single precision.

    ``probes`` have the student's and the model solution's results. A changed input is reported only
    if the model solution does not change it.
    """
    for name in sorted({name for probe in probes for name in probe.found.changed}):
        asked = any(p.expected is None or name in p.expected.changed for p in probes)
        if not asked and name not in check.untouched:
            yield format_text(
                "`{name}` is changed in place: later code that uses `{name}` gets wrong numbers. "
                "Work on a copy.",
                name=name,
            )
    if any(
        value.dtype.itemsize < 8
        for probe in probes
        for value in probe.found.values.values()
        if value.dtype.kind == "f"
    ):
        yield "The numbers are in single precision, and are compared with this precision."


def _output(name: str, check: FunctionCheck, probes: Sequence[Probe]) -> Output:
    """Judge the output ``name`` over all probes: its presence, its shape and its numbers.

    A missing output counts first, then a wrong shape, then an expected value that is not finite,
    then wrong numbers. Right numbers still fail if a second call gives others. The entry has the
    worst number of the first wrong probe.
    """
    pairs: list[tuple[Probe, NDArray[Any], NDArray[Any]]] = []
    for probe in probes:
        if name not in probe.found.values:
            reason = probe.found.missing.get(name, "found None")
            sentence = format_text(
                "`{name}` is missing: {reason}.", name=name, reason=reason.rstrip(".")
            )
            return output_entry(name, "missing", probe.draw.label), sentence
        if probe.expected is not None and name in probe.expected.values:
            expected = np.asarray(probe.expected.values[name])
            pairs.append((probe, _shaped(probe.found.values[name], expected), expected))
    if not pairs:
        return output_entry(name, "not-checked"), ""
    for probe, found, expected in pairs:
        if found.shape != expected.shape:
            sentence = _describe_shape(name, found, expected)
            return output_entry(name, "fail", probe.draw.label), sentence
    off = [
        (probe, found, expected)
        for probe, found, expected in pairs
        if not _near(found, expected, check.tolerance, _noise(probe.draw)).all()
    ]
    infinite = [probe.draw.label for probe, _, each in pairs if not np.isfinite(each).all()]
    if infinite:
        sentence = format_text(
            "`{name}` cannot be judged with {probe}: the model solution gives no finite number "
            "there.",
            name=name,
            probe=format_probe(infinite[0]),
        )
        return output_entry(name, "inconclusive"), sentence
    if not off:
        return _judge_second_call(name, [probe for probe, _, _ in pairs])
    probe, found, expected = off[0]
    gap = np.abs(found.astype(float) - expected)
    index = np.unravel_index(int(np.argmax(np.where(np.isnan(gap), np.inf, gap))), gap.shape)
    place = tuple(int(n) for n in index)
    worst = finite_number(found[index]), finite_number(expected[index])
    sentence = _describe_numbers(name, pairs, off, check.tolerance) + _where(probe, off, pairs)
    return output_entry(name, "fail", probe.draw.label, place, *worst), sentence


def _judge_second_call(name: str, probes: Sequence[Probe]) -> Output:
    """Compare the output ``name`` of a second call with that of the first.

    It fails if the two differ although the model solution gives the same twice. It passes without a
    second call or a model solution.
    """
    for probe in probes:
        first, second = probe.found.values[name], probe.found.again.get(name)
        model = probe.expected
        if second is None or model is None:
            continue  # the result was the same, or there is no model solution
        if same(model.values[name], model.again[name]) and not same(first, second):
            sentence = format_text(
                "`{name}` is different when the same call is made again: an input, such as the "
                "cache, is changed in place.",
                name=name,
            )
            return output_entry(name, "fail", probe.draw.label), sentence
    return output_entry(name, "pass"), ""


def same(a: NDArray[Any], b: NDArray[Any], tolerance: float = 0.0) -> bool:
    """Return whether two arrays have the same shape and, up to rounding, the same numbers.

    ``tolerance`` is an error that is also accepted, relative to the largest number of ``b``.
    """
    return a.shape == b.shape and bool(_near(a, b, tolerance).all())


def _shaped(found: NDArray[Any], expected: NDArray[Any]) -> NDArray[Any]:
    """Return the found array; a single number is given the expected shape."""
    return found.reshape(expected.shape) if found.size == 1 == expected.size else found


def finite_number(value: Any) -> float | None:
    """Return a number as a float; None if it is infinite or no number."""
    number = float(value)
    return number if math.isfinite(number) else None


def _noise(draw: Draw) -> float:
    """Return the largest error that cancellation can cause with the inputs of a probe."""
    arrays = arrays_in(dict(draw.values))
    sizes = [np.abs(a[np.isfinite(a)]).max(initial=0.0) for a in arrays if a.dtype.kind == "f"]
    return CANCELLATION_ERROR * float(max(sizes, default=0.0))


def _near(
    found: NDArray[Any], expected: NDArray[Any], tolerance: float, noise: float = 0.0
) -> NDArray[np.bool_]:
    """Return which numbers are right up to rounding.

    `tolerance` is an accepted error relative to the largest expected number, `noise` an absolute
    error.
    """
    with np.errstate(all="ignore"):
        size = max(float(np.max(np.abs(expected), initial=0.0)), MIN_OUTPUT_SIZE)
        single = found.dtype.kind == "f" and found.dtype.itemsize < 8
        relative = max(SINGLE_TOLERANCE if single else DOUBLE_TOLERANCE, tolerance)
        allowed = max(relative * size, noise)
        gap = np.abs(found.astype(float) - expected.astype(float))
        return np.asarray((gap <= allowed) | (found == expected))


# --- sentences -----------------------------------------------------------------------------


SHAPE_ALONE = "0 * "
"""Start of an output of which an assignment compares the shape alone."""


def shape_sentence(name: str, found: object, expected: object) -> str:
    """Return the sentence that an output has another shape than expected.

    ``name`` is the output as the assignment writes it, and ``found`` and ``expected`` are the two
    shapes. An assignment compares a shape alone by multiplying with zero: of ``0 * layer.b``, the
    sentence names ``layer.b``.
    """
    return format_text(
        "`{name}` has shape {found}; expected {expected}.",
        name=name.removeprefix(SHAPE_ALONE),
        found=str(found),
        expected=str(expected),
    )


def _describe_shape(name: str, found: NDArray[Any], expected: NDArray[Any]) -> str:
    """Return sentences on the wrong shape of the output ``name``, and on its numbers.

    ``found`` is the student's array. The sentences say how its numbers relate to the expected ones:
    transposed, reshaped, or summed.
    """
    text = shape_sentence(name, found.shape, expected.shape)
    if name.startswith(SHAPE_ALONE):
        return text
    if found.shape == expected.shape[::-1] and same(found.T, expected):
        return f"{text} {format_text(TRANSPOSED, name=name)}"
    if found.size == expected.size and same(found.reshape(expected.shape), expected):
        return f"{text} The numbers are right; only the shape is wrong."
    if found.shape[1:] == expected.shape and any(same(each, expected) for each in found):
        return f"{text} `{name}` holds several values, and one is right: return only this value."
    if found.size == 1 < expected.size and np.isclose(float(found.sum()), float(expected.sum())):
        return f"{text} `{name}` is summed over all axes."
    if _has_total_of(found, expected):
        return f"{text} {WRONG_AXIS}"
    return text


Pairs = Sequence[tuple[Probe, NDArray[Any], NDArray[Any]]]
"""Probes with found and expected arrays."""


def _describe_numbers(name: str, pairs: Pairs, off: Pairs, tolerance: float) -> str:
    """Return sentences on wrong numbers, with their relation to the expected ones, if one holds.

    The relation has to hold in every random probe. Without one, the number of wrong entries in the
    first wrong probe is given. Entries that are nan are reported separately.

    Parameters
    ----------
    name : str
        The output, as the student would write it.
    pairs, off : sequence of (Probe, found, expected)
        All probes, and those in which the numbers are wrong.
    tolerance : float
        The accepted error of the check, relative to the largest number.
    """
    rest: Pairs = [pair for pair in off if not np.isnan(pair[1].astype(float)).any()]
    if len(rest) < len(off):
        probe, found = next((p, a) for p, a, _ in off if np.isnan(a.astype(float)).any())
        text = format_text("`{name}` has entries that are not a number (nan).", name=name)
        if found.size == 1:
            text = format_text("`{name}` is not a number (nan).", name=name)
        if not rest:
            return text
        text += " " + format_text(
            "This happens with {probe}.", probe=format_probe(probe.draw.label)
        )
        return f"{_describe_numbers(name, pairs, rest, tolerance)} {text}"
    random = [(p.draw.sizes, a, b) for p, a, b in pairs if not p.draw.hard]
    is_hard_only = all(probe.draw.hard for probe, _, _ in off)
    text = "" if is_hard_only or len(random) < MIN_PROBES else describe_difference(name, random)
    if text:
        return text
    return format_text("`{name}` is not right.", name=name) + _count_wrong(off[0], tolerance)


def _count_wrong(pair: tuple[Probe, NDArray[Any], NDArray[Any]], tolerance: float) -> str:
    """Return a sentence with the number of wrong entries, or "" if all entries are wrong.

    ``pair`` is a probe with the found and the expected array.
    """
    probe, found, expected = pair
    right = int(np.count_nonzero(_near(found, expected, tolerance, _noise(probe.draw))))
    if not right:
        return ""
    return " " + format_count(
        "{count} of its {size} entries is wrong.",
        "{count} of its {size} entries are wrong.",
        expected.size - right,
        size=expected.size,
    )


MIN_PROBES = 2
"""Smallest number of random probes from which a relation between numbers is inferred."""

Sized = tuple[Mapping[str, int], NDArray[Any], NDArray[Any]]
"""The sizes of a probe, the found array and the expected array."""


def describe_difference(name: str, pairs: Sequence[Sized], tolerance: float = 0.0) -> str:
    """Return a sentence on how a wrong output relates to the expected one, or an empty text.

    Relations are: a factor such as 2, 1/2, N or 1/N, the sign, a transpose, a sum over the wrong
    axis, right numbers in wrong places, and zeros.

    Parameters
    ----------
    name : str
        The output, as the student would write it.
    pairs : sequence of Sized
        A relation is named only if it holds for all pairs. More than one pair is needed to tell a
        factor of N from a number.
    tolerance : float
        Error of the expected numbers, relative to the largest of them.
    """
    # A student's numbers may be so large that their sums overflow.
    with np.errstate(all="ignore"):
        for holds, sentence in _RELATIONS:
            if all(holds(found, expected, tolerance) for _, found, expected in pairs):
                return format_text(sentence, name=name)
    factors = [_factor(found, expected, tolerance) for _, found, expected in pairs]
    if not all(factor is not None and abs(factor - 1) > MIN_FACTOR_ERROR for factor in factors):
        return ""
    has_entries = all(expected.size > 1 for _, _, expected in pairs)
    numbers, error = [float(f or 0.0) for f in factors], max(FACTOR_ERROR, tolerance)
    words = _describe_factor(numbers, [sizes for sizes, _, _ in pairs], error)
    if words:
        where = " in every entry" if has_entries else ""
        start = format_text("`{name}` is {factor} the expected value", name=name, factor=words[0])
        return start + where + words[1]
    # A single number is always a multiple of another.
    return format_text(MULTIPLE, name=name) if has_entries else ""


def _is_negative(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    return same(-found.astype(float), expected, tolerance)


def _is_transposed(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    is_square = found.ndim == 2 and found.shape[0] == found.shape[1]
    return is_square and same(found.T, expected, tolerance)


def _is_zero(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    return found.size > 1 and not found.any() and bool(np.asarray(expected).any())


def _is_false(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    """Return whether a condition that the check compares is false, and has to be true."""
    are_bools = found.dtype.kind == expected.dtype.kind == "b"
    return are_bools and found.size == 1 and not found.any() and bool(expected.all())


def _is_one_zero(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    return found.size == 1 and not found.any() and bool(np.asarray(expected).any())


def _is_total(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    """Return whether every entry of ``found`` is the sum of all expected entries.

    ``tolerance`` is an accepted error relative to the largest number. The result is False for a
    single number.
    """
    values = found.astype(float)
    return (
        found.size > 1
        and bool(np.allclose(values, values.flat[0]))
        and bool(np.isclose(values.flat[0], expected.sum()))
    )


def _is_exchanged(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    """Return whether the numbers are right in another order; False for a single number."""
    a, b = np.sort(found.astype(float), axis=None), np.sort(expected.astype(float), axis=None)
    return found.size > 1 and same(a, b, tolerance)


def _is_of_wrong_axis(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    return not same(found, expected, tolerance) and _has_total_of(found, expected)


def _has_total_of(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Return whether two vectors have the same total, which is not 0 by cancellation.

    The result is False for other arrays, and for single numbers.
    """
    is_vector = all(a.size == max(a.shape, default=1) > 1 for a in (found, expected))
    numbers = found.astype(float), expected.astype(float)
    if not is_vector or not all(np.isfinite(a).all() for a in numbers):
        return False
    total, size = float(numbers[1].sum()), float(np.abs(numbers[1]).sum())
    is_same = bool(np.isclose(numbers[0].sum(), total, rtol=DOUBLE_TOLERANCE))
    return abs(total) > MIN_FACTOR_ERROR * size and is_same


TRANSPOSED = "`{name}` is the transpose of the expected array."
WRONG_AXIS = "Its entries add up to the expected total: the sum is over the wrong axis."
MULTIPLE = "`{name}` is wrong by the same factor in every entry; the factor depends on the input."

Relation = Callable[[NDArray[Any], NDArray[Any], float], bool]

_RELATIONS: Sequence[tuple[Relation, str]] = (
    (_is_false, "`{name}` is false; it should be true."),
    (_is_zero, "`{name}` is 0 in every entry."),
    (_is_one_zero, "`{name}` is 0."),
    (_is_negative, "`{name}` has the wrong sign."),
    (_is_transposed, TRANSPOSED),
    (_is_total, "Every entry of `{name}` is the sum over all axes."),
    (_is_exchanged, "`{name}` has the right numbers in the wrong places."),
    (_is_of_wrong_axis, "`{name}` is not right. " + WRONG_AXIS),
)


def _factor(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> float | None:
    """Return the number by which all expected numbers are multiplied in the student's array.

    None is returned if there is no single such factor. ``found`` is the student's array, and
    ``tolerance`` an accepted error relative to the largest number.
    """
    dot = float(np.sum(expected * expected))
    if not dot or not np.isfinite(found.astype(float)).all():
        return None
    # A student's numbers may be so large that their sums overflow.
    # The factor is then infinite, and not accepted.
    with np.errstate(all="ignore"):
        factor = float(np.sum(found.astype(float) * expected)) / dot
        is_one = factor and same(found.astype(float), factor * expected, tolerance)
        return factor if is_one else None


def _describe_factor(
    factors: list[float], sizes: list[Mapping[str, int]], error: float
) -> tuple[str, str] | None:
    """Return the words before and after "the expected value" for a factor; None if there are none.

    ``factors`` and ``sizes`` have the factor and the sizes of each probe, and ``error`` is the
    accepted relative error of a factor. A factor is a size, one over a size, or a number, the same
    in all probes.
    """
    for size in sizes[0]:
        values = [each[size] for each in sizes]
        if len(set(values)) > 1 or len(set(factors)) == 1:
            shown = f" ({size} = {values[0]})"
            if np.allclose(factors, values, rtol=error):
                return f"{size} times", f"{shown}: a division by {size} is missing."
            if np.allclose(factors, [1 / value for value in values], rtol=error):
                return f"1/{size} of", f"{shown}: there is one division by {size} too many."
    factor = factors[0]
    if not np.allclose(factors, factor, rtol=error):
        return None
    inverse = 1 / factor
    if abs(factor) < 1 and abs(inverse - round(inverse)) < error * abs(inverse):
        return f"{'-' if factor < 0 else ''}1/{abs(round(inverse))} of", "."
    return f"{factor:.4g} times", "."


FACTOR_ERROR = 1e-6
"""Relative error up to which a factor is a size, or the same in two probes."""


def _where(probe: Probe, off: Pairs, pairs: Pairs) -> str:
    """Return a sentence that names the hard case if only hard cases are wrong, otherwise "".

    A hard case is a probe with inputs that the assignment sets. ``probe`` is the first wrong one,
    ``off`` are the wrong probes, and ``pairs`` all; both have the found and the expected array too.
    """
    random = [probe for probe, _, _ in pairs if not probe.draw.hard]
    if random and all(each.draw.hard for each, _, _ in off):
        return " " + format_text(
            "This happens only with {probe}.", probe=format_probe(probe.draw.label)
        )
    return ""

"""Compare what the lines of a check gave with what the model solution's gave, output by output."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gradkit.formatting import format_text
from gradkit.lines import arrays_in
from gradkit.records.result import LEFT_ALONE, Entry, State, Verdict
from gradkit.records.task import Draw, FunctionCheck, Made
from gradkit.text import format_probe

NEAR = 1e-7
"""Of an output's largest number: sums in another order differ by far less, mistakes by far more."""

SINGLE = 2e-4
"""The same, where the output is in single precision."""

VISIBLE = 1e-3
"""A factor that is nearer to 1 is not told: it would be written as 1."""

LEAST = 1e-12
"""The smallest size that an output is held to."""

NOISE = 2.0**-46
"""Of the largest input, what sums of numbers that cancel may leave of it."""


class Probe(Struct, frozen=True):
    """One probe of a check: its inputs, what the model gives (None without one), and what came."""

    draw: Draw
    expected: Made | None
    found: Made


Output = tuple[Entry, str]
"""What is found of one output over all probes, and a sentence on what is not right.

The entry tells the first probe in which it is not, and of its numbers that which is furthest off.
"""


def judge_check(
    check: FunctionCheck, probes: Sequence[Probe], right: Collection[str] = ()
) -> Verdict:
    """Judge all outputs of a check, and the inputs that it must leave alone.

    Parameters
    ----------
    check : FunctionCheck
    probes : sequence of Probe
        At least one.
    right : collection of str
        Outputs that are known to be right, whatever the model solution gives.

    Returns
    -------
    Verdict
        With an entry for each output, and for each input that was to be left alone and was not.
    """
    outputs = _outputs(check, probes, right)
    for name in check.untouched:
        changed = [probe.draw.label for probe in probes if name in probe.found.changed]
        if changed:
            told = format_text(
                "`{name}` is changed in place; it is to be left as it is.", name=name
            )
            outputs.append((_entry(f"{name}{LEFT_ALONE}", "fail", changed[0]), told))
    entries = tuple(entry for entry, _ in outputs)
    states = [entry.state for entry in entries]
    sentences = [sentence for entry, sentence in outputs if entry.state == "fail"]
    if all(state == "missing" for state in states):
        return Verdict(check.name, "missing", outputs[0][1], entries)
    state: State = next(
        (s for s in ("fail", "missing", "inconclusive", "not-checked") if s in states), "pass"
    )
    state = "fail" if state == "missing" else state
    sentences += [told for entry, told in outputs if entry.state in ("missing", "inconclusive")]
    if "not-checked" in states:
        sentences.append("It takes the model solution to tell, which is not at hand here.")
    return Verdict(
        check.name,
        state,
        " ".join(dict.fromkeys(sentences)),
        entries,
        notes=tuple(_notes(check, probes)),
    )


def followed(check: FunctionCheck, ways: Sequence[Sequence[Probe]]) -> list[int]:
    """Return which of several expectations most outputs come up to; of as many, at most probes.

    They are several where the outputs do not tell them apart, as where none is right.
    """

    def right(probes: Sequence[Probe]) -> int:
        return sum(entry.state == "pass" for entry, _ in _outputs(check, probes, ()))

    counts = [(right(probes), sum(right([probe]) for probe in probes)) for probes in ways]
    return [way for way, count in enumerate(counts) if count == max(counts)]


def _outputs(check: FunctionCheck, probes: Sequence[Probe], right: Collection[str]) -> list[Output]:
    return [
        (_entry(name, "pass"), "") if name in right else _output(name, check, probes)
        for name in dict.fromkeys(check.compare)
    ]


def _entry(
    name: str,
    state: State,
    probe: str = "",
    index: tuple[int, ...] = (),
    found: float | None = None,
    expected: float | None = None,
) -> Entry:
    # No index: it stands for all of the output, and not for the worst number that it tells.
    label = f"{name}[{', '.join(map(str, index))}]" if index else name
    return Entry(name, (), state, found, expected, probe, label)


def _notes(check: FunctionCheck, probes: Sequence[Probe]) -> Iterator[str]:
    """Yield remarks that cost nothing: inputs that only the student's code changes.

    Without the model's there is no telling whether that is asked.
    """
    for name in sorted({name for probe in probes for name in probe.found.changed}):
        asked = any(p.expected is None or name in p.expected.changed for p in probes)
        if not asked and name not in check.untouched:
            yield format_text(
                "`{name}` is changed in place: whoever uses it afterwards gets other numbers.",
                name=name,
            )
    if any(
        value.dtype.itemsize < 8
        for probe in probes
        for value in probe.found.values.values()
        if value.dtype.kind == "f"
    ):
        yield "Numbers come back in single precision; they are held to that."


def _output(name: str, check: FunctionCheck, probes: Sequence[Probe]) -> Output:
    """Judge one output over all probes: whether it is there, its shape, its numbers."""
    pairs: list[tuple[Probe, NDArray[Any], NDArray[Any]]] = []
    for probe in probes:
        if name not in probe.found.values:
            reason = probe.found.missing.get(name, "found None")
            told = format_text(
                "`{name}` is not there: {reason}.", name=name, reason=reason.rstrip(".")
            )
            return _entry(name, "missing", probe.draw.label), told
        if probe.expected is not None and name in probe.expected.values:
            expected = np.asarray(probe.expected.values[name])
            pairs.append((probe, _shaped(probe.found.values[name], expected), expected))
    if not pairs:
        return _entry(name, "not-checked"), ""
    for probe, found, expected in pairs:
        if found.shape != expected.shape:
            return _entry(name, "fail", probe.draw.label), _of_shape(name, found, expected)
    off = [
        (probe, found, expected)
        for probe, found, expected in pairs
        if not _near(found, expected, check.tolerance, _noise(probe.draw)).all()
    ]
    endless = [probe.draw.label for probe, _, each in pairs if not np.isfinite(each).all()]
    if endless:
        told = format_text(
            "`{name}` cannot be judged with {probe}: the model solution gives no finite number "
            "there.",
            name=name,
            probe=format_probe(endless[0]),
        )
        return _entry(name, "inconclusive"), told
    if not off:
        return _second(name, [probe for probe, _, _ in pairs])
    probe, found, expected = off[0]
    gap = np.abs(found.astype(float) - expected)
    index = np.unravel_index(int(np.argmax(np.where(np.isnan(gap), np.inf, gap))), gap.shape)
    place = tuple(int(n) for n in index)
    worst = _number(found[index]), _number(expected[index])
    sentence = _of_numbers(name, pairs, off) + _where(probe, off, pairs)
    return _entry(name, "fail", probe.draw.label, place, *worst), sentence


def _second(name: str, probes: Sequence[Probe]) -> Output:
    """Hold what comes of a second call to the first, where the model gives the same twice."""
    for probe in probes:
        first, second = probe.found.values[name], probe.found.again.get(name)
        model = probe.expected
        if second is None or model is None:
            continue  # it was the same, or nobody knows what it should be
        if same(model.values[name], model.again[name]) and not same(first, second):
            told = format_text(
                "`{name}` comes out otherwise when the same call is made again: something that it "
                "is computed from, such as the cache, is changed in place.",
                name=name,
            )
            return _entry(name, "fail", probe.draw.label), told
    return _entry(name, "pass"), ""


def same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Tell whether two arrays have one shape and the same numbers, but for rounding."""
    return a.shape == b.shape and bool(_near(a, b, 0.0).all())


def _shaped(found: NDArray[Any], expected: NDArray[Any]) -> NDArray[Any]:
    """Return what was found; one number has the shape that is asked, whatever its own."""
    return found.reshape(expected.shape) if found.size == 1 == expected.size else found


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _noise(draw: Draw) -> float:
    """Return how far a number may be off for rounding alone, whatever its size."""
    arrays = arrays_in(dict(draw.values))
    sizes = [np.abs(a[np.isfinite(a)]).max(initial=0.0) for a in arrays if a.dtype.kind == "f"]
    return NOISE * float(max(sizes, default=0.0))


def _near(
    found: NDArray[Any], expected: NDArray[Any], tolerance: float, noise: float = 0.0
) -> NDArray[np.bool_]:
    """Tell which numbers are right but for rounding; of an exact kind all of it has to be right."""
    with np.errstate(all="ignore"):
        size = max(float(np.max(np.abs(expected), initial=0.0)), LEAST)
        single = found.dtype.kind == "f" and found.dtype.itemsize < 8
        allowed = max(max(SINGLE if single else NEAR, tolerance) * size, noise)
        gap = np.abs(found.astype(float) - expected.astype(float))
        return np.asarray((gap <= allowed) | (found == expected))


# --- sentences -----------------------------------------------------------------------------


def shape_said(name: str, found: object, expected: object) -> str:
    """Say that an output has another shape than is asked."""
    return format_text(
        "`{name}` has shape {found}, and {expected} is asked.",
        name=name,
        found=str(found),
        expected=str(expected),
    )


def _of_shape(name: str, found: NDArray[Any], expected: NDArray[Any]) -> str:
    told = shape_said(name, found.shape, expected.shape)
    if found.shape == expected.shape[::-1] and same(found.T, expected):
        return told + " " + "Its transpose is right."
    if found.size == expected.size and same(found.reshape(expected.shape), expected):
        return told + " " + "Its numbers are right."
    if found.shape[1:] == expected.shape and any(same(each, expected) for each in found):
        return told + " " + "One of the values in it is right; it is to be returned alone."
    if found.size == 1 < expected.size and np.isclose(float(found.sum()), float(expected.sum())):
        return told + " " + "It is summed over all axes."
    return told


Pairs = Sequence[tuple[Probe, NDArray[Any], NDArray[Any]]]


def _of_numbers(name: str, pairs: Pairs, off: Pairs) -> str:
    """Say how the numbers differ, as far as one relation holds in every probe."""
    rest: Pairs = [pair for pair in off if not np.isnan(pair[1].astype(float)).any()]
    if len(rest) < len(off):
        probe, found = next((p, a) for p, a, _ in off if np.isnan(a.astype(float)).any())
        told = format_text("`{name}` has entries that are not a number (nan).", name=name)
        if found.size == 1:
            told = format_text("`{name}` is not a number (nan).", name=name)
        if not rest:
            return told
        told += " " + format_text("That is so with {probe}.", probe=format_probe(probe.draw.label))
        return f"{_of_numbers(name, pairs, rest)} {told}"
    random = [pair for pair in pairs if not pair[0].draw.hard]
    wrong = format_text("`{name}` is not right.", name=name)
    if all(probe.draw.hard for probe, _, _ in off):
        return wrong
    for holds, sentence in _RELATIONS:
        if len(random) > 1 and all(holds(found, expected) for _, found, expected in random):
            return format_text(sentence, name=name)
    factors = [_factor(found, expected) for _, found, expected in random]
    if len(factors) > 1 and all(f is not None and abs(f - 1) > VISIBLE for f in factors):
        sizes = [probe.draw.sizes for probe, _, _ in random]
        told = _of_factor(name, [float(f or 0.0) for f in factors], sizes)
        if told:
            return told
        # Of one number another is always a multiple.
        if all(expected.size > 1 for _, _, expected in random):
            return format_text("`{name}` is a multiple of what it should be.", name=name)
    return wrong


def _is_negative(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    return same(-found.astype(float), expected)


def _is_transposed(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    return found.ndim == 2 and found.shape[0] == found.shape[1] and same(found.T, expected)


def _is_zero(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    return not found.any() and bool(np.asarray(expected).any())


def _is_repeated(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Tell a sum that is the same everywhere, where there should be one for each column or row."""
    values = found.astype(float)
    return (
        found.size > 1
        and bool(np.allclose(values, values.flat[0]))
        and bool(np.isclose(values.flat[0], expected.sum()))
    )


def _is_exchanged(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Tell the right numbers in another order."""
    a, b = np.sort(found.astype(float), axis=None), np.sort(expected.astype(float), axis=None)
    return found.size > 2 and same(a, b)


_RELATIONS: Sequence[tuple[Callable[[NDArray[Any], NDArray[Any]], bool], str]] = (
    (_is_zero, "`{name}` is 0 throughout."),
    (_is_negative, "`{name}` has the wrong sign."),
    (_is_transposed, "`{name}` is transposed."),
    (_is_repeated, "`{name}` is the sum over everything, in each of its places."),
    (_is_exchanged, "`{name}` has the right numbers in the wrong places."),
)


def _factor(found: NDArray[Any], expected: NDArray[Any]) -> float | None:
    """Return what all numbers were multiplied by, if it is one factor."""
    dot = float(np.sum(expected * expected))
    if not dot or not np.isfinite(found.astype(float)).all():
        return None
    # What students give may be as large as can be.
    with np.errstate(all="ignore"):
        factor = float(np.sum(found.astype(float) * expected)) / dot
        return factor if factor and same(found.astype(float), factor * expected) else None


NOT_DIVIDED = (
    "`{name}` is {size} times what it should be, whatever {size} is: a division by {size} is "
    "missing."
)
DIVIDED = (
    "`{name}` is 1/{size} of what it should be, whatever {size} is: a division by {size} is too "
    "much."
)


def _of_factor(name: str, factors: list[float], sizes: list[Mapping[str, int]]) -> str:
    """Say a factor: a size, one over a size, or a number; nothing where it is none of these."""
    for size in sizes[0]:
        values = [each[size] for each in sizes]
        if len(set(values)) > 1 or len(set(factors)) == 1:
            if np.allclose(factors, values, rtol=1e-6):
                return format_text(NOT_DIVIDED, name=name, size=size)
            if np.allclose(factors, [1 / value for value in values], rtol=1e-6):
                return format_text(DIVIDED, name=name, size=size)
    if np.allclose(factors, factors[0], rtol=1e-6):
        return format_text(
            "`{name}` is {factor} times what it should be.", name=name, factor=f"{factors[0]:.4g}"
        )
    return ""


def _where(probe: Probe, off: Pairs, pairs: Pairs) -> str:
    """Say in which probes it is wrong, where that tells something."""
    random = [probe for probe, _, _ in pairs if not probe.draw.hard]
    if random and all(each.draw.hard for each, _, _ in off):
        return " " + format_text(
            "That is so only with {probe}.", probe=format_probe(probe.draw.label)
        )
    return ""

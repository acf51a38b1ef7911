"""Any hand-written backward held against finite differences of any forward."""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradkit.gradcheck.check import check_gradient
from gradkit.gradcheck.entries import overall
from gradkit.gradcheck.records import BackwardReport, Direction, Entry, InputReport, Report
from gradkit.gradcheck.structure import SPELLINGS, Array, is_tensor, leaves_of, to_numpy

CACHES = (tuple, list, dict, type(None))
"""What a forward returns last beside its outputs is a cache if it is one of these, or no array."""


def check_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    inputs: Mapping[str, Any] | Sequence[Any],
    dout: Any = None,
    *,
    wrt: Sequence[str] | None = None,
    cache: bool | None = None,
    scale: float | Mapping[str, float] = 1.0,
    seed: int = 0,
    **options: Any,
) -> BackwardReport:
    """Check a backward pass against finite differences of a forward pass.

    The forward is run once, the backward once on what it returned; then every gradient that came
    back is held against finite differences of ``Σ out · dout`` by `gradkit.check_gradient`.

    Parameters
    ----------
    forward : callable
        ``forward(*inputs)`` returns an output, several in a tuple or dict, or ``(out, cache)``.
    backward : callable or None
        ``backward(dout, cache)``, without the cache where there is none, or with the inputs after
        ``dout`` where it needs so many arguments. It returns the gradients in the order of the
        inputs, or in a dict (``x``, ``dx``, ``grad_x``), or as attributes of what it returns or of
        the object that it is a method of (``dLdW``). None where the forward returns ``(loss,
        gradients)``.
    inputs : dict of str to value, or sequence
        What the forward is called with, in order. Gradients are checked for floating arrays and
        tensors; labels, strides and the like are handed on. Lists of numbers become arrays.
    dout : like the output, optional
        The gradient of the loss with respect to the outputs; by default random numbers, or 1 where
        backward takes none.
    wrt : sequence of str, optional
        The inputs whose gradients are asked for; by default all of floating dtype.
    cache : bool, optional
        Whether the last that forward returns is a cache. By default it is where it is no array.
    scale : float or dict of str to float
        What backward returns is so many times the derivative, by convention: with
        ``{"W": 1 / N}`` it is divided by N.
    seed : int
        Of the random numbers.
    **options
        As for `gradkit.check_gradient`.

    Returns
    -------
    BackwardReport
        With a verdict for each input, and what is changed in place.

    Raises
    ------
    TypeError
        When forward or backward cannot be called, or an output is not of real numbers.
    ValueError
        When no input can be differentiated, when ``wrt`` or ``scale`` name others, or when ``dout``
        does not have the shape of the output.

    Examples
    --------
    >>> import numpy as np
    >>> def forward(x, w):
    ...     return x @ w, (x, w)
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     return dout @ w.T, x.T @ dout / len(x)
    >>> rng = np.random.default_rng(0)
    >>> inputs = {"x": rng.normal(size=(3, 4)), "w": np.ones((4, 2))}
    >>> report = check_backward(forward, backward, inputs)
    >>> [(one.name, one.verdict) for one in report.inputs]
    [('x', 'agree'), ('w', 'disagree')]
    """
    for name, one in (("forward", forward), ("backward", backward)):
        if not callable(one) and not (one is None and name == "backward"):
            raise TypeError(f"{name} must be a function; found {type(one).__name__}.")
    values = _named(forward, inputs)
    asked, factors = _asked(values, wrt, scale)
    kept = copy.deepcopy(values)
    outputs, handed = _outputs(forward(*kept.values()), backward is None or cache)
    notes = _changed("forward", kept, values)
    bare = backward is None or _needs(backward) == len(handed)
    weights = _weights(outputs, dout, np.random.default_rng(seed), bare)
    gradients, owner = handed[0] if handed else None, None
    if backward is not None:
        owner = getattr(backward, "__self__", None)
        gradients = _run(backward, weights, outputs, handed, kept, notes)
        notes += [] if notes else _changed("backward", kept, values)
    shaped: dict[str, Array] = {}
    told: dict[str, InputReport] = {}
    for number, name in enumerate(asked):
        shape = tuple(np.shape(values[name]))
        found = _gradient(gradients, owner, name, number)
        if found is None:
            said = f"backward returns no gradient of {name}; an array of shape {shape} is asked."
            told[name] = InputReport(name, "disagree", "missing", said, shape, None)
            continue
        array = to_numpy(found, name, "the gradient of").astype(np.float64)
        if array.shape != shape:
            said = f"the gradient of {name} has shape {array.shape}; {shape} is asked."
            told[name] = InputReport(name, "disagree", "shape", said, shape, array.shape)
            continue
        shaped[name] = array / factors[name]

    def f(moved: Mapping[str, Any]) -> float:
        arguments = [moved[n] if n in moved else copy.deepcopy(v) for n, v in values.items()]
        made, _ = _outputs(forward(*arguments), backward is None or cache)
        arrays = {name: to_numpy(made[name], name, "the output") for name in weights}
        return sum(float(np.sum(weights[n] * arrays[n], dtype=np.float64)) for n in weights)

    report = None
    if shaped:
        params = {name: values[name] for name in shaped}
        report = check_gradient(f, params, dict(shaped), seed=seed, **options)
        told |= {name: _verdict(name, values[name], report) for name in shaped}
        notes += report.notes
    parts = tuple(told[name] for name in asked)
    patterns = report.patterns if report is not None else ()
    return BackwardReport(overall(parts), parts, report, patterns, tuple(notes))


def assert_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    inputs: Mapping[str, Any] | Sequence[Any],
    dout: Any = None,
    **options: Any,
) -> BackwardReport:
    """Raise AssertionError unless every gradient of a backward agrees with finite differences.

    Parameters
    ----------
    forward, backward, inputs, dout, **options
        As for `check_backward`.

    Returns
    -------
    BackwardReport

    Raises
    ------
    AssertionError
        With the text of the report.
    """
    __tracebackhide__ = True
    report = check_backward(forward, backward, inputs, dout, **options)
    if report.verdict != "agree":
        raise AssertionError(str(report))
    return report


def _named(forward: Callable[..., Any], inputs: Any) -> dict[str, Any]:
    """Return the inputs by name, lists of numbers as arrays."""
    if isinstance(inputs, Mapping):
        named = {str(key): value for key, value in inputs.items()}
    else:
        values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        names = [parameter.name for parameter in _parameters(forward) or ()]
        names = names if len(names) >= len(values) else [str(k) for k in range(len(values))]
        named = dict(zip(names, values, strict=False))
    return {key: _array(value) for key, value in named.items()}


def _parameters(call: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Return the parameters of a function, None where nobody can tell."""
    try:
        return list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        return None


def _needs(call: Callable[..., Any]) -> int | None:
    """Return how many positional arguments a function needs, None where nobody can tell."""
    parameters = _parameters(call)
    if parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.default is p.empty and p.kind in plain for p in parameters)


def _array(value: Any) -> Any:
    """Return a list of numbers as an array."""
    if isinstance(value, (list, tuple)) and value:
        try:
            array = np.asarray(value)
        except ValueError:
            return value
        return array if array.dtype.kind in "fiu" else value
    return value


def _asked(
    values: Mapping[str, Any], wrt: Sequence[str] | None, scale: float | Mapping[str, float]
) -> tuple[list[str], dict[str, float]]:
    """Return the names of the inputs to differentiate with respect to, and their factors."""
    asked = wrt
    if asked is None:
        asked = [n for n, v in values.items() if "float" in str(getattr(v, "dtype", ""))]
    for name in asked:
        if name not in values:
            raise ValueError(f"no input is called {name!r}: there are {', '.join(values)}.")
    if not asked:
        raise ValueError(
            f"none of the inputs {', '.join(values)} is a floating array, so there is nothing to "
            f"check. Pass float arrays, or name inputs by wrt."
        )
    factors = scale if isinstance(scale, Mapping) else dict.fromkeys(asked, float(scale))
    for name in factors:
        if name not in asked:
            raise ValueError(f"scale names {name!r}; the inputs checked are {', '.join(asked)}.")
    return list(asked), {name: float(factors.get(name, 1.0)) for name in asked}


def _changed(who: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Say which values were changed in place."""
    found = [name for name in now if not _same(now[name], before[name])]
    return [f"{who} changes {', '.join(found)} in place."] if found else []


def _same(a: Any, b: Any) -> bool:
    """Return whether two values hold the same numbers."""

    def plain(value: Any) -> Array:
        return to_numpy(value, "", "a value") if is_tensor(value) else np.asarray(value)

    pairs = [(plain(x), plain(y)) for x, y in itertools.zip_longest(leaves_of(a), leaves_of(b))]
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in pairs)


def _outputs(returned: Any, cache: bool | None) -> tuple[dict[str, Any], list[Any]]:
    """Return outputs by name, and the cache, if there is one, in a list."""
    if isinstance(returned, Mapping):
        return {str(key): one for key, one in returned.items()}, []
    parts = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    last = parts[-1]
    if cache is None:
        cache = isinstance(last, CACHES) or not (hasattr(last, "shape") or np.isscalar(last))
    handed = [parts.pop()] if cache and isinstance(returned, tuple) and len(parts) > 1 else []
    return {str(k): one for k, one in enumerate(parts)}, handed


def _weights(
    outputs: Mapping[str, Any], dout: Any, rng: np.random.Generator, bare: bool
) -> dict[str, Array]:
    """Return what each output is multiplied by: the cotangents, 1 where backward takes none."""
    shapes = {name: to_numpy(one, name, "the output").shape for name, one in outputs.items()}
    if dout is None:
        if bare:
            return {name: np.ones(shape) for name, shape in shapes.items()}
        draws = {name: rng.uniform(-1.0, 1.0, shape) for name, shape in shapes.items()}
        return {name: np.asarray(draw + np.copysign(0.5, draw)) for name, draw in draws.items()}
    if not isinstance(dout, Mapping):
        several = isinstance(dout, (list, tuple)) and len(shapes) > 1
        dout = dict(zip(shapes, dout if several else [dout], strict=False))
    given = {str(key): to_numpy(one, str(key), "dout") for key, one in dout.items()}
    for name, expected in shapes.items():
        found = given[name].shape if name in given else None
        if found != expected:
            raise ValueError(
                f"dout must have the shape of the output, {expected}; found {found}. Leave it out "
                f"for random numbers."
            )
    return {name: given[name].astype(np.float64) for name in shapes}


def _like(weight: Array, output: Any) -> Any:
    """Return a cotangent of the kind of its output."""
    if is_tensor(output):
        import torch

        return torch.as_tensor(weight, dtype=output.dtype, device=output.device)
    if not weight.ndim:
        return float(weight)
    dtype = np.asarray(output).dtype
    return np.array(weight, dtype=dtype if dtype.kind == "f" else np.float64)


def _run(
    backward: Callable[..., Any],
    weights: Mapping[str, Array],
    outputs: Mapping[str, Any],
    handed: list[Any],
    kept: Mapping[str, Any],
    notes: list[str],
) -> Any:
    """Call backward once, and note what it changes in place."""
    douts = [_like(weight, outputs[name]) for name, weight in weights.items()]
    before = copy.deepcopy((douts, handed))
    needs = _needs(backward)
    arguments = [*douts, *handed]
    if needs is not None and needs != len(arguments):
        if needs == len(douts) + len(kept):
            arguments = [*douts, *kept.values()]
        elif needs == len(handed):
            arguments = handed
    gradients = copy.deepcopy(backward(*arguments))
    if not _same(douts, before[0]):
        notes.append("backward changes dout in place.")
    if not _same(handed, before[1]):
        notes.append("backward changes the cache in place: a second call gives something else.")
    return gradients


def _gradient(gradients: Any, owner: Any, name: str, number: int) -> Any:
    """Return the gradient of one input among what backward returned, or None."""
    if isinstance(gradients, (list, tuple)):
        return gradients[number] if number < len(gradients) else None
    names = [spelling.format(name) for spelling in SPELLINGS]
    if isinstance(gradients, Mapping):
        return next((gradients[one] for one in names if one in gradients), None)
    for holder in (gradients, owner):
        for one in names[1:]:
            if hasattr(holder, one):
                return getattr(holder, one)
    return gradients if number == 0 else None


def _verdict(name: str, value: Any, report: Report) -> InputReport:
    """Say what the report says of one input."""
    every: tuple[Entry | Direction, ...] = (*report.entries, *report.directions)
    # A single wrong entry elsewhere explains what directions through all parameters show.
    rest = () if report.entries else report.directions
    parts = [one for one in every if one.parameter == name] or rest
    verdict = overall(parts)
    off = sum(part.verdict == verdict for part in parts)
    kinds = {"agree": "agrees", "disagree": "disagrees", "inconclusive": "is open"}
    reasons = sorted({part.reason for part in parts if part.reason and part.verdict == verdict})
    why = f" ({', '.join(reasons)})" if reasons else ""
    what = "directions" if report.directions else "entries"
    said = f"the gradient of {name} {kinds[verdict]} in {off} of {len(parts)} {what}{why}."
    shape = tuple(np.shape(value))
    return InputReport(name, verdict, "", said, shape, shape)

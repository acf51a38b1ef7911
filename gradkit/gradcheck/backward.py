"""Any hand-written backward held against finite differences of any forward."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.check import check_gradient
from gradkit.gradcheck.records import BackwardReport, InputReport, Report, Verdict
from gradkit.gradcheck.structure import is_tensor, leaves_of, to_numpy

Array = NDArray[Any]

SPELLINGS = ("{}", "d{}", "dL_d{}", "dLd{}", "grad_{}", "{}_grad", "d_{}")
"""How the gradient of an input may be called in a dict, or as an attribute."""

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
    asked = _asked(values, wrt)
    factors = _factors(scale, asked)
    kept = copy.deepcopy(values)
    notes: list[str] = []
    returned = forward(*kept.values())
    notes += _changed("forward", kept, values)
    outputs, cached, has_cache = _outputs(returned, backward is None or cache)
    bare = backward is None or _needs(backward) == int(has_cache)
    weights = _weights(outputs, dout, np.random.default_rng(seed), bare)
    if backward is None:
        gradients, kept_on = cached, None
    else:
        gradients = _run(backward, weights, outputs, (cached, has_cache), kept, values, notes)
        kept_on = getattr(backward, "__self__", None)
    found = {
        name: _gradient(gradients, kept_on, name, number, asked, len(values))
        for number, name in enumerate(asked)
    }
    shaped, told = _shapes(found, values, factors)
    report = _differences(
        forward, values, shaped, weights, (cache, backward is None), seed, options
    )
    parts = tuple(told.get(name) or _verdict(name, values[name], report) for name in asked)
    verdicts = {part.verdict for part in parts}
    worst: Verdict = "inconclusive" if "inconclusive" in verdicts else "agree"
    worst = "disagree" if "disagree" in verdicts else worst
    patterns, told_notes = (report.patterns, report.notes) if report is not None else ((), ())
    return BackwardReport(worst, parts, report, patterns, (*notes, *told_notes))


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
        try:
            names = [p.name for p in inspect.signature(forward).parameters.values()]
        except (TypeError, ValueError):
            names = []
        names = names if len(names) >= len(values) else [str(k) for k in range(len(values))]
        named = dict(zip(names, values, strict=False))
    return {key: _array(value) for key, value in named.items()}


def _array(value: Any) -> Any:
    """Return a list of numbers, or what else holds an array, as an array."""
    if isinstance(value, (list, tuple)) and value:
        try:
            array = np.asarray(value)
        except ValueError:
            return value
        return array if array.dtype.kind in "fiu" else value
    return value


def _is_float(value: Any) -> bool:
    """Return whether a value is a floating array or tensor."""
    dtype = str(getattr(value, "dtype", ""))
    return ("float" in dtype) and hasattr(value, "shape")


def _asked(values: Mapping[str, Any], wrt: Sequence[str] | None) -> list[str]:
    """Return the names of the inputs to differentiate with respect to."""
    asked = (
        [name for name, value in values.items() if _is_float(value)] if wrt is None else list(wrt)
    )
    for name in asked:
        if name not in values:
            raise ValueError(f"no input is called {name!r}: there are {', '.join(values)}.")
    if not asked:
        raise ValueError(
            f"none of the inputs {', '.join(values)} is a floating array, so there is nothing to "
            f"check. Pass float arrays, or name inputs by wrt."
        )
    return asked


def _factors(scale: float | Mapping[str, float], asked: Sequence[str]) -> dict[str, float]:
    """Return the factor of each input."""
    if not isinstance(scale, Mapping):
        return dict.fromkeys(asked, float(scale))
    for name in scale:
        if name not in asked:
            raise ValueError(f"scale names {name!r}; the inputs checked are {', '.join(asked)}.")
    return {name: float(scale.get(name, 1.0)) for name in asked}


def _changed(
    who: str, now: Mapping[str, Any], before: Mapping[str, Any], what: str = ""
) -> list[str]:
    """Say which values were changed in place."""
    found = [name for name in now if not _same(now[name], before[name])]
    return [f"{who} changes {what}{', '.join(found)} in place."] if found else []


def _same(a: Any, b: Any) -> bool:
    """Return whether two values hold the same numbers."""
    ours, theirs = leaves_of(a), leaves_of(b)
    if len(ours) != len(theirs):
        return False
    for one, other in zip(ours, theirs, strict=True):
        try:
            left, right = (
                np.asarray(x.detach().cpu() if is_tensor(x) else x) for x in (one, other)
            )
            if not np.array_equal(left, right, equal_nan=left.dtype.kind in "fc"):
                return False
        except (TypeError, ValueError):
            continue
    return True


def _outputs(returned: Any, cache: bool | None) -> tuple[dict[str, Any], Any, bool]:
    """Return outputs by name, the cache, and whether there is one."""
    if isinstance(returned, tuple) and len(returned) > 1:
        last = returned[-1]
        guess = isinstance(last, CACHES) or not (hasattr(last, "shape") or np.isscalar(last))
        if cache or (cache is None and guess):
            rest = returned[:-1]
            return {str(k): one for k, one in enumerate(rest)} | {}, last, True
        return {str(k): one for k, one in enumerate(returned)}, None, False
    if isinstance(returned, Mapping):
        return {str(key): one for key, one in returned.items()}, None, False
    if isinstance(returned, list):
        return {str(k): one for k, one in enumerate(returned)}, None, False
    return {"0": returned}, None, False


def _weights(
    outputs: Mapping[str, Any],
    dout: Any,
    rng: np.random.Generator,
    bare: bool,
) -> dict[str, Array]:
    """Return what each output is multiplied by: the cotangents, 1 where backward takes none."""
    arrays = {name: to_numpy(one, name, "the output") for name, one in outputs.items()}
    if dout is None:
        if bare:
            return {name: np.ones(one.shape) for name, one in arrays.items()}
        weights = {}
        for name, one in arrays.items():
            draw = rng.uniform(-1.0, 1.0, one.shape)
            weights[name] = np.asarray(draw + np.copysign(0.5, draw))
        return weights
    if isinstance(dout, Mapping):
        given = {str(key): value for key, value in dout.items()}
    else:
        several = isinstance(dout, (list, tuple)) and len(arrays) > 1
        given = dict(zip(arrays, dout if several else [dout], strict=False))
    for name, one in arrays.items():
        shape = to_numpy(given[name], name, "dout").shape if name in given else None
        if shape != one.shape:
            raise ValueError(
                f"dout must have the shape of the output, {one.shape}; found {shape}. Leave it out "
                f"for random numbers."
            )
    return {name: to_numpy(given[name], name, "dout").astype(np.float64) for name in arrays}


def _needs(call: Callable[..., Any]) -> int | None:
    """Return how many positional arguments a function needs, None where nobody can tell."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return None
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.default is p.empty and p.kind in plain for p in parameters)


def _like(weight: Array, output: Any) -> Any:
    """Return a cotangent of the kind of its output."""
    if is_tensor(output):
        import torch

        return torch.as_tensor(weight, dtype=output.dtype, device=output.device)
    dtype = getattr(output, "dtype", np.float64)
    made = np.array(weight, dtype=dtype if np.dtype(dtype).kind == "f" else np.float64)
    return (
        made if hasattr(output, "shape") and made.ndim else float(made) if not made.ndim else made
    )


def _run(
    backward: Callable[..., Any],
    weights: Mapping[str, Array],
    outputs: Mapping[str, Any],
    cached: tuple[Any, bool],
    kept: dict[str, Any],
    values: Mapping[str, Any],
    notes: list[str],
) -> Any:
    """Call backward once, and note what it changes in place."""
    douts = [_like(weight, outputs[name]) for name, weight in weights.items()]
    before = copy.deepcopy(douts)
    cache, has_cache = cached
    snapshot = copy.deepcopy(cache) if has_cache else None
    needs = _needs(backward)
    rest = [cache] if has_cache else []
    arguments = [*douts, *rest]
    if needs is not None and needs == len(douts) + len(kept) and needs != len(arguments):
        arguments = [*douts, *kept.values()]
    elif needs is not None and needs == len(rest) and needs < len(arguments):
        arguments = rest
    gradients = copy.deepcopy(backward(*arguments))
    if not all(_same(a, b) for a, b in zip(douts, before, strict=True)):
        notes.append("backward changes dout in place.")
    if has_cache and not _same(cache, snapshot):
        notes.append("backward changes the cache in place: a second call gives something else.")
    notes += _changed("backward", kept, values) if not notes else []
    return gradients


def _gradient(
    gradients: Any, owner: Any, name: str, number: int, asked: Sequence[str], count: int
) -> Any:
    """Return the gradient of one input among what backward returned."""
    if isinstance(gradients, Mapping):
        for spelling in SPELLINGS:
            if spelling.format(name) in gradients:
                return gradients[spelling.format(name)]
        return None
    if isinstance(gradients, (list, tuple)):
        if len(gradients) in (len(asked), count):
            return gradients[number]
        return gradients[number] if number < len(gradients) else None
    for holder in (gradients, owner):
        for spelling in SPELLINGS[1:]:
            if holder is not None and hasattr(holder, spelling.format(name)):
                return getattr(holder, spelling.format(name))
    return gradients if (number == 0 and hasattr(gradients, "shape")) or number == 0 else None


def _shapes(
    found: Mapping[str, Any], values: Mapping[str, Any], factors: Mapping[str, float]
) -> tuple[dict[str, Array], dict[str, InputReport]]:
    """Return the gradients of the right shape, as derivatives, and a word on each of the others."""
    shaped: dict[str, Array] = {}
    told: dict[str, InputReport] = {}
    for name, gradient in found.items():
        shape = tuple(np.shape(values[name]))
        if gradient is None:
            said = f"backward returns no gradient of {name}; an array of shape {shape} is asked."
            told[name] = InputReport(name, "disagree", "missing", said, shape, None)
            continue
        array = to_numpy(gradient, name, "the gradient of").astype(np.float64)
        if array.shape != shape:
            said = f"the gradient of {name} has shape {array.shape}; {shape} is asked."
            told[name] = InputReport(name, "disagree", "shape", said, shape, array.shape)
            continue
        shaped[name] = array / factors[name]
    return shaped, told


def _differences(
    forward: Callable[..., Any],
    values: Mapping[str, Any],
    shaped: Mapping[str, Array],
    weights: Mapping[str, Array],
    how: tuple[bool | None, bool],
    seed: int,
    options: Mapping[str, Any],
) -> Report | None:
    """Hold the gradients against finite differences of Σ out · dout."""
    if not shaped:
        return None
    cache, with_gradients = how

    def f(moved: Mapping[str, Any]) -> float:
        arguments = [
            moved[name] if name in moved else copy.deepcopy(value) for name, value in values.items()
        ]
        outputs, _, _ = _outputs(forward(*arguments), with_gradients or cache)
        total = 0.0
        for name, weight in weights.items():
            out = to_numpy(outputs[name], name, "the output")
            total += float(np.sum(weight * out, dtype=np.float64))
        return total

    params = {name: values[name] for name in shaped}
    return check_gradient(f, params, dict(shaped), seed=seed, **options)


def _verdict(name: str, value: Any, report: Report | None) -> InputReport:
    """Say what the report says of one input."""
    shape = tuple(np.shape(value))
    if report is None:
        raise AssertionError("an input without a report has been told")
    mine = [one for one in report.entries if one.parameter == name]
    parts: list[Any] = [*mine] or [
        one for one in report.directions if one.parameter in (name, "all parameters")
    ]
    named = any(one.parameter == name for one in report.directions)
    if named and not mine:
        parts = [one for one in report.directions if one.parameter == name]
    located = report.directions and report.entries and not named and not mine
    verdict: Verdict = "agree"
    if not located:
        given = {part.verdict for part in parts}
        verdict = "inconclusive" if "inconclusive" in given else "agree"
        verdict = "disagree" if "disagree" in given else verdict
    off = sum(part.verdict == verdict for part in parts)
    kinds = {"agree": "agrees", "disagree": "disagrees", "inconclusive": "is open"}
    reasons = sorted({part.reason for part in parts if part.reason and part.verdict == verdict})
    why = f" ({', '.join(reasons)})" if reasons else ""
    what = "entries" if mine else "directions"
    said = f"the gradient of {name} {kinds[verdict]} in {off} of {len(parts)} {what}{why}."
    return InputReport(name, verdict, "", said, shape, shape)

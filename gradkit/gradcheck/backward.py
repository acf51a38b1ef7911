"""Any hand-written backward, and autograd of a torch module, held against finite differences."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gradkit.gradcheck.check import check_gradient, insist
from gradkit.gradcheck.entries import overall
from gradkit.gradcheck.evaluate import needs, signature_of
from gradkit.gradcheck.noise import Array, signs
from gradkit.gradcheck.records import BackwardReport, Direction, Entry, InputReport, Report
from gradkit.gradcheck.structure import is_tensor, leaves_of, mapped, spelled, to_numpy, unpack

if TYPE_CHECKING:
    import torch

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
    for role, one in (("forward", forward), ("backward", backward)):
        if not callable(one) and not (one is None and role == "backward"):
            raise TypeError(f"{role} must be a function; found {type(one).__name__}.")
    values = _named(forward, inputs)
    factors = _factors(values, wrt, scale)
    kept = copy.deepcopy(values)
    cached = backward is None or cache
    outputs, handed = _outputs(forward(*kept.values()), cached)
    notes = _changed("forward", kept, values)
    bare = backward is None or needs(backward) == len(handed)
    weights = _weights(outputs, dout, np.random.default_rng(seed), bare)
    gradients = handed[0] if handed else None
    if backward is not None:
        kinds = [(unpack(_array(outputs[name])), weight) for name, weight in weights.items()]
        douts = [kind.build([one.astype(kind.leaves[0].array.dtype)]) for kind, one in kinds]
        touched = {**kept, "dout": douts, "the cache": handed}
        before = copy.deepcopy(touched)
        choices = ([*douts, *handed], [*douts, *kept.values()], handed)
        fitting = (one for one in choices if len(one) == needs(backward))
        gradients = copy.deepcopy(backward(*next(fitting, choices[0])))
        notes += _changed("backward", touched, before)
    found = {}
    for number, name in enumerate(factors):
        one = _gradient(gradients, getattr(backward, "__self__", None), name, number)
        found[name] = None if one is None else to_numpy(one, name, "the gradient of")
    shapes = {name: tuple(np.shape(values[name])) for name in factors}
    claims = {
        name: one.astype(np.float64) / factors[name]
        for name, one in found.items()
        if one is not None and one.shape == shapes[name]
    }

    def f(moved: Mapping[str, Any]) -> float:
        made, _ = _outputs(forward(*{**copy.deepcopy(values), **moved}.values()), cached)
        arrays = {name: to_numpy(made[name], name, "the output") for name in weights}
        return sum(float(np.sum(weights[n] * arrays[n], dtype=np.float64)) for n in weights)

    report = None
    if claims:
        params = {name: values[name] for name in claims}
        report = check_gradient(f, params, claims, seed=seed, **options)
        notes += report.notes
    parts = tuple(_verdict(name, shapes[name], one, report) for name, one in found.items())
    return BackwardReport(overall(parts), parts, report, tuple(notes))


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
    return insist(check_backward(forward, backward, inputs, dout, **options))


def _named(forward: Callable[..., Any], inputs: Any) -> dict[str, Any]:
    """Return the inputs by name, lists of numbers as arrays."""
    if not isinstance(inputs, Mapping):
        values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        names: Sequence[Any] = [parameter.name for parameter in signature_of(forward) or ()]
        names = names if len(names) >= len(values) else range(len(values))
        inputs = dict(zip(names, values, strict=False))
    return {str(key): _array(value) for key, value in inputs.items()}


def _array(value: Any) -> Any:
    """Return a list of numbers as an array."""
    try:
        return to_numpy(value, "", "a value") if isinstance(value, (list, tuple)) else value
    except TypeError:
        return value


def _factors(
    values: Mapping[str, Any], wrt: Sequence[str] | None, scale: float | Mapping[str, float]
) -> dict[str, float]:
    """Return the inputs to differentiate with respect to, and the factors of their gradients."""
    floating = [n for n, v in values.items() if "float" in str(getattr(v, "dtype", ""))]
    asked = floating if wrt is None else wrt
    for name in asked:
        if name not in values:
            raise ValueError(f"no input is called {name!r}: there are {', '.join(values)}.")
    if not asked:
        raise ValueError(
            f"none of the inputs {', '.join(values)} is a floating array, so there is nothing to "
            f"check. Pass float arrays, or name inputs by wrt."
        )
    factors = scale if isinstance(scale, Mapping) else dict.fromkeys(asked, scale)
    for name in factors:
        if name not in asked:
            raise ValueError(f"scale names {name!r}; the inputs checked are {', '.join(asked)}.")
    return {name: float(factors.get(name, 1.0)) for name in asked}


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
        return {n: np.ones(shape) if bare else signs(rng, shape) for n, shape in shapes.items()}
    if not isinstance(dout, Mapping):
        several = isinstance(dout, (list, tuple)) and len(shapes) > 1
        dout = dict(zip(shapes, dout if several else [dout], strict=False))
    given = {str(key): to_numpy(one, str(key), "dout") for key, one in dout.items()}
    found = {name: given[name].shape for name in shapes if name in given}
    for name, expected in shapes.items():
        if found.get(name) != expected:
            raise ValueError(
                f"dout must have the shape of the output, {expected}; found {found.get(name)}. "
                f"Leave it out for random numbers."
            )
    return {name: given[name].astype(np.float64) for name in shapes}


def _gradient(gradients: Any, owner: Any, name: str, number: int) -> Any:
    """Return the gradient of one input among what backward returned, or None."""
    if isinstance(gradients, (list, tuple)):
        return gradients[number] if number < len(gradients) else None
    if isinstance(gradients, Mapping):
        return gradients.get(spelled(name, gradients))
    for holder in (gradients, owner):
        called = spelled(name, dir(holder), 1)
        if called is not None:
            return getattr(holder, called)
    return gradients if number == 0 else None


def _verdict(
    name: str, shape: tuple[int, ...], found: Array | None, report: Report | None
) -> InputReport:
    """Say what is known of the gradient of one input."""
    if found is None:
        said = f"backward returns no gradient of {name}; an array of shape {shape} is asked."
        return InputReport(name, "disagree", "missing", said, shape, None)
    said = f"the gradient of {name}"
    if report is None or found.shape != shape:
        said += f" has shape {found.shape}; {shape} is asked."
        return InputReport(name, "disagree", "shape", said, shape, found.shape)
    # A single wrong entry elsewhere explains what directions through all parameters show.
    rest = () if report.entries else report.directions
    every: tuple[Entry | Direction, ...] = (*report.entries, *report.directions)
    parts = [one for one in every if one.parameter == name] or rest
    verdict = overall(parts)
    same = [part for part in parts if part.verdict == verdict]
    reasons = ", ".join(sorted({part.reason for part in same if part.reason}))
    kind = {"agree": "agrees", "disagree": "disagrees", "inconclusive": "is open"}[verdict]
    what = "directions" if report.directions else "entries"
    why = f" ({reasons})" if reasons else ""
    said += f" {kind} in {len(same)} of {len(parts)} {what}{why}."
    return InputReport(name, verdict, "", said, shape, shape)


# --- modules of torch ----------------------------------------------------------------------

RANDOM = re.compile("Dropout|BatchNorm")
"""Layers whose output depends on more than the input while training."""


def check_module(
    module: torch.nn.Module,
    loss: Callable[..., Any],
    *args: Any,
    inputs: bool = False,
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Report:
    """Check autograd of every parameter of a module against finite differences.

    Everything happens in float64 on a copy of the module, in the mode (training or not) that
    it is in. The module, its buffers and the inputs are left alone.

    Parameters
    ----------
    module : torch.nn.Module
    loss : callable
        ``loss(output)``; or a loss of more arguments, such as ``torch.nn.MSELoss()`` with a target
        or ``torch.nn.GaussianNLLLoss()`` with a target and a variance: then so many of the last
        arguments are those, not the module's. It returns a single number.
    *args
        What the module is called with, and what the loss needs beside its output. Floating tensors
        become float64.
    inputs : bool
        Whether gradients of the floating tensors among the module's own arguments are checked
        too; they are called ``input 0`` and so on, or by their keyword.
    kwargs : dict, optional
        Keyword arguments of the module.
    **options
        As for `gradkit.check_gradient`: ``seed``, ``entries``, ``budget``, ``seconds``,
        ``progress``, ``rtol``, ``atol``, ``kinks``.

    Returns
    -------
    Report
        Its entries carry the names that ``module.named_parameters()`` gives. Notes name
        dropout and batch normalisation in training mode and parameters that are frozen or
        that the loss does not depend on.

    Raises
    ------
    TypeError
        When the loss is no function.
    ValueError
        When there is nothing that requires a gradient, when the loss gives more than one number, or
        when there are fewer arguments than the loss needs.

    Examples
    --------
    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    >>> x, y = torch.randn(5, 3), torch.randn(5, 1)
    >>> check_module(net, torch.nn.MSELoss(), x, y).verdict
    'agree'
    """
    import torch

    if not callable(loss):
        raise TypeError(
            f"loss must be a function of the module's output; found {type(loss).__name__}. Pass it "
            f"before the inputs: check_module(module, torch.nn.MSELoss(), x, y)."
        )
    double, called = copy.deepcopy(module).double(), getattr(loss, "__name__", type(loss).__name__)
    wide, named = mapped(list(args), _widen), mapped(dict(kwargs or {}), _widen)
    # How many arguments a loss needs beside the module's output.
    more = max((needs(getattr(loss, "forward", loss)) or 1) - 1, 0)
    if more > len(wide):
        raise ValueError(
            f"{called} needs {more} argument{'s' * (more > 1)} beside the module's output; "
            f"found {len(wide)} after it. Pass the target last: check_module(module, loss, x, y)."
        )
    own, rest = wide[: len(wide) - more], wide[len(wide) - more :]
    # A loss such as MSELoss or BCEWithLogitsLoss may hold weights of its own.
    measure = copy.deepcopy(loss).double() if isinstance(loss, torch.nn.Module) else loss
    every: dict[str, torch.Tensor] = dict(double.named_parameters())
    trained = {name: p for name, p in every.items() if p.requires_grad}
    frozen = [name for name in every if name not in trained]
    given = {f"input {number}": value for number, value in enumerate(own)} | named
    for name, value in given.items() if inputs else ():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            trained[name] = value.requires_grad_()
    if not trained:
        raise ValueError(
            f"{type(module).__name__} has no parameter that requires a gradient, so there is "
            f"nothing to check. Call .requires_grad_() on what should be learned, or pass "
            f"inputs=True."
        )

    def evaluate(params: Mapping[str, Any]) -> Any:
        for name, p in trained.items():
            p.data.copy_(params[name])
        value = measure(double(*own, **named), *rest)
        if isinstance(value, torch.Tensor) and value.numel() != 1:
            raise ValueError(
                f"{called} gives a tensor of shape {tuple(value.shape)}; expected a single "
                f"number. Use reduction='mean' or 'sum', or a function that adds it up."
            )
        return value

    def gradient(params: Mapping[str, Any]) -> dict[str, Any]:
        value = evaluate(params)
        for p in trained.values():
            p.grad = None
        if value.requires_grad:
            value.backward()
        return {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in trained.items()}

    start = {name: p.detach().clone() for name, p in trained.items()}
    report = check_gradient(torch.no_grad()(evaluate), start, gradient, **options)
    training = [
        name or type(one).__name__
        for name, one in double.named_modules()
        if one.training and getattr(one, "p", 1) and RANDOM.search(type(one).__name__)
    ]
    told = (
        ("in training mode, where it depends on chance or on the batch (see .eval()):", training),
        ("the loss does not depend on", [name for name, p in trained.items() if p.grad is None]),
        ("not checked, because they are frozen:", frozen),
    )
    notes = [f"{said} {', '.join(names)}." for said, names in told if names]
    return replace(report, notes=(*notes, *report.notes))


def _widen(value: Any) -> Any:
    """Return floating tensors as copies in float64, and everything else as it is."""
    floating = hasattr(value, "is_floating_point") and value.is_floating_point()
    return value.detach().double().clone() if floating else value

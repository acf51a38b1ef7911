"""Check hand-written backward passes, and autograd of torch modules, by finite differences."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from gradkit.gradcheck.check import check_gradient, require_agreement
from gradkit.gradcheck.entries import worst_verdict
from gradkit.gradcheck.evaluate import count_required, signature_of
from gradkit.gradcheck.noise import Array, draw_signed
from gradkit.gradcheck.records import (
    WORST_FIRST,
    BackwardReport,
    Direction,
    Entry,
    InputReport,
    Report,
)
from gradkit.gradcheck.structure import (
    dtype_text,
    find_gradient_name,
    is_tensor,
    map_leaves,
    numeric_leaves,
    to_numpy,
    unpack,
)

if TYPE_CHECKING:
    import torch


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

    Run the forward, then the backward on what the forward returned. Then check every gradient that
    the backward returned against finite differences of ``Σ out · dout``, by
    `gradkit.check_gradient`.

    Parameters
    ----------
    forward : callable
        ``forward(*inputs)`` returns an output, several in a tuple or dict, or ``(out, cache)``.
    backward : callable or None
        ``backward(dout, cache)``, ``backward(dout)`` without a cache, or ``backward(dout,
        *inputs)``, by the number of its arguments. It returns the gradients in the order of the
        inputs, in a dict (``x``, ``dx``, ``grad_x``), or as attributes (``dLdW``) of an object,
        which may also be the one that it is a method of. None if the forward returns ``(loss,
        gradients)``.
    inputs : dict of str to value, or sequence
        The arguments of the forward, in order. Gradients are checked for floating arrays and
        tensors; other arguments, such as labels and strides, are passed on unchanged. Lists of
        numbers become arrays.
    dout : like the output, optional
        The gradient of the loss with respect to the outputs; by default random numbers, or 1 where
        backward takes none.
    wrt : sequence of str, optional
        The inputs whose gradients are asked for; by default all of floating dtype.
    cache : bool, optional
        Whether the last value that forward returns is a cache. By default a floating array is tried
        both as an output and as a cache if backward can be called either way: gradients that agree
        with one of the two agree, and a note says which. Any other last value is a cache.
    scale : float or dict of str to float
        Factor between the returned gradients and the derivatives, if a convention has one: with
        ``{"W": 1 / N}`` the gradient of W is divided by N.
    seed : int
        Seed of the random numbers.
    **options
        As for `gradkit.check_gradient`.

    Returns
    -------
    BackwardReport
        A verdict for each input, and notes on arrays that are changed in place.

    Raises
    ------
    TypeError
        Forward or backward cannot be called, or an output does not consist of real numbers.
    ValueError
        No input can be differentiated, or an input to check has no entries; ``wrt`` or ``scale``
        name other inputs, or ``scale`` is no number; ``dout`` lacks the shape of the output.

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
    for role, function in (("forward", forward), ("backward", backward)):
        if not callable(function) and not (function is None and role == "backward"):
            raise TypeError(f"{role} must be a function; found {type(function).__name__}.")
    values = _inputs_by_name(forward, inputs)
    layer = _Layer(forward, backward, values, _factors(values, wrt, scale), dout, seed, options)
    returned = forward(*copy.deepcopy(values).values())
    readings = [True] if backward is None else _readings(returned, backward, values, dout, cache)
    reports: dict[bool, BackwardReport] = {}
    problem: Exception | None = None
    for reading in readings:
        try:
            reports[reading] = layer.check(cache=reading)
        except Exception as error:
            # Of two readings, only one is what the author means; the other may not even run.
            problem = error
            continue
        if reports[reading].verdict == "agree":
            break
    if not reports and problem is not None:
        raise problem
    # Of two readings that disagree, the last one tried is the more usual one: a cache.
    used = min(reversed(reports), key=lambda one: -WORST_FIRST.index(reports[one].verdict))
    if len(readings) == 1:
        return reports[used]
    report, other = reports[used], reports.get(not used)
    return replace(report, notes=(_reading_note(used, report, other, problem), *report.notes))


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
    return require_agreement(check_backward(forward, backward, inputs, dout, **options))


def _inputs_by_name(forward: Callable[..., Any], inputs: Any) -> dict[str, Any]:
    """Return the inputs by name, with lists of numbers as arrays.

    The inputs of a sequence get the names of the forward's parameters, or numbers if there are too
    few of these.
    """
    if not isinstance(inputs, Mapping):
        values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        names: Sequence[Any] = [parameter.name for parameter in signature_of(forward) or ()]
        names = names if len(names) >= len(values) else range(len(values))
        inputs = dict(zip(names, values, strict=False))
    return {str(key): _list_to_array(value) for key, value in inputs.items()}


def _list_to_array(value: Any) -> Any:
    """Return a list of numbers as an array, and other values unchanged."""
    try:
        return to_numpy(value, "", "a value") if isinstance(value, (list, tuple)) else value
    except TypeError:
        return value


def _floating_names(values: Mapping[str, Any]) -> list[str]:
    """Return the names of the inputs of floating dtype."""
    return [name for name, one in values.items() if "float" in dtype_text(one)]


def _order_of(gradients: Any, asked: Iterable[str], values: Mapping[str, Any]) -> list[str]:
    """Return the input that each gradient of a tuple belongs to.

    A tuple as long as the list of inputs to check has their gradients; otherwise it has those of
    all floating inputs, or of all inputs. Inputs to check that are not in this list are added at
    its end.
    """
    orders = [list(asked), _floating_names(values), list(values)]
    if isinstance(gradients, (list, tuple)):
        orders = [one for one in orders if len(one) == len(gradients)] or orders
    order = orders[0]
    return [*order, *(name for name in asked if name not in order)]


def _factors(
    values: Mapping[str, Any], wrt: Sequence[str] | None, scale: float | Mapping[str, float]
) -> dict[str, float]:
    """Return the factor of the gradient of each input to check.

    Raises
    ------
    ValueError
        ``wrt`` or ``scale`` is not valid, or an input to check has no entries.
    """
    floating = _floating_names(values)
    if isinstance(wrt, str) or not (wrt is None or isinstance(wrt, Iterable)):
        raise ValueError(f"wrt must be a list of input names, like ['x']; found {wrt!r}.")
    asked = floating if wrt is None else list(wrt)
    for name in asked:
        if name not in values:
            raise ValueError(f"no input is called {name!r}: there are {', '.join(values)}.")
    if not asked:
        raise ValueError(
            f"none of the inputs {', '.join(values)} is a floating array, so there is nothing to "
            f"check. Pass float arrays, or name inputs by wrt."
        )
    empty = [name for name in asked if 0 in np.shape(values[name])]
    if empty:
        raise ValueError(
            f"the input {empty[0]} has the shape {np.shape(values[empty[0]])}, so it has no "
            f"entries to check. Pass a larger one, or leave it out of wrt."
        )
    factors = scale if isinstance(scale, Mapping) else dict.fromkeys(asked, scale)
    for name, factor in factors.items():
        if name not in asked:
            raise ValueError(f"scale names {name!r}; the inputs checked are {', '.join(asked)}.")
        if not isinstance(factor, Real) or not factor:
            raise ValueError(
                f"scale must be a number other than 0, or a dict of these; found {factor!r}."
            )
    return {name: float(factors.get(name, 1.0)) for name in asked}


def _note_changes(who: str, after: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Return a note if ``who`` changed values in place: copies ``before`` differ from ``after``."""
    found = [name for name in after if not _has_equal_numbers(after[name], before[name])]
    return [f"{who} changes {', '.join(found)} in place."] if found else []


def _has_equal_numbers(a: Any, b: Any) -> bool:
    """Return whether two values hold the same numbers."""

    def plain(value: Any) -> Array:
        return to_numpy(value, "", "a value") if is_tensor(value) else np.asarray(value)

    pairs = [
        (plain(x), plain(y)) for x, y in itertools.zip_longest(numeric_leaves(a), numeric_leaves(b))
    ]
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in pairs)


def _readings(
    returned: Any,
    backward: Callable[..., Any],
    values: Mapping[str, Any],
    dout: Any,
    cache: bool | None,
) -> list[bool]:
    """Return whether the last value of a forward may be a cache: True, False, or both to try.

    A last value that no gradient can exist for is a cache: a container, an object, or integers. A
    floating array may be either, as in ``return out, x``. The number of arguments that the backward
    needs, and the number of given output gradients, may exclude one of the two.
    """
    if cache is not None:
        return [cache]
    if not isinstance(returned, tuple) or len(returned) < 2:
        return [False]
    last, outputs = returned[-1], len(returned) - 1
    if not isinstance(last, float) and "float" not in dtype_text(last):
        return [True]
    given = len(dout) if isinstance(dout, (list, tuple, Mapping)) else None
    needed = count_required(backward)
    found = []
    for reading in (False, True):
        count = outputs + (not reading)
        lengths = {count + reading, count + len(values), int(reading)}
        shaped = dout is None or count in (1, given)
        if shaped and (needed is None or needed in lengths):
            found.append(reading)
    return found or [True]


def _reading_note(
    cache: bool, report: BackwardReport, other: BackwardReport | None, problem: Exception | None
) -> str:
    """Return a note on how an ambiguous last value of a forward was read.

    If the gradients disagree, the note also says what the other reading gave.

    Parameters
    ----------
    cache : bool
        Whether the last value was read as a cache.
    report, other : BackwardReport
        The results of this reading and of the other one; None if the other one was not used.
    problem : Exception or None
        The error that the other reading raised.
    """
    used, unused = ("a cache", "an output") if cache else ("an output", "a cache")
    result = ""
    if report.verdict != "agree":
        result = f" Read as {unused}, the gradients do not agree either."
        if other is None and problem is not None:
            result = f" Read as {unused}, the check raises {type(problem).__name__} ({problem})."
    return (
        f"the last value that forward returns was read as {used}.{result} Pass "
        f"cache={not cache} if it is {unused}."
    )


def _outputs(returned: Any, cache: bool) -> tuple[dict[str, Any], list[Any]]:
    """Return the outputs of a forward by name, and the cache as a list of at most one item."""
    if isinstance(returned, Mapping):
        return {str(key): one for key, one in returned.items()}, []
    parts = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    handed = [parts.pop()] if cache and isinstance(returned, tuple) and len(parts) > 1 else []
    return {str(k): one for k, one in enumerate(parts)}, handed


@dataclass(frozen=True, slots=True)
class _Layer:
    """A forward pass, its backward pass, and the options of their check.

    The fields are named as in `check_backward`. ``values`` are the inputs by name, ``factors`` the
    scale of each gradient to check.
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any] | None
    values: Mapping[str, Any]
    factors: Mapping[str, float]
    dout: Any
    seed: int
    options: Mapping[str, Any]

    def check(self, *, cache: bool) -> BackwardReport:
        """Run forward and backward once, and check every gradient against finite differences.

        Parameters
        ----------
        cache : bool
            Whether the last value that forward returns is a cache.
        """
        values, factors = self.values, self.factors
        given = copy.deepcopy(values)
        outputs, handed = _outputs(self.forward(*given.values()), cache)
        notes = _note_changes("forward", given, values)
        bare = self.backward is None or count_required(self.backward) == len(handed)
        weights = _output_gradients(outputs, self.dout, np.random.default_rng(self.seed), bare)
        gradients = handed[0] if handed else None
        if self.backward is not None:
            gradients, changes = _run_backward(self.backward, outputs, weights, handed, given)
            notes += changes
        found = {}
        order = _order_of(gradients, factors, values)
        for name in factors:
            holder, number = getattr(self.backward, "__self__", None), order.index(name)
            gradient = _find_gradient(gradients, holder, name, number)
            found[name] = gradient
            if gradient is not None:
                found[name] = to_numpy(gradient, name, "the gradient of")
        shapes = {name: tuple(np.shape(values[name])) for name in factors}
        claims = {
            name: gradient.astype(np.float64) / factors[name]
            for name, gradient in found.items()
            if gradient is not None and gradient.shape == shapes[name]
        }

        def f(moved: Mapping[str, Any]) -> float:
            arguments = {**copy.deepcopy(dict(values)), **moved}
            made, _ = _outputs(self.forward(*arguments.values()), cache)
            arrays = {name: to_numpy(made[name], name, "the output") for name in weights}
            return sum(float(np.sum(weights[n] * arrays[n], dtype=np.float64)) for n in weights)

        report = None
        if claims:
            params = {name: values[name] for name in claims}
            report = check_gradient(f, params, claims, seed=self.seed, **self.options)
            notes += report.notes
        parts = tuple(_input_report(name, shapes[name], one, report) for name, one in found.items())
        return BackwardReport(worst_verdict(parts), parts, report, tuple(notes))


def _run_backward(
    backward: Callable[..., Any],
    outputs: Mapping[str, Any],
    weights: Mapping[str, Array],
    handed: list[Any],
    given: Mapping[str, Any],
) -> tuple[Any, list[str]]:
    """Call a backward with as many arguments as it needs; return its result, and notes.

    The arguments are the gradients of the outputs, then the cache or the inputs; or the cache
    alone. The gradients have the kind and the dtype of the outputs.
    """
    kinds = [(unpack(_list_to_array(outputs[name])), weight) for name, weight in weights.items()]
    douts = [kind.build([one.astype(kind.leaves[0].array.dtype)]) for kind, one in kinds]
    touched = {**given, "dout": douts, "the cache": handed}
    before = copy.deepcopy(touched)
    choices = ([*douts, *handed], [*douts, *given.values()], handed)
    fitting = (arguments for arguments in choices if len(arguments) == count_required(backward))
    result = copy.deepcopy(backward(*next(fitting, choices[0])))
    return result, _note_changes("backward", touched, before)


def _output_gradients(
    outputs: Mapping[str, Any], dout: Any, rng: np.random.Generator, bare: bool
) -> dict[str, Array]:
    """Return the gradient with respect to each output, by name.

    It is ``dout``, which may be a mapping by name or a list if there are several outputs. Without
    ``dout`` it is 1 if ``bare`` (the backward takes no ``dout``), otherwise random.

    Raises
    ------
    ValueError
        ``dout`` does not have the shape of an output.
    """
    shapes = {name: to_numpy(one, name, "the output").shape for name, one in outputs.items()}
    if dout is None:
        return {
            n: np.ones(shape) if bare else draw_signed(rng, shape) for n, shape in shapes.items()
        }
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


def _find_gradient(gradients: Any, owner: Any, name: str, number: int) -> Any:
    """Return the gradient of input ``name`` (number ``number``) in the result of backward, or None.

    It is looked up by position in a sequence and by name in a mapping or an object. A single value
    counts for the first input only.

    ``owner`` is the object that backward is a method of; it may have the gradient as an attribute.
    """
    if isinstance(gradients, (list, tuple)):
        return gradients[number] if number < len(gradients) else None
    if isinstance(gradients, Mapping):
        return gradients.get(find_gradient_name(name, gradients))
    for holder in (gradients, owner):
        called = find_gradient_name(name, dir(holder), 1)
        if called is not None:
            return getattr(holder, called)
    return gradients if number == 0 else None


def _input_report(
    name: str, shape: tuple[int, ...], found: Array | None, report: Report | None
) -> InputReport:
    """Return the report on the gradient of one input, with a sentence.

    The gradient disagrees if it is missing (``found`` is None) or has another shape. Otherwise its
    verdict is the worst of its entries or directions in ``report``.
    """
    if found is None:
        message = f"backward returns no gradient of {name}; expected an array of shape {shape}."
        return InputReport(name, "disagree", "missing", message, shape, None)
    message = f"the gradient of {name}"
    if report is None or found.shape != shape:
        message += f" has shape {found.shape}; expected {shape}."
        return InputReport(name, "disagree", "shape", message, shape, found.shape)
    # If a single wrong entry was found, the directions through all parameters do not count.
    rest = () if report.entries else report.directions
    every: tuple[Entry | Direction, ...] = (*report.entries, *report.directions)
    parts = [one for one in every if one.parameter == name] or rest
    verdict = worst_verdict(parts)
    same = [part for part in parts if part.verdict == verdict]
    reasons = ", ".join(sorted({part.reason for part in same if part.reason}))
    kind = {"agree": "agrees", "disagree": "disagrees", "inconclusive": "is inconclusive"}[verdict]
    what = "directions" if report.directions else "entries"
    why = f" ({reasons})" if reasons else ""
    message += f" {kind} in {len(same)} of {len(parts)} {what}{why}."
    return InputReport(name, verdict, "", message, shape, shape)


# --- modules of torch ----------------------------------------------------------------------


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
        ``loss(output)``, which returns a single number. A loss with more arguments, such as
        ``torch.nn.MSELoss()`` with a target, takes them from the end of ``args``.
    *args
        The arguments of the module, then those of the loss besides the output. Floating tensors
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
        Its entries have the names of ``module.named_parameters()``. Notes name dropout and batch
        normalisation in training mode, and parameters that are frozen or that the loss does not
        depend on.

    Raises
    ------
    TypeError
        The loss is no function.
    ValueError
        Nothing requires a gradient, the loss gives more than one number, or there are fewer
        arguments than the loss needs.

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
    double = copy.deepcopy(module).double()
    wide, named = map_leaves(list(args), _widen), map_leaves(dict(kwargs or {}), _widen)
    split = len(wide) - _count_targets(loss, len(wide))
    own, rest = wide[:split], wide[split:]
    # A loss such as MSELoss or BCEWithLogitsLoss may hold weights of its own.
    measure = copy.deepcopy(loss).double() if isinstance(loss, torch.nn.Module) else loss
    every: dict[str, torch.Tensor] = dict(double.named_parameters())
    trained = {name: p for name, p in every.items() if p.requires_grad}
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
    net = _Module(lambda: measure(double(*own, **named), *rest), _name_of(loss), trained)
    start = {name: p.detach().clone() for name, p in trained.items()}
    report = check_gradient(torch.no_grad()(net.evaluate), start, net.gradient, **options)
    frozen = [name for name in every if name not in trained]
    return replace(report, notes=(*_module_notes(double, trained, frozen), *report.notes))


def _name_of(loss: Callable[..., Any]) -> str:
    """Return the name of a loss, for messages."""
    return str(getattr(loss, "__name__", type(loss).__name__))


def _count_targets(loss: Callable[..., Any], given: int) -> int:
    """Return how many arguments a loss needs beside the module's output.

    Raises
    ------
    ValueError
        Fewer arguments are ``given``.
    """
    more = max((count_required(getattr(loss, "forward", loss)) or 1) - 1, 0)
    if more > given:
        raise ValueError(
            f"{_name_of(loss)} needs {more} argument{'s' * (more > 1)} beside the module's output; "
            f"found {given} after it. Pass the target last: check_module(module, loss, x, y)."
        )
    return more


@dataclass(frozen=True, slots=True)
class _Module:
    """The loss of a module, which ``run`` computes, as a function of the ``trained`` tensors."""

    run: Callable[[], Any]
    called: str
    trained: Mapping[str, torch.Tensor]

    def evaluate(self, params: Mapping[str, Any]) -> Any:
        """Set the parameters to ``params``, and return the loss.

        Raises
        ------
        ValueError
            The loss is a tensor of several numbers.
        """
        for name, p in self.trained.items():
            p.data.copy_(params[name])
        value = self.run()
        if getattr(value, "numel", lambda: 1)() != 1:
            raise ValueError(
                f"{self.called} gives a tensor of shape {tuple(value.shape)}; expected a single "
                f"number. Use reduction='mean' or 'sum', or a function that adds it up."
            )
        return value

    def gradient(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Set the parameters to ``params``, and return the gradient of the loss by autograd.

        Parameters that the loss does not depend on get zeros, and keep ``grad`` None.
        """
        value = self.evaluate(params)
        for p in self.trained.values():
            p.grad = None
        if value.requires_grad:
            value.backward()
        return {
            n: p.new_zeros(p.shape) if p.grad is None else p.grad for n, p in self.trained.items()
        }


def _module_notes(
    module: torch.nn.Module, trained: Mapping[str, torch.Tensor], frozen: Sequence[str]
) -> list[str]:
    """Return notes on layers in training mode, and on parameters without a gradient."""
    training = [
        name or type(one).__name__
        for name, one in module.named_modules()
        if one.training
        and getattr(one, "p", 1)
        and re.search("Dropout|BatchNorm", type(one).__name__)
    ]
    groups = (
        ("in training mode, where it depends on chance or on the batch (see .eval()):", training),
        ("the loss does not depend on", [name for name, p in trained.items() if p.grad is None]),
        ("not checked, because they are frozen:", frozen),
    )
    return [f"{reason} {', '.join(names)}." for reason, names in groups if names]


def _widen(value: Any) -> Any:
    """Return floating tensors as float64 copies, and all other values unchanged."""
    floating = hasattr(value, "is_floating_point") and value.is_floating_point()
    return value.detach().double().clone() if floating else value

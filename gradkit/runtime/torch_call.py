"""Build, evaluate and train a student's torch model, inside the worker.

Parameters arrive in canonical layout. They are copied into the model in the order in which it
registers them, as weight (out, in) and bias (out,) of each layer, or as weight (in, out).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.runtime.call import Arrays, Returned, canonical, is_parameter
from gradkit.runtime.messages import make_exception, message, text_of


@dataclass(frozen=True, slots=True)
class Layout:
    """How a model stores parameters: weights ``transposed`` (out, in) or not, biases as ``rows``.

    A bias that is no row (1, out) is flat, (out,).
    """

    transposed: bool
    rows: bool

    def to_layout(self, key: str, value: NDArray[Any]) -> NDArray[Any]:
        """Return a canonical parameter in this layout; ``key`` is its name, as W1 or b1."""
        if key[0] == "W":
            return value.T if self.transposed else value
        return value.T if self.rows else value[:, 0]


LAYOUTS = (Layout(True, False), Layout(False, False), Layout(False, True))
"""The layout of torch's layers; then those of ``X @ W + b`` with parameters made by hand."""


class ModelMismatchError(Exception):
    """The model's parameters do not have the number and shapes of the task's layers."""


def build(source: Any) -> Any:
    """Return a new torch model: the result of calling a class or function, or a copy of a module.

    ``source`` is that class, function or module.

    Raises
    ------
    TypeError
        The result is no torch module.
    """
    from torch import nn

    is_factory = callable(source) and not isinstance(source, nn.Module)
    model = source() if is_factory else copy.deepcopy(source)
    if not isinstance(model, nn.Module):
        raise make_exception(TypeError, message("no-module", type=text_of(type(model).__name__)))
    return model


def is_module(value: Any) -> bool:
    """Return whether a value is a torch module; a class of modules is not."""
    from torch import nn

    return isinstance(value, nn.Module)


def match_parameters(model: Any, parameters: Arrays) -> tuple[Layout, dict[str, Any]]:
    """Find the model's parameter for each canonical one, such as W1, by its shape.

    Each canonical parameter gets the first registered parameter with its shape that is not used
    yet, because a model may define its output layer before its hidden one. If registered parameters
    are missing, those of layers in plain lists and dicts are added. If there are too many, those
    that do not affect the output are left out.

    Parameters
    ----------
    model : torch.nn.Module
    parameters : mapping of arrays
        The canonical parameters, as W1 and b1, first that of the input layer's weights.

    Returns
    -------
    tuple of (Layout, dict)
        The layout, and the model's own parameters by canonical name.

    Raises
    ------
    ModelMismatchError
        The number of parameters or their shapes differ.
    """
    registered = relevant_parameters(
        model, next(iter(parameters.values())).shape[0], len(parameters)
    )
    for layout in LAYOUTS:
        for free in (list(registered), [*registered, *unregistered(model)]):
            matched = {}
            for key, value in parameters.items():
                shape = layout.to_layout(key, value).shape
                fitting = [
                    number
                    for number, parameter in enumerate(free)
                    if tuple(parameter.shape) == shape
                ]
                if fitting:
                    matched[key] = free.pop(fitting[0])
            if not free and len(matched) == len(parameters):
                return layout, matched
    raise make_exception(ModelMismatchError, message("other-layers"))


def relevant_parameters(model: Any, inputs: int, most: int) -> list[Any]:
    """Return a model's registered parameters, leaving out superfluous ones if there are too many.

    If there are more than ``most``, those that affect the output are returned. All are returned if
    the model cannot be called on an example with ``inputs`` zeros to find out.
    """
    import torch

    registered = list(model.parameters())
    if len(registered) <= most:
        return registered
    trainable = [parameter for parameter in registered if parameter.requires_grad]
    try:
        with torch.enable_grad():
            output = model(torch.zeros(1, inputs, dtype=precision(model)))
            gradients = torch.autograd.grad(output.sum(), trainable, allow_unused=True)
    except Exception:  # an error in the student's forward pass is reported by another check
        return registered
    return [p for p, gradient in zip(trainable, gradients, strict=True) if gradient is not None]


def unregistered(model: Any) -> list[Any]:
    """Return a model's parameters in plain lists, tuples and dicts, which torch does not find."""
    from torch import nn

    found: list[Any] = []
    waiting = [value for module in model.modules() for value in vars(module).values()]
    # Registered parameters are found too, as torch keeps them in dicts.
    known = {id(parameter) for parameter in model.parameters()}
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, nn.Module):
            found += value.parameters()
        elif isinstance(value, nn.Parameter):
            found.append(value)
        elif type(value) in (list, tuple):
            waiting[:0] = value
        elif type(value) is dict:
            waiting[:0] = value.values()
    return [p for p in {id(p): p for p in found}.values() if id(p) not in known]


def fill(model: Any, parameters: Arrays) -> None:
    """Copy the values of canonical parameters into a model's parameters, in place.

    Raises
    ------
    ModelMismatchError
        The number of parameters or their shapes differ.
    """
    import torch

    with torch.no_grad():
        layout, matched = match_parameters(model, parameters)
        for key, parameter in matched.items():
            value = layout.to_layout(key, parameters[key])
            parameter.copy_(torch.tensor(np.ascontiguousarray(value)))


def parameters_of(model: Any, like: Arrays) -> dict[str, NDArray[Any]]:
    """Return copies of a model's parameters in canonical layout.

    The dict is empty if they do not match the canonical parameters ``like`` in number and shape.
    """
    try:
        layout, matched = match_parameters(model, like)
    except ModelMismatchError:
        return {}
    values = {key: parameter.detach().cpu().numpy() for key, parameter in matched.items()}
    return {
        key: np.array(value.T if layout.transposed and key[0] == "W" else value).reshape(
            like[key].shape
        )
        for key, value in values.items()
    }


def predict(model: Any, X: NDArray[Any], shape: tuple[int, ...]) -> Returned:
    """Run a model on one example ``X`` (features, 1), and return ``y_hat`` in its canonical shape.

    If the model returns no tensor or array of that shape, the result has a fault instead.
    """
    import torch

    out = Returned()
    returned = model(torch.tensor(X.T, dtype=precision(model)))
    if isinstance(returned, torch.Tensor):
        returned = returned.detach().cpu().numpy()
        returned = returned.reshape(-1) if returned.size == np.prod(shape) else returned
    elif returned is not None:
        out.fault("y_hat", "type", message("value", type=text_of(type(returned).__name__, 80)))
        return out
    canonical({"vectors": "column"}, "y_hat", returned, shape, out)
    return out


def precision(model: Any) -> Any:
    """Return the torch dtype of a model's parameters, which its inputs must have too."""
    return [*model.parameters(), *unregistered(model)][0].dtype


def tensors(inputs: Arrays, target: str, dtype: Any) -> tuple[Any, Any]:
    """Return the inputs X (rows, features) and the targets y as torch tensors of a dtype.

    ``inputs`` has both as arrays. ``target`` is the shape of y: ``flat`` for (rows,), or ``column``
    for (rows, 1).
    """
    import torch

    X = torch.tensor(inputs["X"], dtype=dtype)
    y = torch.tensor(inputs["y"], dtype=dtype)
    return X, y[:, 0] if target == "flat" and y.shape[1] == 1 else y


def losses_of(returned: Any, out: Returned) -> NDArray[np.float64] | None:
    """Return the series of losses from the value that a student's training function returned.

    The series may be the value itself, or the first series of numbers in a tuple or dict. If there
    is none, None is returned and a fault for ``loss`` is added to ``out``.
    """
    inside = returned.values() if isinstance(returned, dict) else returned
    options = [*inside, returned] if isinstance(returned, tuple | dict) else [returned]
    for option in options:
        try:
            values = [_to_float(value) for value in option]
        except Exception:  # noqa: S112  (a student's value may be anything; try the next)
            continue
        return np.array(values)
    found = message("found", type=text_of(type(returned).__name__, 80))
    out.fault("loss", "missing", message("nothing") if returned is None else found)
    return None


def _to_float(value: Any) -> float:
    # float() warns about a tensor that still has its graph.
    return float(value.detach() if hasattr(value, "detach") else value)


def split(arrays: Arrays) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Split arrays by name into parameters (W1, b1, …) and other inputs."""
    parameters = {key: value for key, value in arrays.items() if is_parameter(key)}
    return parameters, {key: value for key, value in arrays.items() if key not in parameters}

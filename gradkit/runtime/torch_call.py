"""Build, evaluate and train a student's torch model, inside the worker.

Parameters arrive in canonical form and are copied into the model in the order in which it
registers them: weight (out, in), bias (out,), layer by layer, or weight (in, out) throughout.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.runtime.call import Arrays, Returned, canonical, is_parameter
from gradkit.runtime.messages import message, raised, text_of


@dataclass(frozen=True, slots=True)
class Layout:
    """How a model holds weights, ``turned`` (out, in) or not, and biases, as ``rows`` or flat."""

    turned: bool
    rows: bool

    def laid(self, key: str, value: NDArray[Any]) -> NDArray[Any]:
        """Return a canonical parameter as the model holds it."""
        if key[0] == "W":
            return value.T if self.turned else value
        return value.T if self.rows else value[:, 0]


LAYOUTS = (Layout(True, False), Layout(False, False), Layout(False, True))
"""As layers of torch have it; then as in ``X @ W + b``, with a parameter made by hand."""


class ModelMismatchError(Exception):
    """The model does not hold the parameters that the task's layers have."""


def build(made: Any) -> Any:
    """A fresh model from a class or a function, or a copy of a module; its parameters are its own.

    Raises
    ------
    TypeError
        If this is neither.
    """
    from torch import nn

    fresh = callable(made) and not isinstance(made, nn.Module)
    model = made() if fresh else copy.deepcopy(made)
    if not isinstance(model, nn.Module):
        raise raised(TypeError, message("no-module", type=text_of(type(model).__name__)))
    return model


def is_module(value: Any) -> bool:
    """Tell whether a value is a torch module, not a class of modules."""
    from torch import nn

    return isinstance(value, nn.Module)


def slots(model: Any, parameters: Arrays) -> tuple[Layout, dict[str, Any]]:
    """Return the model's own parameter for each canonical one, and how it is laid out.

    In the order in which they are registered, each taking the first that has its shape: a
    model may well name its output layer before its hidden one. Layers that stand unregistered
    in plain lists and dicts are used where the registered ones alone do not suffice, and layers
    that the output does not go through are left aside where all are too many.

    Raises
    ------
    ModelMismatchError
        If number or shapes differ.
    """
    registered = held(model, next(iter(parameters.values())).shape[0], len(parameters))
    for layout in LAYOUTS:
        for free in (list(registered), [*registered, *unregistered(model)]):
            found = {}
            for key, value in parameters.items():
                shape = layout.laid(key, value).shape
                fitting = [number for number, slot in enumerate(free) if tuple(slot.shape) == shape]
                if fitting:
                    found[key] = free.pop(fitting[0])
            if not free and len(found) == len(parameters):
                return layout, found
    raise raised(ModelMismatchError, message("other-layers"))


def held(model: Any, inputs: int, most: int) -> list[Any]:
    """Return the registered parameters; of more than ``most``, those that the output goes through.

    All of them where that cannot be told.
    """
    import torch

    registered = list(model.parameters())
    if len(registered) <= most:
        return registered
    learnt = [parameter for parameter in registered if parameter.requires_grad]
    try:
        with torch.enable_grad():
            output = model(torch.zeros(1, inputs, dtype=precision(model)))
            found = torch.autograd.grad(output.sum(), learnt, allow_unused=True)
    except Exception:  # its own forward pass may do anything, and is judged elsewhere
        return registered
    return [p for p, gradient in zip(learnt, found, strict=True) if gradient is not None]


def unregistered(model: Any) -> list[Any]:
    """Return parameters of layers in plain lists, tuples and dicts, which torch does not see."""
    from torch import nn

    found: list[Any] = []
    waiting = [value for module in model.modules() for value in vars(module).values()]
    # The registered ones are among them, in dicts of torch's own.
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
    """Copy canonical parameters into the model.

    Raises
    ------
    ModelMismatchError
        If number or shapes differ.
    """
    import torch

    with torch.no_grad():
        layout, found = slots(model, parameters)
        for key, slot in found.items():
            value = layout.laid(key, parameters[key])
            slot.copy_(torch.tensor(np.ascontiguousarray(value)))


def parameters_of(model: Any, like: Arrays) -> dict[str, NDArray[Any]]:
    """Return the model's parameters in canonical form, as far as they are still there."""
    try:
        layout, found = slots(model, like)
    except ModelMismatchError:
        return {}
    values = {key: slot.detach().cpu().numpy() for key, slot in found.items()}
    return {
        key: np.array(value.T if layout.turned and key[0] == "W" else value).reshape(
            like[key].shape
        )
        for key, value in values.items()
    }


def predict(model: Any, X: NDArray[Any], shape: tuple[int, ...]) -> Returned:
    """Return one example through the model: ``X`` (features, 1) in, ``y_hat`` of ``shape`` out."""
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
    """Return the dtype of the model's parameters, which its inputs must have too."""
    return [*model.parameters(), *unregistered(model)][0].dtype


def tensors(inputs: Arrays, target: str, dtype: Any) -> tuple[Any, Any]:
    """X (rows, features) and y; ``target`` is ``flat`` (rows,) or ``column``."""
    import torch

    X = torch.tensor(inputs["X"], dtype=dtype)
    y = torch.tensor(inputs["y"], dtype=dtype)
    return X, y[:, 0] if target == "flat" and y.shape[1] == 1 else y


def losses_of(returned: Any, out: Returned) -> NDArray[np.float64] | None:
    """The series of losses in what ``train`` returned: by itself, in a tuple or in a dict."""
    inside = returned.values() if isinstance(returned, dict) else returned
    options = [*inside, returned] if isinstance(returned, tuple | dict) else [returned]
    for option in options:
        try:
            values = [_number(value) for value in option]
        except Exception:  # noqa: S112  (anything may come back; the next may be it)
            continue
        return np.array(values)
    found = message("found", type=text_of(type(returned).__name__, 80))
    out.fault("loss", "missing", message("nothing") if returned is None else found)
    return None


def _number(value: Any) -> float:
    # A tensor that still has its graph makes float() warn.
    return float(value.detach() if hasattr(value, "detach") else value)


def split(arrays: Arrays) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Return parameters and other inputs."""
    parameters = {key: value for key, value in arrays.items() if is_parameter(key)}
    return parameters, {key: value for key, value in arrays.items() if key not in parameters}

"""Build, evaluate and train a student's torch model, inside the worker.

Parameters arrive in canonical form and are copied into the model in the order in which it
registers them: weight (out, in), bias (out,), layer by layer.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.worker.call import Arrays, Returned, canonical, is_parameter


class ModelMismatchError(Exception):
    """The model does not hold the parameters that the task's layers have."""


def build(made: Any) -> Any:
    """A fresh model from a class, or a copy of a module; its parameters are its own.

    Raises
    ------
    TypeError
        If this is neither.
    """
    from torch import nn

    model = made() if isinstance(made, type) else copy.deepcopy(made)
    if not isinstance(model, nn.Module):
        raise TypeError(f"a torch module is expected, this is {type(model).__name__}")
    return model


def shapes(model: Any) -> list[list[int]]:
    """Shapes of the registered parameters, in order."""
    return [list(parameter.shape) for parameter in model.parameters()]


def fill(model: Any, parameters: Arrays) -> None:
    """Copy canonical parameters into the model.

    Raises
    ------
    ModelMismatchError
        If number or shapes differ.
    """
    import torch

    slots = list(model.parameters())
    values = [value.T if key[0] == "W" else value[:, 0] for key, value in parameters.items()]
    if [tuple(slot.shape) for slot in slots] != [value.shape for value in values]:
        raise ModelMismatchError("its parameters do not have the shapes of the assigned layers")
    with torch.no_grad():
        for slot, value in zip(slots, values, strict=True):
            slot.copy_(torch.tensor(np.ascontiguousarray(value)))


def parameters_of(model: Any, like: Arrays) -> dict[str, NDArray[Any]]:
    """The model's parameters in canonical form, as far as they are still there."""
    values = [parameter.detach().cpu().numpy() for parameter in model.parameters()]
    if len(values) != len(like):
        return {}
    turned = [value.T if key[0] == "W" else value for key, value in zip(like, values, strict=True)]
    return {
        key: np.array(value).reshape(like[key].shape)
        for key, value in zip(like, turned, strict=True)
        if value.size == like[key].size
    }


def predict(model: Any, X: NDArray[Any], shape: tuple[int, ...]) -> Returned:
    """One example through the model: ``X`` (features, 1) in, ``y_hat`` of ``shape`` out."""
    import torch

    out = Returned()
    returned = model(torch.tensor(X.T, dtype=torch.float32))
    if isinstance(returned, torch.Tensor):
        returned = returned.detach().cpu().numpy()
        returned = returned.reshape(-1) if returned.size == np.prod(shape) else returned
    elif returned is not None:
        out.faults.append(["y_hat", "type", f"a value of type {type(returned).__name__[:80]}"])
        return out
    canonical({"vectors": "column"}, "y_hat", returned, shape, out)
    return out


def tensors(inputs: Arrays, target: str) -> tuple[Any, Any]:
    """X (rows, features) and y as float32; ``target`` is ``flat`` (rows,) or ``column``."""
    import torch

    X = torch.tensor(inputs["X"], dtype=torch.float32)
    y = torch.tensor(inputs["y"], dtype=torch.float32)
    return X, y[:, 0] if target == "flat" and y.shape[1] == 1 else y


def losses_of(returned: Any, out: Returned) -> NDArray[np.float64] | None:
    """The series of losses in what ``train`` returned: a list, an array, or one in a tuple."""
    options = returned if isinstance(returned, tuple) else (returned,)
    for option in options:
        try:
            values = [float(value) for value in option]
        except Exception:  # noqa: S112  (anything may come back; the next may be it)
            continue
        return np.array(values)
    found = f"found a value of type {type(returned).__name__[:80]}"
    out.faults.append(["loss", "missing", "nothing is returned" if returned is None else found])
    return None


def split(arrays: Arrays) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Parameters and other inputs."""
    parameters = {key: value for key, value in arrays.items() if is_parameter(key)}
    return parameters, {key: value for key, value in arrays.items() if key not in parameters}

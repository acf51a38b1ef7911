"""Parameters of any plain structure, seen as named leaves, and put together again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One array of the parameters: a private copy that f is given, perturbed and restored.

    ``flat`` is a one-dimensional view of ``array`` in the order of memory. ``places`` maps a
    position in C order to one in ``flat``; it is None where the two are the same.
    """

    name: str
    array: Array
    flat: Array
    places: NDArray[np.intp] | None


@dataclass(frozen=True, slots=True)
class Parameters:
    """All leaves, and ``build``, which makes the argument of f from an array per leaf.

    ``build`` returns new containers around the very arrays it is given, except where f takes a
    Python number, a pandas table or a tensor that cannot share memory with numpy. ``assemble``
    makes the containers around any values.
    """

    leaves: tuple[Leaf, ...]
    build: Callable[[Sequence[Array]], Any]
    assemble: Callable[[Sequence[Any]], Any]
    structure: Any


def is_tensor(value: object) -> bool:
    """Whether a value is a torch tensor, without importing torch."""
    return type(value).__module__.partition(".")[0] == "torch" or hasattr(value, "detach")


def to_numpy(value: Any, name: str, role: str) -> Array:
    """Return a numeric value as an array that may share its memory.

    Raises
    ------
    TypeError
        For complex, boolean, text or other values that are not real numbers.
    """
    if is_tensor(value):
        value = value.detach().cpu()
        value = value.double().numpy() if "bfloat16" in str(value.dtype) else value.numpy()
    try:
        array = np.asarray(value)
    except ValueError:  # ragged nested lists
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "fiu":
        found = "complex numbers" if array.dtype.kind == "c" else f"{_kind(value, array)}"
        raise TypeError(
            f"{role}{_called(name)} must hold real numbers; found {found}. "
            + (
                "Differentiate with respect to the real and the imaginary part separately."
                if array.dtype.kind == "c"
                else "Pass float arrays, in a sequence or a dict where there are several."
            )
        )
    return array


def _kind(value: object, array: Array) -> str:
    return f"{type(value).__name__} of dtype {array.dtype}"


def _called(name: str) -> str:
    return f" {name!r}" if name else ""


def _leaf(value: Any, name: str) -> Leaf:
    """Copy one array in its own memory order; integers become float64."""
    array = to_numpy(value, name, "parameter")
    fortran = array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    copy = np.array(array, dtype=dtype, order="F" if fortran else "C", subok=False)
    if not fortran:
        return Leaf(name, copy, copy.reshape(-1), None)
    places = np.arange(copy.size).reshape(copy.shape[::-1]).T.reshape(-1)
    return Leaf(name, copy, copy.T.reshape(-1), places)


def _maker(value: Any, leaf: Array) -> Callable[[Array], Any]:
    """Return what turns a leaf's array into the kind of value that was passed."""
    if is_tensor(value):
        import torch

        dtype, device = value.dtype, value.device
        if not dtype.is_floating_point:
            dtype = torch.float64
        plain = device.type == "cpu" and torch.from_numpy(np.zeros(0, leaf.dtype)).dtype == dtype
        if plain:
            own = torch.from_numpy(leaf)  # shares memory, so it moves as the leaf does
            return lambda array: own if array is leaf else torch.from_numpy(array)
        return lambda array: torch.from_numpy(array).to(device=device, dtype=dtype)
    if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "index"):
        labels = {"index": value.index}
        labels |= {"columns": value.columns} if leaf.ndim == 2 else {"name": value.name}
        return lambda array: type(value)(array, **labels)
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return float
    if isinstance(value, np.generic):
        return lambda array: array[()]
    return lambda array: array


def unpack(params: Any, names: Sequence[str] | None = None) -> Parameters:
    """Take parameters apart into named leaves.

    Parameters
    ----------
    params : array, number, torch tensor, or a sequence or dict of these, nested at will
        Not changed; every leaf is a copy.
    names : sequence of str, optional
        A name for each leaf, in order. By default the keys of a dict, the positions in a
        sequence, and the empty string for a single array.

    Raises
    ------
    TypeError
        For a leaf that is not real.
    ValueError
        When ``names`` has the wrong length or repeats itself.
    """
    values: list[Any] = []
    paths: list[str] = []
    assemble = _collect(params, "", values, paths)
    if names is not None:
        given = [str(name) for name in names]
        if len(given) != len(values) or len(set(given)) != len(given):
            raise ValueError(
                f"names must give one different name to each of the {len(values)} parameters; "
                f"found {given}."
            )
        paths = given
    leaves = tuple(_leaf(value, name) for value, name in zip(values, paths, strict=True))
    makers = [_maker(value, leaf.array) for value, leaf in zip(values, leaves, strict=True)]
    if all(type(value) is np.ndarray for value in values):
        return Parameters(leaves, assemble, assemble, params)

    def build(arrays: Sequence[Array]) -> Any:
        return assemble([make(array) for make, array in zip(makers, arrays)])  # noqa: B905 - hot

    return Parameters(leaves, build, assemble, params)


def _children(value: Any) -> list[tuple[Any, Any]] | None:
    """Return the named parts of a container, or None for a leaf."""
    if isinstance(value, (np.ndarray, float)):
        return None
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if isinstance(value, Mapping):
        return list(value.items())
    return None


def _collect(
    value: Any, path: str, values: list[Any], paths: list[str]
) -> Callable[[Sequence[Any]], Any]:
    """Gather the leaves below a value, and return what builds it anew from all leaves."""
    parts = _children(value)
    if parts is None:
        position = len(values)
        values.append(value)
        paths.append(path)
        return lambda leaves: leaves[position]
    makers = [
        (key, _collect(part, f"{path}.{key}" if path else str(key), values, paths))
        for key, part in parts
    ]
    if isinstance(value, Mapping):
        return lambda leaves: {key: make(leaves) for key, make in makers}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        cls = type(value)
        return lambda leaves: cls(*(make(leaves) for _, make in makers))
    if isinstance(value, tuple):
        return lambda leaves: tuple(make(leaves) for _, make in makers)
    return lambda leaves: [make(leaves) for _, make in makers]


def same(argument: Any, arrays: Sequence[Array], parameters: Parameters) -> bool:
    """Whether the containers of an argument still hold what they were built with."""
    found: list[Any] = []
    try:
        _walk(argument, parameters.structure, "", found)
    except (KeyError, IndexError, TypeError, ValueError):
        return False
    return all(
        not isinstance(value, np.ndarray) or value is array
        for value, array in zip(found, arrays, strict=True)
    )


def align(gradient: Any, parameters: Parameters) -> list[Array]:
    """Return the claimed gradient as one array per leaf, checked against the parameters.

    Raises
    ------
    TypeError
        When a claimed gradient is missing (None) or not real.
    ValueError
        When structure or shapes differ from those of the parameters.
    """
    found: list[Any] = []
    _walk(gradient, parameters.structure, "", found)
    claimed = []
    for value, leaf in zip(found, parameters.leaves, strict=True):
        if value is None:
            raise TypeError(
                f"the gradient{_of(leaf.name)} is None; expected an array of shape "
                f"{leaf.array.shape}. Pass zeros where f does not depend on the parameter."
            )
        array = to_numpy(value, leaf.name, "the gradient of" if leaf.name else "the gradient")
        if array.shape != leaf.array.shape:
            hint = "Return one number for each entry of the parameter."
            if array.shape == leaf.array.shape[::-1]:
                hint = "Its transpose would fit."
            elif array.size == leaf.array.size:
                hint = "It has as many entries: reshape it."
            raise ValueError(
                f"the gradient{_of(leaf.name)} has shape {array.shape}; the parameter has shape "
                f"{leaf.array.shape}. {hint}"
            )
        claimed.append(array)
    return claimed


def _of(name: str) -> str:
    return f" of {name!r}" if name else ""


def _walk(gradient: Any, structure: Any, path: str, found: list[Any]) -> None:
    """Follow the structure of the parameters through the gradient, leaf by leaf."""
    parts = _children(structure)
    if parts is None:
        found.append(gradient)
        return
    where = f" at {path!r}" if path else ""
    if isinstance(structure, Mapping):
        if not isinstance(gradient, Mapping) or set(gradient) != set(structure):
            keys = list(gradient) if isinstance(gradient, Mapping) else type(gradient).__name__
            raise ValueError(
                f"the gradient{where} must be a dict with the keys {list(structure)}, like the "
                f"parameters; found {keys}."
            )
    elif (
        isinstance(gradient, (str, Mapping))
        or not hasattr(gradient, "__len__")
        or len(gradient) != len(structure)
    ):
        size = f" of {len(gradient)}" if hasattr(gradient, "__len__") else ""
        raise ValueError(
            f"the gradient{where} must be a sequence of {len(structure)}, like the parameters; "
            f"found {type(gradient).__name__}{size}."
        )
    for key, part in parts:
        _walk(gradient[key], part, f"{path}.{key}" if path else str(key), found)

"""Parameters of any plain structure, seen as named leaves, and put together again."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.noise import EPS, EPS32, is_float32

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
    called = f"{role} {name!r}" if name else role
    if _is_sparse(value):
        if "gradient" not in role:
            raise TypeError(
                f"{called} is sparse ({type(value).__name__}); every entry of it is to be moved. "
                f"Pass it dense, with .to_dense() or .toarray()."
            )
        value = value.to_dense() if is_tensor(value) else value.toarray()
    if is_tensor(value):
        value = value.detach().cpu()
        value = value.double().numpy() if "bfloat16" in str(value.dtype) else value.numpy()
    try:
        array = np.asarray(value)
    except ValueError:  # ragged nested lists
        array = np.empty(0, dtype=object)
    if array.dtype.kind == "c":
        raise TypeError(
            f"{called} must hold real numbers; found complex numbers. Differentiate with respect "
            f"to the real and the imaginary part separately."
        )
    if array.dtype.kind not in "fiu":
        raise TypeError(
            f"{called} must hold real numbers; found {type(value).__name__} of dtype "
            f"{array.dtype}. Pass float arrays, in a sequence or a dict where there are several."
        )
    return array


def _is_sparse(value: Any) -> bool:
    """Return whether a value is a sparse tensor or matrix."""
    if type(value).__module__.startswith("scipy.sparse"):
        return True
    return is_tensor(value) and "strided" not in str(getattr(value, "layout", "strided"))


def precision(value: Any, array: Array) -> float:
    """Return the unit of rounding of a claim, by its own dtype."""
    dtype = str(getattr(value, "dtype", array.dtype))
    if "bfloat16" in dtype:
        return 2.0**-7
    return float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else EPS


def _leaf(value: Any, name: str, wide: bool) -> Leaf:
    """Copy one array in its own memory order, in float64 where it is narrower or of integers."""
    array = to_numpy(value, name, "parameter")
    fortran = array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    if dtype.itemsize < 4 and wide:
        dtype = np.dtype(np.float64)
    copy = np.array(array, dtype=dtype, order="F" if fortran else "C", subok=False)
    if not fortran:
        return Leaf(name, copy, copy.reshape(-1), None)
    places = np.arange(copy.size).reshape(copy.shape[::-1]).T.reshape(-1)
    return Leaf(name, copy, copy.T.reshape(-1), places)


def _maker(value: Any, leaf: Array, wide: bool) -> Callable[[Array], Any]:
    """Return what turns a leaf's array into the kind of value that was passed."""
    if is_tensor(value):
        import torch

        dtype, device = value.dtype, value.device
        if not dtype.is_floating_point or (
            dtype.itemsize < 4 and leaf.dtype == np.float64 and wide
        ):
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
    if isinstance(value, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(value)
        return lambda array: np.ma.MaskedArray(array, mask=mask)
    if type(value).__module__.partition(".")[0].startswith("jax"):
        like: Callable[[Array], Any] = import_module("jax.numpy").array
        return like
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return float
    if isinstance(value, np.generic):
        return lambda array: array[()]
    return lambda array: array


def unpack(params: Any, names: Sequence[str] | None = None, *, wide: bool = True) -> Parameters:
    """Take parameters apart into named leaves.

    Parameters
    ----------
    params : array, number, torch tensor, or a sequence, dict or dataclass of these, nested at will
        Not changed; every leaf is a copy. None, texts, booleans and whatever else is not numeric
        are handed to f as they are, where there is something numeric beside them.
    names : sequence of str, optional
        A name for each leaf, in order. By default the keys of a dict, the positions in a
        sequence, and the empty string for a single array.
    wide : bool
        Whether float16 and bfloat16 become float64, so that differences can be taken at all.

    Raises
    ------
    TypeError
        For a leaf that is not real.
    ValueError
        When ``names`` has the wrong length or repeats itself.
    """
    found = list(flatten(params))
    moving = [(path, value) for path, value in found if not is_static(value)]
    if found and not moving:
        to_numpy(found[0][1], found[0][0], "parameter")
    values, paths = [value for _, value in moving], [path for path, _ in moving]
    if names is not None:
        paths = [str(name) for name in names]
        if len(paths) != len(values) or len(set(paths)) != len(paths):
            raise ValueError(
                f"names must give one different name to each of the {len(values)} parameters; "
                f"found {paths}."
            )
    leaves = tuple(_leaf(value, name, wide) for value, name in zip(values, paths, strict=True))
    makers = [_maker(value, leaf.array, wide) for value, leaf in zip(values, leaves, strict=True)]

    def assemble(parts: Sequence[Any]) -> Any:
        return _rebuild(params, iter(parts))

    def build(arrays: Sequence[Array]) -> Any:
        return assemble([make(array) for make, array in zip(makers, arrays, strict=True)])

    return Parameters(leaves, build, assemble, params)


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a container with the names of their paths, static ones among them."""
    parts = _children(value)
    if parts is None:
        yield path, value
    for key, part in parts or ():
        yield from flatten(part, f"{path}.{key}" if path else str(key))


def leaves_of(params: Any) -> list[Any]:
    """Return the numeric leaves themselves."""
    return [value for _, value in flatten(params) if not is_static(value)]


def is_static(value: Any) -> bool:
    """Return whether a leaf is nothing to differentiate: None, a text, a truth value, an object."""
    if value is None or isinstance(value, (str, bytes, bool, np.bool_)):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "b" and value.ndim > 0 and value.size != 1
    if is_tensor(value):
        return str(getattr(value, "dtype", "")) == "torch.bool"
    return (
        not hasattr(value, "__array__")
        and not isinstance(value, (int, float, complex))
        and (callable(value) or (not hasattr(value, "__len__") and not hasattr(value, "shape")))
    )


def _children(value: Any) -> list[tuple[Any, Any]] | None:
    """Return the named parts of a container, or None for a leaf."""
    if isinstance(value, (np.ndarray, float)):
        return None
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if isinstance(value, Mapping):
        return list(value.items())
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    return None


def _rebuild(value: Any, leaves: Iterator[Any]) -> Any:
    """Return a container like another around other leaves, in their order."""
    parts = _children(value)
    if parts is None:
        return value if is_static(value) else next(leaves)
    made = {key: _rebuild(part, leaves) for key, part in parts}
    if isinstance(value, OrderedDict):
        return OrderedDict(made)
    if isinstance(value, Mapping):
        return made
    if is_dataclass(value):
        built = copy.copy(value)
        for key, part in made.items():
            object.__setattr__(built, key, part)
        return built
    if hasattr(value, "_fields"):
        return type(value)(*made.values())
    return tuple(made.values()) if isinstance(value, tuple) else list(made.values())


def same(argument: Any, arrays: Sequence[Array]) -> bool:
    """Whether the containers of an argument still hold what they were built with."""
    found = leaves_of(argument)
    return len(found) == len(arrays) and all(
        not isinstance(value, np.ndarray) or value is array
        for value, array in zip(found, arrays, strict=True)
    )


def align(gradient: Any, parameters: Parameters) -> tuple[list[Array], list[float]]:
    """Return the claimed gradient as one array per leaf, and the unit of rounding of each.

    A dict may name the gradient of ``W`` so, or ``dW``, ``grad_W`` or ``W_grad``; a sequence is
    paired with a dict's parameters in their order.

    Raises
    ------
    TypeError
        When a claimed gradient is missing (None) or not real.
    ValueError
        When structure or shapes differ from those of the parameters.
    """
    found: list[Any] = []
    _walk(gradient, parameters.structure, "", found)
    claimed, eps = [], []
    for value, leaf in zip(found, parameters.leaves, strict=True):
        called = f" of {leaf.name!r}" if leaf.name else ""
        if value is None:
            raise TypeError(
                f"the gradient{called} is None; expected an array of shape "
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
                f"the gradient{called} has shape {array.shape}; the parameter has shape "
                f"{leaf.array.shape}. {hint}"
            )
        claimed.append(array)
        eps.append(precision(value, array))
    filled = [array.reshape(-1) for array in claimed if array.size]
    if filled and is_float32(np.concatenate(filled).astype(np.float64, copy=False)):
        eps = [max(one, EPS32) for one in eps]
    return claimed, eps


SPELLINGS = ("{}", "d{}", "d_{}", "grad_{}", "{}_grad", "grad{}", "dL_d{}", "dLd{}")
"""How the gradient of a parameter may be called in a dict."""


def _walk(gradient: Any, structure: Any, path: str, found: list[Any]) -> None:
    """Follow the structure of the parameters through the gradient, leaf by leaf."""
    parts = _children(structure)
    if parts is None:
        if not is_static(structure):
            found.append(gradient)
        return
    where = f" at {path!r}" if path else ""
    moving = [(key, part) for key, part in parts if _moves(part)]
    if isinstance(structure, Mapping) or is_dataclass(structure):
        given: Any = gradient
        if is_dataclass(gradient):
            given = {field.name: getattr(gradient, field.name) for field in fields(gradient)}
        elif isinstance(gradient, (list, tuple)) and len(gradient) == len(moving):
            given = {key: part for (key, _), part in zip(moving, gradient, strict=True)}
        named = _named(given, [key for key, _ in moving], [key for key, _ in parts])
        if named is None:
            keys = list(given) if isinstance(given, Mapping) else type(gradient).__name__
            raise ValueError(
                f"the gradient{where} must be a dict with the keys {[key for key, _ in parts]}, "
                f"like the parameters; found {keys}."
            )
        gradient = named
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
    for key, part in moving:
        _walk(gradient[key], part, f"{path}.{key}" if path else str(key), found)


def _moves(structure: Any) -> bool:
    """Return whether anything in a part of the parameters can be differentiated, or it is empty."""
    found = list(flatten(structure))
    return not found or any(not is_static(value) for _, value in found)


def _named(given: Any, keys: Sequence[Any], all_keys: Sequence[Any]) -> dict[Any, Any] | None:
    """Return a dict's parts under the names of the parameters, None where one is missing."""
    if not isinstance(given, Mapping):
        return None
    if all(key in given for key in keys) and set(given) <= set(all_keys):
        return {key: given[key] for key in keys}
    for spelling in SPELLINGS[1:]:
        if all(isinstance(key, str) and spelling.format(key) in given for key in keys):
            return {key: given[spelling.format(key)] for key in keys}
    return None

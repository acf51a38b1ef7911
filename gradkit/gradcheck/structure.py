"""Split parameters of any structure into named arrays (leaves), and put them together again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache, partial
from importlib import import_module
from operator import itemgetter
from typing import Any

import numpy as np

from gradkit.gradcheck.constants import EPS
from gradkit.gradcheck.noise import Array


@dataclass(frozen=True, slots=True)
class Leaf:
    """A named array of the parameters, copied so that it can be changed."""

    name: str
    array: Array


@dataclass(frozen=True, slots=True)
class Parameters:
    """All leaves of the parameters, and functions that build the argument of f from arrays.

    ``build`` returns new containers around the given arrays themselves, except where f takes a
    Python number, a pandas table or a tensor that cannot share memory with numpy. ``assemble``
    makes the containers around any values.
    """

    leaves: tuple[Leaf, ...]
    build: Callable[[Sequence[Array]], Any]
    assemble: Callable[[Sequence[Any]], Any]
    structure: Any

    def fresh(self) -> Any:
        """Return an argument of f with copies of the arrays."""
        return self.build([leaf.array.copy(order="K") for leaf in self.leaves])


@cache
def _text_of(dtype: Any) -> str:
    """Return a dtype, or a layout, as text; numpy takes long to write one."""
    return str(dtype)


def dtype_text(value: object) -> str:
    """Return the name of a value's dtype, in any library; empty if it has none."""
    return _text_of(getattr(value, "dtype", ""))


def is_tensor(value: object) -> bool:
    """Return whether a value is a torch tensor, without importing torch."""
    return type(value).__module__.partition(".")[0] == "torch" or hasattr(value, "detach")


def to_numpy(value: Any, name: str, role: str) -> Array:
    """Return a numeric value as an array that may share its memory.

    ``name`` and ``role`` are for the error message.

    Raises
    ------
    TypeError
        For complex, boolean, text or other values that are not real numbers.
    """
    called = f"{role} {name!r}" if name else role
    if hasattr(value, "toarray") or "strided" not in _text_of(getattr(value, "layout", "strided")):
        if "gradient" not in role:
            raise TypeError(
                f"{called} is sparse ({type(value).__name__}); gradkit changes each of its "
                f"entries. Pass it dense, with .to_dense() or .toarray()."
            )
        value = value.to_dense() if is_tensor(value) else value.toarray()
    if is_tensor(value):
        value = value.detach().cpu()
        value = value.double().numpy() if "bfloat16" in dtype_text(value) else value.numpy()
    try:
        array = np.asarray(value)
    except ValueError:  # ragged nested lists
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "fiu":
        found = f"{type(value).__name__} of dtype {array.dtype}"
        hint = "Use floats or float arrays, in a sequence or a dict where there are several."
        if array.dtype.kind == "c":
            found = "complex numbers"
            hint = "Differentiate with respect to the real and the imaginary part separately."
        raise TypeError(f"{called} must hold real numbers; found {found}. {hint}")
    return array


def rounding_unit(value: Any, array: Array) -> float:
    """Return the rounding unit of a claimed gradient's dtype."""
    if "bfloat16" in dtype_text(value):
        return 2.0**-7
    return float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else EPS


def _make_leaf(value: Any, name: str) -> tuple[Leaf, Callable[[Array], Any]]:
    """Return a copy of a value as a leaf, and a function that converts arrays back to its type.

    Integers and half precision become float64. The memory order is kept.

    Raises
    ------
    TypeError
        The value does not consist of real numbers.
    """
    array = to_numpy(value, name, "parameter")
    keeps = array.dtype.kind == "f" and "float16" not in dtype_text(value)
    own = np.array(array, dtype=array.dtype if keeps else np.float64, order="K", subok=False)
    leaf, home = Leaf(name, own), type(value).__module__.partition(".")[0]
    if is_tensor(value):
        import torch

        kind = {"device": value.device, "dtype": value.dtype if keeps else torch.float64}
        return leaf, lambda array: torch.from_numpy(array).to(**kind)
    if home == "pandas" and hasattr(value, "index"):
        labels = {"index": value.index}
        labels |= {"columns": value.columns} if own.ndim == 2 else {"name": value.name}
        return leaf, lambda array: type(value)(array, **labels)
    if isinstance(value, np.ma.MaskedArray):
        return leaf, partial(np.ma.MaskedArray, mask=np.ma.getmaskarray(value))
    if home.startswith("jax"):
        return leaf, import_module("jax.numpy").array
    if type(value) in (int, float):
        return leaf, float
    return leaf, itemgetter(()) if isinstance(value, np.generic) else np.asarray


class Fixed:
    """A value that f gets unchanged, though it consists of numbers."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        """Keep the value."""
        self.value = value


def _fix_others(params: Any, paths: Sequence[str], wrt: Sequence[str]) -> Any:
    """Return the parameters with each numeric leaf that ``wrt`` does not name as `Fixed`.

    Raises
    ------
    ValueError
        ``wrt`` names something else than a parameter, or nothing.
    """
    if isinstance(wrt, str) or not wrt or not set(wrt) <= set(paths):
        raise ValueError(
            f"wrt must be a list of parameters, from {', '.join(map(repr, paths))}; found {wrt!r}."
        )
    rest = iter(paths)
    return map_leaves(
        params,
        lambda value: value if is_static(value) or next(rest) in wrt else Fixed(value),
    )


def unpack(
    params: Any, names: Sequence[str] | None = None, wrt: Sequence[str] | None = None
) -> Parameters:
    """Split parameters into named leaves.

    Parameters
    ----------
    params : array, number, torch tensor, or a sequence, dict or dataclass of these, nested at will
        Not changed; every leaf is a copy. Values that are not numeric, such as None, texts and
        booleans, are passed to f unchanged if there are numeric ones beside them.
    names : sequence of str, optional
        A name for each leaf, in order. By default the keys of a dict, the positions in a
        sequence, and the empty string for a single array.
    wrt : sequence of str, optional
        The names of the leaves to differentiate; f gets the others unchanged. By default all.

    Raises
    ------
    TypeError
        For a leaf that is not real.
    ValueError
        ``names`` has the wrong length or repeats a name.
    """
    found = list(flatten(params))
    moving = [(path, value) for path, value in found if not is_static(value)]
    if found and not moving:
        to_numpy(found[0][1], found[0][0], "parameter")
    paths = [path for path, _ in moving] if names is None else [str(name) for name in names]
    if len(paths) != len(moving) or len(set(paths)) != len(paths):
        raise ValueError(
            f"names must give one different name to each of the {len(moving)} parameters; "
            f"found {paths}."
        )
    if wrt is not None:
        return unpack(_fix_others(params, paths, wrt), [path for path in paths if path in wrt])
    pairs = [_make_leaf(value, name) for (_, value), name in zip(moving, paths, strict=True)]

    fill = _make_fill(params, is_static)

    def assemble(parts: Sequence[Any]) -> Any:
        return fill(iter(parts))

    def build(arrays: Sequence[Array]) -> Any:
        return assemble([make(array) for (_, make), array in zip(pairs, arrays, strict=True)])

    return Parameters(tuple(leaf for leaf, _ in pairs), build, assemble, params)


def _make_fill(value: Any, is_kept: Callable[[Any], bool]) -> Callable[[Iterator[Any]], Any]:
    """Return a function that makes a container like ``value`` of the next items of an iterator.

    The items become the leaves in order, except those that are kept. The structure is only read
    here: the function that is returned may be called for each evaluation of f.
    """
    parts = _children(value)
    if parts is None:
        kept = _released(value)
        return (lambda _: kept) if is_kept(value) else next
    fills = [(key, _make_fill(part, is_kept)) for key, part in parts]
    return lambda rest: _container_like(value, {key: fill(rest) for key, fill in fills})


def _released(value: Any) -> Any:
    """Return a value that is not differentiated as the caller gave it."""
    return value.value if isinstance(value, Fixed) else value


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the names and values of all leaves of a container, including static ones.

    The name of a leaf is the path of keys and positions to it, joined by dots.
    """
    parts = _children(value)
    if parts is None:
        yield path, value
    for key, part in parts or ():
        yield from flatten(part, f"{path}.{key}" if path else str(key))


def numeric_leaves(params: Any) -> list[Any]:
    """Return the numeric leaves of a container."""
    return [value for _, value in flatten(params) if not is_static(value)]


def is_static(value: Any) -> bool:
    """Return whether a leaf cannot be differentiated: None, a text, a boolean or an object."""
    boolean = dtype_text(value).endswith("bool")
    numeric = isinstance(value, (int, float, complex)) or hasattr(value, "__array__")
    other = not numeric and (callable(value) or not hasattr(value, "__len__"))
    return boolean or other or isinstance(value, (str, bytes, bool))


def _children(value: Any) -> list[tuple[Any, Any]] | None:
    """Return the named parts of a container, or None for a leaf.

    Containers are lists, tuples, mappings and dataclass objects.
    """
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if isinstance(value, Mapping):
        return list(value.items())
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    return None


def map_leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a container of the same structure with ``change`` applied to each leaf, in order.

    Lists, tuples, mappings and dataclass objects are containers.
    """
    return _make_fill(value, lambda _: False)(change(leaf) for _, leaf in flatten(value))


def _container_like(value: Any, made: dict[Any, Any]) -> Any:
    """Return a container of the type of ``value`` with the parts ``made``, by key or position.

    Mappings become dicts, unless they are ordered.
    """
    if isinstance(value, Mapping):
        return OrderedDict(made) if isinstance(value, OrderedDict) else made
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **made)
    if hasattr(value, "_fields"):
        return type(value)(*made.values())
    return tuple(made.values()) if isinstance(value, tuple) else list(made.values())


def align(gradient: Any, parameters: Parameters) -> tuple[list[Array], list[float]]:
    """Return the claimed gradient as one array per leaf, and the unit of rounding of each.

    The unit of rounding is that of the dtype of the claim. A dict may name the gradient of ``W``
    so, or ``dW``, ``grad_W`` or ``W_grad``; a sequence is paired with a dict's parameters in their
    order.

    Raises
    ------
    TypeError
        When a claimed gradient is not real.
    ValueError
        When structure or shapes differ from those of the parameters, or when a dict has a gradient
        of something that is no parameter.
    """
    claimed, eps = [], []
    found = _match_structure(gradient, parameters.structure, "")
    for given, leaf in zip(found, parameters.leaves, strict=True):
        called = f" of {leaf.name!r}" if leaf.name else ""
        shape = leaf.array.shape
        # As in torch: f does not depend on the parameter. The check holds the claim to that.
        value = np.zeros(shape) if given is None else given
        array = to_numpy(value, leaf.name, "the gradient of" if leaf.name else "the gradient")
        if array.shape != shape:
            hint = "Return one number for each entry of the parameter."
            if array.shape == shape[::-1]:
                hint = "Its transpose would fit."
            elif array.size == leaf.array.size:
                hint = "It has as many entries: reshape it."
            raise ValueError(
                f"the gradient{called} has shape {array.shape}; the parameter has shape "
                f"{shape}. {hint}"
            )
        claimed.append(array)
        eps.append(rounding_unit(value, array))
    return claimed, eps


def differentiable_names(
    params: Any, gradient: Any, names: Sequence[str] | None
) -> list[str] | None:
    """Return the leaves to check if a claim has None beside whole numbers, else None."""
    if all(value is not None for _, value in flatten(gradient)):
        return None
    parameters = unpack(params, names)
    claims = list(_match_structure(gradient, parameters.structure, ""))
    values = numeric_leaves(params)
    whole = [
        claim is None and to_numpy(value, "", "parameter").dtype.kind in "iu"
        for claim, value in zip(claims, values, strict=True)
    ]
    kept = [leaf.name for leaf, out in zip(parameters.leaves, whole, strict=True) if not out]
    return kept if kept and len(kept) < len(whole) else None


SPELLINGS = ("{}", "d{}", "d_{}", "grad_{}", "{}_grad", "grad{}", "dL_d{}", "dLd{}")
"""Accepted names of the gradient of a parameter."""


def find_gradient_name(name: object, names: Container[str], first: int = 0) -> str | None:
    """Return the name in ``names`` that is a spelling of a parameter's gradient, or None.

    The first ``first`` entries of `SPELLINGS` are skipped.
    """
    every = (spelling.format(name) for spelling in SPELLINGS[first:])
    return next((one for one in every if one in names), None)


def _match_structure(gradient: Any, structure: Any, path: str) -> Iterator[Any]:
    """Yield the gradient of each leaf, by matching the gradient's structure to the parameters'.

    Raises
    ------
    ValueError
        The structures differ.
    """
    parts = _children(structure)
    if parts is None:
        if not is_static(structure):
            yield gradient
        return
    moving = {key: part for key, part in parts if numeric_leaves(part)}
    unknown: list[str] = []
    given = _children(gradient)
    if isinstance(structure, (list, tuple)):
        wanted = f"a sequence of {len(parts)}"
        if isinstance(gradient, (list, tuple)) and len(gradient) == len(moving):
            given = list(zip(moving, gradient, strict=True))
        if given is None and np.ndim(gradient):
            given = list(enumerate(gradient))
        found = dict(given or ()) if len(given or ()) in (len(parts), len(moving)) else {}
    else:
        wanted = f"a dict with the keys {[key for key, _ in parts]}"
        if isinstance(gradient, (list, tuple)) and len(gradient) == len(moving):
            given = list(zip(moving, gradient, strict=True))
        named = {str(key): part for key, part in given or ()}
        spellings = {key: find_gradient_name(key, named) for key, _ in parts}
        found = {key: named[name] for key, name in spellings.items() if name is not None}
        used = spellings.values()
        unknown = [k for k, part in named.items() if part is not None and k not in used]
    where = f" at {path!r}" if path else ""
    if not moving.keys() <= found.keys():
        found_text = type(gradient).__name__ + (f" of {len(given)}" if given else "")
        found_text = str(list(gradient)) if isinstance(gradient, Mapping) else found_text
        raise ValueError(
            f"the gradient{where} must be {wanted}, like the parameters; found {found_text}."
        )
    if unknown:
        raise ValueError(
            f"the gradient{where} has {', '.join(map(repr, unknown))}, but no parameter has that "
            f"name: the parameters are {', '.join(str(key) for key in moving)}. Rename it or "
            f"remove it."
        )
    for key, part in moving.items():
        yield from _match_structure(found[key], part, f"{path}.{key}" if path else str(key))

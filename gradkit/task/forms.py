"""Describe the form of arguments: their structure and shapes, but not their numbers.

Before the model solution is called with arguments from student code, they are compared with the
forms of the arguments that the model solution passes itself. So student code can choose numbers
only: it cannot make an array large, a loop long, or use a word that the solution does not use.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct

WHOLE_KINDS = "biu"
"""numpy's kinds of dtypes of whole numbers, such as labels."""

REAL_KINDS = "biuf"
"""numpy's kinds of real dtypes."""


class FormError(ValueError):
    """A value does not have a form."""


class ArrayForm(Struct, frozen=True):
    """An array of this shape; ``is_whole`` says that it holds whole numbers."""

    shape: tuple[int, ...]
    is_whole: bool


class NumberForm(Struct, frozen=True):
    """Any real number other than a Python int or bool."""


class ExactForm(Struct, frozen=True):
    """A value that has to be the same: a whole number, a word, True, False or None."""

    value: int | str | None


class ContainerForm(Struct, frozen=True):
    """A list, tuple or dict of these items; a dict has ``keys``."""

    kind: str
    items: tuple[Form, ...]
    keys: tuple[int | str, ...] = ()


class OtherForm(Struct, frozen=True):
    """A value that has no form here, such as a function: nothing fits it."""


Form = ArrayForm | NumberForm | ExactForm | ContainerForm | OtherForm


def form_of(value: Any) -> Form:
    """Describe a value by its kind, and by the shape, items or value that another one must share.

    - An array of real numbers has an `ArrayForm`, with its shape.
    - A float, a numpy number or an array without axes has a `NumberForm`.
    - An int, bool, str or None has an `ExactForm`, with the value.
    - A list, tuple or dict has a `ContainerForm`, with the forms of its items.
    - Anything else, such as a function or a complex number, has an `OtherForm`.

    Examples
    --------
    >>> form_of((np.zeros((2, 3)), 0.5, "relu")).items
    (ArrayForm(shape=(2, 3), is_whole=False), NumberForm(), ExactForm(value='relu'))
    """
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in REAL_KINDS:
        return ArrayForm(value.shape, value.dtype.kind in WHOLE_KINDS)
    if isinstance(value, float | np.generic | np.ndarray):
        return NumberForm() if np.asarray(value).dtype.kind in REAL_KINDS else OtherForm()
    if value is None or isinstance(value, int | str):
        return ExactForm(value)
    if type(value) in (list, tuple):
        return ContainerForm(type(value).__name__, tuple(map(form_of, value)))
    if type(value) is dict and all(isinstance(key, int | str) for key in value):
        return ContainerForm("dict", tuple(map(form_of, value.values())), tuple(value))
    return OtherForm()


def fitted(form: Form, value: Any) -> Any:
    """Return a value as the model solution gets it, if it has a form.

    ``form`` describes the value that the model solution passes itself, see `form_of`. Lists and
    tuples become the container of the form. A dict loses entries that the form does not have.

    Raises
    ------
    FormError
        The value has another form.

    Examples
    --------
    >>> fitted(form_of((1.0, "relu")), [2.5, "relu"])
    (2.5, 'relu')
    """
    if isinstance(form, ContainerForm):
        return _fitted_container(form, value)
    other = form_of(value)
    if isinstance(form, ExactForm) and isinstance(other, NumberForm) and _is_number(form.value):
        # A loop of the solution may run that often.
        if float(value) == form.value:
            return form.value
    elif isinstance(form, NumberForm) and isinstance(other, ExactForm) and _is_number(value):
        return float(value)
    elif isinstance(form, ArrayForm) and isinstance(other, ArrayForm):
        if form.shape == other.shape and (other.is_whole or not form.is_whole):
            return np.array(value)
    elif form == other and not isinstance(form, OtherForm):
        return value
    raise FormError("a value has another form")


def _fitted_container(form: ContainerForm, value: Any) -> Any:
    """Return a list, tuple or dict with every item fitted to its form, see `fitted`.

    Raises
    ------
    FormError
        The value has another kind, length or keys, or an item has another form.
    """
    if form.kind == "dict":
        if not isinstance(value, dict) or not {*form.keys} <= value.keys():
            raise FormError("a dict has other keys")
        pairs = zip(form.keys, form.items, strict=True)
        return {key: fitted(item, value[key]) for key, item in pairs}
    if not isinstance(value, list | tuple) or len(value) != len(form.items):
        raise FormError("a list or tuple has another length")
    items = [fitted(item, each) for item, each in zip(form.items, value, strict=True)]
    return items if form.kind == "list" else tuple(items)


def plain_value(value: Any) -> Any:
    """Copy what the model solution returns to arrays, plain values, and containers of these.

    Numbers other than whole ones become arrays without dimensions.

    Raises
    ------
    FormError
        The value is or contains anything else, such as an object or a function.
    """
    if isinstance(value, np.ndarray | np.generic | float):
        array = np.array(np.asarray(value))
        if array.dtype.kind in REAL_KINDS:
            return array
    elif value is None or isinstance(value, int | str):
        return value
    elif type(value) in (list, tuple):
        return type(value)(map(plain_value, value))
    elif isinstance(value, dict) and all(isinstance(key, int | str) for key in value):
        return {key: plain_value(item) for key, item in value.items()}
    raise FormError("a value is no number, text, array or container of these")


def _is_number(value: object) -> bool:
    return isinstance(value, int)

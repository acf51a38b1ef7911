"""Starters say what their exercise judges: shapes, keys, words, and what is to be left alone.

The model solutions are run, and what they are handed, return and keep is held to their docstrings,
which are handed out.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import numpy as np
import pytest
from shipped import FUNCTION_EXERCISES, assignment

from gradkit.records.task import FunctionTask
from gradkit.task.assignment import exercises, find_reference
from gradkit.task.draws import draws
from gradkit.task.functions import functions_of
from gradkit.task.oracle import load_module
from gradkit.task.solution import Solution

TASKS = {
    f"{name}/{task.id}": task for name in FUNCTION_EXERCISES for task in assignment(name).functions
}

SHAPE = re.compile(r"\(((?:[^()]|\([^()]*\))*,(?:[^()]|\([^()]*\))*)\)")

ALONE = "No function changes what it is handed"

OWN = ("cache", "caches")
"""What students put together as they like; it has no type."""

Sizes = dict[str, int]


def sections(docstring: str) -> dict[str, dict[str, str]]:
    """Return the entries of a docstring's sections: all that is said of each name."""
    found: dict[str, dict[str, str]] = {}
    lines = inspect.cleandoc(docstring).splitlines()
    title = name = ""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if below and set(below) == {"-"}:
            title, name = line, ""
            found[title] = {}
        elif title and line and line[0] not in " -":
            name = line.partition(" : ")[0]
            found[title][name] = line
        elif name:
            found[title][name] += f"\n{line}"
    return found


def unsaid(
    value: object, text: str, name: str, sizes: Sizes, of: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what a text does not say of a value, or says wrongly.

    ``sizes`` are what names in shapes stand for, as far as that is known; ``of`` are the arguments.
    """
    shape = SHAPE.search(text)
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _of_key(key, one, text, f"{name}[{key}]", of)
    elif isinstance(value, str):
        if f'"{value}"' not in text:
            yield f'{name}: "{value}"'
    elif isinstance(value, int):
        if sizes.setdefault(name, value) != value:
            yield f"{name}: its value"
    elif isinstance(value, np.ndarray) and value.ndim:
        if value.dtype.kind == "i" and "of int" not in text:
            yield f"{name}: whole numbers"
        if like := re.search(r"in the shape of (\w+)", text):
            if np.shape(of[like[1]]) != value.shape:
                yield f"{name}: its shape"
        elif "of any shape" not in text and not (shape and _fits(value, shape[1], sizes)):
            yield f"{name}: its shape"


def _of_key(key: str, value: object, text: str, name: str, of: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not said of a dict's entry; of layers there may be any number, each an l."""
    for said in (key, re.sub(r"\d+", "l", key)):
        _, found, rest = text.partition(f'"{said}"')
        if found:
            # What is said of the next key is not said of this one, but words are quoted too.
            about = rest if isinstance(value, str) else rest.partition('"')[0]
            yield from unsaid(value, about, name, {}, of)
            return
    yield f"{name}: the key"


def _fits(value: np.ndarray[Any, Any], said: str, sizes: Sizes) -> bool:
    words = [word.strip() for word in said.split(",") if word.strip()]
    if "..." in words:
        return True
    return len(words) == value.ndim and all(
        size == (int(word) if word.isdigit() else sizes.setdefault(word, size))
        for word, size in zip(words, value.shape, strict=True)
    )


def of_call(docstring: str, handed: Mapping[str, Any], returned: object = None) -> Iterator[str]:
    """Yield what a function's docstring does not say of one call of it."""
    said = sections(docstring)
    sizes: Sizes = {}
    for name, value in handed.items():
        text = said.get("Parameters", {}).get(name)
        if text is None:
            yield name
        elif text.partition("\n")[0] not in OWN:
            yield from unsaid(value, text, name, sizes, handed)
    entries = said.get("Returns", {})
    values = returned if isinstance(returned, tuple) else (returned,)
    if len(values) == len(entries):
        for (name, text), value in zip(entries.items(), values, strict=True):
            if text.partition("\n")[0] not in OWN:
                yield from unsaid(value, text, name, sizes, handed)
    elif returned is not None:
        above = inspect.cleandoc(docstring).partition("Parameters\n")[0]
        yield from unsaid(returned, above, "what is returned", sizes, handed)


def names_of(task: FunctionTask, owner: str) -> set[str]:
    """Return the attributes of a class that checks read or set."""
    names = {name for check in task.checks for name in check.call.attributes}
    return {name.removeprefix(f"{owner}.") for name in names if name.startswith(owner)}


def watched(function: Callable[..., Any], task: FunctionTask, found: list[str]) -> Any:
    """Return a function that looks, at each call, for what its docstring does not say."""

    @wraps(function)
    def watch(*args: Any, **kwargs: Any) -> Any:
        returned = function(*args, **kwargs)
        bound = inspect.signature(function).bind(*args, **kwargs)
        bound.apply_defaults()
        handed = {name: v for name, v in bound.arguments.items() if v is not None}
        owner = handed.pop("self", None)
        begins = function.__name__ == "__init__"
        docstring = (type(owner) if begins else function).__doc__ or ""
        name = function.__qualname__
        found.extend(f"{name}: {each}" for each in of_call(docstring, handed, returned))
        if owner is not None:
            kept = sections(type(owner).__doc__ or "").get("Attributes", {})
            sizes = {**handed} if begins else {}
            for attribute in vars(owner).keys() & names_of(task, type(owner).__name__):
                said = kept.get(attribute, "")
                of = unsaid(getattr(owner, attribute), said, attribute, sizes, {})
                found.extend(f"{name}: {each}" for each in of)
        return returned

    return watch


@pytest.mark.parametrize("name", TASKS)
def test_the_docstrings_say_what_is_judged(name: str) -> None:
    """Of each call: shapes of arrays, keys of dicts, attributes, words and labels."""
    task, found = TASKS[name], list[str]()
    reference = find_reference(exercises()[name.partition("/")[0]], None)
    assert reference is not None
    names = vars(load_module(reference / task.solution, functions_of(task.calls)))
    for call in {call.function for call in task.calls}:
        function, _, method = call.partition(".")
        known = names[function]
        if not inspect.isclass(known):
            names[function] = watched(known, task, found)
        elif (method := method or "__init__") in vars(known):
            setattr(known, method, watched(vars(known)[method], task, found))
    solution = Solution(task, names)
    for draw in draws(task, 1):
        for check in task.checks:
            solution.make(check, draw)
    assert list(dict.fromkeys(found)) == []


@pytest.mark.parametrize("name", TASKS)
def test_it_is_said_that_inputs_are_left_alone(name: str) -> None:
    """Where that is judged, in any task of the file."""
    task, exercise = TASKS[name], name.partition("/")[0]
    reference = find_reference(exercises()[exercise], None)
    assert reference is not None
    of_file = [each for each in assignment(exercise).functions if each.solution == task.solution]
    docstring = ast.get_docstring(ast.parse((reference / task.solution).read_text("utf-8"))) or ""
    checks = [check for each in of_file for check in each.checks]
    assert (ALONE in docstring) == any(check.untouched for check in checks)


DOCSTRING = """Return what is asked.

    Parameters
    ----------
    x : array, (N, D)
    y : array of int, (N,)
    mode : "train" or "test"
    p : dict
        "W1", (D, M), and "Wl", (n_l, n_(l-1)).

    Returns
    -------
    out : array, (N, 1)
    grads : dict
        "dx", in the shape of x.
    cache
    """

X, Y = np.ones((3, 2)), np.arange(3)
P = {"W1": np.ones((2, 4)), "W2": np.ones((4, 5))}
RIGHT = ({"x": X, "y": Y, "mode": "train", "p": P}, (np.ones((3, 1)), {"dx": X}, {"own": X}))


@pytest.mark.parametrize(
    ("was", "now", "found"),
    [
        ("", "", []),
        ("x : array, (N, D)", "x : array", ["x: its shape"]),
        ("x : array, (N, D)", "x : array, (D, D)", ["x: its shape"]),
        ("array, (N, 1)", "array, (1, N)", ["out: its shape"]),
        ("array, (N, 1)", "array, (N,)", ["out: its shape"]),
        ("in the shape of x", "in the shape of y", ["grads[dx]: its shape"]),
        ('"dx", in the shape of x', "the gradient of x", ["grads[dx]: the key"]),
        ("of int", "", ["y: whole numbers"]),
        ('"train"', "train", ['mode: "train"']),
        ('"Wl", (n_l, n_(l-1))', '"Wl", (n_l,)', ["p[W2]: its shape"]),
        ("    mode :", "    kind :", ["mode"]),
    ],
)
def test_what_is_not_said_is_found(was: str, now: str, found: list[str]) -> None:
    """A shape, a key, a word or a whole argument."""
    assert was in DOCSTRING
    assert list(of_call(DOCSTRING.replace(was, now, 1) if was else DOCSTRING, *RIGHT)) == found

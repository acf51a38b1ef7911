"""Replace functions of a section by stubs, which ask the grader for what they return.

Runs in the student's process. A stub sends its arguments, and gets arrays: those parts of the
result that a check compares. Other parts, such as a cache in the student's own form, come from the
student's function. Nothing of the model solution is ever in this process but these arrays.

A function may get a cache that another function of the student has made. The grader cannot read
it, as its form is the student's. So the calls of such makers are recorded, and a cache is sent
together with the call that has made it. The model solution makes its own cache from that call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradkit.lines import CONTAINERS, unpacked
from gradkit.runtime.frames import DTYPES, Frame, FrameError, name_of
from gradkit.runtime.messages import text_of
from gradkit.runtime.namespace import Namespace
from gradkit.runtime.serve import ask_grader

MAX_DEPTH = 6
"""Most levels of containers of an argument that are sent."""

MAX_RECORDED = 1000
"""Most calls of makers that are recorded in one request."""

MAX_MADE = 4
"""Most calls that are sent with one cache."""

MAX_ORIGINS = 3
"""Most calls within calls that are sent: a cache whose maker got a cache, and so on."""

Function = Callable[..., Any]
Arrays = dict[str, NDArray[Any]]
Tree = dict[str, Any]


class StubError(RuntimeError):
    """A stub has no answer. The grader knows, and does not count this run."""


class Replaced(NamedTuple):
    """A function to replace, as the grader names it.

    ``name`` is the student's name and ``function`` that of the exercise. ``size`` is the number of
    values that it returns as a tuple; 0, it is one value. ``caches`` are the numbers of those that
    no check compares. ``is_stub`` says that the grader answers its calls; otherwise they are only
    recorded.
    """

    name: str
    function: str
    size: int
    caches: Sequence[int]
    is_stub: bool


class _Recorded(NamedTuple):
    """A cache that a function has returned, with its call as it is sent.

    ``depth`` counts the calls within that call, and the call itself.
    """

    value: object
    origin: Tree
    arrays: Arrays
    depth: int


def with_stubs(namespace: Namespace, functions: Sequence[Sequence[Any]]) -> Namespace:
    """Return a new namespace of the same section in which some functions are replaced.

    Parameters
    ----------
    namespace : Namespace
        The section, which is not changed.
    functions : sequence
        The fields of a `Replaced` for each function.
    """
    fork = namespace.fork({})
    replaced = [Replaced(*each) for each in functions]
    # The student's functions come first: a stub may need one for a cache.
    own = {each.name: _own_function(fork, each.name) for each in replaced}
    calls = _Calls()
    for each in replaced:
        make = calls.stub if each.is_stub else calls.recorder
        fork.preset(each.name, make(each, own[each.name]))
    return fork


def _own_function(namespace: Namespace, name: str) -> Function:
    """Return the student's function with a name.

    If the name has no value, a function is returned that raises StubError when it is called.
    """
    try:
        function: Function = namespace[name]
    except Exception as error:
        reason = text_of(error)

        def missing(*_: Any, **__: Any) -> Any:
            raise StubError(f"`{name}` has no value: {reason}")

        return missing
    return function


class _Calls:
    """The calls of replaced functions in one request."""

    def __init__(self) -> None:
        self._recorded: list[_Recorded] = []
        self._arrays = 0
        self._depth = 0

    def stub(self, replaced: Replaced, own: Function) -> Function:
        """Return a function that asks the grader for its results, to replace a student's function.

        ``replaced`` names the function for the grader. ``own`` is the student's function, which is
        called for the values, or entries of a cache, that the grader does not send.
        """

        def stub(*args: Any, **keywords: Any) -> Any:
            """Return the grader's answer to a call, completed by the student's function."""
            origin, arrays, depth = self._origin(replaced, args, keywords)
            parts = _answer(origin, arrays)
            result: Any = None
            if any("whole" not in part for part in parts):
                # What no check compares is the student's own.
                result = own(*args, **keywords)
            values = _values(replaced, result, len(parts))
            merged = [_merged(part, value) for part, value in zip(parts, values, strict=True)]
            for number in replaced.caches:
                self._record(merged[number], origin, arrays, depth)
            return tuple(merged) if replaced.size else merged[0]

        return stub

    def recorder(self, replaced: Replaced, own: Function) -> Function:
        """Return a function that calls the function ``own``, and records the caches it returns.

        ``replaced`` says which of the returned values are caches.
        """

        def recorder(*args: Any, **keywords: Any) -> Any:
            """Call the student's function, record the call, and return the result."""
            origin, arrays, depth = self._origin(replaced, args, keywords)
            result = own(*args, **keywords)
            values = result if replaced.size else [result]
            if isinstance(values, tuple | list) and len(values) == (replaced.size or 1):
                for number in replaced.caches:
                    self._record(values[number], origin, arrays, depth)
            return result

        return recorder

    def _record(self, value: object, origin: Tree, arrays: Arrays, depth: int) -> None:
        if len(self._recorded) < MAX_RECORDED and depth <= MAX_ORIGINS:
            self._recorded.append(_Recorded(value, origin, arrays, depth))

    def _origin(
        self, replaced: Replaced, args: Sequence[Any], keywords: Mapping[str, Any]
    ) -> tuple[Tree, Arrays, int]:
        """Return the description of a call that is sent to the grader.

        ``args`` and ``keywords`` are its arguments. The items of the result are the function and
        its arguments as JSON; copies of its arrays, by the numbers that the JSON contains; and the
        depth, which is 1 plus that of the calls that made its caches.
        """
        arrays: Arrays = {}
        self._depth = 0
        origin = {
            "function": replaced.function,
            "positional": [self._tree(value, arrays, MAX_DEPTH) for value in args],
            "keywords": [
                [n, self._tree(value, arrays, MAX_DEPTH)] for n, value in keywords.items()
            ],
        }
        return origin, arrays, self._depth + 1

    def _tree(self, value: Any, arrays: Arrays, depth: int) -> Tree:
        """Return the JSON description of an argument, with the recorded calls that returned it.

        The arrays of the argument and of these calls are added to ``arrays``, by number. ``depth``
        is the number of levels of containers that may still be described.
        """
        tree = self._described(value, arrays, depth)
        if isinstance(value, int | float | str | None):
            return tree
        made: dict[str, Tree] = {}
        for each in self._recorded:
            if _is_same(each.value, value):
                made[each.origin["function"]] = each.origin
                arrays |= each.arrays
                self._depth = max(self._depth, each.depth)
        return {**tree, "made": [*made.values()][:MAX_MADE]} if made else tree

    def _described(self, value: Any, arrays: Arrays, depth: int) -> Tree:
        """Return the JSON description of an argument, and add its arrays to ``arrays`` by number.

        The description is a dict with one key: ``plain`` for None, a bool, an int or a text;
        ``array`` with the array's number; ``list``, ``tuple`` or ``dict`` with the items; ``other``
        with the name of a type that cannot be sent. ``depth`` is the number of levels that may
        still be described.
        """
        kind = type(value)
        if value is None or kind in (bool, str) or (kind is int and -(2**63) <= value < 2**63):
            return {"plain": value}
        if isinstance(value, np.ndarray | np.generic | float):
            array = np.array(np.asarray(value))
            if name_of(array.dtype) in DTYPES:
                self._arrays += 1
                arrays[str(self._arrays)] = array
                return {"array": str(self._arrays)}
        elif kind in (list, tuple) and depth:
            return {kind.__name__: [self._tree(item, arrays, depth - 1) for item in value]}
        elif kind is dict and depth and all(type(key) in (int, str) for key in value):
            items = value.items()
            return {"dict": [[key, self._tree(item, arrays, depth - 1)] for key, item in items]}
        return {"other": text_of(kind.__name__, 80)}


def _is_same(one: object, other: object, depth: int = MAX_DEPTH) -> bool:
    """Return whether two values are one object, or containers of the same objects.

    Before the lines of a check run a second time, containers are copied, but no arrays. ``depth``
    is the number of levels of containers that are compared.
    """
    if one is other:
        return True
    if type(one) is not type(other) or not depth:
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _is_same(one[key], other[key], depth - 1) for key in one
        )
    if type(one) in CONTAINERS and isinstance(one, Sequence) and isinstance(other, Sequence):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) > 0 and all(_is_same(a, b, depth - 1) for a, b in pairs)
    return isinstance(one, int | float | str) and one == other


def _answer(origin: Tree, arrays: Arrays) -> list[dict[str, Any]]:
    """Ask the grader for the result of a call, and return one dict for each value of the result.

    ``origin`` and ``arrays`` describe the call, see `_Calls._origin`. A dict has the value as
    ``whole``, or the ``entries`` of a cache that a check compares.

    Raises
    ------
    StubError
        The arguments cannot be sent, or the grader has no answer for them.
    """
    try:
        reply = ask_grader(Frame("stub-call", arrays, origin))
    except FrameError as error:
        # Too large to be sent. The grader has to know, so that the run does not count.
        call = {**origin, "positional": [{"other": "too large"}], "keywords": []}
        ask_grader(Frame("stub-call", {}, call))
        raise StubError(f"the arguments of `{origin['function']}` cannot be sent") from error
    if reply.kind != "stub-answer":
        raise StubError(f"there is no right `{origin['function']}` for these arguments")
    parts: list[dict[str, Any]] = unpacked(reply.data["parts"], reply.arrays)
    return [{name: _scalars(value) for name, value in part.items()} for part in parts]


def _scalars(value: Any) -> Any:
    """Return a value in which arrays without dimensions are replaced by numpy's scalars.

    Dicts, lists and tuples are searched, and returned as new containers.
    """
    if isinstance(value, np.ndarray):
        return value if value.ndim else value[()]
    if isinstance(value, dict):
        return {key: _scalars(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_scalars, value))
    return value


def _values(replaced: Replaced, result: Any, count: int) -> Sequence[Any]:
    """Return the ``count`` values that the student's function has returned, as a sequence.

    ``result`` is what the function returned: a tuple of values if ``replaced`` has a ``size``, or
    else one value. If it is None, None is returned for each value.

    Raises
    ------
    StubError
        It has returned another number of values.
    """
    if result is None:
        return [None] * count
    if not replaced.size:
        return [result]
    if not isinstance(result, tuple | list) or len(result) != count:
        raise StubError(f"`{replaced.name}` does not return {count} values")
    return result


def _merged(part: Mapping[str, Any], own: Any) -> Any:
    """Return the value that a stub returns, from the grader's answer and the student's own value.

    That is ``whole`` in the answer ``part`` if there is one. Otherwise it is ``own`` and, if that
    is a dict, with the ``entries`` of the answer.
    """
    if "whole" in part:
        return part["whole"]
    return {**own, **part["entries"]} if part["entries"] and isinstance(own, dict) else own

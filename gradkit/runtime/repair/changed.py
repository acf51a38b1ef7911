"""Put changed text among the student's names, for a while."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from gradkit.runtime.namespace import MISSING, put_back
from gradkit.runtime.syntax import names_bound, names_in_class_bodies

Put = Callable[[ast.stmt, CodeType], None]


@contextlib.contextmanager
def kept(namespace: dict[str, Any]) -> Iterator[Put]:
    """Return a context manager with a function that redefines names; restore them at the end.

    ``namespace`` are the student's names. The function ``put(top, code)`` runs ``code``, which
    defines the names of the statement ``top``. It also changes a function in place, so that other
    references to the function, such as a table of functions, see the new one.
    """
    before: dict[str, Any] = {}
    bodies: dict[str, _Body] = {}

    def put(top: ast.stmt, code: CodeType) -> None:
        """Run the code of a definition, and store the first values of the names that ``top`` binds.

        A plain function is changed in place, and subclasses of a redefined class get the new class
        as base.
        """
        names = names_bound(top)
        if not names <= before.keys():
            # What is there is read where it is asked for, and a class body does not ask.
            for each in (*names_in_class_bodies(top), *names):
                with contextlib.suppress(Exception):
                    namespace[each]
        now = {name: dict.get(namespace, name, MISSING) for name in names}
        before.update({**now, **before})
        exec(code, namespace)  # noqa: S102  (what a worker is for)
        for name, value in now.items():
            new = dict.get(namespace, name)
            _inherit(value, new)
            own, body = _body_of(before[name], namespace), _body_of(new, namespace)
            if own is not None and body is not None:
                bodies.setdefault(name, own)
                _put_body(before[name], body)
                dict.__setitem__(namespace, name, before[name])

    try:
        yield put
    finally:
        for name, own in bodies.items():
            _put_body(before[name], own)
        for name, value in before.items():
            _inherit(dict.get(namespace, name), value)
            put_back(namespace, name, value)


_Body = tuple[CodeType, tuple[Any, ...] | None, dict[str, Any] | None]
"""The code of a function, and the defaults of its parameters."""


def _body_of(value: Any, namespace: dict[str, Any]) -> _Body | None:
    """Return the code, defaults and keyword defaults of a plain function of the namespace.

    None for other values, for functions of other modules, and for functions with a closure.
    """
    if not isinstance(value, FunctionType) or value.__closure__:
        return None
    if value.__globals__ is not namespace:
        return None
    return value.__code__, value.__defaults__, value.__kwdefaults__


def _put_body(function: FunctionType, body: _Body) -> None:
    function.__code__, function.__defaults__, function.__kwdefaults__ = body


def _inherit(old: Any, new: Any) -> None:
    """Replace base class ``old`` by ``new`` in all direct subclasses; ignore other values.

    A subclass whose memory layout does not allow it is left as it is.
    """
    if isinstance(old, type) and isinstance(new, type) and old is not new:
        made: list[type] = type.__subclasses__(old)
        for each in made:
            # Some layouts do not allow it: then they stay as they are.
            with contextlib.suppress(TypeError):
                each.__bases__ = tuple(new if base is old else base for base in each.__bases__)


@contextlib.contextmanager
def changed(namespace: dict[str, Any], texts: Sequence[tuple[str, int, str]]) -> Iterator[None]:
    """Return a context manager that replaces top-level definitions by changed texts for a while.

    Parameters
    ----------
    namespace : dict
        The student's names.
    texts : sequence of (cell, line, text)
        The text of each definition, and the line of the cell in which it begins.
    """
    with kept(namespace) as put:
        for cell, line, text in texts:
            tree = ast.increment_lineno(ast.parse(text), line - 1)
            put(tree.body[0], compile(tree, cell, "exec", dont_inherit=True))
        yield

"""Put changed text among the student's names, for a while."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator, Sequence
from types import CodeType
from typing import Any

from gradkit.runtime.syntax import names_bound, names_in_class_bodies

MISSING = object()

Put = Callable[[ast.stmt, CodeType], None]


@contextlib.contextmanager
def kept(namespace: dict[str, Any]) -> Iterator[Put]:
    """Give what puts a definition among names; afterwards all are as they were."""
    before: dict[str, Any] = {}

    def put(top: ast.stmt, code: CodeType) -> None:
        names = names_bound(top)
        if not names <= before.keys():
            for each in names_in_class_bodies(top):
                # A class body finds a global only if it is there already.
                with contextlib.suppress(Exception):
                    namespace[each]
        now = {name: dict.get(namespace, name, MISSING) for name in names}
        before.update({**now, **before})
        exec(code, namespace)  # noqa: S102  (what a worker is for)
        for name, value in now.items():
            _inherit(value, dict.get(namespace, name))

    try:
        yield put
    finally:
        for name, value in before.items():
            _inherit(dict.get(namespace, name), value)
            if value is MISSING:
                dict.pop(namespace, name, None)
            else:
                dict.__setitem__(namespace, name, value)


def _inherit(old: Any, new: Any) -> None:
    """Have classes that are made of one be made of another one instead."""
    if isinstance(old, type) and isinstance(new, type) and old is not new:
        made: list[type] = type.__subclasses__(old)
        for each in made:
            # Some layouts do not allow it: then they stay as they are.
            with contextlib.suppress(TypeError):
                each.__bases__ = tuple(new if base is old else base for base in each.__bases__)


@contextlib.contextmanager
def changed(namespace: dict[str, Any], texts: Sequence[tuple[str, int, str]]) -> Iterator[None]:
    """Have definitions of other text for a while.

    Parameters
    ----------
    namespace : dict
        The student's names.
    texts : sequence of (cell, line, text)
        Each is one definition at top level, that begins in this line of the cell.
    """
    with kept(namespace) as put:
        for cell, line, text in texts:
            tree = ast.increment_lineno(ast.parse(text), line - 1)
            put(tree.body[0], compile(tree, cell, "exec", dont_inherit=True))
        yield

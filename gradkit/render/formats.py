"""The output formats for machines, by the word that asks for each.

A format is a module with ``render(results, hints, *, many)``, which gives text. It shows
nothing above the hint level, and treats all that students wrote as hostile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # The command knows the words before anything loads numpy.
    from gradkit.records.result import Result

FORMATS: Mapping[str, str] = {"json": "gradkit.render.data", "html": "gradkit.render.html.page"}
"""Each word and the module that writes the format; imported when it is asked for."""


class Render(Protocol):
    """What writes a format."""

    def __call__(self, results: Sequence[Result], hints: int, *, many: bool) -> str:
        """The text, with its last newline; ``many``: several submissions were asked for."""
        ...


def renderer(word: str) -> Render:
    """The function that writes the format of that name in `FORMATS`."""
    render: Render = import_module(FORMATS[word]).render
    return render

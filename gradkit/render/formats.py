"""The output formats for machines, by the word that asks for each.

A format is a module with ``render(results, hints, *, many)``, which gives text. It shows
nothing above the hint level, and treats all that students wrote as hostile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # The command knows the words before anything loads numpy.
    from gradkit.records.result import Result

FORMATS: Mapping[str, str] = {"json": "gradkit.render.data", "html": "gradkit.render.html.page"}
"""Each word and the module that writes the format; imported when it is asked for."""

NEEDS: Mapping[str, tuple[str, ...]] = {"html": ("jinja2", "matplotlib", "pygments")}
"""Packages that a format cannot do without, and that an extra installs; see `lacking`."""


class Render(Protocol):
    """What writes a format."""

    def __call__(self, results: Sequence[Result], hints: int, *, many: bool) -> str:
        """The text, with its last newline; ``many``: several submissions were asked for."""
        ...


def lacking(word: str) -> str:
    """A sentence where what a format needs is not installed, else nothing."""
    missing = [name for name in NEEDS.get(word, ()) if find_spec(name) is None]
    if not missing:
        return ""
    return (
        f"--format {word} needs {' and '.join(missing)}, which this Python does not have: "
        "pip install 'gradkit[report]'"
    )


def renderer(word: str) -> Render:
    """The function that writes the format of that name in `FORMATS`."""
    render: Render = import_module(FORMATS[word]).render
    return render

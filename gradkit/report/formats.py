"""The output formats, one record each, by the word that asks for it.

A format is a module with ``render(results, hints, *, many)``, which gives text with its last
newline; ``many`` says that several submissions were asked for. It shows nothing above the hint
level, and treats all that students wrote as hostile. Where its record says `refuses`, it has
``refusal(sentences)`` too, for where nothing could be graded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    # The command knows the words before anything loads numpy.
    from gradkit.records.result import Result


class Format(Struct, frozen=True):
    """An output format: its module below `gradkit.report`.

    ``for_students``: it shows what the assignment lets students see; any other is for whoever
    runs the command, who sees everything where model solutions are at hand. ``several``
    submissions may be in one; a platform may ask about one at a time. ``dated``: it tells the
    platform when students may see a check, and so holds all of it. ``for_people``: it is written
    in the characters that standard output has; any other is UTF-8. ``needs`` are packages of an
    extra that it cannot do without.
    """

    module: str
    for_students: bool = True
    several: bool = True
    refuses: bool = True
    dated: bool = False
    for_people: bool = False
    needs: tuple[str, ...] = ()


FORMATS: Mapping[str, Format] = {
    "text": Format("text", for_students=False, refuses=False, for_people=True),
    "json": Format("data", for_students=False, refuses=False),
    "html": Format("html.page", needs=("jinja2", "pygments")),
    "markdown": Format("markdown", for_people=True),
    "junit": Format("junit"),
    "github": Format("github", for_people=True),
    "sarif": Format("sarif"),
    "github-classroom": Format("classroom", several=False),
    "gradescope": Format("gradescope", several=False, dated=True),
}
"""By the word that asks for it."""


def render(word: str, results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Write results in the format of that word."""
    return str(load(word).render(results, hints, many=many))


def refusal(word: str, sentences: Sequence[str]) -> str:
    """Write why nothing could be graded; nothing where the format has no way to say so."""
    if not FORMATS[word].refuses:
        return ""
    return str(load(word).refusal(sentences))


def load(word: str) -> ModuleType:
    """Import what writes a format, which no other needs."""
    return import_module(f"gradkit.report.{FORMATS[word].module}")


def lacking(word: str) -> str:
    """Return a sentence where what a format needs is not installed, else nothing."""
    missing = [name for name in FORMATS[word].needs if find_spec(name) is None]
    if not missing:
        return ""
    return (
        f"--format {word} needs {' and '.join(missing)}, which this Python does not have: "
        "pip install 'gradkit[report]'"
    )

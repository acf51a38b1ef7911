"""The output formats, one record each, by their names on the command line.

A format is a module with ``render(results, hints, *, many)``, which returns text that ends with a
newline; ``many`` says that the user asked for several submissions. It shows nothing above the hint
level, and escapes all text of students. If its record has `refuses`, the module also has
``refusal(sentences)``, which writes the reasons if nothing could be graded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    # The command line needs the names of formats without loading numpy.
    from gradkit.records.result import Result


class Format(Struct, frozen=True):
    """An output format: its module below `gradkit.report`.

    ``for_students``: it shows only what the assignment lets students see. Other formats are for
    the person who runs the command, who sees everything if there are model solutions.
    ``several``: it can contain several submissions. ``refuses``: it can report that nothing was
    graded. ``dated``: it tells the platform when students may see a check, so it contains hidden
    checks too. ``for_people``: it is written in the encoding of standard output; other formats
    are UTF-8. ``needs`` are required packages of an extra.
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
"""The formats by their names on the command line."""


def render(word: str, results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Write results in a format."""
    return str(load(word).render(results, hints, many=many))


def refusal(word: str, sentences: Sequence[str]) -> str:
    """Write ``sentences``, the reasons why nothing was graded, in the format ``word``.

    ``word`` is a key of `FORMATS`. The result is "" if the format cannot express them.
    """
    if not FORMATS[word].refuses:
        return ""
    return str(load(word).refusal(sentences))


def load(word: str) -> ModuleType:
    """Import the module that writes a format."""
    return import_module(f"gradkit.report.{FORMATS[word].module}")


def lacking(word: str) -> str:
    """Return a message if a package that a format needs is not installed, otherwise "".

    ``word`` is the format, a key of `FORMATS`.
    """
    missing = [name for name in FORMATS[word].needs if find_spec(name) is None]
    if not missing:
        return ""
    return (
        f"--format {word} needs {' and '.join(missing)}, which this Python does not have: "
        "pip install 'gradkit[report]'"
    )

"""The output formats for machines, by the word that asks for each.

A format is a module with ``render(results, hints, *, many)``, which gives text. It shows
nothing above the hint level, and treats all that students wrote as hostile. One that a
platform reads also has ``refusal(sentences)``, for where nothing could be graded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # The command knows the words before anything loads numpy.
    from gradkit.records.result import Result

FORMATS: Mapping[str, str] = {
    "json": "gradkit.report.data",
    "html": "gradkit.report.html.page",
    "markdown": "gradkit.report.markdown",
    "junit": "gradkit.report.junit",
    "github": "gradkit.report.github",
    "github-classroom": "gradkit.report.classroom",
    "gradescope": "gradkit.report.gradescope",
    "prairielearn": "gradkit.report.prairielearn",
}
"""Each word and the module that writes the format; imported when it is asked for."""

OWN = frozenset({"text", "json"})
"""Formats for whoever runs the command, who sees everything where model solutions are at hand.
All others are handed on to students, and show what the assignment allows."""

DATED = frozenset({"gradescope"})
"""Formats that tell the platform when students may see a check, and so hold it all."""

SINGLE = frozenset({"github-classroom", "gradescope", "prairielearn"})
"""Formats of platforms that ask about one submission at a time."""

SPOKEN = frozenset({"text", "markdown", "github"})
"""Formats that people read, in the characters that standard output has. Others are UTF-8."""

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


class Refuse(Protocol):
    """What tells a platform that nothing could be graded."""

    def __call__(self, sentences: Sequence[str]) -> str:
        """The text, with its last newline, for at least one sentence."""
        ...


def renderer(word: str) -> Render:
    """The function that writes the format of that name in `FORMATS`."""
    render: Render = import_module(FORMATS[word]).render
    return render


def refuser(word: str) -> Refuse | None:
    """The function that writes a refusal in that format; None where none is written."""
    refuse: Refuse | None = getattr(import_module(FORMATS[word]), "refusal", None)
    return refuse

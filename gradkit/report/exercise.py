"""Write what an assignment asks for, what an audit of it found, and pages of the catalogue.

A page is Markdown and reads well as it stands; on a terminal rich sets it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, get_args

from gradkit.records.mistake import Audit, Mistake, Preset
from gradkit.records.task import Assignment
from gradkit.report.document import document
from gradkit.text import columns

if TYPE_CHECKING:
    from rich.console import Console


def outline(assignment: Assignment) -> str:
    """Tasks with their roles, checks and points."""
    return document("outline.txt", assignment=assignment)


def shelf(found: Mapping[str, Assignment]) -> str:
    """List exercises by name, with their titles and points."""
    return document("shelf.txt", found=found)


def to_text(audit: Audit) -> str:
    """Per task: whether its model solution is right, and what changes of it no check sees.

    Of these so many are written as a screen has room for.
    """
    return document("audit.txt", audit=audit, most=MOST)


MOST = 10
"""Changes of model solutions that are written out."""


WHERE = {
    "forward": "In the forward pass",
    "update": "In the update",
    "model": "In the model",
    "train": "In the training loop",
    "function": "In an exercise of functions",
}
"""Headings of the list, by the role that a mistake is made in first."""


def page_text(mistake: Mistake) -> str:
    """Return the page of a mistake as Markdown: title, code, derivation and deductions."""
    costs = ", ".join(f"{share:.0%} ({preset})" for preset, share in mistake.deduction.items())
    return document("mistake.md", mistake=mistake, costs=costs)


def costs(mistakes: Iterable[Mistake], own: Mapping[str, float]) -> str:
    """List what each mistake costs, by preset, and by an assignment that has its own figures."""
    presets = list(get_args(Preset))
    heads = ["mistake", *presets, *(["this assignment"] if own else [])]
    rows = []
    for each in mistakes:
        told = [f"{each.deduction[p]:.0%}" if each.deduction else "share" for p in presets]
        if own:
            told.append(f"{own[each.code]:.0%}" if each.code in own else "")
        rows.append([each.code, *told])
    note = "Shares of a check's points; “share” is that of the entries that are wrong."
    return f"{columns([heads, *rows])}\n{note}\n"


def show_page(mistake: Mistake, console: Console) -> None:
    """Print the page of a mistake, set for a terminal."""
    from rich.markdown import Markdown

    page = Markdown(page_text(mistake), code_theme="ansi_dark")
    console.print(page, width=min(console.width, 90))


def listing(mistakes: Iterable[Mistake]) -> str:
    """Codes and titles in the order given, under the role that each is made in first."""
    return document("mistakes.txt", listed=_by_role(mistakes))


def pages_of(mistakes: Collection[Mistake]) -> dict[str, str]:
    """Name a page for each mistake and an index, and write their texts."""
    pages = {f"{mistake.code}.md": page_text(mistake) for mistake in mistakes}
    # Each title is a link to ``CODE.md``.
    return {**pages, "index.md": document("mistakes_index.txt", listed=_by_role(mistakes))}


def _by_role(mistakes: Iterable[Mistake]) -> dict[str, list[Mistake]]:
    found: dict[str, list[Mistake]] = {}
    for mistake in mistakes:
        found.setdefault(WHERE[mistake.about[0]], []).append(mistake)
    return found

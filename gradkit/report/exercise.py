"""Write the outline of an assignment, the report of an audit, and pages of the catalogue.

A page is Markdown; on a terminal it is formatted with rich.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, get_args

from gradkit.records.result import UNEXPLAINED
from gradkit.records.task import Assignment, Audit, Mistake, PriceList, TaskAudit
from gradkit.report.document import document
from gradkit.text import columns, format_text, toml_string

if TYPE_CHECKING:
    from rich.console import Console


def outline(assignment: Assignment) -> str:
    """Write the tasks of an assignment with their roles, checks and points."""
    return document("outline.txt", assignment=assignment)


def shelf(found: Mapping[str, Assignment]) -> str:
    """List exercises by name, with their titles and points."""
    return document("shelf.txt", found=found)


def to_text(audit: Audit) -> str:
    """Write, for each task, problems of its model solution and changes that no check detects.

    Below, these changes are written as entries of ``equivalent`` in the assignment file.
    """
    entries = {task.task: _equivalent_entries(task) for task in audit.tasks if task.unseen}
    headings = {task.task for task in audit.tasks if task.has_headings}
    return document("audit.txt", audit=audit, entries=entries, headings=headings)


def _equivalent_entries(task: TaskAudit) -> list[str]:
    """Write a line of TOML for each change that no check of a task detects.

    The lines are entries of the list ``equivalent`` in an assignment file, or blocks of lines with
    a heading if the file has headings. Equal changes of lines with the same text have one entry.
    """
    pairs = dict.fromkeys((mutant.source, mutant.change) for mutant in task.unseen)
    entries = (
        (f"line = {toml_string(line)}", f"change = {toml_string(change)}", 'why = "your reason"')
        for line, change in pairs
    )
    if task.has_headings:
        return ["\n".join(["[[tasks.equivalent]]", *entry]) for entry in entries]
    return [f"{{ {', '.join(entry)} }}" for entry in entries]


TOPICS = {
    "forward": "Forward pass",
    "update": "Update step",
    "training": "Model and training loop",
    "figures": "Signs, factors and learning rates",
    "functions": "General mistakes in code",
    "stops": "Code without a result, and mistakes without a name",
    "remarks": "Remarks for the instructor, which cost nothing",
}
"""Headings of the list, by the topic of an entry."""


def page_text(mistake: Mistake) -> str:
    """Return the page of a mistake as Markdown: title, codes, text, example and deduction."""
    return document("mistake.md", mistake=mistake, price=_deduction_sentence(mistake))


SHARES = {
    "not-updated": "the share of the parameters that are never updated",
    UNEXPLAINED: ("the share of wrong outputs of the check, and at least as much as most mistakes"),
}
"""Deductions that depend on what a check shows, by code. The texts follow “costs”."""


STOPS = ("crash", "missing-return")
"""Codes of mistakes that may cost more than their price."""

MORE = (
    "If gradkit finds no correction, it runs the code without the line that stops. Then the "
    "deduction is the share of wrong outputs, and at least this price."
)
"""Sentence on the deduction for a mistake in `STOPS`."""


def _deduction_sentence(mistake: Mistake) -> str:
    """Return a sentence on the share of a check's points that a mistake costs."""
    if not mistake.deduction:
        return f"Deduction: {SHARES[mistake.code]}."
    if not any(mistake.deduction.values()):
        return "Deduction: none."
    shares = ", ".join(f"{share:.0%} ({preset})" for preset, share in mistake.deduction.items())
    text = format_text(
        "Deduction: {shares} of the points of each check that fails because of this mistake.",
        shares=shares,
    )
    return f"{text} {MORE}" if mistake.code in STOPS else text


def costs(mistakes: Iterable[Mistake], own: Mapping[str, float]) -> str:
    """Write a table of the share of points that each mistake costs, with an explanation below.

    Each price list of gradkit has a column. ``own`` has the prices of an assignment by code; unless
    it is empty, they are the last column.
    """
    presets = list(get_args(PriceList))
    heads = ["mistake", *presets, *(["this assignment"] if own else [])]
    rows = []
    for each in mistakes:
        cells = [f"{each.deduction[p]:.0%}" if each.deduction else "share" for p in presets]
        if own:
            cells.append(f"{own[each.code]:.0%}" if each.code in own else "")
        rows.append([each.code, *cells])
    shares = " ".join(f"{code} costs {share}." for code, share in SHARES.items())
    note = (
        "A row shows the share of its points that a check loses if it fails because of this "
        f"mistake. “share” is not a fixed number, but depends on the check: {shares} "
        f"{' and '.join(STOPS)} can cost more. {MORE} A correction that uses a part of the model "
        "solution costs the share of wrong outputs of the check. Remarks for the instructor cost "
        "nothing. Under the preset “numbers” mistakes cost nothing: each check earns the share of "
        "its right outputs."
    )
    return f"{columns([heads, *rows])}\n{note}\n"


def show_page(mistake: Mistake, console: Console) -> None:
    """Print the page of a mistake on a terminal."""
    from rich.markdown import Markdown

    page = Markdown(page_text(mistake), code_theme="ansi_dark")
    console.print(page, width=min(console.width, 90))


def listing(mistakes: Iterable[Mistake]) -> str:
    """List codes and titles in the given order, under the headings of their topics."""
    return document("mistakes.txt", listed=_by_topic(mistakes))


def pages_of(mistakes: Collection[Mistake]) -> dict[str, str]:
    """Return the texts of a page for each mistake and of an index, by file name."""
    pages = {f"{mistake.code}.md": page_text(mistake) for mistake in mistakes}
    # Each title is a link to ``CODE.md``.
    return {**pages, "index.md": document("mistakes_index.txt", listed=_by_topic(mistakes))}


def _by_topic(mistakes: Iterable[Mistake]) -> dict[str, list[Mistake]]:
    """Group mistakes by the headings of their topics."""
    found: dict[str, list[Mistake]] = {}
    for mistake in mistakes:
        found.setdefault(TOPICS[mistake.topic], []).append(mistake)
    return found

"""Pages of the catalogue for people: one mistake, or the list of all.

A page is Markdown and reads well as it stands; on a terminal rich sets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gradkit.records.mistake import Mistake

if TYPE_CHECKING:
    from rich.console import Console

WHERE = {
    "forward": "In the forward pass",
    "update": "In the update",
    "model": "In the model",
    "train": "In the training loop",
}
"""Headings of the list, by the role that a mistake is made in first."""


def page_text(mistake: Mistake) -> str:
    """Title, code and page, as Markdown."""
    return f"# {mistake.title}\n\n`{mistake.code}`\n\n{mistake.page}"


def show_page(mistake: Mistake, console: Console) -> None:
    """Print the page of a mistake, set for a terminal."""
    from rich.markdown import Markdown

    console.print(
        Markdown(page_text(mistake), code_theme="ansi_dark"), width=min(console.width, 90)
    )


def listing(mistakes: Iterable[Mistake]) -> str:
    """Codes and titles in the order given, under the role that each is made in first."""
    lines: dict[str, list[str]] = {}
    known = list(mistakes)
    width = max(len(mistake.code) for mistake in known)
    for mistake in known:
        heading = WHERE[mistake.about[0]]
        lines.setdefault(heading, []).append(f"  {mistake.code:<{width}}  {mistake.title}")
    parts = ["\n".join([heading, *rows]) for heading, rows in lines.items()]
    return "\n\n".join(parts) + "\n\n`gradkit explain CODE` shows the page of one.\n"


def pages_of(mistakes: Iterable[Mistake]) -> dict[str, str]:
    """Name a page for each mistake and an index, and write their texts."""
    known = list(mistakes)
    pages = {f"{mistake.code}.md": page_text(mistake) for mistake in known}
    return {**pages, "index.md": index_text(known)}


def index_text(mistakes: Iterable[Mistake]) -> str:
    """List the mistakes as Markdown, each title a link to ``CODE.md``."""
    parts: dict[str, list[str]] = {}
    for mistake in mistakes:
        rows = parts.setdefault(WHERE[mistake.about[0]], ["| code | mistake |", "|---|---|"])
        rows.append(f"| `{mistake.code}` | [{mistake.title}]({mistake.code}.md) |")
    tables = [f"## {heading}\n\n" + "\n".join(rows) for heading, rows in parts.items()]
    return "\n\n".join(["# Mistakes that gradkit names", *tables]) + "\n"

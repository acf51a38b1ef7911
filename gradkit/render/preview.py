"""What is known of a class before it is graded, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from gradkit.records.course import PLATFORMS, Preview
from gradkit.text import clean_text


def show_preview(preview: Preview, console: Console) -> None:
    """Print counts and platforms, then each list that is not empty under what it means."""
    console.print(Text(_counts(preview), style="bold"))
    several = [f"{name}: {count} attempts" for name, count in preview.several]
    open_ = [f"{name}: {' or '.join(students)}" for name, students in preview.open]
    same = [" = ".join(names) for names in preview.duplicates]
    for title, lines in (
        ("in the roster, and nothing handed in", preview.absent),
        ("handed in, and not in the roster", preview.unmatched),
        ("could be several of the roster", open_),
        ("several attempts", several),
        ("late", preview.late),
        ("the same contents under different names", same),
        ("empty", preview.empty),
        ("cannot be read", map(": ".join, preview.refused)),
        ("another exercise, by its names", (told for _, told in preview.other)),
    ):
        _list(title, lines, console)


def _counts(preview: Preview) -> str:
    sources = ", ".join(
        f"{preview.sources[source]} by {platform}"
        for source, platform in PLATFORMS.items()
        if preview.sources.get(source)
    )
    plural = "s" * (preview.total != 1)
    return f"{preview.total} submission{plural}" + (f": {sources}" if sources else "")


def _list(title: str, lines: Iterable[str], console: Console) -> None:
    lines = list(lines)
    if not lines:
        return
    console.print(Text(f"{title} ({len(lines)})", style="bold"))
    for line in lines:
        console.print(Text(f"  {' '.join(clean_text(line).split())}"))

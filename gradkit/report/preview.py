"""What is known of a class before it is graded, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from gradkit.language import say, say_each
from gradkit.records.course import PLATFORMS, Preview
from gradkit.report.words import word
from gradkit.text import clean_text


def show_preview(preview: Preview, console: Console) -> None:
    """Print counts and platforms, then each list that is not empty under what it means."""
    console.print(Text(_counts(preview), style="bold"))
    several = [
        say("{name}: {count} attempts", name=name, count=count) for name, count in preview.several
    ]
    open_ = [f"{name}: {say(' or ').join(students)}" for name, students in preview.open]
    same = [" = ".join(names) for names in preview.duplicates]
    for title, lines in (
        (say("in the roster, and nothing handed in"), preview.absent),
        (say("handed in, and not in the roster"), preview.unmatched),
        (say("could be several of the roster"), open_),
        (say("several attempts"), several),
        (say("late"), preview.late),
        (say("the same contents under different names"), same),
        (say("empty"), preview.empty),
        (say("cannot be read"), map(": ".join, preview.refused)),
        (say("another exercise, by its names"), (told for _, told in preview.other)),
    ):
        _list(title, lines, console)


def _counts(preview: Preview) -> str:
    sources = ", ".join(
        say("{count} by {platform}", count=preview.sources[source], platform=word(platform))
        for source, platform in PLATFORMS.items()
        if preview.sources.get(source)
    )
    total = say_each("{count} submission", "{count} submissions", preview.total)
    return f"{total}: {sources}" if sources else total


def _list(title: str, lines: Iterable[str], console: Console) -> None:
    lines = list(lines)
    if not lines:
        return
    console.print(Text(f"{title} ({len(lines)})", style="bold"))
    for line in lines:
        console.print(Text(f"  {' '.join(clean_text(line).split())}"))

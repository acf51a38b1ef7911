"""Print tables of a class on a terminal or in a log."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import rich.table
from msgspec import Struct
from rich.console import Console
from rich.text import Text

from gradkit.records.classroom import HandedIn, Row
from gradkit.records.course import PLATFORMS, Preview
from gradkit.records.reports import Difference, Given, Left, Mark, Stood
from gradkit.report.document import document
from gradkit.report.words import points, score_text
from gradkit.text import clean_text, format_count, format_text


class Table(Struct, frozen=True):
    """Column heads and rows of cells; the columns in ``right`` are flush right.

    Cells in the columns ``whole`` are never wrapped, so that they can be copied.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]
    right: Sequence[int] = ()
    whole: Sequence[int] = ()


def show_table(table: Table, console: Console) -> None:
    """Print a table without lines, its cells as plain text; nothing if it has no rows."""
    made = rich.table.Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for number, head in enumerate(table.heads):
        made.add_column(head, justify="right" if number in table.right else "left")
        made.columns[-1].no_wrap = number in table.whole
        made.columns[-1].overflow = "fold"
    for row in table.rows:
        made.add_row(*(Text(clean_text(str(cell))) for cell in row))
    if table.rows:
        console.print(made)


def show_review(looks: Sequence[Row], console: Console, folder: Path) -> None:
    """Print the students whose results a person must look at, with reason, person and command.

    Parameters
    ----------
    looks : sequence of Row
        The rows of these students.
    console : Console
        Where the table is printed.
    folder : Path
        Folder of the class, for the command that shows a student.
    """
    if not looks:
        console.print(Text("No result needs a review."))
        return
    count = Counter(look.assistant for look in looks)
    split = ", ".join(f"{name} {count[name]}" for name in sorted(count) if name)
    head = format_count("{count} student to review", "{count} students to review", len(looks)) + (
        f": {split}" if split else ""
    )
    console.print(Text(clean_text(head), style="bold"))
    who = ("who",) if split else ()
    rows = [
        (
            look.name,
            reasons_text(look),
            *((look.assistant,) if split else ()),
            command(look, folder),
        )
        for look in looks
    ]
    heads = ("student", "why", *who, "see")
    show_table(Table(heads, rows, whole=(len(heads) - 1,)), console)


def command(look: Row, folder: Path) -> str:
    """Return the command that shows the student's result."""
    # After `--`, a name that begins with a dash is not read as an option.
    words = ["--"] if look.name.startswith("-") or str(folder).startswith("-") else []
    return shlex.join(["gradkit", "show", *words, str(folder), look.name])


def reasons_text(row: Row) -> str:
    """Return the reasons why a person must look at a student's result.

    For a submission without a result, the reason is the message.
    """
    return "; ".join(
        brief(row.told) if reason.kind == row.standing and row.told else reason.words
        for reason in row.review
    )


def brief(message: str) -> str:
    """Return the first sentence of a message, for a cell, without quoted code."""
    first = message.split("\n", maxsplit=1)[0]
    return re.split(r"(?<=[.;?!]) ", first, maxsplit=1)[0].removesuffix(";")


def show_differences(changed: Sequence[Difference], console: Console) -> None:
    """Print a line for each student who differs between two runs: both scores, and other changes.

    Without such a student, a sentence says so.
    """
    if not changed:
        console.print(Text("Nothing has changed between these two runs."))
        return
    rows = [
        (each.name, score(each.before), score(each.after), "\n".join(_changes(each)))
        for each in changed
    ]
    heads = ("student", "before", "after", "what else")
    show_table(Table(heads, rows, right=(1, 2)), console)


def score(stood: Stood | None) -> str:
    """Write the score that counts for a student in a run, as ``15 / 20``.

    Without a score it is the student's standing, such as ``refused``, and ``–`` for None, a student
    without a submission.
    """
    if stood is None:
        return "–"
    if stood.mark.score is None:
        return stood.standing
    return score_text(stood.mark.score, stood.mark.max_score)


def attempt_text(of: Mark | HandedIn) -> str:
    """Write the number of an attempt, as ``2 of 3``."""
    return format_text("{number} of {attempts}", number=of.number, attempts=of.attempts)


def _changes(each: Difference) -> Iterator[str]:
    """Yield the changes of a student between two runs, except the score.

    They are another attempt that counts, new and gone mistakes, and points that a person set or
    took back. A student who is in one run only is ``new`` or ``gone``.
    """
    before, after = each.before, each.after
    if before is None or after is None:
        yield "new" if before is None else "gone"
    elif (was := attempt_text(before.mark)) != (now := attempt_text(after.mark)):
        yield format_text("attempt {was} → {now}", was=was, now=now)
    yield from (format_text("gone: {code}", code=code) for code in each.gone)
    yield from (format_text("new: {code}", code=code) for code in each.come)
    old, new = (stood.words if stood else {} for stood in (before, after))
    for name in {**old, **new}:
        if name not in new:
            yield format_text("{name}: no longer set by a person", name=name)
        elif old.get(name) != new[name]:
            yield format_text("{name}: set to {new}", name=name, new=points(new[name]))


def first_names(names: Sequence[str], most: int) -> tuple[str, str]:
    """Return the first `most` names as a text, and a text that counts the others."""
    left = len(names) - most
    more = format_text(" and {count} more", count=left) if left > 0 else ""
    return ", ".join(clean_text(name) for name in names[:most]), more


def show_left(left: Sequence[Left], console: Console) -> None:
    """Print the students who do not get some feedback, with the reasons; nothing if none."""
    rows = [(each.student, each.what, each.why) for each in left]
    show_table(Table(("left out", "of", "why"), rows), console)


def given_lines(given: Given, *, write: bool) -> list[str]:
    """Return lines that count the feedback, with remarks to read before it is uploaded."""
    text = document("given.txt", given=given, write=write, first_names=first_names)
    return [line for line in text.split("\n") if line]


UNTIMED = (
    "Submissions from {platforms} have no submission times. For `due`, [extensions] and "
    "--attempt before=…, give a --roster with a column of times, “submitted at”."
)
"""Sentence of a preview if times are not known."""


def show_preview(preview: Preview, console: Console) -> None:
    """Print the counts by platform, then each list of a preview that is not empty, with a title.

    A preview says how the submissions of a class would be assigned to its students.
    """
    console.print(Text(_counts(preview), style="bold"))
    several = [
        format_text("{name}: {count} attempts", name=name, count=count)
        for name, count in preview.several
    ]
    open_ = [f"{name}: {' or '.join(students)}" for name, students in preview.open]
    same = [" = ".join(names) for names in preview.duplicates]
    for title, lines in (
        ("in the roster, but nothing submitted", preview.absent),
        ("submitted, but not in the roster", preview.unmatched),
        ("could be several students of the roster", open_),
        ("several attempts", several),
        ("late", preview.late),
        ("the same contents under different names", same),
        ("empty", preview.empty),
        ("cannot be read", [": ".join(each) for each in preview.refused]),
        ("partly not valid Python", [": ".join(each) for each in preview.broken]),
        (
            "looks like another exercise",
            [message for _, message in preview.other],
        ),
        ("in the policy, but not in the class", preview.strangers),
    ):
        if lines:
            console.print(Text(f"{title} ({len(lines)})", style="bold"))
        for line in lines:
            console.print(Text(f"  {' '.join(clean_text(line).split())}"))
    if preview.tasks:
        text = format_text(
            ("These tasks count, even if nothing was submitted: {tasks}."),
            tasks=", ".join(preview.tasks),
        )
    else:
        text = (
            "Only submitted tasks count. To let a task count even if it was not submitted, name it "
            "with --task."
        )
    console.print(Text(text))
    if preview.left_out:
        console.print(Text("Left out: Canvas' Test Student."))
    if preview.untimed:
        platforms = " and ".join(PLATFORMS[source] for source in preview.untimed)
        console.print(Text(format_text(UNTIMED, platforms=platforms)))
    if preview.provisional:
        text = (
            "Marks will be provisional. To make them final, name the folder of the model solutions "
            "with --reference."
        )
        console.print(Text(text))


def _counts(preview: Preview) -> str:
    """Return a line with the number of found submissions, by the platform that they come from."""
    sources = ", ".join(
        format_text("{count} from {platform}", count=preview.sources[source], platform=platform)
        for source, platform in PLATFORMS.items()
        if preview.sources.get(source)
    )
    total = format_count("{count} submission", "{count} submissions", preview.total)
    return f"{total}: {sources}" if sources else total

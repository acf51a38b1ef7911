"""A disputed finding as one Python file, and the list of what can be disputed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradkit.text import clean_text

Data = Mapping[str, Any]


def to_text(script: str, printed: str, conclusion: str) -> str:
    """The script, with what it printed when it was run as comments at its end."""
    lines = clean_text(printed).rstrip("\n").split("\n")
    told = ["Run again in a process of its own, this printed", *(f"  {line}" for line in lines)]
    comments = [f"# {line}".rstrip() for line in (*told, clean_text(conclusion))]
    # The student's own text stays as it is, or it would not be the student's.
    return "\n".join([script, *comments, ""])


def listing(findings: Sequence[tuple[Data, Data, Data]]) -> str:
    """A line for each finding: its id, whose it is, and what it says."""
    if not findings:
        return "There are no findings.\n"
    rows = [
        (finding["id"], result["submission"], task["task"], finding["title"] or finding["mistake"])
        for result, task, finding in findings
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "".join(
        "  ".join([*(f"{row[c]:<{widths[c]}}" for c in range(3)), row[3]]) + "\n" for row in rows
    )

"""What a step of GitHub Actions leaves besides its log: the job summary, and a result.

GitHub names the files to append to in the environment of the step.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradkit.records.result import Result

SUMMARY_BYTES = 1 << 20
"""Of one step's summary; of a larger one GitHub shows nothing at all."""


def leave(
    results: Sequence[Result],
    refused: Sequence[str],
    hints: int,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Append the Markdown summary, and for one submission the result for GitHub Classroom.

    Parameters
    ----------
    results : sequence of Result
    refused : sequence of str
        Why each of the others could not be graded.
    hints : int
    environment : mapping of str to str
        ``GITHUB_STEP_SUMMARY`` and ``GITHUB_OUTPUT`` name the files. Without them, as on
        one's own machine, nothing is written.

    Raises
    ------
    OSError
        A file that is named cannot be written.
    """
    from gradkit.report import classroom, markdown

    if path := environment.get("GITHUB_STEP_SUMMARY"):
        file = Path(path)
        room = SUMMARY_BYTES - (file.stat().st_size if file.exists() else 0)
        why = markdown.refusal(refused)
        if len(why.encode()) > room // 2:
            why = f"{len(refused)} could not be graded: the log says why.\n"
        _append(file, markdown.summary(results, hints, room - len(why.encode())) + why)
    if (path := environment.get("GITHUB_OUTPUT")) and len(results) + len(refused) == 1:
        line = (
            classroom.render(results, hints, many=False) if results else classroom.refusal(refused)
        )
        _append(Path(path), line)


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(text)

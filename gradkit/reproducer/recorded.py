"""Read what a result file recorded, list its findings, and find the submission again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradkit.diagnosis.catalogue import current_code
from gradkit.errors import GradkitError, did_you_mean
from gradkit.records.submission import RawSubmission, Submission
from gradkit.submission.files import SubmissionError
from gradkit.submission.read import collect, parse
from gradkit.text import clean_text, columns
from gradkit.writing import read_text_file, refusing

SCHEMA = "gradkit/result/v1"
WANTED = "Name a file that `gradkit check --format json --out FILE` wrote."

Data = Mapping[str, Any]
Recorded = tuple[Data, Data, Data]
"""A result, one of its tasks, and a finding of that."""


class ReproducerError(GradkitError):
    """There is nothing to show; the text says why, and what to do."""


def results_of(file: Path) -> list[Data]:
    """The results in a file, one or several.

    Raises
    ------
    ReproducerError
        It cannot be read, or holds something else.
    """
    try:
        with refusing(ReproducerError, file, "cannot be read", WANTED):
            data = json.loads(read_text_file(file))
    except (ValueError, RecursionError) as error:
        raise ReproducerError(f"{file}: is not JSON: {error}. {WANTED}") from None
    results = data if isinstance(data, list) else [data]
    for result in results:
        schema = result.get("schema") if isinstance(result, dict) else None
        if schema != SCHEMA:
            raise ReproducerError(f"{file}: found schema {schema!r}, expected {SCHEMA!r}. {WANTED}")
    return results


def findings_of(file: Path, submission: str | None = None) -> list[Recorded]:
    """List the findings in a result file, or those of one submission in it.

    Each comes with its result and its task.

    Raises
    ------
    ReproducerError
        See `results_of`; or nothing in it is called so.

    Examples
    --------
    >>> from pathlib import Path
    >>> [finding["mistake"] for _, _, finding in findings_of(Path("result.json"))]
    ['swapped-index']
    """
    results = results_of(file)
    names = [result["submission"] for result in results]
    if submission is not None and submission not in names:
        near = did_you_mean(submission, names)
        raise ReproducerError(
            f"{file}: there is no {submission} in it. It has {', '.join(names)}.{near}"
        )
    return findings_in(r for r in results if submission in (None, r["submission"]))


def findings_in(results: Iterable[Data]) -> list[Recorded]:
    """Every finding of some results, each with its result and its task."""
    return [
        (result, task, finding)
        for result in results
        for task in result["tasks"]
        for finding in task["findings"]
    ]


def find(
    known: Sequence[Recorded], where: str, name: str, submission: str | None = None
) -> Recorded:
    """Return the finding of an id, or of a mistake's code, with its result and its task.

    Parameters
    ----------
    known : sequence of Recorded
        All findings of ``where``.
    where : str
        The file or class that the findings are from, for the message.
    name : str
        The id of the finding, or the current or a former code of its mistake.
    submission : str, optional
        The submission that has the finding.

    Raises
    ------
    ReproducerError
        There is no such finding, or there are several.
    """
    code = current_code(name)
    found = [
        each
        for each in known
        if name == each[2]["id"] or code == current_code(each[2].get("mistake", ""))
        if submission in (None, each[0]["submission"])
    ]
    if len(found) == 1:
        return found[0]
    names = list(dict.fromkeys(result["submission"] for result, _, _ in found))
    if len(names) > 1:
        raise ReproducerError(
            f"{name} is in {len(names)} results; say whose it is, one of {', '.join(names)}."
        )
    if found:
        ids = ", ".join(finding["id"] for _, _, finding in found)
        raise ReproducerError(
            f"{where}: {len(found)} findings are {name}. Name one of them: {ids}."
        )
    ids = ", ".join(dict.fromkeys(finding["id"] for _, _, finding in known)) or "none"
    of = f" of {submission}" if submission is not None else ""
    raise ReproducerError(f"{where}: there is no finding {name}{of}. Found: {ids}.")


def read_again(result: Data, file: Path) -> Submission:
    """The submission, which must be what it was. See `unchanged`."""
    recorded = Path(result["path"])
    # As recorded, then beside the result.
    places = [each for each in (recorded, file.parent / recorded) if each.exists()][:1]
    found = map(collect, places)
    was, place = result["digests"]["submission"], next(iter(places), recorded)
    return unchanged(found, was, place, "check it again where it is now", "check this one anew")


def unchanged(
    found: Iterable[RawSubmission], was: str, place: object, gone: str, changed: str
) -> Submission:
    """Read the first submission that has the digest which there ``was``.

    ``gone`` and ``changed`` are what can be done where there is none, besides putting it back.

    Raises
    ------
    ReproducerError
        It is gone, has changed, or cannot be read.
    """
    digests = []
    try:
        for raw in found:
            if raw.digest == was:
                return parse(raw)
            digests.append(raw.digest[:12])
    except SubmissionError as error:
        raise ReproducerError(str(error)) from None
    if digests:
        raise ReproducerError(
            f"{place}: the submission has changed since: its digest was {was[:12]}, and is "
            f"{digests[0]}. Put the former one back, or {changed}."
        )
    raise ReproducerError(
        f"{place}: the submission is gone, so its code cannot be shown or run. Put it back, or "
        f"{gone}."
    )


def script_text(script: str, printed: str, conclusion: str) -> str:
    """The script, with what it printed when it was run as comments at its end."""
    lines = clean_text(printed).rstrip("\n").split("\n")
    told = ["Run again in a process of its own, this printed", *(f"  {line}" for line in lines)]
    comments = [f"# {line}".rstrip() for line in (*told, clean_text(conclusion))]
    # The student's own text stays as it is, or it would not be the student's.
    return "\n".join([script, *comments, ""])


def listing(findings: Sequence[Recorded]) -> str:
    """A line for each finding: its id, whose it is, and what it says."""
    if not findings:
        return "There are no findings.\n"
    return columns(
        [
            (
                finding["id"],
                result["submission"],
                task["task"],
                finding["title"] or finding["mistake"],
            )
            for result, task, finding in findings
        ]
    )

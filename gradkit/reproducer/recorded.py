"""Read result files, list their findings, and read the submission of a result again."""

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
    """A finding cannot be shown; the text says why, and what to do."""


def results_of(file: Path) -> list[Data]:
    """Read the results in a result file.

    Raises
    ------
    ReproducerError
        The file cannot be read, or is not a result file.
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
    """List the findings in a result file, or of one submission in it.

    Each finding has its result and its task before it.

    Raises
    ------
    ReproducerError
        The file cannot be read, see `results_of`, or has no submission of this name.

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
    """List the findings of some results, as tuples of result, task and finding.

    All are plain data, as in a result file: ``results`` are its results.
    """
    return [
        (result, task, finding)
        for result in results
        for task in result["tasks"]
        for finding in task["findings"]
    ]


def find(
    known: Sequence[Recorded], where: str, name: str, submission: str | None = None
) -> Recorded:
    """Return a finding by its id or its mistake's code, as a tuple of result, task and finding.

    Parameters
    ----------
    known : sequence of Recorded
        Findings to search.
    where : str
        File or class that has the findings, for messages.
    name : str
        Id of the finding, or the present or a former code of its mistake.
    submission : str, optional
        Name of the submission with the finding.

    Raises
    ------
    ReproducerError
        There is no such finding, or there are several.
    """
    code = current_code(name)
    found = [
        (result, task, finding)
        for result, task, finding in known
        if name == finding["id"] or code == current_code(finding.get("mistake", ""))
        if submission in (None, result["submission"])
    ]
    if len(found) == 1:
        return found[0]
    names = list(dict.fromkeys(result["submission"] for result, _, _ in found))
    if len(names) > 1:
        raise ReproducerError(f"{name} is in {len(names)} results; name one of {', '.join(names)}.")
    if found:
        ids = ", ".join(finding["id"] for _, _, finding in found)
        raise ReproducerError(
            f"{where}: {len(found)} findings are {name}. Name one of them: {ids}."
        )
    ids = ", ".join(dict.fromkeys(finding["id"] for _, _, finding in known)) or "none"
    of = f" of {submission}" if submission is not None else ""
    raise ReproducerError(f"{where}: there is no finding {name}{of}. Found: {ids}.")


def read_again(result: Data, file: Path) -> Submission:
    """Read the submission of a result again, and check that it is unchanged.

    ``result`` is plain data from the result file ``file``. The recorded path of the submission may
    be relative to the working directory or to the folder of ``file``. Raises ReproducerError: the
    submission is gone, has changed, or cannot be read (`unchanged`).
    """
    recorded = Path(result["path"])
    # The recorded path may be relative to the working directory, or to the result file.
    paths = [path for path in (recorded, file.parent / recorded) if path.exists()][:1]
    found = map(collect, paths)
    digest, place = result["digests"]["submission"], next(iter(paths), recorded)
    return unchanged(found, digest, place, "check it at its new place", "check it again")


def unchanged(
    found: Iterable[RawSubmission], digest: str, place: object, gone: str, changed: str
) -> Submission:
    """Return the first of some submissions that has the recorded digest, parsed.

    Parameters
    ----------
    found : iterable of RawSubmission
    digest : str
        Recorded digest of the submission.
    place : object
        Path of the submission, for messages.
    gone, changed : str
        Advice for a submission that is gone or has changed, for messages.

    Raises
    ------
    ReproducerError
        The submission is gone, has changed, or cannot be read.
    """
    digests = []
    try:
        for raw in found:
            if raw.digest == digest:
                return parse(raw)
            digests.append(raw.digest[:12])
    except SubmissionError as error:
        raise ReproducerError(str(error)) from None
    if digests:
        raise ReproducerError(
            f"{place}: the submission has changed since: its digest was {digest[:12]}, and is "
            f"{digests[0]}. Put the former one back, or {changed}."
        )
    raise ReproducerError(
        f"{place}: the submission is gone, so its code cannot be shown or run. Put it back, or "
        f"{gone}."
    )


def script_text(script: str, printed: str, conclusion: str) -> str:
    """Return a script followed by its output and a conclusion, both as comments.

    ``printed`` is the output of the ``script`` when it was run again, and ``conclusion`` a sentence
    on whether it reproduces the finding.
    """
    lines = clean_text(printed).rstrip("\n").split("\n")
    output = ["When run again, the code printed", *(f"  {line}" for line in lines)]
    comments = [f"# {line}".rstrip() for line in (*output, clean_text(conclusion))]
    # The script is not cleaned, since it has the student's code, which must be unchanged.
    return "\n".join([script, *comments, ""])


def listing(findings: Sequence[Recorded]) -> str:
    """Return a table of findings: id, submission, task, and the title or code of the mistake.

    ``findings`` are tuples of result, task and finding. Without any, the text says so.
    """
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

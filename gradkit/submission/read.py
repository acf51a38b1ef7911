"""Read a path into a `Submission`, the first stage of the line. Nothing is run."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from os import PathLike
from os.path import splitext
from pathlib import Path, PurePosixPath

from gradkit.language import phrase, say
from gradkit.records.submission import Cell, File, Place, Problem, RawSubmission, Submission
from gradkit.submission.files import (
    SubmissionError,
    UnreadableError,
    complaint,
    distinct,
    is_archive,
    is_code,
    read_archive,
    read_archives,
    read_file,
    read_folder,
    refuse_many,
    shown,
)
from gradkit.submission.notebook import read_notebook
from gradkit.submission.script import read_script
from gradkit.submission.source import Amount, MuchCodeError, refuse_if
from gradkit.text import clean_text

__all__ = ["SubmissionError", "collect", "parse", "read"]

_EXPECTED = phrase("Expected is a script (.py), a notebook (.ipynb), or a folder or .zip of them.")
_NOT_HANDED_IN = re.compile(r"setup|conftest|test_.*|.*_test")


def read(path: str | PathLike[str]) -> Submission:
    """Read a script, a notebook, a folder or a zip archive. See `collect` and `parse`."""
    return parse(collect(path))


def collect(path: str | PathLike[str]) -> RawSubmission:
    """Read the bytes of a script, a notebook, a folder or a zip archive.

    Parameters
    ----------
    path : path-like
        A link given here is followed; links inside a folder or archive are not.

    Returns
    -------
    RawSubmission
        Data files, hidden files and Jupyter's checkpoints are left aside.

    Raises
    ------
    SubmissionError
        Nothing can be read at all. The message says why, and what to do.
    """
    path = Path(path)
    if not os.path.exists(path):  # which takes what cannot be looked at for missing
        raise UnreadableError(
            say("There is no file or folder {path}.", path=clean_text(str(path), 300))
        )
    if path.is_dir():
        return packed(path.resolve().name, str(path), *_folder(path))
    if path.suffix.lower() == ".zip":
        return packed(path.name, str(path), *read_archive(path))
    if is_code(path.name):
        return alone(str(path), read_file(path, path.name, follow=True))
    raise SubmissionError(not_gradable(path.name))


def _folder(path: Path) -> tuple[list[File], list[Problem]]:
    """Read the code files of a folder; where there are none, those of the archives in it."""
    files, problems, archives = read_folder(path)
    if files:
        return files, problems
    return read_archives(
        path.name, list(archives), lambda name: read_archive(archives[name]), problems
    )


def not_gradable(name: str) -> str:
    """Say that a file is of another kind."""
    return complaint("kind", name, expected=say(_EXPECTED))


def alone(path: str, file: File) -> RawSubmission:
    """Make the raw submission of one script or notebook."""
    digest = hashlib.sha256(file.data).hexdigest()
    return RawSubmission(stem_of(file.name), path, (file,), (), digest)


def packed(name: str, path: str, files: list[File], problems: list[Problem]) -> RawSubmission:
    """Make the raw submission of a folder or archive that is called ``name``.

    Raises
    ------
    SubmissionError
        There is no code in it, or more than is read.
    """
    taken = _handed_in(sorted(_unwrapped(files), key=lambda file: file.name))
    if not taken:
        said = " ".join(problem.message for problem in problems[:3])
        passing = any(problem.passing for problem in problems)
        kind = UnreadableError if passing else SubmissionError
        raise kind(complaint("empty", name, said=said or say(_EXPECTED)))
    scripts = [file for file in taken if not file.name.lower().endswith(".ipynb")]
    # Seen by the sizes alone, before all of it is sent to whoever parses it.
    refuse_if(name, sum(len(file.data) for file in scripts), 0, SubmissionError)
    return RawSubmission(stem_of(name), path, tuple(taken), tuple(problems), _digest(taken))


def joined(
    name: str, parts: Iterable[RawSubmission], problems: Iterable[Problem] = ()
) -> RawSubmission:
    """Join several that were handed in as one, under the limits of a single one.

    Parameters
    ----------
    name : str
    parts : iterable of RawSubmission
        Where a file comes twice, the later one gets a number behind its name.
    problems : iterable of Problem
        Of what could not be read, besides those of the parts.

    Raises
    ------
    SubmissionError
        There is no code in it, or more than is read.
    """
    files: dict[str, File] = {}
    said: list[Problem] = []
    for raw in parts:
        said += raw.problems
        for file in raw.files:
            stem, suffix = splitext(file.name)
            label = distinct(stem, files, suffix)
            files[label] = File(label, file.data)
    said += problems
    refuse_many(name, len(files), sum(len(file.data) for file in files.values()))
    return packed(name, "", list(files.values()), said)


def stem_of(name: str) -> str:
    """Return what a submission in a file or folder of this name is called."""
    return shown(PurePosixPath(name).stem if is_code(name) or is_archive(name) else name)


def parse(raw: RawSubmission) -> Submission:
    """Read the cells of a raw submission's files.

    Returns
    -------
    Submission
        Its cells follow the files in the order of their paths. What could not be used is
        listed in ``problems``.

    Raises
    ------
    SubmissionError
        Nothing can be read at all. The message says why, and what to do.
    """
    cells: list[Cell] = []
    modules: dict[str, str] = {}
    labels: set[str] = set()
    problems = list(raw.problems)
    amount = Amount(raw.name)
    for file in raw.files:
        label = distinct(shown(file.name), labels)
        labels.add(label)
        try:
            if file.name.lower().endswith(".ipynb"):
                found, said, written = read_notebook(file, label, amount)
                modules.update(written)
            else:
                found, said, source = read_script(file, label, amount)
                for name in _module_names(file.name):
                    modules.setdefault(name, source)
        except MuchCodeError:
            raise
        except SubmissionError as error:
            if len(raw.files) == 1:
                raise
            problems.append(Problem(str(error), Place(label, None, 1)))
            continue
        cells += found
        problems += said
    if not cells and problems:
        raise SubmissionError(" ".join(problem.message for problem in problems[:3]))
    return Submission(raw.name, raw.path, raw.digest, tuple(cells), modules, tuple(problems))


def _digest(files: Iterable[File]) -> str:
    total = hashlib.sha256()
    for file in files:
        name = file.name.encode("utf-8", "surrogateescape")
        total.update(b"%d %d " % (len(name), len(file.data)) + name)
        total.update(file.data)
    return total.hexdigest()


def _unwrapped(files: list[File]) -> list[File]:
    """Take off the folder that everything lies in, as archives usually have one."""
    while files:
        folder, slash, _ = files[0].name.partition("/")
        if not slash or not all(file.name.startswith(folder + slash) for file in files):
            break
        files = [File(file.name[len(folder) + 1 :], file.data) for file in files]
    return files


def _handed_in(files: list[File]) -> list[File]:
    """Leave out tests and packaging, unless there is nothing else."""
    own = [f for f in files if not _NOT_HANDED_IN.fullmatch(PurePosixPath(f.name).stem)]
    return own or files


def _module_names(name: str) -> list[str]:
    """Return what a file can be imported as: dotted from the top, or from its own folder."""
    parts = list(PurePosixPath(name).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    if not parts or not all(part.isidentifier() for part in parts):
        return [parts[-1]] if parts and parts[-1].isidentifier() else []
    return list(dict.fromkeys([".".join(parts), parts[-1]]))

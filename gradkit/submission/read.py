"""Read scripts, notebooks, folders and archives into a `Submission`, without running anything.

For a class, each file, sub-folder and archive member of the given paths is one submission. The
submissions are listed first and then read one by one. The list also contains files that cannot be
graded; reading them raises an error that says why.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import warnings
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import islice, pairwise
from os import PathLike
from os.path import splitext
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.records.submission import Cell, File, Place, Problem, RawSubmission, Submission
from gradkit.runtime.syntax import readable
from gradkit.submission.files import (
    ENTRIES,
    SubmissionError,
    UnreadableError,
    free_name,
    is_archive,
    is_code,
    is_ignored,
    make_refusal,
    name_of,
    not_opened,
    read_archive,
    read_archives,
    read_file,
    read_folder,
    read_members,
    refusal_text,
    refuse_many,
    refusing_damage,
    shown,
    unpack_nested,
)
from gradkit.submission.source import (
    BELOW_ALL,
    Amount,
    HeadingPath,
    MuchCodeError,
    decode,
    headings_in,
    logical_starts,
    make_cell,
    newline_of,
    plain,
    refuse_if,
    starts_with_mark,
    unify,
)
from gradkit.text import clean_text, format_text, storable

CODE_CELLS = 2_000
"""Largest number of code cells in a notebook."""

CELLS = 5_000
"""Largest number of cells of any kind in a notebook."""

VALUES = 3_000_000
"""Largest number of values in a notebook's JSON, estimated from its commas before parsing."""

GROUPS = 300_000
"""Largest number of lists and objects in a notebook's JSON, estimated from its brackets."""

MARKDOWN = 20_000
"""Number of characters of a markdown cell that are searched for headings."""

HEADINGS = 2_000
"""Largest number of headings in all markdown cells of a notebook."""

_VERSION = 4
"""Newest notebook format that can be read."""

_SHOWN = 20
"""Largest number of characters of a format's number in a message."""

_KEPT = frozenset({"nbformat", "nbformat_minor", "cells", "worksheets"})
_KEPT_OF_CELLS = frozenset(
    {"cell_type", "source", "input", "language", "level", "prompt_number", "execution_count"}
    | {"outputs", "metadata", "collapsed", "id"}
)
"""Fields of cells that nbformat needs. Others are removed, because checking them takes long."""

_TEXTS = frozenset({"source", "input"})
_EMPTIED: Mapping[str, type] = {"outputs": list, "metadata": dict}

_LONE_COMMENT = re.compile(r"(#{1,6})\s*([^#\s=()\[\]{}:;][^=()\[\]{};]*)$")
_FORM_TITLE = re.compile(r"#\s*@title\s+([^\n{]+)")
_WRITE_FILE = re.compile(r"\s*%%(?:writefile|file)\s+(?:-a\s+)?(?:\./)?([A-Za-z_]\w*)\.py\s*\n")


def read_notebook(
    file: File, label: str, amount: Amount | None = None, *, alone: bool = True
) -> tuple[list[Cell], list[Problem], dict[str, str]]:
    """Read the code cells of a notebook.

    Parameters
    ----------
    file : File
        The notebook.
    label : str
        The file's name as it is shown.
    amount : Amount, optional
        The amount of code that has been read of the submission so far. This file is added to it.
    alone : bool
        The submission has no other file, so that a cell's number is enough to find it.

    Returns
    -------
    cells : list of Cell
        Numbered by the code cells alone, empty ones included in the count.
    problems : list of Problem
        One for each statement that is not valid Python, and for each indent that was removed.
    modules : dict
        Sources of modules that cells write with ``%%writefile``, by module name.

    Raises
    ------
    SubmissionError
        The file is not a notebook, or too large.
    """
    cells: list[Cell] = []
    problems: list[Problem] = []
    modules: dict[str, str] = {}
    path = HeadingPath()
    number = above = 0
    raws = _raw_cells(_load(file, label), label)
    codes = (raw.get("source") for raw in raws if raw.get("cell_type") == "code")
    (amount or Amount(label)).add(label, (code for code in codes if isinstance(code, str)))
    for raw in raws:
        kind, written_text = raw.get("cell_type"), raw.get("source")
        written_text = written_text if isinstance(written_text, str) else ""
        text, newline = unify(written_text), newline_of(written_text.encode(errors="replace"))
        if kind == "markdown":
            for _, level, heading in headings_in(text[:MARKDOWN]):
                above += 1
                _refuse_more(label, above, HEADINGS, "headings")
                path.enter(level, heading)
        elif kind == "code":
            number += 1
            _refuse_more(label, number, CODE_CELLS, "code cells")
            if lone := _LONE_COMMENT.match(text.strip()):
                path.enter(BELOW_ALL, plain(lone[2]))
            elif written := _WRITE_FILE.match(text):
                before = text[: written.end()].count("\n")
                modules[written[1]] = "\n" * before + text[written.end() :]
            title = _FORM_TITLE.match(text)
            headings = path.now() + ((plain(title[1]),) if title else ())
            name = "" if alone else label + format_text(", code cell {cell}", cell=number)
            made, found = make_cell(label, number, text, headings, title=name, newline=newline)
            cells += made
            problems += found
    return cells, problems, modules


def _load(file: File, label: str) -> dict[str, Any]:
    """Parse a notebook's JSON, after a check of its size.

    ``label`` is the file's name for messages.

    Raises
    ------
    SubmissionError
        The file is too large, or not a notebook.
    """
    data = file.data
    if data.count(b",") > VALUES or data.count(b"{") + data.count(b"[") > GROUPS:
        raise SubmissionError(refusal_text("data", label))
    text, _ = decode(data)
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] == "<":
            raise SubmissionError(refusal_text("page", label)) from None
        reason = format_text(
            "its JSON is broken at line {lineno}, column {colno} ({msg})",
            lineno=error.lineno,
            colno=error.colno,
            msg=error.msg,
        )
        raise _invalid(label, reason) from None
    except (ValueError, RecursionError):
        reason = "its JSON is nested too deeply or holds a number that is too long"
        raise _invalid(label, reason) from None
    if not isinstance(loaded, dict) or not ("cells" in loaded or "worksheets" in loaded):
        raise _invalid(label, "it is JSON without cells")
    return loaded


def _invalid(label: str, reason: str) -> SubmissionError:
    return SubmissionError(refusal_text("notebook", label, reason=reason))


def _refuse_more(label: str, count: int, limit: int, what: str) -> None:
    if count > limit:
        raise SubmissionError(refusal_text("parts", label, limit=limit, what=what))


def _raw_cells(loaded: dict[str, Any], label: str) -> list[dict[str, Any]]:
    """Return the cells of a notebook in the newest format, without outputs and metadata.

    ``loaded`` is the JSON of the notebook, which is changed, and ``label`` the file's name for
    messages.

    Raises
    ------
    SubmissionError
        There are too many cells, or nbformat cannot read the notebook.
    """
    import nbformat
    from nbformat.reader import reads

    version = loaded.get("nbformat")
    loaded = {**{key: loaded[key] for key in _KEPT & loaded.keys()}, "metadata": {}}
    sheets = loaded.get("worksheets") or [loaded]
    try:
        written = [cell for sheet in sheets for cell in sheet["cells"]]
        _refuse_more(label, len(written), CELLS, "cells")
        for cell in written:
            for key in set(cell) - _KEPT_OF_CELLS:
                del cell[key]
            cell.update({key: empty() for key, empty in _EMPTIED.items() if key in cell})
            for key in _TEXTS & cell.keys():
                # Joined lines take a fifth of the memory. (In format 2 they have no line ends.)
                if isinstance(cell[key], list) and version != 2:
                    cell[key] = "".join(cell[key])
        with warnings.catch_warnings():
            # nbformat warns about missing or repeated cell ids, which are not used here.
            warnings.simplefilter("ignore")
            notebook = nbformat.convert(  # type: ignore[no-untyped-call]
                reads(json.dumps(loaded)),  # type: ignore[no-untyped-call]
                _VERSION,
            )
        cells = [dict(cell) for cell in notebook["cells"]]
    except SubmissionError:
        raise
    except Exception as error:
        # What nbformat raises on damaged input has no common base.
        if isinstance(version, int) and version > _VERSION:
            found = clean_text(str(version), _SHOWN)
            text = refusal_text("format", label, version=found, known=_VERSION)
            raise SubmissionError(text) from None
        raise _invalid(label, type(error).__name__) from None
    return cells


_EXPORT = re.compile(r"^#\s*(?:In\s?\[[\d ]*\]|%%)", re.MULTILINE)
_MARK = re.compile(r"#\s*(?:In\s?\[[\d ]*\]:?|%%+)(.*)$")
_COMMENT = re.compile(r"# ?(.*)$")
_BANNER = re.compile(r"#\s*(([-=~*#_])\2{2,})\s*(\w.*?)\s*\2{3,}\s*$")
_RULE = re.compile(r"#\s*([-=~*#_])\1{4,}\s*$|#{6,}\s*$")
_BOX = re.compile(r"#+\s*(\w[^=()\[\]{};]*?)\s*#*\s*$")
_STRING = re.compile(r"[rRuU]?(\"\"\"|''')")
_LONGEST = 300

AS_LATIN_1 = "{label} {complaint}. The file was read as Latin-1. Save the file as UTF-8."


class _Piece(Struct):
    """A run of lines below the same headings; ``start`` counts from 0."""

    start: int
    headings: tuple[str, ...]
    lines: list[str] = field(default_factory=list)


def read_script(
    file: File, label: str, amount: Amount | None = None
) -> tuple[list[Cell], list[Problem], str]:
    """Read a script as one cell, or as one cell for each part below its own headings.

    Parameters
    ----------
    file : File
        The script.
    label : str
        The file's name as it is shown.
    amount : Amount, optional
        The amount of code that has been read of the submission so far. This file is added to it.

    Returns
    -------
    cells : list of Cell
        The cells in the order of the text.
    problems : list of Problem
        One for each statement that is not valid Python, and for an unexpected encoding.
    source : str
        The whole text, for files that import this one.

    Raises
    ------
    SubmissionError
        There is too much code.
    """
    text, complaint = decode(file.data)
    (amount or Amount(label)).add(label, [text])
    problems = []
    if complaint is not None:
        message = format_text(AS_LATIN_1, label=label, complaint=complaint)
        problems.append(Problem(message, Place(label, None, 1)))
    cells = []
    pieces = _pieces(text.split("\n"))
    if len(pieces) == 1:
        pieces = [_Piece(0, pieces[0].headings, text.split("\n"))]
    newline = newline_of(file.data)
    count = text.count("\n") + 1
    is_whole = len(pieces) == 1 and not starts_with_mark(file.data)
    for piece in pieces:
        source = "\n".join(piece.lines)
        is_last = piece.start + len(piece.lines) == count
        made, found = make_cell(
            *(label, None, source, piece.headings, piece.start + 1),
            newline=newline,
            is_last=is_last,
            is_whole=is_whole,
        )
        cells += made
        problems += found
    whole = cells[0].source if len(pieces) == 1 else text
    return cells, problems, whole


def _pieces(lines: list[str]) -> list[_Piece]:
    """Cut the lines of a script into pieces at cell marks and headings.

    Pieces of comments alone are left out.
    """
    exported = any(_EXPORT.match(line) for line in lines)
    path = HeadingPath()
    pieces = [_Piece(0, ())]

    def cut(start: int) -> None:
        if not any(_is_code(line) for line in pieces[-1].lines):
            pieces.pop()
        pieces.append(_Piece(start, path.now()))

    starts = [*logical_starts(lines), len(lines)]
    for i, following in pairwise(starts):
        line = lines[i][:_LONGEST]
        block = lines[i:following]
        if mark := exported and _MARK.match(line):
            path.enter(BELOW_ALL + 2, _title(mark[1]))
            cut(i)
        elif line.startswith("#"):
            for level, heading in _comment_headings(lines, i, exported=exported):
                path.enter(level, heading)
                cut(i)
        elif _STRING.match(line):
            found = list(headings_in(_string(block)))
            for _, level, heading in found:
                path.enter(level, heading)
            if found:
                cut(i)
                block = [""] * len(block)
        pieces[-1].lines += block
    if len(pieces) > 1 and not any(_is_code(line) for line in pieces[-1].lines):
        pieces.pop()
    return pieces


def _is_code(line: str) -> bool:
    text = line.lstrip()
    return bool(text) and not text.startswith("#")


def _title(mark: str) -> str:
    """Return the title in a cell mark: ``Regression`` for ``# %% Regression [markdown]``."""
    return plain(re.sub(r"\[\w+\]|\{.*|\w+=\S+", "", mark).strip(" :"))


def _comment_headings(lines: list[str], i: int, *, exported: bool) -> list[tuple[int, str]]:
    """Return the heading in a comment line as a list with its level and text, or an empty list.

    ``i`` is the index of the line in ``lines``. ``exported`` says that the script was exported from
    a notebook; its markdown headings are then read, too.
    """
    line = lines[i][:_LONGEST]
    if exported:
        text = _COMMENT.match(line)
        found = list(headings_in(text[1] if text else ""))
        if found and found[0][1] < BELOW_ALL and line.startswith("# #"):
            return [(found[0][1], found[0][2])]
    if banner := _BANNER.match(line):
        return [(_rank(banner[1]), plain(banner[3]))]
    boxed = 0 < i < len(lines) - 1 and _RULE.match(lines[i - 1]) and _RULE.match(lines[i + 1])
    if boxed and (box := _BOX.match(line)):
        return [(_rank(lines[i - 1].strip("# ") or "#"), plain(box[1]))]
    return []


def _rank(rule: str) -> int:
    """Return the level of a heading between two rules: ``=`` and ``#`` are above all others."""
    return BELOW_ALL if rule[0] in "=#" else BELOW_ALL + 1


def _string(block: list[str]) -> str:
    """Return the value of lines that are only a string, otherwise ""."""
    match readable("\n".join(block)).body:
        case [ast.Expr(ast.Constant(str(text)))]:
            return text
    return ""


__all__ = ["Handed", "Loader", "SubmissionError", "collect", "gather", "parse", "place_of", "read"]

_EXPECTED = "Expected a script (.py), a notebook (.ipynb), or a folder or .zip of them."
_TESTS_AND_PACKAGING = re.compile(r"setup|conftest|test_.*|.*_test")


def read(path: str | PathLike[str]) -> Submission:
    """Read a script, a notebook, a folder or a zip archive. See `collect` and `parse`."""
    return parse(collect(path))


def collect(path: str | PathLike[str]) -> RawSubmission:
    """Read the bytes of a script, a notebook, a folder or a zip archive.

    Parameters
    ----------
    path : path-like
        The location. A link given here is followed; links inside a folder or archive are not.

    Returns
    -------
    RawSubmission
        Data files, hidden files and Jupyter's checkpoints are skipped.

    Raises
    ------
    SubmissionError
        Nothing can be read at all. The message says why, and what to do.
    """
    path = Path(path)
    if not os.path.exists(path):  # also false if a parent folder cannot be searched
        raise UnreadableError(
            format_text("There is no file or folder {path}.", path=clean_text(str(path), 300))
        )
    if path.is_dir():
        return raw_of_folder(path.resolve().name, str(path), *_folder(path))
    if path.suffix.lower() == ".zip":
        return raw_of_folder(path.name, str(path), *read_archive(path))
    if is_code(path.name):
        return raw_of_file(str(path), read_file(path, path.name, follow=True))
    raise SubmissionError(not_gradable(path.name))


def _folder(path: Path) -> tuple[list[File], list[Problem]]:
    """Read the code files of a folder or, if it has none, of the archives in it.

    The second list has the problems with files that could not be read.
    """
    files, problems, archives = read_folder(path)
    if files:
        return files, problems
    return read_archives(
        path.name, list(archives), lambda name: read_archive(archives[name]), problems
    )


def not_gradable(name: str) -> str:
    """Return the message that a file is neither a script nor a notebook nor an archive."""
    return refusal_text("kind", name, expected=_EXPECTED)


def raw_of_file(path: str, file: File) -> RawSubmission:
    """Return the raw submission of one script or notebook."""
    digest = hashlib.sha256(file.data).hexdigest()
    return RawSubmission(stem_of(file.name), path, (file,), (), digest)


def raw_of_folder(
    name: str, path: str, files: list[File], problems: list[Problem]
) -> RawSubmission:
    """Return the raw submission of a folder or archive that is called ``name``.

    ``path`` is its location as text, ``files`` are its code files, and ``problems`` those of files
    that could not be read. Folders that contain all files are removed from the names, and files of
    tests are left out.

    Raises
    ------
    SubmissionError
        There is no code in it, or too much.
    """
    taken = _without_tests(sorted(_unwrapped(files), key=lambda file: file.name))
    if not taken:
        reasons = " ".join(problem.message for problem in problems[:3])
        passing = any(problem.passing for problem in problems)
        kind = UnreadableError if passing else SubmissionError
        raise kind(refusal_text("empty", name, said=reasons or _EXPECTED))
    scripts = [file for file in taken if not file.name.lower().endswith(".ipynb")]
    # A too large submission is refused by its sizes, before its text is parsed.
    sizes = {file.name: len(file.data) for file in scripts}
    refuse_if(name, sum(sizes.values()), 0, SubmissionError, sizes)
    return RawSubmission(stem_of(name), path, tuple(taken), tuple(problems), _digest(taken))


def joined(
    name: str, parts: Iterable[RawSubmission], problems: Iterable[Problem] = ()
) -> RawSubmission:
    """Join several submissions of one student into one, under the limits of one submission.

    Parameters
    ----------
    name : str
        The name of the joined submission.
    parts : iterable of RawSubmission
        If two files have the same name, a number is added to the name of the second.
    problems : iterable of Problem
        Problems with files that could not be read, besides those of the parts.

    Raises
    ------
    SubmissionError
        There is no code in it, or too much.
    """
    files: dict[str, File] = {}
    all_problems: list[Problem] = []
    for raw in parts:
        all_problems += raw.problems
        for file in raw.files:
            stem, suffix = splitext(file.name)
            label = free_name(stem, files, suffix)
            files[label] = File(label, file.data)
    all_problems += problems
    refuse_many(name, len(files), sum(len(file.data) for file in files.values()))
    return raw_of_folder(name, "", list(files.values()), all_problems)


def stem_of(name: str) -> str:
    """Return the name of the submission in a file or folder of this name."""
    return shown(PurePosixPath(name).stem if is_code(name) or is_archive(name) else name)


def parse(raw: RawSubmission) -> Submission:
    """Read the cells of a raw submission's files.

    Returns
    -------
    Submission
        Its cells are in the order of the files' paths. ``problems`` lists files and statements
        that could not be used.

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
        label = free_name(shown(file.name), labels)
        labels.add(label)
        try:
            if file.name.lower().endswith(".ipynb"):
                found, new, written = read_notebook(file, label, amount, alone=len(raw.files) == 1)
                modules.update(written)
            else:
                found, new, source = read_script(file, label, amount)
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
        problems += new
    if not cells and problems:
        raise SubmissionError(" ".join(problem.message for problem in problems[:3]))
    return Submission(raw.name, raw.path, raw.digest, tuple(cells), modules, tuple(problems))


def _digest(files: Iterable[File]) -> str:
    """Return a hash of the names and the contents of files."""
    total = hashlib.sha256()
    for file in files:
        name = file.name.encode("utf-8", "surrogateescape")
        total.update(b"%d %d " % (len(name), len(file.data)) + name)
        total.update(file.data)
    return total.hexdigest()


def _unwrapped(files: list[File]) -> list[File]:
    """Remove the outer folders that contain all files from their names."""
    while files:
        folder, slash, _ = files[0].name.partition("/")
        if not slash or not all(file.name.startswith(folder + slash) for file in files):
            break
        files = [File(file.name[len(folder) + 1 :], file.data) for file in files]
    return files


def _without_tests(files: list[File]) -> list[File]:
    """Leave out tests and packaging files, unless there are no other files."""
    own = [f for f in files if not _TESTS_AND_PACKAGING.fullmatch(PurePosixPath(f.name).stem)]
    return own or files


def _module_names(name: str) -> list[str]:
    """Return the module names of a file: dotted from the top folder, and from its own folder.

    The list is empty if the file's name is no identifier.
    """
    parts = list(PurePosixPath(name).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    if not parts or not all(part.isidentifier() for part in parts):
        return [parts[-1]] if parts and parts[-1].isidentifier() else []
    return list(dict.fromkeys([".".join(parts), parts[-1]]))


# --- the submissions of a class ---------------------------------------------------------

MEMBERS = 200_000
"""Largest number of files and folders in one archive of a class."""

EXPORT = re.compile(r"assignment_\d+_export/$")
"""Name of the folder in an archive that Gradescope exports."""


class Handed(Struct, frozen=True):
    """The location of a submission: a path, or a ``member`` (file or folder/) of an archive.

    ``name`` is unique in the class. ``listed`` is true if the path was found in a folder and not
    given by the user; links are then not followed. ``file`` is the student's own name of the file
    if the download renamed it. ``parts`` are read together as one submission; the path is then
    that of the first part.
    """

    name: str
    path: Path
    member: str = ""
    listed: bool = False
    file: str = ""
    parts: tuple[Handed, ...] = ()


def gather(paths: Iterable[Path], leave: Collection[Path] = ()) -> list[Handed]:
    """List the submissions of a class.

    Parameters
    ----------
    paths : iterable of Path
        A script or notebook is one submission. In a folder or a zip archive every file and
        every folder is one. If an archive has a single folder with its own name, the contents of
        that folder are listed. A path that is given twice is one submission.
    leave : collection of Path
        Paths that are not submissions, such as a folder of results among the submissions.

    Returns
    -------
    list of Handed
        In the order given, members by name. Submissions that would have the same name get the
        suffixes of their files and then the names of their folders.

    Raises
    ------
    SubmissionError
        A path does not exist, cannot be listed, or contains no submission.
    """
    aside = {os.path.abspath(path) for path in leave}
    given: dict[tuple[str, str], Handed] = {}
    for path in paths:
        for handed in _within(path, aside):
            given.setdefault((os.path.abspath(handed.path), handed.member), handed)
    found = list(given.values())
    for fuller in (_with_ending, _with_folder):
        counts = Counter(handed.name for handed in found)
        found = [fuller(handed) if counts[handed.name] > 1 else handed for handed in found]
    taken = {handed.name for handed in found}
    unique: dict[str, Handed] = {}
    for handed in found:
        name = handed.name
        if name in unique:
            name = free_name(name, {*taken, *unique})
        unique[name] = replace(handed, name=name)
    return list(unique.values())


def place_of(handed: Handed) -> str:
    """Return the location of a submission as text that can be stored and sent."""
    return storable(f"{handed.path}!{handed.member}" if handed.member else str(handed.path))


def _within(path: Path, aside: Collection[str]) -> Iterator[Handed]:
    """Yield the submissions at one path, without the absolute paths in `aside`.

    Raises
    ------
    SubmissionError
        The path does not exist, cannot be listed, or contains no submission.
    """
    try:
        if path.is_dir():
            members = sorted(entry.name for entry in path.iterdir() if not is_ignored(entry.name))
            listed = [
                Handed(stem_of(name), path / name, listed=True)
                for name in members
                if os.path.abspath(path / name) not in aside
            ]
        elif path.suffix.lower() == ".zip" and path.exists():
            listed = list(_packed(path))
        elif path.exists():
            yield Handed(stem_of(path.name), path)
            return
        else:
            raise SubmissionError(
                format_text("There is no file or folder {path}.", path=shown(str(path)))
            )
    except OSError as error:
        raise SubmissionError(not_opened(str(path), error)) from None
    if not listed:
        raise SubmissionError(
            format_text(
                "There is no submission in {path}. Expected scripts, notebooks, folders "
                "or archives, one for each student.",
                path=shown(str(path)),
            )
        )
    yield from listed


def _packed(path: Path) -> Iterator[Handed]:
    """Yield the submissions in one archive of a class, by name.

    Raises
    ------
    SubmissionError
        The archive is damaged, or has too many members.
    """
    with refusing_damage(path.name), zipfile.ZipFile(path) as archive:
        names = [name_of(info) for info in archive.infolist()]
    if len(names) > MEMBERS:
        raise SubmissionError(refusal_text("class", path.name, limit=MEMBERS))
    prefix = folder_in(path, names)
    for top in _tops(names, prefix):
        yield Handed(stem_of(top.rstrip("/")), path, prefix + top)


def folder_in(path: Path, names: list[str]) -> str:
    """Return the only folder in an archive if it has the archive's name, otherwise "".

    ``names`` are the paths of all members. A browser adds a number to the name of an archive that
    it downloads again: ``class (1)``. The folder in an archive of Gradescope is called
    ``assignment_NUMBER_export``.
    """
    stems = {path.stem, re.sub(r" ?\(\d+\)$", "", path.stem)}
    tops = _tops(names, "")
    if len(tops) != 1:
        return ""
    is_wrapper = tops[0] in {f"{name}/" for name in stems} or EXPORT.match(tops[0])
    return tops[0] if is_wrapper else ""


def _tops(names: list[str], prefix: str) -> list[str]:
    """List the top-level files and folders of an archive, or of the folder `prefix` in it.

    ``names`` are the paths of all members, and `prefix` is empty or ends with a slash. In the
    result, names of folders end with a slash.
    """
    tops: dict[str, None] = {}
    for name in names:
        if name.startswith(prefix) and name != prefix:
            first, slash, _ = name.removeprefix(prefix).partition("/")
            # Paths that point out of the archive are skipped.
            if first not in ("", ".", "..") and ":" not in first and not is_ignored(first):
                tops[first + slash] = None
    return sorted(tops)


def _with_ending(handed: Handed) -> Handed:
    """Return a submission named after its file with the suffix."""
    name = PurePosixPath(handed.member or handed.path.as_posix()).name
    return replace(handed, name=shown(name))


def _with_folder(handed: Handed) -> Handed:
    """Return a submission with its folder, or its archive, in its name."""
    folder = handed.path.name if handed.member else handed.path.parent.name
    return replace(handed, name=shown(f"{folder}/{handed.name}"))


# --- loading -----------------------------------------------------------------------------

OPEN = 16
"""Largest number of archives that are kept open: a class may have one for each student."""


_Archive = tuple[zipfile.ZipFile, dict[str, list[zipfile.ZipInfo]]]
"""An open archive, and the members that belong to each of its top-level files and folders."""


class Loader(AbstractContextManager["Loader"]):
    """A context manager that reads submissions one by one and keeps recently used archives open."""

    def __init__(self) -> None:
        self._opened: OrderedDict[Path, _Archive] = OrderedDict()

    def load(self, handed: Handed) -> RawSubmission:
        """Read the bytes of one submission, within the limits of size.

        ``handed`` says where it is, as `gather` lists it.

        Raises
        ------
        SubmissionError
            Nothing can be read. The message says why, and what to do. It is an
            `UnreadableError` if the machine cannot read the submission, or a part of it, now.
        """
        if handed.parts:
            raw = self._joined(handed)
            return replace(raw, name=handed.name, path=place_of(handed))
        if handed.listed and handed.path.is_symlink():
            # A broken link may work again later, for example if it points to an unmounted disk.
            kind = SubmissionError if handed.path.exists() else UnreadableError
            raise kind(refusal_text("link", handed.path.name))
        raw = self._member(handed) if handed.member else collect(handed.path)
        for problem in raw.problems:
            if problem.passing:
                # Grading without this file would grade something the student did not submit.
                raise UnreadableError(problem.message)
        files = tuple(File(storable(file.name), file.data) for file in raw.files)
        if len(files) == 1 and is_code(handed.file) and is_code(handed.member or handed.path.name):
            files = (replace(files[0], name=storable(handed.file)),)
        return replace(raw, name=handed.name, path=place_of(handed), files=files)

    def stamp(self, handed: Handed) -> str:
        """Return the newest modification time of a submission's files; "" if unknown.

        ``handed`` says where the submission is, as `gather` lists it. The time is in UTC, in ISO
        8601. Times in an archive have no zone, and are read in this computer's zone. The time of a
        git clone counts as unknown, since all its files have the time of cloning.
        """
        try:
            if handed.parts:
                return max(self.stamp(part) for part in handed.parts)
            if not handed.member:
                if (handed.path / ".git").exists():
                    return ""
                inside = islice(handed.path.rglob("*"), ENTRIES)
                inner = inside if handed.path.is_dir() else [handed.path]
                stamps = (each.lstat().st_mtime for each in inner if not each.is_dir())
                times = [datetime.fromtimestamp(stamp, UTC) for stamp in stamps]
            else:
                _, infos = self._members(handed)
                times = [datetime(*info.date_time).astimezone(UTC) for info in infos]
            return max(times).isoformat(timespec="seconds") if times else ""
        except (OSError, KeyError, ValueError, OverflowError, zipfile.BadZipFile):
            return ""

    def _joined(self, handed: Handed) -> RawSubmission:
        """Read all parts of a submission that was sent in several parts, and join them.

        ``handed`` is the submission, as `gather` lists it. Parts that cannot be read become
        problems.

        Raises
        ------
        UnreadableError
            A part cannot be read now, but perhaps later.
        """
        parts: list[RawSubmission] = []
        problems: list[Problem] = []
        for part in handed.parts:
            try:
                parts.append(self.load(part))
            except UnreadableError:
                raise
            except SubmissionError as error:
                problems.append(Problem(str(error)))
        return joined(handed.name, parts, problems)

    def _member(self, handed: Handed) -> RawSubmission:
        """Read a submission that is a member of an archive.

        ``handed`` has the path of the archive and the name of the member.

        Raises
        ------
        SubmissionError
            The member has no code or is refused. An `UnreadableError`, if it may be readable later.
        """
        label = PurePosixPath(handed.member).name
        folder = handed.member if handed.member.endswith("/") else ""
        try:
            archive, infos = self._members(handed)
        except Exception as error:
            # The archive could be listed before, so the failure may pass.
            raise UnreadableError(_unread(handed, error)) from None
        try:
            if folder:
                return raw_of_folder(label, "", *read_members(label, archive, infos, folder))
            if label.lower().endswith(".zip"):
                return raw_of_folder(label, "", *unpack_nested(label, archive, infos[0]))
            if not is_code(label):
                raise SubmissionError(not_gradable(label))
            files, problems = read_members(label, archive, infos)
        except SubmissionError:
            raise
        except Exception as error:
            # What `zipfile` raises on damaged input has no common base.
            raise make_refusal(error, _unread(handed, error)) from None
        if not files:
            kind = UnreadableError if any(one.passing for one in problems) else SubmissionError
            raise kind(" ".join(problem.message for problem in problems))
        return replace(raw_of_file("", File(label, files[0].data)), problems=tuple(problems))

    def _members(self, handed: Handed) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
        """Return the open archive of a submission, and the members that belong to it.

        ``handed`` is the submission, as `gather` lists it. At most `OPEN` archives stay open; the
        one that was used longest ago is closed.

        Raises
        ------
        KeyError
            The archive has no such member.
        """
        path = handed.path
        if path not in self._opened:
            archive, parts = self._opened[path] = zipfile.ZipFile(path), {}
            prefix = folder_in(path, [name_of(info) for info in archive.infolist()])
            for info in archive.infolist():
                name = name_of(info)
                if name.startswith(prefix):
                    top = name.removeprefix(prefix).partition("/")[0]
                    parts.setdefault(prefix + top, []).append(info)
            if len(self._opened) > OPEN:
                self._opened.popitem(last=False)[1][0].close()
        self._opened.move_to_end(path)
        archive, parts = self._opened[path]
        return archive, parts[handed.member.removesuffix("/")]

    def __exit__(self, *exception: object) -> None:
        for archive, _ in self._opened.values():
            archive.close()


def _unread(handed: Handed, error: Exception) -> str:
    """Return the message that a part of a submission could not be read."""
    archive, name = shown(handed.path.name), PurePosixPath(handed.member).name
    return refusal_text("unread", name, archive=archive, type=type(error).__name__)

"""Read a notebook's code cells, of any notebook format, with the headings above each."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

from gradkit.records.submission import Cell, File, Problem
from gradkit.submission.source import BELOW_ALL, Path, headings_in, make_cell, plain
from gradkit.submission.files import SubmissionError, refusal_text
from gradkit.submission.source import Amount, decode, newline_of, unify
from gradkit.text import clean_text, format_text

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
        The amount of code that has been read of the submission so far.
    alone : bool
        The submission has no other file, so that a cell's number is enough to find it.

    Returns
    -------
    cells : list of Cell
        Numbered by the code cells alone, empty ones included in the count.
    problems : list of Problem
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
    path = Path()
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
    """Return the cells of a notebook in the newest format, without outputs and metadata."""
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

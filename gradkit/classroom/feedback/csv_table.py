r"""Read and change a platform's CSV table such that unchanged cells keep their exact bytes.

Cells are kept raw, with their quotes. The byte-order mark, line ends and delimiter are preserved.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from gradkit.errors import GradkitError
from gradkit.submission.files import shown

DELIMITERS = (",", ";", "\t")
_QUOTED = r'"(?:[^"]|"")*+"'
_END = re.compile(r"\r\n|\n|\r")
_COMMA = re.compile(r"-?\d+,\d+")
_NUMBER = re.compile(r"-?\d+[.,]\d+")


class CsvTableError(GradkitError):
    """A table cannot be used; the text says where, what was expected and what to do."""


class CsvTable(Struct, frozen=True):
    """A CSV table: each of ``rows`` has the raw cells and the line end after them.

    ``mark`` is the byte-order mark, ``encoding`` Python's name of the encoding.
    """

    name: str
    mark: bytes
    encoding: str
    delimiter: str
    rows: tuple[tuple[tuple[str, ...], str], ...]


def read_table(data: bytes, name: str) -> CsvTable:
    """Parse a CSV table into raw cells; find its encoding and delimiter.

    Parameters
    ----------
    data : bytes
        UTF-8, UTF-16 with a byte-order mark, or else Windows-1252.
    name : str
        Name of the file, for the messages.

    Raises
    ------
    CsvTableError
        The table is empty or not text, or a quotation mark is never closed.
    """
    mark, encoding, text = _decode(data, name)
    if not text.strip():
        raise CsvTableError(
            f"{shown(name)} is empty. Download it again; expected a table with a header."
        )
    first = _END.split(text, maxsplit=1)[0]
    unquoted = re.sub(r'"[^"]*"', "", first)
    counts = {delimiter: unquoted.count(delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda candidate: counts[candidate])
    return CsvTable(name, mark, encoding, delimiter, tuple(_rows(text, delimiter, name)))


def write_table(sheet: CsvTable) -> bytes:
    """Return the bytes of a table."""
    return sheet.mark + b"".join(line(sheet, row) for row in range(len(sheet.rows)))


def line(sheet: CsvTable, row: int) -> bytes:
    """Return the bytes of a row with its line end."""
    cells, end = sheet.rows[row]
    return (sheet.delimiter.join(cells) + end).encode(sheet.encoding)


def _decode(data: bytes, name: str) -> tuple[bytes, str, str]:
    """Return the byte-order mark, the encoding and the text of a table.

    Raises
    ------
    CsvTableError
        The data is not text in any of the known encodings.
    """
    marks = (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-8"),
        (b"", "cp1252"),
    )
    for mark, encoding in marks:
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(encoding)
            except UnicodeDecodeError:
                continue
            if "\0" not in text:
                return mark, encoding, text
    raise CsvTableError(
        f"{shown(name)} is not a text file. Expected a table as .csv. Save a spreadsheet as CSV "
        "(UTF-8) first."
    )


def _rows(text: str, delimiter: str, name: str) -> Iterable[tuple[tuple[str, ...], str]]:
    """Yield the raw cells of each row, and the line end after them.

    ``name`` is the file's, for the message.

    Raises
    ------
    CsvTableError
        A quotation mark is never closed.
    """
    stop = re.escape(delimiter)
    # A cell is quoted from its beginning, or plain. Text after the closing quote belongs to it.
    cell = re.compile(rf"(?:{_QUOTED})?+[^{stop}\r\n]*+")
    at, row = 0, 1
    cells: list[str] = []
    while at < len(text):
        found = cell.match(text, at)
        raw = found[0] if found else ""
        if raw.startswith('"') and not re.match(_QUOTED, raw):
            raise CsvTableError(
                f"{shown(name)}, row {row}: a quotation mark is never closed. Download the table "
                "again and do not edit it by hand."
            )
        cells.append(raw)
        at += len(raw)
        if text.startswith(delimiter, at):
            at += len(delimiter)
            if at < len(text):
                continue
            cells.append("")
        end = _END.match(text, at)
        yield tuple(cells), end[0] if end else ""
        cells, row = [], row + 1
        at = end.end() if end else at


def value_of(raw: str) -> str:
    """Return the text of a raw cell, unquoted."""
    if not raw.startswith('"'):
        return raw
    inner, _, rest = raw[1:].rpartition('"')
    return inner.replace('""', '"') + rest


def cell_of(value: str, delimiter: str) -> str:
    """Return a value as a raw cell, in quotes if it needs them."""
    if value.startswith(" ") or any(sign in value for sign in (delimiter, '"', "\r", "\n")):
        return '"' + value.replace('"', '""') + '"'
    return value


def values(sheet: CsvTable, row: int) -> list[str]:
    """Return the texts of a row's cells."""
    return [value_of(raw) for raw in sheet.rows[row][0]]


def filled(sheet: CsvTable) -> dict[int, list[str]]:
    """Return the texts of all rows below the header that are not blank, by row number."""
    rows = range(1, len(sheet.rows))
    return {row: values(sheet, row) for row in rows if not is_blank(sheet.rows[row][0])}


def is_blank(cells: Sequence[str]) -> bool:
    """Return True if all cells of a row are empty or spaces."""
    return not any(value_of(raw).strip() for raw in cells)


def heading(text: str) -> str:
    """Normalise a heading: ignore case, and treat underscores and hyphens as spaces."""
    return " ".join(re.sub(r"[\s_\-\u00a0\ufeff]+", " ", text).casefold().split())


def columns_of(header: Sequence[str], known: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """Map each kind of column to the first column of ``header`` with one of its headings.

    ``known`` has the possible headings of each kind. Kinds without a column are left out.
    """
    first = {head: at for at, head in reversed([*enumerate(map(heading, header))])}
    found = {
        kind: [first[h] for h in map(heading, names) if h in first] for kind, names in known.items()
    }
    return {kind: min(places) for kind, places in found.items() if places}


def decimal_comma(texts: Iterable[str]) -> bool:
    """Return True if texts have numbers such as ``1,5``, and none such as ``1.5``."""
    numbers = [text.strip() for text in texts if _NUMBER.fullmatch(text.strip())]
    return bool(numbers) and all(_COMMA.fullmatch(number) for number in numbers)


def number_of(text: str) -> float | None:
    """Parse a number with a decimal point or comma; return None for other texts."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def points(score: float, comma: bool) -> str:
    """Format a score with two decimals, as platforms do."""
    text = f"{score:.2f}"
    return text.replace(".", ",") if comma else text


def refuse_ragged(sheet: CsvTable) -> None:
    """Refuse a table if the rows differ in length, since cells may be in wrong columns.

    Raises
    ------
    CsvTableError
        A row that is not blank has more or fewer cells than the header.
    """
    width = len(sheet.rows[0][0])
    for number, (cells, _) in enumerate(sheet.rows, 1):
        if len(cells) != width and not is_blank(cells):
            raise CsvTableError(
                f"{shown(sheet.name)}, row {number}: {len(cells)} cells where the header has "
                f"{width}. Download the table again; a spreadsheet may have damaged it."
            )


def put(sheet: CsvTable, changes: Mapping[tuple[int, int], str]) -> CsvTable:
    """Return a copy of a table with new values in some cells.

    ``changes`` has the values by row and column, both counted from 0.
    """
    rows = [list(cells) for cells, _ in sheet.rows]
    for (row, column), value in changes.items():
        rows[row][column] = cell_of(value, sheet.delimiter)
    ends = (end for _, end in sheet.rows)
    return replace(sheet, rows=tuple(zip(map(tuple, rows), ends, strict=True)))

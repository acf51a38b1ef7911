"""Tables that are changed in a few cells: everything else stays byte for byte."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradkit.classroom.feedback.csv_table import (
    CsvTableError,
    cell_of,
    decimal_comma,
    number_of,
    put,
    read_table,
    refuse_ragged,
    value_of,
    values,
    write_table,
)

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
TABLES = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(TEXTS, min_size=width, max_size=width), min_size=1, max_size=6)
)


@given(
    TABLES,
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_whatever_a_writer_writes_is_read_and_kept(rows, delimiter, end, quoting, encoding) -> None:
    """Cells as Python's reader reads them, and the same bytes again."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(["h"] * len(rows[0]))
    writer.writerows(rows)
    data = buffer.getvalue().encode(encoding)
    sheet = read_table(data, "t.csv")
    assert write_table(sheet) == data
    text = io.StringIO(buffer.getvalue(), newline="")
    # Python's writer puts no quotes around a lone return, and its reader no cell in a blank row.
    read = [row or [""] for row in csv.reader(text, delimiter=delimiter)]
    assert [values(sheet, row) for row in range(len(sheet.rows))] == read


@given(TABLES, TEXTS, st.sampled_from(",;"))
def test_one_cell_is_changed_and_no_other(rows, new, delimiter) -> None:
    """Whatever it says, Python's reader reads it, and every other cell as before."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    sheet = read_table(("h" + delimiter + "h\r\n" + buffer.getvalue()).encode(), "t.csv")
    changed = put(sheet, {(1, 1): new})
    assert [row for i, row in enumerate(changed.rows) if i != 1] == [
        row for i, row in enumerate(sheet.rows) if i != 1
    ]
    assert [end for _, end in changed.rows] == [end for _, end in sheet.rows]
    text = write_table(changed).decode()
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert read[1] == [rows[0][0], new, *rows[0][2:]]


@given(TEXTS)
def test_a_cell_says_what_it_was_given(text: str) -> None:
    """In quotes or not."""
    assert value_of(cell_of(text, ",")) == text


def test_what_stands_behind_a_quote_belongs_to_the_cell() -> None:
    """As Python's reader has it."""
    sheet = read_table(b'a,b\n"x"y,"p""q"\n', "t.csv")
    assert values(sheet, 1) == ["xy", 'p"q'] == next(csv.reader(['"x"y,"p""q"']))


def test_a_row_may_end_with_a_delimiter_and_the_file_without_a_line_end() -> None:
    """Empty cells count."""
    sheet = read_table(b"a,b\n1,", "t.csv")
    assert [values(sheet, row) for row in (0, 1)] == [["a", "b"], ["1", ""]]
    assert values(read_table(b"a,\n,\n", "t.csv"), 1) == ["", ""]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "t.csv is empty. Download it again; expected a table with a header."),
        (b"\xef\xbb\xbf \r\n", "t.csv is empty. Download it again"),
        (
            b"PK\x03\x04\x00\x00",
            "t.csv is not a text file. Expected a table as .csv. Save a spreadsheet as CSV "
            "(UTF-8) first.",
        ),
        (
            b'a,b\n1,2\n"x,3\n4,5\n',
            "t.csv, row 3: a quotation mark is never closed. Download the table again and do not "
            "edit it by hand.",
        ),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, said: str) -> None:
    """With what was found and what to do."""
    with pytest.raises(CsvTableError) as caught:
        read_table(data, "t.csv")
    assert str(caught.value).startswith(said)


def test_a_row_of_another_width_is_refused() -> None:
    """Blank lines are none."""
    refuse_ragged(read_table(b"a,b\n1,2\n\n,,\n", "t.csv"))
    with pytest.raises(CsvTableError) as caught:
        refuse_ragged(read_table(b"a,b\n1,2\n1,2,3\n", "t.csv"))
    assert str(caught.value) == (
        "t.csv, row 3: 3 cells where the header has 2. Download the table again; a spreadsheet may "
        "have damaged it."
    )


def test_windows_text_is_read_and_written_as_it_was() -> None:
    """Where it is no UTF-8."""
    data = "Name,ID\nJosé,1\n".encode("cp1252")
    sheet = read_table(data, "t.csv")
    assert values(sheet, 1) == ["José", "1"]
    assert write_table(sheet) == data


def test_decimal_commas() -> None:
    """Only where every number with decimals has one."""
    assert decimal_comma(["", "-", "12", "100,00"])
    assert not decimal_comma(["100.00", "1,50"])
    assert not decimal_comma(["12", ""])
    assert [number_of(text) for text in ("1,5", " 2.25 ", "EX", "")] == [1.5, 2.25, None, None]

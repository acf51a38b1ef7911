"""Students' text injects nothing: a test for each channel, with one corpus."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import cmarkgfm
import junitparser
import pytest
from hostile_texts import CONTROL, TEXTS, hostile, obeyed
from msgspec.structs import replace
from rich.console import Console

from gradkit import report
from gradkit.records.classroom import Reason, Release, Row, Run
from gradkit.records.reports import (
    Attempt,
    Difference,
    History,
    Mark,
    PointsSet,
    Step,
    Stood,
)
from gradkit.report import (
    classroom,
    github,
    gradescope,
    junit,
    markdown,
)
from gradkit.report.data import csv_cell, xml_text
from gradkit.report.frames import frame_csv, review_frame
from gradkit.report.summary import history_json, history_text, show_runs
from gradkit.report.table import show_differences, show_review
from gradkit.report.text import to_text

pytestmark = pytest.mark.sample(9)

PLAIN = "plain"
every_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def strings(value: Any) -> Iterator[str]:
    """All strings in nested data, keys included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def decoded(line: str) -> dict[str, Any]:
    """What the reporter of GitHub Classroom reads."""
    assert line.startswith("result=")
    assert line.count("\n") == 1
    return json.loads(base64.b64decode(line.removeprefix("result=")))


# --- terminals and logs ------------------------------------------------------------------


CHANNELS = {
    "narrow text": lambda results: to_text(results, 4, width=20),
    **{
        word: lambda results, word=word: report.render(word, results, 4)
        for word in report.FORMATS
        if word != "html"
    },
}


@cache
def shown(channel: str, text: str) -> str:
    """What a channel makes of a result that is full of ``text``."""
    return CHANNELS[channel]([hostile(text)])


@every_text
def test_no_terminal_and_no_runner_obeys(text: str) -> None:
    """No control character, escape sequence or direction mark; no line of a log is a command.

    GitHub's own format is for its runner: see below. Lines may be wrapped anywhere.
    """
    for channel in CHANNELS:
        assert channel == "json" or not CONTROL.search(shown(channel, text)), channel
        assert channel == "github" or obeyed(shown(channel, text)) == [], channel


def test_commands_are_seen_as_such() -> None:
    """The look that finds none above finds those that stand in the corpus."""
    seen = {name for name, text in TEXTS.items() if obeyed(text)}
    assert {"error", "set-output", "stop-commands", "wide blanks", "return", "old command"} == seen


@every_text
def test_github_gets_its_own_commands_alone(text: str) -> None:
    """As many as for harmless text, of the same kinds and lines; the rest of each is data."""
    lines = obeyed(shown("github", text))
    plain = obeyed(shown("github", PLAIN))
    head = re.compile(
        r"::(error|warning|notice) (?:file=[^,:\n]*,)?(?:line=(\d+),)?title=[^,:\n]*::"
    )
    heads = [head.match(line) for line in lines]
    assert all(heads)
    assert [found.groups() for found in heads if found] == [
        found.groups() for found in map(head.match, plain) if found
    ]
    assert len(lines) == len(plain) > 2


@every_text
def test_the_reporter_of_classroom_prints_no_command(text: str) -> None:
    """It prints names, and messages of errors, as they are."""
    for made in (
        shown("github-classroom", text),
        classroom.refusal([f"{text}: cannot be read", text]),
    ):
        for test in decoded(made)["tests"]:
            assert obeyed(f"{test['name']}\n{test['message']}") == []
            assert "\n" not in test["name"]


@every_text
def test_a_result_is_one_line_of_the_output_file(text: str) -> None:
    """``$GITHUB_OUTPUT`` takes lines of KEY=VALUE: no text makes another."""
    made = shown("github-classroom", text)
    assert re.fullmatch(r"result=[A-Za-z0-9+/]+=*\n", made)


@every_text
def test_refusals_are_no_commands(text: str) -> None:
    """The sentence names files as they are called."""
    for word in {*report.FORMATS} - {"html", "github"}:
        assert obeyed(report.refusal(word, [f"{text}: cannot be read", text])) == []
    *lines, end = github.refusal([f"{text}: cannot be read", text]).split("\n")
    assert not end
    assert [line.partition("::")[2].partition(" ")[0] for line in lines] == ["error", "error"]


def told(text: str) -> History:
    """A history in which ``text`` stands wherever somebody's words may come through."""
    attempt = Attempt(
        *(text, text, "canvas", text, True, "", "ab", False, "graded", text, 1.0, 2.0, False),
        *(text, "default", {"numpy": text}, {"assignment": "ab"}, {"t": 1}, (text,)),
    )
    refused = replace(attempt, standing="refused")
    step = Step(
        *(1, "grade", "2026-11-25T10:00", None, text, text, {}, (attempt, refused)),
        *(
            (PointsSet("t", "update", 1.0),),
            (Release(1, 1, text, text, "ab"),),
            ("code",),
            ("code",),
        ),
        *("best", None, Mark(1.0, 2.0, 1, 1)),
    )
    return History(text, Mark(1.0, 2.0, 1, 1), (step,))


def looked_at(text: str) -> Row:
    """A student over whose submission gradkit failed."""
    why = (Reason("failed", text),)
    return Row(text, "failed", text, None, None, False, {}, (), why, assistant=text)


def tables(text: str) -> str:
    """Runs, looks and differences, as they are printed."""
    console = Console(file=io.StringIO(), width=100)
    run = Run(1, "grade", "2026-11-25T10:00", None, text, text, {}, {})
    look = looked_at(text)
    stood = Stood("graded", Mark(1.0, 2.0, 1, 1), (text,), {text: 1.0})
    show_runs([run], console)
    show_review([look], console, Path("results"))
    show_differences([Difference(text, None, stood, (text,), (text,))], console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@every_text
def test_what_answers_for_grades_is_not_obeyed(text: str) -> None:
    """Histories, runs, what is to be looked at, what has changed: names, reasons, files."""
    printed = history_text(told(text))
    assert not CONTROL.search(printed)
    assert obeyed(printed) == []
    assert not CONTROL.search(tables(text))
    data = json.loads(history_json(told(text)))
    assert data["steps"][0]["who"] == text.replace("\ud800", "\ufffd")
    look = looked_at(text)
    for cell in list(csv.reader(io.StringIO(frame_csv(review_frame([look], Path("results"))))))[1]:
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))


# --- Markdown and HTML -------------------------------------------------------------------


class Structure(HTMLParser):
    """Tags with their attributes in order, and the text that is not code."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.prose = ""
        self._code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it, and that code begins."""
        self.tags.append((tag, tuple(attrs)))
        self._code += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        """Note where code ends."""
        self._code -= tag == "code"

    def handle_comment(self, data: str) -> None:
        """A comment is structure too."""
        self.tags.append(("comment", ()))

    def handle_data(self, data: str) -> None:
        """Keep what is not code."""
        if not self._code:
            self.prose += data


def structure(text: str) -> Structure:
    """What GitHub's own renderer makes of Markdown, raw HTML let through."""
    html = cmarkgfm.markdown_to_html_with_extensions(
        text,
        options=cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE,
        extensions=["table", "autolink", "strikethrough", "tasklist"],
    )
    parser = Structure()
    parser.feed(html)
    return parser


@every_text
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
def test_markdown_stays_what_it_is(text: str, many: bool) -> None:
    """Same tags as for harmless text, by GitHub's renderer; all a student wrote is code."""
    found, plain = (
        structure(markdown.render([hostile(each)] * (1 + many), 4, many=many))
        for each in (text, PLAIN)
    )
    assert found.tags == plain.tags
    assert re.sub(r"\s+", " ", found.prose) == re.sub(r"\s+", " ", plain.prose)
    assert not {"a", "img", "script", "comment", "del", "input"} & {tag for tag, _ in found.tags}


@every_text
def test_a_refusal_in_markdown_is_code(text: str) -> None:
    """Whatever the file is called."""
    assert [tag for tag, _ in structure(markdown.refusal([f"{text}: no"])).tags] == ["pre", "code"]


@pytest.mark.parametrize(
    "name",
    ["script", "image", "comment", "Markdown link", "Markdown image", "heading", "table", "spans"],
)
def test_markdown_unescaped_is_seen(name: str) -> None:
    """The same look finds a text that stands there as it is."""
    assert structure(f"x\n\n{TEXTS[name]}\n").tags != structure("x\n\nplain\n").tags


@every_text
def test_gradescope_renders_no_mark_up(text: str) -> None:
    """Every format is plain text, said outright, for top-level output too."""
    for made in (shown("gradescope", text), gradescope.refusal([text])):
        got = json.loads(made)
        assert (
            got["output_format"] == got["test_output_format"] == got["test_name_format"] == "text"
        )
        assert not [key for test in got["tests"] for key in test if key.endswith("_format")]
        assert not any(CONTROL.search(each) for each in strings(got))


# --- XML ---------------------------------------------------------------------------------


@every_text
def test_junit_stays_well_formed(text: str) -> None:
    """Elements and attributes are those of harmless text, and a reader of JUnit takes it."""

    def shape(made: str) -> list[tuple[str, list[str]]]:
        return [(each.tag, sorted(each.attrib)) for each in ET.fromstring(made).iter()]

    made = shown("junit", text)
    assert shape(made) == shape(shown("junit", PLAIN))
    assert made.isascii()
    (suite,) = junitparser.JUnitXml.fromstring(made.encode())
    assert (suite.tests, suite.errors, suite.failures) == (5, 1, 1)
    refused = ET.fromstring(junit.refusal([text]))
    assert [each.tag for each in refused.iter()] == ["testsuites", "testsuite", "testcase", "error"]


def test_xml_that_is_none_is_seen() -> None:
    """Without the helper a parser refuses the text."""
    assert xml_text("a\ufffe\x0b") == "a\ufffd"
    with pytest.raises(ET.ParseError):
        ET.fromstring(f"<a>{TEXTS['XML']}</a>")


# --- CSV ---------------------------------------------------------------------------------


@every_text
def test_no_cell_is_a_formula(text: str) -> None:
    """Read back from CSV, no cell begins as a formula does, blanks before it or not."""
    stream = io.StringIO()
    csv.writer(stream).writerow([csv_cell(text)])
    ((cell,),) = csv.reader(io.StringIO(stream.getvalue()))
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not cell.startswith(("\t", "\r", "\n"))
    assert not CONTROL.search(cell)


def test_a_cell_of_plain_text_stays() -> None:
    """Names and numbers are not touched; a formula is shown as text."""
    assert [csv_cell(each) for each in ("Ann Lee", "3.5", "a=b", "")] == [
        "Ann Lee",
        "3.5",
        "a=b",
        "",
    ]
    assert csv_cell("=1+1") == "'=1+1"

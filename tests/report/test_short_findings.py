"""A finding takes at most twelve lines, wherever it is read."""

from __future__ import annotations

from collections import defaultdict

import pytest
from msgspec.structs import replace
from report.short import LEVELS, WIDTHS, lines_in_text, lines_on_page, too_long
from report.test_finding_text import FINDING, result_with

from gradkit.diagnosis.catalogue import catalogue
from gradkit.records.result import Finding
from gradkit.records.submission import Place
from gradkit.report import render
from gradkit.report.html.page import fragment, student_page
from gradkit.report.text import MAX_LINES, to_text
from gradkit.text import format_entries

ENTRIES = tuple(f"parameters[{name}][{i},{j}]" for name in "ab" for i in range(4) for j in range(3))
FORMULA = "+0.002 · (y−y_hat) · " + " · ".join(f"W2[{n}] · (1−A1[{n}])" for n in range(4))


def long_finding(code: str) -> Finding:
    """Return a finding with the texts of an entry of the catalogue and long values in them."""
    entry = catalogue()[code]
    fields = defaultdict(lambda: "update_parameters", entries=format_entries(ENTRIES))
    return Finding(
        id="f",
        check="update",
        mistake=code,
        title=entry.title,
        entries=ENTRIES,
        applies=dict.fromkeys(ENTRIES, FORMULA),
        should=dict.fromkeys(ENTRIES, FORMULA.replace("1−", "")),
        place=Place("homework/week_3/handed_in_on_time_this_time.py", None, 123),
        source='parameters["W1"][i][j] += 0.001 * 2 * error * w2[i][0] * X[j][0] * (1 - A1[i])',
        columns=(26, 78),
        sentence=entry.sentence.format_map(fields),
        hints=tuple(hint.format_map(fields) for hint in entry.hints),
        others=("“A factor is missing”",),
        deduction=3.75,
        costs={"update": 1.5, "gradient": 1.0, "trajectory": 1.25},
        fix='parameters["W1"][i][j] += 0.001\nif True:\n    pass',
    )


@pytest.mark.sample(9)
@pytest.mark.parametrize("code", catalogue())
def test_no_entry_of_the_catalogue_makes_a_long_finding(code: str) -> None:
    """Not with long names, many entries and everything that a finding can have."""
    finding = long_finding(code)
    longest = {
        (level, width): lines_in_text(finding, level, width) for level in LEVELS for width in WIDTHS
    }
    assert max(longest.values()) <= MAX_LINES, longest
    assert too_long(result_with(finding)) == []


def test_what_is_long_is_seen() -> None:
    """The measure can fail, in a text, on a page and in a notebook."""
    wordy = replace(FINDING, sentence="Something is wrong here. " * 60)
    assert lines_in_text(wordy, 3, 80) > MAX_LINES
    assert {where for _, _, where, _ in too_long(result_with(wordy))} >= {"text of 80 columns"}
    other = replace(FINDING, others=("“A wrong index”",) * 13)
    assert {where for _, _, where, _ in too_long(result_with(other))} == {"page", "notebook"}


def test_formulas_and_hints_are_shown_as_far_as_there_is_room() -> None:
    """Title, sentence, line and the hint of the level go first, then formulas and other hints."""
    shown = to_text([result_with(FINDING)], 4)
    assert all(text in shown for text in (*FINDING.hints[1:], "moves by", "should move"))
    wordy = replace(FINDING, sentence="Something is wrong here. " * 24)
    tight = to_text([result_with(wordy)], 4)
    assert FINDING.hints[3] in tight
    assert FINDING.hints[1] not in tight
    assert "a.py:12  W1[0][1] += step" in tight


def test_the_default_report_has_one_hint_and_no_formula() -> None:
    """The last line says how to get more, also where there is no other hint than a formula."""
    result = result_with(FINDING)
    short = to_text([result], 4, one_hint=True)
    assert short.count("hint: ") == 1
    assert FINDING.hints[1] in short
    assert "move" not in short.replace("moved", "").split("hint:")[0]
    assert short.endswith("For more hints, add --hints 4.\n")
    only_formula = replace(FINDING, hints=FINDING.hints[:2])
    assert "For more hints, add --hints 4." in to_text(
        [result_with(only_formula)], 4, one_hint=True
    )
    nothing_more = replace(only_formula, applies={}, should={})
    assert "For more" not in to_text([result_with(nothing_more)], 4, one_hint=True)


def test_many_entries_are_counted() -> None:
    """In the title, on the page and in a notebook; the data has them all."""
    result = result_with(replace(FINDING, entries=ENTRIES))
    said = ", ".join(ENTRIES[:4]) + " and 20 more"
    assert said in " ".join(to_text([result], 2).split())
    assert said in student_page(result, 2)
    assert said in fragment("Task", result, 2)
    assert all(entry in render("json", [result], 2) for entry in ENTRIES)


def test_a_page_folds_formulas_and_further_hints() -> None:
    """The first useful hint is in sight."""
    for page in (student_page(result_with(FINDING), 4), fragment("Task", result_with(FINDING), 4)):
        folded = "".join(part.split("</details>")[0] for part in page.split("<details")[1:])
        assert FINDING.hints[1] not in folded
        assert FINDING.hints[1] in page
        assert all(text in folded for text in (*FINDING.hints[2:], "W2[0]", "W2[1]"))
    assert [*lines_on_page("<a><p></p><details><summary></summary><p></p></details>", "<a>", "!")]

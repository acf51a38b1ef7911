"""A student's page: all there is at its level, nothing above it, and hostile text stays text."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from msgspec.structs import replace
from report.html.samples import HOSTILE, WORDS, Elements, changes, result

from gradkit.records.result import UNEXPLAINED
from gradkit.records.submission import Listing
from gradkit.report.data import to_row
from gradkit.report.html.class_page import class_page
from gradkit.report.html.page import ROWS, student_page
from gradkit.report.words import points

PAGE = student_page(result(), 4)


def skeleton(page: str) -> set[tuple[str, tuple[str, ...]]]:
    """Which elements a page has, with which attributes."""
    return {(tag, tuple(sorted(attributes))) for tag, attributes in Elements(page).tags}


@pytest.mark.parametrize("level", WORDS)
def test_a_page_holds_its_level_and_nothing_above(level: int) -> None:
    """Neither in what is shown, nor in attributes, drawings or anywhere else in the file."""
    page = student_page(result(), level)
    for other, word in WORDS.items():
        # The first hint makes way for what says more.
        shown = other == level == 1 or 1 < other <= level
        assert (word in page) == shown, other
    for number in ("0.4444444", "0.7777777", "0.7778", "var(--expected)"):
        in_body = number in page.partition("</style>")[2]
        assert in_body == (level == 4 and number != "0.7777777"), number
    for said, first in (("−2.5", 2), ("data-line", 3), ("data-sign", 3), ("should move", 4)):
        assert (said in page.partition("</style>")[2]) == (level >= first), said


def test_every_part_of_a_finding_is_there() -> None:
    """Both formulas with what differs marked, the line, the code around it, hints, the page."""
    assert '<mrow class="differs">' in PAGE
    assert f"‹+›0.002 · (y−y_hat) · ‹{WORDS[3]}′[0]› · X[1]" in PAGE
    assert f"‹−›0.002 · (y−y_hat) · ‹{WORDS[4]}[1]› · X[1]" in PAGE
    assert "becomes" in PAGE
    assert re.search(r'<mark class="line" data-line="12" data-sign="▸1">', PAGE)
    assert "marked by finding 1" in PAGE
    assert f"gradkit explain code-{WORDS[2]}" in PAGE
    assert "<summary>Formulas of 3 entries</summary>" in PAGE
    assert "<summary>2 more hints</summary>" in PAGE
    marked = f'<mark class="doubtful"><span class="hidden">marked: </span>{WORDS[3]}</mark>'
    assert f"plain.py:12: <code>W1 += {marked} plain</code>" in PAGE
    fix = f"<code>W1 += {WORDS[4]} plain\n    b1 += 1</code>"
    assert f'<p class="fix"><strong>Right:</strong> {fix}</p>' in PAGE
    text = Elements(PAGE).text
    assert "12.5 of 20 points" in text
    assert "18 of 20 points could be checked" in text
    assert "provisional" in text


def test_marks_of_the_codes_own_rule_come_with_it() -> None:
    """A level before the right rule, as in the text."""
    page = student_page(result(), 3)
    assert f"‹{WORDS[3]}′[0]›" in page
    assert "‹+›0.002" in page


def test_what_has_no_name_has_no_page() -> None:
    """And a finding without rules shows none."""
    task = result().tasks[0]
    finding = replace(task.findings[0], mistake=UNEXPLAINED, applies={}, should={})
    page = student_page(replace(result(), tasks=(replace(task, findings=(finding,)),)), 4)
    assert "gradkit explain" not in page
    assert 'class="rules"' not in page


def test_findings_are_numbered_through_all_tasks() -> None:
    """A number names one finding of the page, also in the code of another task."""
    made = result()
    page = student_page(replace(made, tasks=made.tasks * 2), 4)
    numbers = re.findall(r'<span class="hidden">Finding </span>(\d+)</span>', page)
    assert numbers == ["1", "2"]
    assert [*dict.fromkeys(re.findall(r'data-sign="▸(\d+)"', page))] == ["1", "2"]


def test_an_error_is_shown_at_its_line() -> None:
    """Without a finding the check itself says where."""
    task = result().tasks[0]
    page = student_page(replace(result(), tasks=(replace(task, findings=()),)), 4)
    assert re.search(r'<mark class="line" data-line="12" data-sign="▸">', page)
    assert "plain.py:12" in page


def test_long_checks_are_listed_in_part() -> None:
    """The wrong entries first, the rest counted."""
    task = result().tasks[0]
    check = task.checks[2]
    passed = replace(check.entries[0], probe="many")
    checks = (replace(check, entries=(passed,) * ROWS + check.entries),)
    page = student_page(replace(result(), tasks=(replace(task, checks=checks, findings=()),)), 4)
    assert page.count("<td>many</td>") == ROWS - 3
    assert "and 4 more" in page


@pytest.mark.parametrize("level", WORDS)
def test_hostile_text_stays_text(level: int) -> None:
    """In every place where a student's words may stand: no element, no attribute of theirs."""
    page = student_page(result(HOSTILE, HOSTILE), level)
    known = skeleton(student_page(result(), level))
    known |= {("span", ("class",)), ("wbr", ())}  # of the code's colours, of names
    assert skeleton(page) <= known
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\ud800]", page)
    text = Elements(page).text
    assert "{{ 7 * 7 }} {% raw %}" in text
    assert "<script>window.pwned = 1</script>" in text
    for _, attributes in Elements(page).tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src"):
                assert str(value).startswith("#")


def test_a_page_lets_nothing_in_or_out() -> None:
    """No address but its own anchors, one style that the policy names, no script."""
    page = Elements(PAGE)
    (policy,) = [m["content"] for m in page.each("meta") if "http-equiv" in m]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert not list(page.each("script"))
    assert not list(page.each("link"))
    assert "style=" not in PAGE
    assert not re.search(r"https?:", PAGE)


def test_a_page_is_well_made() -> None:
    """A language, one first heading, no level left out, identifiers once, links that lead."""
    page = Elements(PAGE)
    assert [html["lang"] for html in page.each("html")] == ["en"]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {str(a["href"])[1:] for _, a in page.tags if "href" in a} <= set(ids)
    for header in page.each("th"):
        assert header.get("scope")


def test_a_line_without_a_doubtful_part_has_no_mark() -> None:
    """Nor has a finding without a change one that is right."""
    task = result().tasks[0]
    bare = replace(task.findings[0], columns=(), fix="")
    page = student_page(replace(result(), tasks=(replace(task, findings=(bare,)),)), 4)
    assert f"plain.py:12: <code>W1 += {WORDS[3]} plain</code>" in page
    for part in ('class="doubtful"', 'class="fix"'):
        assert (part in PAGE, part in page) == (True, False)


def test_points_have_two_decimals_at_most() -> None:
    """And none where there is no need."""
    assert [points(4.0), points(4.5), points(13 / 3), points(0.0), points(20.0)] == [
        "4",
        "4.5",
        "4.33",
        "0",
        "20",
    ]


@pytest.mark.parametrize(("level", "shown"), [(3, False), (4, True)])
def test_a_remark_for_instructors_is_theirs(level: int, shown: bool) -> None:
    """A finding about a whole task stands below its checks, at the level that shows it."""
    task = result().tasks[0]
    remark = replace(task.findings[0], check="", mistake="memorised-answers", title="By heart")
    changed = replace(result(), tasks=(replace(task, findings=(*task.findings, remark)),))
    page = student_page(changed, level)
    assert ("By heart" in page) == shown
    assert ("memorised" in page) == shown
    assert ("memorised-answers" in dict(to_row(changed, level).mistakes)) == shown


def test_entries_are_named_as_the_student_indexes_them() -> None:
    """Where that is known."""
    task = result().tasks[0]
    check = task.checks[2]
    named = replace(check, entries=(replace(check.entries[1], label="w1[1][0]"),))
    page = student_page(replace(result(), tasks=(replace(task, checks=(named,), findings=()),)), 4)
    assert '<th scope="row">w1[1][0]</th>' in page
    assert "1 of 1 entries is wrong: w1[1][0]." in page
    assert '<th scope="row">W1[0,1]</th>' in PAGE


def test_what_has_changed_is_said_first() -> None:
    """Totals, checks, words and findings; without changes there is nothing of it."""
    page = student_page(result(), 3, changes())
    text = " ".join(Elements(page).text.split())
    assert "What has changed since 2026-11-20 You had 9.5 of 20 points. Now you have 12.5" in text
    assert "Another of your submissions counts now. Reason: Reason plain" in text
    assert '<td class="figure">6.5 / 12</td><td class="figure">9.5 / 12</td>' in page
    assert "Regression in numpy: update – 1 point: Given plain" in text
    assert "Regression in numpy: forward – removed: Taken plain" in text
    assert "No longer found Regression in numpy: update – Gone plain (W1[0,1], plain)" in text
    assert "Found now Regression in numpy – Come plain" in text
    assert text.index("What has changed") < text.index("Points of each check")
    assert "What has changed" not in PAGE
    same = replace(changes(), score=replace(changes().score, old=12.5))
    assert "You have as many points as before." in student_page(result(), 3, same)


def test_hostile_changes_stay_text() -> None:
    """The same elements as those of plain ones, and no character that a terminal obeys."""
    plain, hostile = (student_page(result(), 3, changes(text)) for text in ("plain", HOSTILE))
    assert skeleton(plain) == skeleton(hostile)
    assert not re.search("[\x00\x08\x1b\u202e\ud800]", hostile)


def test_what_was_not_handed_in_is_said_once() -> None:
    """Of all its checks; of a task that was handed in each check has its own say."""
    plain = result()
    (task,) = plain.tasks
    checks = tuple(
        replace(check, state="missing", message="“Regression” was not submitted.", courses=())
        for check in task.checks
    )
    for absent, times in ((True, 1), (False, len(checks))):
        made = replace(task, checks=checks, findings=(), absent=absent)
        assert student_page(replace(plain, tasks=(made,)), 3).count("was not submitted") == times


def test_one_entry_is_one() -> None:
    """And several are several."""
    text = student_page(result(), 3)
    assert " entries of " in text
    assert "1 entries of" not in text


def test_a_listing_of_one_line_has_one() -> None:
    """And one of several says from where to where."""
    task = result().tasks[0]
    short = Listing("plain.py", None, 12, "W1 += y")
    page = student_page(replace(result(), tasks=(replace(task, listings=(short,)),)), 4)
    assert "</bdi>, line 12</figcaption>" in page
    assert "</bdi>, lines 10 to 13</figcaption>" in PAGE


def test_wrong_entries_are_only_spoken_of_where_there_are_any() -> None:
    """In the words for who listens to the table."""
    task = result().tasks[0]
    interface, _, update, *_ = task.checks
    checks = (replace(interface, entries=update.entries[:1]), update)
    page = student_page(replace(result(), tasks=(replace(task, checks=checks),)), 4)
    assert '<caption class="hidden">What interface compared</caption>' in page
    assert '<caption class="hidden">What update compared, the wrong entries first</caption>' in page


def test_a_name_is_broken_between_its_words() -> None:
    """On the student's page, and on the class's."""
    made = result("ada_love.py")
    assert "<bdi>ada_<wbr>love.py</bdi></h1>" in student_page(made, 4)
    page = class_page([to_row(made, 4)], "A class")
    assert page.count("<bdi>ada_<wbr>love.py</bdi>") == 2

"""One catalogue has every code that gradkit can report, and answers to former codes too."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
from classroom.classes import changed_assignment
from click.testing import CliRunner
from rules.rewrites import REWRITES

from gradkit.cli import main
from gradkit.diagnosis import catalogue as module
from gradkit.diagnosis.catalogue import (
    UnknownMistakeError,
    all_codes,
    catalogue,
    current_code,
    kinds,
    mistake,
    prices,
)
from gradkit.diagnosis.mistakes import forward, training
from gradkit.grading.points import Scheme, mark, price_of
from gradkit.records.result import FOR_INSTRUCTORS, UNEXPLAINED, Entry, Finding, Inquiry, Verdict
from gradkit.records.task import Check
from gradkit.report.exercise import TOPICS, page_text
from gradkit.reproducer.recorded import ReproducerError, find
from gradkit.task.assignment import AssignmentError, read_assignment

ROOMS = ("diagnosis", "grading", "judge", "runtime/repair", "edits")
"""Folders whose modules name the mistakes that are reported."""

CONSTANTS = {
    name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)
} | {"UNEXPLAINED": UNEXPLAINED}
"""Codes that these modules name by a constant, by the name of that."""

NO_CODES = {"denied-access", "not-checked", "cross-entropy", "output-derivative"}
"""Words with a hyphen in these folders that are no codes: a state, a loss, the end of codes."""


def words_in(source: str) -> set[str]:
    """Return the texts of a module that look like codes, and the codes of its constants."""
    nodes = list(ast.walk(ast.parse(source)))
    texts = {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    named = {value for name, value in CONSTANTS.items() if name in names}
    return named | {text for text in texts if re.fullmatch("[a-z]+(-[a-z]+)*", text)}


@cache
def words_in_rooms() -> set[str]:
    """Return the words of all modules that name mistakes."""
    package = Path(str(files("gradkit")))
    modules = [path for room in ROOMS for path in (package / room).rglob("*.py")]
    modules.remove(Path(str(module.__file__)))
    return set().union(*(words_in(path.read_text(encoding="utf-8")) for path in modules))


KNOWN = {name for code in catalogue() for name in all_codes(code)}


def test_every_code_that_is_reported_is_in_the_catalogue() -> None:
    """A finding without an entry would have no title and no page."""
    assert {word for word in words_in_rooms() if "-" in word} - NO_CODES <= KNOWN
    assert {*REWRITES, *forward.CHANGES, *training.CHANGES} <= set(catalogue())
    assert set(catalogue()) >= FOR_INSTRUCTORS


def test_every_entry_is_reported_by_something() -> None:
    """An entry that no module names is dead, unless one of its former codes is named."""
    assert [code for code in catalogue() if not words_in_rooms() & {*all_codes(code)}] == []


def test_a_word_that_is_no_code_is_seen() -> None:
    """The tests above can fail."""
    assert words_in('x = f("wrong-thing", "Not a code", 3, CRASH)') == {"wrong-thing", "crash"}
    assert "wrong-thing" not in KNOWN


def test_no_code_stands_for_two_entries() -> None:
    """Neither as a current code nor as a former one."""
    names = [name for code in catalogue() for name in all_codes(code)]
    assert len(names) == len(set(names))
    assert {entry.topic for entry in catalogue().values()} == set(TOPICS)


@pytest.mark.parametrize("code", catalogue())
def test_an_entry_is_complete(code: str) -> None:
    """Every entry has title, sentence, hints, price, example and page, whatever its topic."""
    entry = catalogue()[code]
    assert entry.code == code
    assert entry.title[0].isupper() or entry.title[0] == "`"
    assert not entry.title.endswith(".")
    assert entry.sentence.endswith(".")
    assert len({*entry.hints}) == (2 if entry.topic == "functions" else 4)
    assert all(hint.endswith((".", "?")) for hint in entry.hints)
    assert entry.topic == "functions" or entry.deduction in prices().values()
    assert entry.wrong != entry.right
    assert f"Wrong:\n\n```python\n{entry.wrong}\n```" in entry.page
    assert f"Right:\n\n```python\n{entry.right}\n```" in entry.page
    assert re.search(r"\nDeduction: .+\.\n$", page_text(entry))
    assert entry.topic == "functions" or max(map(len, entry.page.splitlines())) <= 110


# --- former codes ------------------------------------------------------------------------------


OLD, NEW = "exchanged-index", "swapped-index"


@pytest.fixture
def former(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a mistake with a price have a former code."""
    monkeypatch.setattr(module, "_current_codes", lambda: {OLD: NEW})


def test_former_codes_are_those_of_the_files() -> None:
    """``missing-copy`` and ``changed-in-place`` were two codes for one mistake."""
    assert mistake("missing-copy") is mistake("changed-in-place")
    assert kinds()["missing-copy"].code == "changed-in-place"
    assert current_code("missing-copy") == "changed-in-place"
    assert current_code("wrong-sign") == "wrong-sign"
    assert all_codes("missing-copy") == ("changed-in-place", "missing-copy")
    assert "missing-copy" not in catalogue()


def test_explain_takes_a_former_code() -> None:
    """The page says both codes; the list has the current one."""
    page = CliRunner().invoke(main, ["explain", "missing-copy"]).stdout
    assert page == CliRunner().invoke(main, ["explain", "changed-in-place"]).stdout
    assert "\n`changed-in-place`, formerly `missing-copy`\n" in page
    listed = CliRunner().invoke(main, ["explain"]).stdout
    assert "  changed-in-place " in listed
    assert "missing-copy" not in listed
    costs = CliRunner().invoke(main, ["explain", "missing-copy", "--costs"]).stdout
    assert re.search(r"^changed-in-place +30% +50% +20%$", costs, re.MULTILINE)


def test_the_list_has_every_entry() -> None:
    """Remarks and results without a name are listed too, under headings of their own."""
    listed = CliRunner().invoke(main, ["explain"]).stdout
    assert all(f"  {code} " in listed for code in catalogue())
    assert all(f"{heading}\n  " in listed for heading in TOPICS.values())


def test_an_assignment_can_price_a_former_code(tmp_path: Path, former: None) -> None:
    """The deduction is that of the current code."""
    below = "[roles.initialise]"
    own = changed_assignment(tmp_path, below, f"[marking.deductions]\n{OLD} = 0.5\n{below}")
    assert read_assignment(own).deductions == {NEW: 0.5}


def test_an_assignment_can_price_every_code_of_the_list_of_costs(tmp_path: Path) -> None:
    """Its current code, and instead of it each of its former ones."""
    below = "[roles.initialise]"
    listed = CliRunner().invoke(main, ["explain", "--costs"]).stdout
    table = listed.partition("\n\n")[0].splitlines()[1:]
    codes = [line.split()[0] for line in table]
    assert {"swapped-index", "wrong-axis", "crash", "unexplained"} < {*codes}
    names = [all_codes(code) for code in codes]
    assert ("changed-in-place", "missing-copy") in names
    for nth in range(max(map(len, names))):
        chosen = [each[min(nth, len(each) - 1)] for each in names]
        prices = "".join(f"{name} = 0.5\n" for name in chosen)
        own = changed_assignment(tmp_path, below, f"[marking.deductions]\n{prices}{below}")
        assert read_assignment(own).deductions == dict.fromkeys(codes, 0.5)


@pytest.mark.parametrize("code", ["numerical-gradient", "several-files"])
def test_a_remark_has_no_price(tmp_path: Path, code: str) -> None:
    """It costs nothing, so `gradkit explain --costs` does not list it either."""
    assert code not in CliRunner().invoke(main, ["explain", "--costs"]).stdout
    below = "[roles.initialise]"
    own = changed_assignment(tmp_path, below, f"[marking.deductions]\n{code} = 1\n{below}")
    with pytest.raises(AssignmentError, match=f"found '{code}'; expected a mistake's code"):
        read_assignment(own)


def test_two_prices_for_one_mistake_are_refused(tmp_path: Path, former: None) -> None:
    """Nobody could tell which counts."""
    below = "[roles.initialise]"
    lines = f"[marking.deductions]\n{OLD} = 0.5\n{NEW} = 0.25\n"
    own = changed_assignment(tmp_path, below, lines + below)
    with pytest.raises(
        AssignmentError,
        match=r"marking\.deductions: two lines are about swapped-index, by its current and by a "
        r"former code\. Remove one of them\.",
    ):
        read_assignment(own)


@pytest.mark.parametrize("cause", [OLD, "f"])
def test_a_stored_finding_with_a_former_code_is_marked_by_the_current_one(
    former: None, cause: str
) -> None:
    """It has the price, the withdrawal and the follow-ups of the current code.

    Causes were stored as codes, and are ids now.
    """
    task = read_assignment().tasks[0]
    task = type(task)(**{n: getattr(task, n) for n in task.__struct_fields__} | {"checks": CHECKS})
    found = Finding("f", "update", OLD, "", ("W1[0,1]",))
    inquiry = Inquiry((found,), {"trajectory": (cause,)})
    verdicts = [Verdict(check.name, "fail", "", ENTRIES) for check in CHECKS]
    result = mark(task, verdicts, inquiry, Scheme(0.25, deductions={NEW: 0.5}))
    assert [check.score for check in result.checks] == [2.0, 2.0]
    assert result.findings[0].mistake == NEW
    assert result.checks[1].causes == (NEW,)
    withdrawn = mark(task, verdicts, inquiry, Scheme(0.25, dropped=frozenset({NEW})))
    assert withdrawn.findings == ()
    assert withdrawn.checks[0].withdrawn == (NEW,)
    assert price_of(current_code(OLD)) == price_of(NEW) == 0.3


CHECKS = (Check("update", 4.0), Check("trajectory", 4.0))
ENTRIES = tuple(Entry("W1", (0, n), "fail", 0.0, 1.0) for n in range(3))


def recorded(submission: str, id_: str, code: str) -> tuple[dict, dict, dict]:
    """Return a finding as a result file has it."""
    return {"submission": submission}, {"task": "t"}, {"id": id_, "mistake": code}


def test_show_finds_a_finding_by_its_code(former: None) -> None:
    """By the current or a former code, whichever was stored; the id still counts."""
    known = [recorded("ann", "aa", OLD), recorded("ann", "bb", "wrong-sign")]
    for name in ("aa", OLD, NEW):
        assert find(known, "f.json", name) == known[0]
    again = [*known, recorded("ann", "cc", NEW), recorded("ben", "dd", NEW)]
    with pytest.raises(
        ReproducerError, match=r"^swapped-index is in 2 results; name one of ann, ben"
    ):
        find(again, "f.json", NEW)
    with pytest.raises(
        ReproducerError,
        match=r"^f\.json: 2 findings are exchanged-index\. Name one of them: aa, cc\.$",
    ):
        find(again, "f.json", OLD, "ann")


def test_an_unknown_code_is_no_former_one() -> None:
    """A former code never hides a slip of the pen."""
    with pytest.raises(UnknownMistakeError, match="There is no mistake 'missing-copi'"):
        mistake("missing-copi")

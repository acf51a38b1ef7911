"""Pages and their list: readable as plain text, and set on a terminal."""

import io
from types import MappingProxyType

import pytest
from click.testing import CliRunner
from rich.console import Console

from gradkit.cli import main
from gradkit.records.task import Mistake
from gradkit.report.exercise import listing, page_text, show_page


def entry(code: str, topic: str, title: str = "Something") -> Mistake:
    """An entry with a short page."""
    page = "What it is.\n\nWrong:\n\n```python\nV = 1\n```\n"
    known = {"hints": (), "group": "", "deduction": MappingProxyType({}), "wrong": "", "right": ""}
    return Mistake(code=code, topic=topic, title=title, sentence="", about=(), page=page, **known)


def test_a_page_begins_with_title_and_code() -> None:
    """As Markdown, whatever the page holds behind them."""
    text = page_text(entry("not-updated", "update", title="A step is lost"))
    assert text.startswith("# A step is lost\n\n`not-updated`\n\nWhat it is.\n")
    share = "the share of the parameters that are never updated"
    assert text.endswith(f"```\n\nDeduction: {share}.\n")


def test_a_terminal_gets_it_set() -> None:
    """No mark-up is left over, and the code stands in the text."""
    buffer = io.StringIO()
    show_page(entry("not-updated", "update"), Console(file=buffer, width=60, color_system=None))
    shown = buffer.getvalue()
    assert "V = 1" in shown
    assert "```" not in shown
    assert "# " not in shown
    assert max(map(len, shown.splitlines())) <= 60


def test_the_list_is_by_topic() -> None:
    """Under each topic its codes in the order given, titles in one column."""
    text = listing([entry("a", "update"), entry("bb", "training"), entry("c", "update")])
    assert text.splitlines()[:6] == [
        "Update step",
        "  a   Something",
        "  c   Something",
        "",
        "Model and training loop",
        "  bb  Something",
    ]


def test_explain_shows_a_page() -> None:
    """The page of the code, on standard output alone."""
    done = CliRunner().invoke(main, ["explain", "swapped-index"])
    assert done.exit_code == 0
    assert done.stdout.startswith("# Two indices are exchanged\n\n`swapped-index`\n")
    assert "Wrong:" in done.stdout
    assert done.stderr == ""


def test_explain_without_a_code_lists_them() -> None:
    """All codes, and how to go on."""
    done = CliRunner().invoke(main, ["explain"])
    assert done.exit_code == 0
    assert "  updated-before-use             A gradient uses a parameter" in done.stdout
    assert done.stdout.endswith("`gradkit explain CODE` shows the page of a mistake.\n")


def test_explain_refuses_an_unknown_code() -> None:
    """Exit code 2, with what may have been meant."""
    done = CliRunner().invoke(main, ["explain", "swaped-index"])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("gradkit: There is no mistake 'swaped-index' in the catalogue;")
    assert "swapped-index" in done.stderr


@pytest.mark.parametrize("code", ["unexplained", "missing-zero-grad"])
def test_explain_shows_what_findings_name(code: str) -> None:
    """Whatever stands behind ``mistake`` in a finding can be looked up."""
    assert CliRunner().invoke(main, ["explain", code]).exit_code == 0

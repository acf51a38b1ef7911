"""Templates of a package: filled, escaped where they are HTML, and never with a gap."""

from __future__ import annotations

import sys
from pathlib import Path

import jinja2
import pytest

from gradkit.templates import fill


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with two templates."""
    folder = tmp_path / "with_templates" / "templates"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("", encoding="utf-8")
    text = "{% if name %}\n  Hello {{ name }}.\n{% endif %}\n\n\n"
    for file in ("page.html", "plain.txt"):
        (folder / file).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "with_templates", raising=False)
    return "with_templates"


def test_a_page_is_escaped_and_a_text_is_not(package: str) -> None:
    """Each ends with one newline, and lines of statements leave none."""
    assert fill(package, "page.html", name="<b>") == "  Hello &lt;b&gt;.\n"
    assert fill(package, "plain.txt", name="<b>") == "  Hello <b>.\n"


def test_a_name_without_a_value_is_an_error(package: str) -> None:
    """A gap would go unseen."""
    with pytest.raises(jinja2.UndefinedError, match="'name' is undefined"):
        fill(package, "plain.txt")

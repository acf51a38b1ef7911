"""Fill the templates of the application, which share macros and style with the students' pages."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from gradkit.report import document
from gradkit.report.words import override_text, score_text
from gradkit.review.selection import FILTERS, SORTS, query
from gradkit.review.student import comment_label, finding_name

if TYPE_CHECKING:
    from jinja2 import Environment

PACKAGE = "gradkit.review"

ASSETS = {"review.css": "text/css", "review.js": "text/javascript"}
"""Files that pages load from the server, and their types."""


@cache
def _templates() -> Environment:
    """Return the HTML templates of this package and of `gradkit.report`, ready to be filled."""
    from jinja2 import ChoiceLoader, PackageLoader

    own = document.prepared().overlay(
        loader=ChoiceLoader([PackageLoader(PACKAGE), PackageLoader(document.PACKAGE)])
    )
    # An overlay shares these tables with its origin unless it has its own.
    own.globals = {
        **own.globals,
        **document.by_name(comment_label, finding_name, override_text, query),
        **document.by_name(score_text),
        "filters": FILTERS,
        "sorts": SORTS,
    }
    return own


def page(template: str, **values: object) -> str:
    """Fill a template; values that are not `Markup` are escaped."""
    return _templates().get_template(template).render(**values)


@cache
def asset(name: str) -> str:
    """Return the text of a file that pages load, such as ``review.css``.

    A style sheet begins with the style of all pages of gradkit.
    """
    text = (files(PACKAGE) / "templates" / name).read_text(encoding="utf-8")
    if name.endswith(".css"):
        style = files(document.PACKAGE) / "templates" / "page.css"
        return style.read_text(encoding="utf-8") + text
    return text

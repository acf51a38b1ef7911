"""Fill templates of pages, with style and a content security policy that blocks all requests."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gradkit.report import words
from gradkit.templates import environment, fill
from gradkit.text import (
    clean_text,
    format_count,
    format_entries,
    format_entry,
    format_probe,
    format_text,
    where,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


PACKAGE = "gradkit.report"


def document(template: str, **values: object) -> str:
    """Fill a template of this package; values that are not `Markup` are escaped."""
    prepared()
    return fill(PACKAGE, template, **values)


@cache
def prepared() -> Environment:
    """Return this package's templates as an `Environment`, with all that they use.

    That is the style, the script, and the functions and filters of `gradkit.report.words`. The
    result is cached.
    """
    from markupsafe import Markup

    templates = environment(PACKAGE)
    style, script = _text("page.css"), _text("students.js")
    templates.globals |= {
        "style": Markup(style),  # noqa: S704 -- a file of this package
        "script": Markup(script),  # noqa: S704 -- a file of this package
        "policy": policy(style=style),
        "policy_with_script": policy(style=style, script=script),
        "signs": words.SIGNS,
        "formulas": words.FORMULAS,
        **by_name(where, format_text, format_count, words.state_of, format_probe, format_entry),
        **by_name(words.override_text, words.pieces, words.doubtful, words.wrong_entries_text),
        **by_name(words.same_reason_text, words.cost_text, words.gradient_text, words.place_text),
    }
    filters = by_name(
        words.points, number, link, prose, told, words.signed, entry_name, format_entries
    )
    templates.filters |= {**filters, "clean": clean_text}
    return templates


def by_name(*tools: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Return functions by their names, for templates to call."""
    return {tool.__name__: tool for tool in tools}


def policy(**inline: str) -> str:
    """Return a content security policy that allows only the given inline styles and scripts.

    Examples
    --------
    >>> policy(style="p {}")[:44]
    "default-src 'none'; base-uri 'none'; form-ac"
    """
    rules = ["default-src 'none'", "base-uri 'none'", "form-action 'none'"]
    for kind, text in inline.items():
        digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
        rules.append(f"{kind}-src 'sha256-{digest}'")
    return "; ".join(rules)


def number(value: float | None) -> str:
    """Return a number with ten digits, or a dash for None."""
    return "–" if value is None else f"{value:.10g}".replace("-", "−")


def entry_name(entry: Mapping[str, Any]) -> str:
    """Return an entry as the student indexes it, as far as that is known.

    Examples
    --------
    >>> entry_name({"label": "", "parameter": "W1", "index": [0, 1]})
    'W1[0,1]'
    """
    return format_entry(entry["label"], entry["parameter"], entry["index"])


def prose(text: str) -> Markup:
    """Convert a sentence to HTML; text between backticks becomes code.

    Examples
    --------
    >>> str(prose("`f` < 1"))
    '<code>f</code> &lt; 1'
    """
    from markupsafe import Markup, escape

    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 -- escaped


def told(text: str) -> Markup:
    r"""Convert a message to HTML paragraphs.

    Lines that begin with two spaces become a block of code, without these spaces.

    Examples
    --------
    >>> print(told("hw.py:1:\n  x = (\n      ^\nMend it."))
    <p>hw.py:1:</p>
    <pre tabindex="0" role="group" aria-label="The line that is meant"><code>x = (
        ^</code></pre>
    <p>Mend it.</p>
    """
    from markupsafe import Markup, escape

    parts = []
    for quoted, lines in groupby(text.split("\n"), key=lambda line: line.startswith("  ")):
        if quoted:
            code = escape("\n".join(line[2:] for line in lines))
            label = escape("The line that is meant")
            begin = f'<pre tabindex="0" role="group" aria-label="{label}">'
            parts.append(f"{begin}<code>{code}</code></pre>")
        else:
            parts += [f"<p>{prose(line)}</p>" for line in lines if line]
    return Markup("\n".join(parts))  # noqa: S704 -- every part is escaped


def link(path: str) -> str:
    """Convert a path to a relative address without a scheme or a host.

    Examples
    --------
    >>> link("javascript:alert(1)"), link("//host/a b"), link("#s1")
    ('javascript%3Aalert%281%29', 'host/a%20b', '#s1')
    """
    if path.startswith("#"):
        return "#" + quote(path[1:])
    return quote(path.replace("\\", "/").lstrip("/"), errors="replace")


def _text(name: str) -> str:
    """Read a file of the templates' folder."""
    return (files(PACKAGE) / "templates" / name).read_text(encoding="utf-8")

r"""Escape text that students wrote, with one function for each output channel.

The functions take text that `gradkit.text.clean_text` has cleaned, or clean it themselves. Clean
text has no terminal sequences, no control characters but newline and tab, and no surrogates. The
replacements of `gradkit.text.spell` do not produce characters that are escaped here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gradkit.text import clean_text

XML_BYTES = 64 << 10
"""Largest number of bytes of one XML text."""

OLD_COMMAND = re.compile(r"##(?=\w*\[)")
"""The beginning of a command that a build runner obeys anywhere in a line."""

# Characters that a runner may skip before a command.
_INDENT = "[^\\S\n\ufeff\u200b]*[\ufeff\u200b]*[^\\S\n]*"
_COMMAND = re.compile(f"^({_INDENT}):(?=:)", re.MULTILINE)
_BACKTICKS = re.compile("`+")
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def log_text(text: str) -> str:
    """Return text for the log of a build, in which no line is a command to the runner.

    GitHub obeys lines that begin with ``::``, and ``##[command]`` anywhere; Azure and
    TeamCity have words between the two.

    Examples
    --------
    >>> log_text("  ::error::no")
    '  : :error::no'
    """
    return OLD_COMMAND.sub("## ", _COMMAND.sub(r"\1: ", text))


def command(kind: str, message: str, properties: Mapping[str, str]) -> str:
    r"""Return the line of a workflow command of GitHub. Empty properties are left out.

    Examples
    --------
    >>> command("error", "two\nlines", {"file": "a,b.py", "line": "3"})
    '::error file=a%2Cb.py,line=3::two%0Alines'
    """
    pairs = ",".join(
        f"{key}={_data(value).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in properties.items()
        if value
    )
    return f"::{kind}{' ' if pairs else ''}{pairs}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def code_span(text: str) -> str:
    r"""Return text as inline Markdown code, in which nothing is mark-up, also in a table cell.

    Examples
    --------
    >>> code_span("a`b|c")
    '`` a`b\\|c ``'
    """
    text = log_text(" ".join(clean_text(text).split())) or " "
    ticks = "`" * (1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    # Markdown divides a table row at | before it searches for code.
    inner = text.replace("|", r"\|")
    return f"{ticks} {inner} {ticks}" if "`" in text else f"{ticks}{inner}{ticks}"


def code_block(text: str) -> str:
    """Return text as a Markdown block of code, with a fence that the text does not contain."""
    ticks = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(text)), default=0))
    return f"{ticks}text\n{text}\n{ticks}"


def xml_text(text: str) -> str:
    """Return text without the characters that XML 1.0 forbids; the XML writer escapes the rest."""
    return _NOT_XML.sub("\ufffd", log_text(clean_text(text, XML_BYTES)))


def csv_cell(text: str) -> str:
    """Return text for a cell of a table that a spreadsheet does not read as a formula.

    Examples
    --------
    >>> csv_cell("=1+1")
    "'=1+1"
    """
    text = clean_text(text)
    return f"'{text}" if text.lstrip()[:1] in tuple("=+-@") or text[:1] in tuple("\t\n") else text

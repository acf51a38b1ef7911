"""Text files of an export, made of templates with ``@NAMES@`` to fill in."""

from __future__ import annotations

import re
from importlib.resources import files


def fill(template: str, **values: str) -> bytes:
    """A template of `gradkit.authoring.export.templates`, with every name replaced.

    A shell script and a workflow are full of dollar signs and braces, hence ``@NAME@``. A
    line that holds a name alone, whose value is empty, goes altogether.

    Raises
    ------
    KeyError
        The template has a name that no value is given for.
    """
    text = (files("gradkit.authoring.export") / "templates" / template).read_text(encoding="utf-8")
    return filled(text, **values).encode()


def filled(text: str, **values: str) -> str:
    """The same of a text."""
    lines = []
    for line in text.splitlines():
        made = re.sub(r"@([A-Z]+)@", lambda name: values[name[1].lower()], line)
        if made.strip() or not line.strip():
            lines.append(made)
    return "\n".join(lines) + "\n"

"""Drawings as parts of a page: its colours, its font, no style of their own.

Nothing inside has a ``style`` attribute, so that the page may forbid them all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from xml.etree.ElementTree import Element, fromstring, tostring

PREFIX = "plot-id-"
"""What identifiers begin with until a drawing is put into a page."""

_LINK = "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"#([\w.-]+)")


def adopt(drawing: str, colours: Mapping[str, str]) -> str:
    """The drawing of a plotting library, made fit to stand in a page.

    Parameters
    ----------
    drawing : str
        A whole SVG document.
    colours : mapping of str to str
        What stands in for each colour, as ``{"#000001": "currentColor"}``.
    """
    root = fromstring(drawing)  # noqa: S314 -- drawn by matplotlib a moment ago
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    used = {name for element in root.iter() for name in _references(element)}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        _simplify(element, colours, used)
    for unused in ("height", "version"):
        root.attrib.pop(unused, None)
    # Points to pixels; the page makes it smaller where there is no room.
    root.set("width", f"{float(root.get('viewBox', '').split()[2]) * 4 / 3:.0f}")
    # A page is HTML, where these names need no declaration.
    return re.sub(r"\s*\n\s*", " ", tostring(root, encoding="unicode", short_empty_elements=False))


def _references(element: Element) -> list[str]:
    return [
        name
        for key, value in element.attrib.items()
        if key in (_LINK, "clip-path", "style")
        for name in _REFERENCE.findall(value)
    ]


def _simplify(element: Element, colours: Mapping[str, str], used: set[str]) -> None:
    """Style to attributes, colours to those of the page; names only where they are needed."""
    style = element.attrib.pop("style", "")
    for declaration in filter(None, map(str.strip, style.split(";"))):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key == "font":
            # Its family is the page's.
            key, value = "font-size", next(p for p in value.split() if p.endswith("px"))
        element.set(key, colours.get(value, value))
    name = element.attrib.pop("id", "")
    if name in used:
        element.set("id", PREFIX + name)
    target = element.attrib.pop(_LINK, "")
    if target:
        element.set("href", f"#{PREFIX}{target[1:]}")
    clip = element.get("clip-path", "")
    if clip:
        element.set("clip-path", clip.replace("#", f"#{PREFIX}"))


def placed(drawing: str, name: str, title: str) -> str:
    """The drawing with identifiers that begin with ``name``, and a title for who cannot see it."""
    own = drawing.replace(PREFIX, f"{name}-")
    opening = f'<svg role="img" aria-labelledby="{name}-title"'
    words = f'<title id="{name}-title">{escape(title)}</title>'
    return own.replace("<svg", opening, 1).replace(">", f">{words}", 1)

"""Typeset the rules of a finding as MathML, with what differs marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, SubElement, tostring

from gradkit.records.result import Finding
from gradkit.report.data import EXPECTED_LEVEL, RULE_LEVEL
from gradkit.report.formula import Formula, beside, read, spelled
from gradkit.text import clean_text

_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"|(?P<sum>Σ[ᵢⱼₖ]+)"
    r"|(?P<power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|(?P<name>[^\W\d](?:(?![⁰¹²³⁴⁵⁶⁷⁸⁹])\w)*)"
    r"|(?P<other>\S)"
)
_PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹ᵢⱼₖ", "−0123456789ijk")
TIGHT = {"form": "prefix", "stretchy": "false", "lspace": "0", "rspace": "0"}
_CLOSING = {"(": ")", "[": "]"}


def typeset(formula: Formula) -> str:
    """A ``math`` element: what differs is boxed and in ‹ ›; the plain text goes with it."""
    math = Element("math", alttext=spelled(formula))
    semantics = SubElement(math, "semantics")
    row = SubElement(semantics, "mrow")
    for number, term in enumerate(formula.terms):
        # A sign in front of all is a sign; between two terms it is an operation.
        form = "infix" if number else "prefix"
        if term.sign:
            _put(row, [_leaf("mo", term.sign, form=form)], term.sign_differs)
        for place, factor in enumerate(term.factors):
            if place:
                row.append(_leaf("mo", "·"))
            _put(row, _expression(factor.text), factor.differs)
    note = SubElement(semantics, "annotation", encoding="text/plain")
    note.text = spelled(formula)
    return tostring(math, encoding="unicode", short_empty_elements=False)


def _leaf(tag: str, text: str, **attributes: str) -> Element:
    leaf = Element(tag, attributes)
    leaf.text = text
    return leaf


def _put(row: Element, parts: Iterable[Element], differs: bool) -> None:
    if not differs:
        row.extend(parts)
        return
    box = SubElement(row, "mrow", {"class": "differs"})
    box.append(_leaf("mo", "‹", **TIGHT))
    box.extend(parts)
    box.append(_leaf("mo", "›", **TIGHT))


def _expression(text: str) -> list[Element]:
    """Names with their indices and primes, numbers, powers, brackets: any text gives something.

    Brackets behind a name hold an index and are set below it.
    """
    rows: list[list[Element]] = [[]]
    opened: list[tuple[str, Element | None]] = []  # each bracket, and the name that it indexes
    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup, match.group()
        row = rows[-1]
        if kind == "number":
            row.append(_leaf("mn", piece))
        elif kind == "sum":
            row.append(_script("msub", _leaf("mo", "Σ"), _leaf("mi", piece[1:].translate(_PLAIN))))
        elif kind == "name":
            row.append(_leaf("mi", piece))
        elif kind == "power" and row:
            row.append(_script("msup", row.pop(), _leaf("mn", piece.translate(_PLAIN))))
        elif piece in "′*" and row and row[-1].tag == "mi":
            row[-1].text = f"{row[-1].text}{piece}"
        elif piece in _CLOSING:
            named = piece == "[" and row and row[-1].tag == "mi"
            opened.append((piece, row.pop() if named else None))
            rows.append([])
        elif opened and piece == _CLOSING[opened[-1][0]]:
            inner = rows.pop()
            rows[-1].append(_closed(*opened.pop(), inner))
        else:
            row.append(_leaf("mo", piece))
    while opened:  # no formula of ours, but no reason to lose it
        inner = rows.pop()
        bracket, name = opened.pop()
        rows[-1] += [*([name] if name is not None else []), _leaf("mo", bracket), *inner]
    return rows[0]


def _closed(bracket: str, name: Element | None, inner: list[Element]) -> Element:
    row = Element("mrow")
    if name is None:
        row.append(_leaf("mo", bracket, form="prefix"))
        row.extend(inner)
        row.append(_leaf("mo", _CLOSING[bracket], form="postfix"))
        return row
    row.extend(inner)
    return _script("msub", name, row)


def _script(tag: str, *parts: Element) -> Element:
    script = Element(tag)
    script.extend(parts)
    return script


def rules(finding: Finding, hints: int) -> Iterator[dict[str, str | bool]]:
    """The rules that the level shows: how each entry moves, as MathML.

    With ``value`` it is what the entry becomes. ``applied`` is empty where it does not move,
    ``right`` where it is not shown. What differs in the code's own rule is marked a level before
    the right rule is shown, as it is in the text.
    """
    for entry, text in finding.applies.items() if hints >= RULE_LEVEL else ():
        applied = _read(text)
        right = _read(finding.should[entry]) if entry in finding.should else None
        yield {
            "entry": clean_text(entry),
            "value": applied.value,
            "applied": _typeset(applied, right),
            "right": _typeset(right, applied) if right and hints >= EXPECTED_LEVEL else "",
        }


def _read(text: str) -> Formula:
    return read(clean_text(text))


def _typeset(formula: Formula, other: Formula | None) -> str:
    return typeset(beside(formula, other)) if formula.terms else ""

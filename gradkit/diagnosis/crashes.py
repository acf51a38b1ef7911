"""Report code that stops with an exception as an exception, and a missing `return` as such.

Python's own sentence and line say what is wrong. A search for repairs would find some change that
makes the numbers right, and describe a wrong name as a wrong formula.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import CRASH, NO_RETURN, mistake
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry, Verdict
from gradkit.records.submission import Cell, Place
from gradkit.runtime.syntax import AnyFunction, every, names_in, own_statements, walk
from gradkit.submission.definitions import line_at
from gradkit.submission.source import nodes_in, statements
from gradkit.text import format_text

NAMED_BY_PYTHON = frozenset({"NameError", "UnboundLocalError", "KeyError", "AttributeError"})
"""Exception types whose message names the reason, so that no other reason is reported."""


PLAIN_VALUES = frozenset({*dir(builtins), "NoneType", "function", "method"})
"""Types whose attributes nobody misspells in an exercise: Python's own."""


class _Advice(Struct, frozen=True):
    """What to do about an exception, and the part of the line that it is about."""

    sentence: str
    part: ast.expr | None = None


class _Crash(Struct, frozen=True):
    """An exception with the line that raised it, and the submitted code around that line.

    ``cell`` is the one with the line, and ``nodes`` are the expressions that begin on the line.
    """

    type: str
    message: str
    place: Place
    cells: Sequence[Cell]
    cell: Cell
    function: AnyFunction | None
    nodes: Sequence[ast.expr]


def with_crashes(
    verdicts: Sequence[Verdict], inquiry: Inquiry, cells: Sequence[Cell], task: str
) -> Inquiry:
    """Return the findings with one added for each line that stops the code.

    Parameters
    ----------
    verdicts : sequence of Verdict
        Results of the checks; those that failed with an exception have its type, text and line.
    inquiry : Inquiry
        The findings so far.
    cells : sequence of Cell
        The submitted text.
    task : str
        The id of the task.

    Returns
    -------
    Inquiry
        The same inquiry if no line stops the code. A line has one finding, even if
        it stops several checks; a check stopped by another check's mistake has none. Of a stopped
        check's other findings, those stay that `_left_beside_crash` returns; in the causes of
        the checks, the crash replaces the others.
    """
    findings = list(inquiry.findings)
    stops = {
        verdict.check: (verdict, crash)
        for verdict in verdicts
        if (crash := _finding_of(verdict, cells, task)) is not None
    }
    reported: dict[tuple[str, Place | None], str] = {}
    instead: dict[str, str] = {}
    mended = {finding.check for finding in findings if finding.basis == "change"}
    # A line that stops several checks is reported at the check whose repair is known.
    for check in sorted(stops, key=lambda name: name not in mended):
        verdict, crash = stops[check]
        repairs = _repairs_of(check, inquiry)
        is_explained = check not in mended and any(
            repair.check not in stops or _stays(repair, stops[repair.check][0], cells)
            for repair in repairs
        )
        is_known = any((f.check, f.mistake) == (check, NO_RETURN) for f in findings)
        if is_explained or is_known:
            continue
        own = [finding for finding in findings if finding.check == check]
        left = _left_beside_crash(own, verdict, cells)
        at = findings.index(own[0]) if own else len(findings)
        others = [finding for finding in findings if finding.check != check]
        # One line can stop several checks: it is one mistake.
        key = verdict.exception, crash.place
        if key not in reported:
            # Where a repair is known, all else is right, so only the crash itself costs points.
            left.insert(0, replace(crash, basis="change") if repairs else crash)
        of_crash = reported.setdefault(key, crash.id)
        charged = {each.id for each in left if each.basis != "repair"}
        instead |= {each.id: of_crash for each in own if each.id not in charged}
        findings = [*others[:at], *left, *others[at:]]
    if not reported:
        return inquiry
    causes = {
        check: tuple(dict.fromkeys(instead.get(each, each) for each in ids))
        for check, ids in inquiry.causes.items()
    }
    return replace(inquiry, findings=tuple(findings), causes=causes)


def _left_beside_crash(
    own: Sequence[Finding], verdict: Verdict, cells: Sequence[Cell]
) -> list[Finding]:
    """Return the findings on a check that are reported beside the exception that stopped it.

    ``own`` are all findings on the check, ``verdict`` has its exception and its outputs, and
    ``cells`` are the submitted text. The result has the findings that `_stays` accepts. Among them,
    the first change of the text becomes a free repair (basis ``repair``), because it only removes
    the exception. Later changes also stay if all changes together make all wrong outputs right.
    """
    changes = [finding for finding in own if finding.basis == "change"]
    wrong = {entry.parameter for entry in verdict.entries if entry.state != "pass"}
    right = {entry for change in changes for entry in change.entries}
    later = changes[1:] if wrong and wrong <= right else []
    return [
        replace(each, basis="repair") if each in changes[:1] else each
        for each in own
        if each in later or _stays(each, verdict, cells)
    ]


def _repairs_of(check: str, inquiry: Inquiry) -> list[Finding]:
    """Return the changes of the text that make a check right, found for it or for another check."""
    causes = inquiry.causes.get(check, ())
    changes = (finding for finding in inquiry.findings if finding.basis == "change")
    return [each for each in changes if each.check == check or each.id in causes]


def _stays(finding: Finding, verdict: Verdict, cells: Sequence[Cell]) -> bool:
    """Return whether a finding on a check is reported beside the exception that stopped it.

    ``verdict`` has the check's exception, and ``cells`` are the submitted text. An unexplained
    finding is not reported; a finding from numbers is if it is about another line than the
    exception. Any other finding proposes a change of the text, and is reported unless the function
    returns None or the exception's message already names the reason (`_names_reason`).
    """
    if finding.mistake == UNEXPLAINED:
        return False
    if finding.basis == "numbers":
        return finding.place != verdict.place
    return not (verdict.returns_none or _names_reason(verdict, cells))


def _names_reason(verdict: Verdict, cells: Sequence[Cell]) -> bool:
    """Return whether the exception that stopped a check says by itself what is wrong.

    ``verdict`` has the exception, and ``cells`` are the submitted text with its line. The result is
    True if the exception's type is in `NAMED_BY_PYTHON`, or if its line is a ``raise`` or an
    ``assert``. It is False if an attribute is missing in a plain value, such as a float: then the
    value is wrong, and not the attribute's name.
    """
    line = "" if verdict.place is None else line_at(cells, verdict.place)
    if line.lstrip().startswith(("raise ", "assert ")):
        return True
    value = re.search(r"'(\w+)' object has no attribute", verdict.exception)
    # A float or None has no attributes of the student's: the value is wrong, and not the name.
    is_plain = value is not None and value[1] in PLAIN_VALUES
    return _type_of(verdict) in NAMED_BY_PYTHON and not is_plain


def _type_of(verdict: Verdict) -> str:
    """Return the type in the text of an exception, such as ``KeyError``."""
    return verdict.exception.partition(":")[0]


def _finding_of(verdict: Verdict, cells: Sequence[Cell], task: str) -> Finding | None:
    """Return the finding on a check's exception, or on a function without ``return``.

    ``verdict`` has the check's exception and its place, ``cells`` are the submitted text, and
    ``task`` is the task's id. None if there is neither an exception nor a missing ``return``, or if
    the place is not in the submitted text.
    """
    place = verdict.place
    if place is None or not line_at(cells, place).strip():
        return None
    if verdict.exception:
        kind, _, message = verdict.exception.partition(": ")
        crash = _make_crash(kind, message, place, cells)
        return _make_finding(CRASH, verdict, crash, _advice_for(crash), task)
    crash = _make_crash("", "", place, cells)
    if verdict.returns_none and crash.function is not None and not _gives_value(crash.function):
        return _make_finding(
            NO_RETURN, verdict, crash, _Advice(_missing_return_sentence([crash.function])), task
        )
    return None


def _make_finding(
    code: str, verdict: Verdict, crash: _Crash, advice: _Advice, task: str
) -> Finding:
    """Return the finding with catalogue code ``code`` about the line of an exception.

    The line and the exception's type, for the title, are those of ``crash``. The sentence and the
    columns to underline are those of ``advice``. The finding has only the first hint of the
    catalogue. Its id is a hash of ``task`` (the task's id), the check and exception of ``verdict``,
    and the code.
    """
    line = line_at(crash.cells, crash.place)
    identity = "/".join((task, verdict.check, code, verdict.exception))
    page = mistake(code)
    function = getattr(crash.function, "name", "")
    hints = tuple(format_text(hint, function=function) for hint in page.hints[:1])
    return Finding(
        id=hashlib.sha256(identity.encode()).hexdigest()[:10],
        check=verdict.check,
        mistake=code,
        title=format_text("The code stops with {type}", type=crash.type)
        if crash.type
        else page.title,
        entries=(),
        place=crash.place,
        places=(crash.place,),
        source=line.strip(),
        columns=_columns(line, advice.part),
        sentence=advice.sentence,
        hints=hints,
    )


def _columns(line: str, part: ast.expr | None) -> tuple[int, ...]:
    """Return the first and last column of ``part`` in its line without the indent.

    Empty if there is no part, or if the part extends over several lines.
    """
    if part is None or part.end_lineno != part.lineno or part.end_col_offset is None:
        return ()
    # Offsets of the syntax tree count bytes of UTF-8.
    raw = line.encode(errors="replace")
    ends = [len(raw[:at].decode(errors="replace")) for at in (part.col_offset, part.end_col_offset)]
    indent = len(line) - len(line.lstrip())
    return tuple(end - indent for end in ends)


def _make_crash(kind: str, message: str, place: Place, cells: Sequence[Cell]) -> _Crash:
    """Return the record of an exception, with the cell and the expressions of its line.

    ``kind`` is the exception's type, such as ``KeyError``, and ``message`` its text; both are empty
    for a missing ``return``. ``place`` is its line, which must be in one of ``cells``. The record's
    function is the innermost one around the line, None outside of functions.
    """
    cell = next(c for c in cells if 0 < c.line_of(place) <= c.source.count("\n") + 1)
    line = cell.line_of(place)
    parts = nodes_in(cell.source)
    around = [
        part
        for part in parts
        if isinstance(part, ast.FunctionDef) and part.lineno <= line <= (part.end_lineno or 0)
    ]
    nodes = [part for part in parts if isinstance(part, ast.expr) and part.lineno == line]
    return _Crash(kind, message, place, cells, cell, around[-1] if around else None, nodes)


# --- advice ----------------------------------------------------------------------------------


def _advice_for(crash: _Crash) -> _Advice:
    """Return the advice to the student on an exception: a sentence, and the part of the line.

    The first of these that fits ``crash`` (the exception and its line) is taken: a missing
    ``super().__init__()``, an undefined name, a missing key, a missing attribute, a value None. If
    none fits, the sentence says that the following lines are not run.
    """
    found = (
        advise(crash)
        for advise in (_advise_super, _advise_name, _advise_key, _advise_attribute, _advise_none)
    )
    last = _Advice("Python stops at this line: the code after it is not run.")
    return next((each for each in found if each is not None), last)


def _advise_super(crash: _Crash) -> _Advice | None:
    """Return advice on a missing ``super().__init__()``."""
    if "__init__() call" not in crash.message:
        return None
    return _Advice("`super().__init__()` is missing. Make it the first line of `__init__`.")


def _advise_name(crash: _Crash) -> _Advice | None:
    """Return advice on a NameError or UnboundLocalError; None for other exceptions.

    ``crash`` has the exception and its line. For a NameError, the sentence suggests similar names.
    The part of the line to underline is the first place where the name stands.
    """
    found = re.match(r"name '(\w+)' is not defined", crash.message)
    unset = re.match(r"\D*variable '(\w+)'", crash.message)
    if crash.type == "UnboundLocalError" and unset is not None:
        name = unset[1]
        sentence = format_text("`{name}` is read before it is assigned.", name=name)
    elif crash.type == "NameError" and found is not None:
        name = found[1]
        sentence = format_text("The name `{name}` is not defined here.", name=name)
        sentence += _did_you_mean(name, {*_scope(crash), *_entries(crash)} - {name})
    else:
        return None
    return _Advice(sentence, _part(crash, lambda n: isinstance(n, ast.Name) and n.id == name))


def _scope(crash: _Crash) -> Iterator[str]:
    """Yield the names that are known in the line of an exception.

    These are the builtins, all names assigned, imported or defined at the top level of any cell,
    and the parameters and assigned names of the function around the line, by the record ``crash``.
    """
    yield from dir(builtins)
    for cell in crash.cells:
        for each in statements(cell.source):
            if isinstance(each, ast.FunctionDef | ast.ClassDef):
                yield each.name
            else:
                yield from names_in(each, ast.Store)
                for alias in every(ast.alias, each):
                    yield (alias.asname or alias.name).partition(".")[0]
    if crash.function is not None:
        yield from (argument.arg for argument in every(ast.arg, crash.function))
        yield from names_in(crash.function, ast.Store)


def _entries(crash: _Crash) -> Iterator[str]:
    """Yield the source of each subscript with a string in the function: ``parameters["W2"]``.

    Nothing if the crash is outside of functions.
    """
    cell_source = crash.cell.source
    for node in every(ast.Subscript, crash.function) if crash.function is not None else ():
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            yield ast.get_source_segment(cell_source, node) or ast.unparse(node)


def _advise_key(crash: _Crash) -> _Advice | None:
    """Return advice on a KeyError of a string key; None for other exceptions.

    ``crash`` has the exception and its line. The sentence suggests similar strings from all
    submitted cells.
    """
    if crash.type != "KeyError" or not re.fullmatch(r"'[^'\"]+'", crash.message):
        return None
    key = crash.message[1:-1]
    known = {
        part.value
        for cell in crash.cells
        for each in statements(cell.source)
        for part in walk(each)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
        if part.value.isidentifier() and part.value != key
    }
    sentence = format_text("The dict has no key {key}.", key=f"'{key}'")
    sentence += _did_you_mean(key, known, "'{}'")
    return _Advice(sentence, _part(crash, lambda n: isinstance(n, ast.Constant) and n.value == key))


def _advise_attribute(crash: _Crash) -> _Advice | None:
    """Return advice on a missing attribute; None for other exceptions and for attributes of None.

    ``crash`` has the exception and its line. The sentence suggests similar attributes of a class in
    the submitted cells, or of numpy.
    """
    found = re.search(
        r"(?:'(\w+)' object|module '([\w.]+)') has no attribute '(\w+)'", crash.message
    )
    if crash.type != "AttributeError" or found is None or found[1] == "NoneType":
        return None
    owner, name = found[1] or found[2], found[3]
    known: set[str] = set(dir(np)) if owner == "numpy" else set()
    for cell in crash.cells:
        for each in statements(cell.source):
            for model in every(ast.ClassDef, each):
                if model.name == owner:
                    stored = every(ast.Attribute, model)
                    known |= {a.attr for a in stored if isinstance(a.ctx, ast.Store)}
                    known |= {part.name for part in every(ast.FunctionDef, model)}
    sentence = format_text("`{owner}` has no attribute `{name}`.", owner=owner, name=name)
    sentence += _did_you_mean(name, known - {name})
    return _Advice(
        sentence, _part(crash, lambda n: isinstance(n, ast.Attribute) and n.attr == name)
    )


def _advise_none(crash: _Crash) -> _Advice | None:
    """Return advice on a value None that may come from a function without ``return``; else None.

    The exception of ``crash`` must be about a value None, and the function around its line must
    call functions of the student that return no value.
    """
    if "NoneType" not in crash.message:
        return None
    inside = crash.function or ast.Module([], [])
    called = {node.func.id for node in every(ast.Call, inside) if isinstance(node.func, ast.Name)}
    own = [f for cell in crash.cells for each in statements(cell.source) for f in _functions(each)]
    silent = [each for each in own if each.name in called and not _gives_value(each)]
    return _Advice(_missing_return_sentence(silent)) if silent else None


def _functions(node: ast.stmt) -> list[ast.FunctionDef]:
    return [node] if isinstance(node, ast.FunctionDef) else []


def _missing_return_sentence(functions: Sequence[AnyFunction]) -> str:
    """Return the sentence that ``return`` is missing in some functions."""
    names = " or ".join(f"`{getattr(each, 'name', 'lambda')}`" for each in functions)
    return format_text("`return` is missing in {names}, so the function returns None.", names=names)


def _gives_value(function: AnyFunction) -> bool:
    """Return whether a function has a `return` with a value, or is a generator."""
    returns = (s for s in own_statements(function) if isinstance(s, ast.Return))
    yields = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in walk(function))
    return yields or any(each.value is not None and not _is_none(each.value) for each in returns)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _part(crash: _Crash, is_meant: Callable[[ast.expr], bool]) -> ast.expr | None:
    """Return the part of the line that an exception names, if there is just one."""
    found = [node for node in crash.nodes if is_meant(node)]
    return found[0] if len(found) == 1 else None


# --- nearest names ---------------------------------------------------------------------------


def _did_you_mean(word: str, known: Collection[str], form: str = "`{}`") -> str:
    """Return " Did you mean … ?" with the known names that are nearest to ``word``.

    Empty if no name is near. ``form`` is a format string for each name, such as ``"'{}'"``.
    """
    near = _nearest(word, known)
    if not near:
        return ""
    return " " + format_text("Did you mean {names}?", names=" or ".join(map(form.format, near)))


MAX_SUGGESTIONS = 2
"""Names in one question; if more are equally near, none is likely."""


def _nearest(word: str, known: Collection[str]) -> list[str]:
    """Return those of the names ``known`` that have the fewest edits from ``word``.

    Empty if there are more than `MAX_SUGGESTIONS` such names, or if the word is a single letter. An
    entry of a dict is compared by its key. As in Python's own suggestions, at most about a third of
    the letters may differ, and case is ignored.
    """
    edits = {each: _count_edits(word, _key_of(each)) for each in sorted(known)}
    close = {
        each: count
        for each, count in edits.items()
        if 6 * count <= len(word) + len(_key_of(each)) + 3
    }
    near = [each for each, count in close.items() if count == min(close.values())]
    # A single letter is similar to too many names.
    return near if len(near) <= MAX_SUGGESTIONS and len(word) > 1 else []


def _key_of(name: str) -> str:
    entry = re.search(r"\[['\"](\w+)['\"]\]$", name)
    return entry[1] if entry else name


def _count_edits(word: str, target: str) -> int:
    """Return the number of letters to change, insert or delete to turn one word into the other.

    Upper and lower case are equal.

    Examples
    --------
    >>> _count_edits("W3", "W2"), _count_edits("w2", "W2"), _count_edits("dWl", "dW")
    (1, 0, 1)
    """
    word, target = word.lower(), target.lower()
    row = list(range(len(target) + 1))
    for done, letter in enumerate(word, 1):
        last, row = row, [done]
        for at, against in enumerate(target):
            row.append(min(last[at] + (letter != against), last[at + 1] + 1, row[at] + 1))
    return row[-1]

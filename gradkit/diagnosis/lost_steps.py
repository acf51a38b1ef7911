"""Find the line of a mistake in the text of an update where its numbers do not show the line.

A parameter that never changes has no wrong statement among those that ran: the new value is in a
variable that is never stored, or the statement stands after a `return`. A sum over the wrong axis
shows up in every parameter that uses it, and is in the one line that calls `sum`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from gradkit.formatting import format_text
from gradkit.records.result import Finding, Inquiry
from gradkit.records.submission import Cell
from gradkit.runtime.syntax import last_name, own_statements, walk
from gradkit.submission.definitions import line_at
from gradkit.submission.source import statements

STILL = "not-updated"
SUMS = ("bias-sum-axis", "wrong-sum-axis")
"""Mistakes of one sum, told by the parameters that it is in."""


class _Update(Struct, frozen=True):
    """The student's update with the cell that defines it."""

    node: ast.FunctionDef
    cell: Cell

    def placed(self, finding: Finding, *nodes: ast.stmt | ast.expr) -> Finding:
        """Return a finding at some nodes of the text, with the first one underlined."""
        places = tuple(self.cell.place(node.lineno) for node in nodes)
        line, first = line_at([self.cell], places[0]), nodes[0]
        # Offsets of the syntax tree count bytes of UTF-8.
        raw = line.encode(errors="replace")
        whole = first.end_lineno == first.lineno
        ends = (first.col_offset, first.end_col_offset or 0)
        indent = len(line) - len(line.lstrip())
        marked = tuple(len(raw[:end].decode(errors="replace")) - indent for end in ends)
        return replace(
            finding,
            place=places[0],
            places=tuple(dict.fromkeys(places)),
            source=line.strip(),
            columns=marked if whole else (),
            untraced="",
        )


def with_lines_of_text(inquiry: Inquiry, cells: Sequence[Cell], function: str) -> Inquiry:
    """Place mistakes at the lines of the update that the text alone shows.

    Parameters
    ----------
    inquiry : Inquiry
    cells : sequence of Cell
        The submitted text.
    function : str
        The name of the student's update.

    Returns
    -------
    Inquiry
        Findings about one sum are one finding. A proved mistake that is placed by the text stands
        in place of repairs for the same entries: a search may find other changes with its numbers.
    """
    proved = inquiry.proved or inquiry
    if not any(finding.mistake in (STILL, *SUMS) for finding in proved.findings):
        return inquiry
    updates = [
        _Update(part, cell)
        for cell in cells
        for each in statements(cell.source)
        for part in walk(each)
        if isinstance(part, ast.FunctionDef) and part.name == function
    ]
    if len(updates) != 1:
        return inquiry
    placed = _placed(proved, updates[0])
    if inquiry.proved is None:
        return placed
    findings = list(inquiry.findings)
    codes: dict[str, str] = {}
    for known in (each for each in placed.findings if each not in proved.findings):
        told = [each for each in findings if _is_covered(each, known)]
        at = findings.index(told[0]) if told else len(findings)
        codes |= {each.mistake: known.mistake for each in told}
        findings = [*findings[:at], known, *(e for e in findings[at:] if e not in told)]
    causes = {
        check: tuple(dict.fromkeys(codes.get(code, code) for code in told))
        for check, told in inquiry.causes.items()
    }
    return replace(inquiry, findings=tuple(findings), causes=causes, proved=placed)


def _is_covered(finding: Finding, known: Finding) -> bool:
    """Return whether a finding is about some of the entries of another one, and no others."""
    same = finding.check == known.check and bool(finding.entries)
    return same and {*finding.entries} <= {*known.entries}


def _placed(inquiry: Inquiry, update: _Update) -> Inquiry:
    found = [_of_lost_step(finding, update) for finding in inquiry.findings]
    calls = [node for node in walk(update.node) if isinstance(node, ast.Call)]
    sums = [call for call in calls if last_name(call.func) == "sum"]
    about = [finding for finding in found if finding.mistake in SUMS]
    if len(sums) != 1 or not about:
        return replace(inquiry, findings=tuple(found))
    first = update.placed(about[0], sums[0])
    arrays = dict.fromkeys(entry.partition("[")[0] for each in about for entry in each.entries)
    others = [name for name in arrays if not first.entries[0].startswith(name)]
    more = format_text(" {arrays} uses the same sum.", arrays=" and ".join(others))
    if len(others) > 1:
        more = format_text(" {arrays} use the same sum.", arrays=" and ".join(others))
    merged = replace(
        first,
        sentence=first.sentence + (more if others else ""),
        entries=tuple(dict.fromkeys(entry for each in about for entry in each.entries)),
        applies={entry: text for each in about for entry, text in each.applies.items()},
        should={entry: text for each in about for entry, text in each.should.items()},
    )
    kept = [merged if each is about[0] else each for each in found if each not in about[1:]]
    codes = dict.fromkeys((each.mistake for each in about), first.mistake)
    causes = {
        check: tuple(dict.fromkeys(codes.get(code, code) for code in told))
        for check, told in inquiry.causes.items()
    }
    return replace(inquiry, findings=tuple(kept), causes=causes)


def _of_lost_step(finding: Finding, update: _Update) -> Finding:
    """Return a finding about parameters that never change at the lines that lose their steps."""
    if finding.mistake != STILL:
        return finding
    keys = dict.fromkeys(entry.partition("[")[0] for entry in finding.entries)
    lines = [next(_lost_steps(update.node, key), None) for key in keys]
    known = [line for line in lines if line is not None]
    if not known or len(known) < len(lines):
        return finding
    return update.placed(finding, *known)


def _lost_steps(function: ast.FunctionDef, key: str) -> Iterator[ast.stmt | ast.expr]:
    """Yield what loses the step of a parameter: an early `return`, or a variable of its own."""
    body = own_statements(function)
    stores = [each for each in body if any(_is_entry(t, key) for t in _targets(each))]
    for at, each in enumerate(function.body):
        if isinstance(each, ast.Return) and stores:
            after = function.body[at + 1 :]
            if after and all(store.lineno >= after[0].lineno for store in stores):
                yield each
    if stores:
        return
    aliases = {
        target.id
        for each in body
        if isinstance(each, ast.Assign) and _is_entry(each.value, key)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    for each in reversed(body):
        if not isinstance(each, ast.Assign) or _is_entry(each.value, key):
            continue
        parts = walk(each.value)
        reads = any(
            _is_entry(p, key) or (isinstance(p, ast.Name) and p.id in aliases) for p in parts
        )
        target = each.targets[0]
        if reads and isinstance(each.value, ast.BinOp) and isinstance(target, ast.Name):
            later = (node for node in walk(function) if isinstance(node, ast.Name))
            if not any(n.id == target.id and n.lineno > each.lineno for n in later):
                yield target


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AugAssign) else []


def _is_entry(node: ast.AST, key: str) -> bool:
    """Return whether an expression is an entry of a dict, or a part of one: ``p["W1"][0]``."""
    while isinstance(node, ast.Subscript):
        if isinstance(node.slice, ast.Constant) and node.slice.value == key:
            return True
        node = node.value
    return False

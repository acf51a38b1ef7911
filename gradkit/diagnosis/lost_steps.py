"""Find the line of a mistake in the text of an update if its numbers do not show the line.

For a parameter that never changes, no statement that ran is wrong: the new value is in a variable
that is never stored, or the statement comes after a `return`. A sum over the wrong axis makes every
parameter wrong that uses the sum, but the mistake is in the one line that calls `sum`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.update_text import is_entry, targets
from gradkit.records.result import Finding, Inquiry
from gradkit.records.submission import Cell
from gradkit.runtime.syntax import last_name, own_statements, walk
from gradkit.submission.definitions import line_at
from gradkit.submission.source import statements
from gradkit.text import format_text

NOT_UPDATED = "not-updated"
"""Code of a parameter that never changes."""

SUM_CODES = ("bias-sum-axis", "wrong-sum-axis")
"""Codes of a sum over the wrong axis: one sum may be reported for several parameters."""


class _Update(Struct, frozen=True):
    """The student's update with the cell that defines it."""

    node: ast.FunctionDef
    cell: Cell

    def placed(self, finding: Finding, *nodes: ast.stmt | ast.expr) -> Finding:
        """Return a finding that shows the lines of the given ``nodes`` of the update's syntax tree.

        The first node is underlined, unless it extends over several lines. The reason
        ``untraced`` why the finding has no line is removed.
        """
        places = tuple(self.cell.place(node.lineno) for node in nodes)
        line, first = line_at([self.cell], places[0]), nodes[0]
        # Columns in a syntax tree count bytes of UTF-8.
        raw = line.encode(errors="replace")
        is_one_line = first.end_lineno == first.lineno
        ends = (first.col_offset, first.end_col_offset or 0)
        indent = len(line) - len(line.lstrip())
        columns = tuple(len(raw[:end].decode(errors="replace")) - indent for end in ends)
        return replace(
            finding,
            place=places[0],
            places=tuple(dict.fromkeys(places)),
            source=line.strip(),
            columns=columns if is_one_line else (),
            untraced="",
        )


def with_lines_of_text(inquiry: Inquiry, cells: Sequence[Cell], function: str) -> Inquiry:
    """Return an inquiry in which lost steps and wrong sums have their lines in the text.

    A step is lost if the new value of a parameter is computed and not stored.

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
        Unchanged if there are no such mistakes, or not exactly one definition of the function.
        Findings about the same sum are merged. If such a mistake was proved before a search for
        repairs, it replaces the repairs for the same entries, because other changes of the text may
        give the same numbers.
    """
    proved = inquiry.proved or inquiry
    if not any(finding.mistake in (NOT_UPDATED, *SUM_CODES) for finding in proved.findings):
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
    ids: dict[str, str] = {}
    for known in (each for each in placed.findings if each not in proved.findings):
        covered = [each for each in findings if _is_covered(each, known)]
        index = findings.index(covered[0]) if covered else len(findings)
        ids |= {each.id: known.id for each in covered}
        rest = [each for each in findings[index:] if each not in covered]
        findings = [*findings[:index], known, *rest]
    causes = _replaced_ids(inquiry.causes, ids)
    return replace(inquiry, findings=tuple(findings), causes=causes, proved=placed)


def _replaced_ids(
    causes: Mapping[str, tuple[str, ...]], ids: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return the causes of each check with ids replaced by those in ``ids``, and each id once.

    ``causes`` has the ids of findings by check, and ``ids`` the new id for each id that changes.
    """
    return {
        check: tuple(dict.fromkeys(ids.get(each, each) for each in own))
        for check, own in causes.items()
    }


def _is_covered(finding: Finding, known: Finding) -> bool:
    """Return whether all entries of a finding are entries of another one about the same check."""
    is_same_check = finding.check == known.check and bool(finding.entries)
    return is_same_check and {*finding.entries} <= {*known.entries}


def _placed(inquiry: Inquiry, update: _Update) -> Inquiry:
    """Return an inquiry whose findings about lost steps have the lines that lose the steps.

    A step is lost if it is computed and not stored in its parameter. ``update`` is the student's
    function. If it calls ``sum`` exactly once, all findings with a code in `SUM_CODES` are merged
    into one at this call, with the entries of all, and the causes of failed checks get its id.
    """
    found = [_at_lost_step(finding, update) for finding in inquiry.findings]
    calls = [node for node in walk(update.node) if isinstance(node, ast.Call)]
    sums = [call for call in calls if last_name(call.func) == "sum"]
    same = [finding for finding in found if finding.mistake in SUM_CODES]
    if len(sums) != 1 or not same:
        return replace(inquiry, findings=tuple(found))
    first = update.placed(same[0], sums[0])
    arrays = dict.fromkeys(entry.partition("[")[0] for each in same for entry in each.entries)
    others = [name for name in arrays if not first.entries[0].startswith(name)]
    more = format_text(" {arrays} uses the same sum.", arrays=" and ".join(others))
    if len(others) > 1:
        more = format_text(" {arrays} use the same sum.", arrays=" and ".join(others))
    merged = replace(
        first,
        sentence=first.sentence + (more if others else ""),
        entries=tuple(dict.fromkeys(entry for each in same for entry in each.entries)),
        applies={entry: text for each in same for entry, text in each.applies.items()},
        should={entry: text for each in same for entry, text in each.should.items()},
    )
    kept = [merged if each is same[0] else each for each in found if each not in same[1:]]
    ids = dict.fromkeys((each.id for each in same), first.id)
    return replace(inquiry, findings=tuple(kept), causes=_replaced_ids(inquiry.causes, ids))


def _at_lost_step(finding: Finding, update: _Update) -> Finding:
    """Return a finding about parameters that never change, with the lines that lose their steps.

    ``update`` is the student's function. Findings of other mistakes are returned unchanged, and so
    is one with a parameter for which no such line is known.
    """
    if finding.mistake != NOT_UPDATED:
        return finding
    keys = dict.fromkeys(entry.partition("[")[0] for entry in finding.entries)
    lines = [next(_lost_steps(update.node, key), None) for key in keys]
    known = [line for line in lines if line is not None]
    if not known or len(known) < len(lines):
        return finding
    return update.placed(finding, *known)


def _lost_steps(function: ast.FunctionDef, key: str) -> Iterator[ast.stmt | ast.expr]:
    """Yield the nodes of a function because of which the new value of a parameter is not stored.

    ``function`` is the student's update. Such a node is a ``return`` before all statements that
    store the new value, or a variable that is given the new value and never read. ``key`` is the
    student's name of the parameter.
    """
    body = own_statements(function)
    stores = [each for each in body if any(is_entry(t, key) for t in targets(each))]
    for index, each in enumerate(function.body):
        if isinstance(each, ast.Return) and stores:
            after = function.body[index + 1 :]
            if after and all(store.lineno >= after[0].lineno for store in stores):
                yield each
    if stores:
        return
    aliases = {
        target.id
        for each in body
        if isinstance(each, ast.Assign) and is_entry(each.value, key)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    for each in reversed(body):
        if not isinstance(each, ast.Assign) or is_entry(each.value, key):
            continue
        parts = walk(each.value)
        reads = any(
            is_entry(p, key) or (isinstance(p, ast.Name) and p.id in aliases) for p in parts
        )
        target = each.targets[0]
        if reads and isinstance(each.value, ast.BinOp) and isinstance(target, ast.Name):
            later = (node for node in walk(function) if isinstance(node, ast.Name))
            if not any(n.id == target.id and n.lineno > each.lineno for n in later):
                yield target

"""Tell a wrong rate, or sign, where it is set, whatever names it goes through before it is used.

By the numbers it is told where a step is made. Where that line cannot be the wrong one, the few
changes are tried that may mend it further up: each number that the text sets, and the differences
that errors are made of. A change mends a mistake if the diagnosis of the changed text has it no
more, and all others as they were.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from msgspec.structs import replace

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.tell import marked
from gradkit.diagnosis.repair.text import Text
from gradkit.grading.repairs import HELD, Again, replaced
from gradkit.judge.case import Examined
from gradkit.records.result import Finding, Inquiry
from gradkit.records.submission import Cell
from gradkit.records.task import Task
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import finder

RATES = frozenset({"wrong-learning-rate", "uneven-learning-rate"})
"""Mistakes that are of a number, wherever that is."""

SIGN = "wrong-sign"
"""The mistake that is of a difference, wherever that is."""

ATTEMPTS = 12
"""Texts that are run at most for a mistake."""

NUMBER = re.compile(r"\d\.|\.\d|\de-")
"""What a rate is written like."""

Left = Callable[[Examined, int], Inquiry]
"""Finds the mistakes of the code that is loaded, given what it was examined to do at a seed."""


def with_origins(
    task: Task, process: StudentProcess, inquiry: Inquiry, again: Again, left: Left
) -> Inquiry:
    """Return findings with those about a rate, or a sign, at the line that is wrong.

    Parameters
    ----------
    task : Task
    process : StudentProcess
        The section's code.
    inquiry : Inquiry
        What was found of it by the numbers.
    again : callable
        See `gradkit.grading.repairs.Again`.
    left : callable
        See `Left`.
    """
    # What stands above all parts of a file is shared by them.
    cells = (*process.section.own, *process.section.shared)
    origins: dict[str, Finding] = {}
    for finding in inquiry.findings:
        if (changes := _changes_for(finding, task)) is None:
            continue
        proposals = ((cell, each) for cell in cells for each in changes(Text(cell.id, cell.source)))
        for cell, proposal in islice(proposals, ATTEMPTS):
            text = replaced(cell.source, proposal)
            if text is None:
                continue
            with process.with_texts({cell.id: text}):
                mended = is_mended(finding, inquiry, again, left)
            if mended:
                origins[finding.id] = _at(finding, proposal, cell)
                break
    findings = tuple(origins.get(each.id, each) for each in inquiry.findings)
    doubtful = {name: at for name, at in inquiry.doubtful.items() if name not in origins}
    return replace(inquiry, findings=findings, doubtful=doubtful)


def is_mended(finding: Finding, inquiry: Inquiry, again: Again, left: Left) -> bool:
    """Tell that a mistake is no more, and all others are as they were, at fresh inputs too."""
    others = [each for each in inquiry.findings if each is not finding]
    wrong = {entry for each in others if each.check == finding.check for entry in each.entries}
    for further in (0, HELD):
        examined = again(further)
        failed = [each for each in examined.verdicts if each.check == finding.check]
        # To look for mistakes takes longer than to see that no fewer entries are wrong.
        amiss = sum(entry.state != "pass" for verdict in failed for entry in verdict.entries)
        if amiss > len(wrong) or _known(left(examined, further).findings) != _known(others):
            return False
    return True


def _known(findings: Sequence[Finding]) -> set[tuple[str, str, frozenset[str]]]:
    return {(each.check, each.mistake, frozenset(each.entries)) for each in findings}


Changes = Callable[[Text], Iterator[Proposal]]


def _changes_for(finding: Finding, task: Task) -> Changes | None:
    """Return what yields the changes that may mend a mistake whose line is none to be changed."""
    if finding.mistake in RATES and not NUMBER.search(finding.source):
        rates = dict.fromkeys((task.rates.weight, task.rates.bias))
        return lambda text: _rates(text, [*rates])
    if finding.mistake == SIGN and "-" in finding.source:
        # A step that goes down is as it should be.
        return _signs
    return None


def _rates(text: Text, rates: Sequence[float]) -> Iterator[Proposal]:
    """Yield a rate in the place of each number that is set, and two numbers exchanged."""
    for values in _set(text.tree):
        parts = [part for value in values for part in ast.walk(value)]
        constants = [part for part in parts if isinstance(part, ast.Constant)]
        numbers = [part for part in constants if type(part.value) is float and 0 < part.value < 1]
        for number in numbers:
            for rate in rates:
                if rate != number.value:
                    yield text.put("wrong-constant", text.spot(number), f"{rate:g}")
        if len(numbers) == 2:
            one, other = numbers
            both = ((one, ast.unparse(other)), (other, ast.unparse(one)))
            yield text.put_each("wrong-order", both)


def _set(tree: ast.Module) -> Iterator[list[ast.expr]]:
    """Yield what is given to names: by statements, by calls, and where nothing is handed over."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arguments):
            yield [each for each in (*node.defaults, *node.kw_defaults) if each is not None]
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr) and node.value:
            yield [node.value]


def _signs(text: Text) -> Iterator[Proposal]:
    """Yield the differences of a text turned round, but for steps and those of numbers."""
    for node in ast.walk(text.tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            if isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant):
                continue
            turned = ast.BinOp(node.right, ast.Sub(), node.left)
            yield text.put("wrong-order", text.spot(node), ast.unparse(turned))


def _at(finding: Finding, proposal: Proposal, cell: Cell) -> Finding:
    place = finder([cell])(cell.id, proposal.line)
    parts = marked(proposal, cell.source, cell, place.line)
    return replace(finding, place=place, places=(place,), untraced="", **parts)

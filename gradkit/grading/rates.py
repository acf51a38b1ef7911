"""Tell a wrong learning rate where it is set, whatever names it goes through before it is used.

By the numbers it is told where a step is made. Where no number stands there, each number that the
text sets is changed for what the task asks, and the code run again: the one that mends it is told.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice

from msgspec.structs import replace

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.tell import marked
from gradkit.diagnosis.repair.text import Text
from gradkit.grading.repairs import HELD, Again, replaced
from gradkit.records.result import Finding, Inquiry
from gradkit.records.submission import Cell
from gradkit.records.task import Task
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import finder

RATES = frozenset({"wrong-learning-rate", "uneven-learning-rate"})
"""Mistakes that are of a number, wherever that is."""

ATTEMPTS = 12
"""Texts that are run at most."""

NUMBER = re.compile(r"\d\.|\.\d|\de-")
"""What a rate is written like."""


def at_their_numbers(
    task: Task, process: StudentProcess, inquiry: Inquiry, again: Again
) -> Inquiry:
    """Return findings with the one about a learning rate at the number that is wrong.

    Parameters
    ----------
    task : Task
    process : StudentProcess
        The section's code.
    inquiry : Inquiry
        What was found of it.
    again : callable
        See `gradkit.grading.repairs.Again`.
    """
    told = [each for each in inquiry.findings if each.mistake in RATES and not each.fix]
    if len(told) != 1 or NUMBER.search(told[0].source):
        return inquiry
    (finding,) = told
    # What stands above all parts of a file is shared by them.
    cells = (*process.section.own, *process.section.shared)
    proposals = (
        (cell, each) for cell in cells for each in _changes(Text(cell.id, cell.source), task)
    )
    for cell, proposal in islice(proposals, ATTEMPTS):
        text = replaced(cell.source, proposal)
        if text is not None and _is_mended(process, cell, text, finding, again):
            at = _at(finding, proposal, cell)
            findings = tuple(at if each is finding else each for each in inquiry.findings)
            return replace(inquiry, findings=findings)
    return inquiry


def _changes(text: Text, task: Task) -> Iterator[Proposal]:
    """Yield a rate in the place of each number that is set, and two numbers exchanged."""
    rates = dict.fromkeys((task.rates.weight, task.rates.bias))
    for node in ast.walk(text.tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.Return) or node.value is None:
            continue
        parts = [part for part in ast.walk(node.value) if isinstance(part, ast.Constant)]
        numbers = [part for part in parts if type(part.value) is float and 0 < part.value < 1]
        for number in numbers:
            for rate in rates:
                if rate != number.value:
                    yield text.put("wrong-constant", text.spot(number), f"{rate:g}")
        if len(numbers) == 2:
            one, other = numbers
            both = ((one, ast.unparse(other)), (other, ast.unparse(one)))
            yield text.put_each("wrong-order", both)


def _is_mended(
    process: StudentProcess, cell: Cell, text: str, finding: Finding, again: Again
) -> bool:
    """Tell that a text makes all of a finding's check right, at judged and at other inputs."""
    with process.with_texts({cell.id: text}):
        return all(
            verdict.state == "pass"
            for further in (0, HELD)
            for verdict in again(further).verdicts
            if verdict.check == finding.check
        )


def _at(finding: Finding, proposal: Proposal, cell: Cell) -> Finding:
    place = finder([cell])(cell.id, proposal.line)
    parts = marked(proposal, cell.source, cell, place.line)
    return replace(finding, place=place, places=(place,), untraced="", **parts)

"""Put a change that makes code right into words: a finding."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from textwrap import dedent

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.kinds import kinds
from gradkit.language import say
from gradkit.records.result import Finding
from gradkit.records.submission import Place


def finding_of(
    task: str,
    check: str,
    function: str,
    outputs: Sequence[str],
    proposal: Proposal,
    place: Place,
    source: str,
) -> Finding:
    """Return the finding for a change that was seen to make outputs right.

    Parameters
    ----------
    task, check : str
    function : str
        The student's function that is changed.
    outputs : sequence of str
        What it makes right.
    proposal : Proposal
    place : Place
        Of the doubtful line.
    source : str
        The text of the cell before the change.
    """
    kind = kinds()[proposal.kind]
    line, columns, fix = marked(proposal, source)
    text = "/".join((task, check, proposal.kind, function, *outputs))
    hint = say(kind.hints[1])
    where = say("Look at `{function}`.", function=function)
    return Finding(
        id=hashlib.sha256(text.encode()).hexdigest()[:10],
        check=check,
        mistake=proposal.kind,
        title=say(kind.title),
        entries=tuple(outputs),
        place=place,
        source=line,
        sentence=say(kind.sentence, function=function),
        hints=(where, hint),
        columns=columns,
        fix=fix,
    )


def marked(proposal: Proposal, source: str) -> tuple[str, tuple[int, int], str]:
    """Return the doubtful line of a text, the columns of its doubtful part, and what mends it."""
    line = source.split("\n")[proposal.line - 1]
    ends = proposal.end if proposal.until == proposal.line else len(line)
    # What is shown begins where the line's text does.
    indent = len(line) - len(line.lstrip())
    columns = (max(proposal.start - indent, 0), max(ends - indent, 0))
    return line.strip(), columns, dedent("\n".join(proposal.lines)).strip("\n")

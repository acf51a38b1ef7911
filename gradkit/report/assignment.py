"""Write what an assignment asks for, and what an audit of it found, as text."""

from __future__ import annotations

from gradkit.records.mistake import Audit
from gradkit.records.task import Assignment
from gradkit.report.document import document


def outline(assignment: Assignment) -> str:
    """Tasks with their roles, checks and points."""
    return document("outline.txt", assignment=assignment)


def to_text(audit: Audit) -> str:
    """Per task: what slips through, which checks catch the others, and the blind spots."""
    return document("audit.txt", audit=audit)

"""The doubtful part of a student's line, apart from what stands around it."""

from __future__ import annotations

from gradkit.records.result import Finding
from gradkit.text import clean_text


def doubtful(finding: Finding) -> tuple[str, str, str]:
    """Return the line before its doubtful part, that part, and the line after it, cleaned.

    The part is empty where there is none, and otherwise a character at least, as far as the line
    has one.

    Examples
    --------
    >>> doubtful(Finding("", "", "", "", (), source="y = a * b", columns=(4, 5)))
    ('y = ', 'a', ' * b')
    """
    source = finding.source.replace("\t", " ")
    start, end = finding.columns or (len(source),) * 2
    if finding.columns:
        end = max(end, start + 1)
    before, part, after = source[:start], source[start:end], source[end:]
    return clean_text(before), clean_text(part), clean_text(after)

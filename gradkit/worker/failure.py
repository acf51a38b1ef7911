"""What a student's function raised, as it leaves the worker."""

from __future__ import annotations

from typing import Any

TEXT = 500
"""Characters of an exception's message that leave the worker."""


class BeforeError(Exception):
    """What is called first has raised; its cause says what."""


def describe_failure(error: BaseException, cells: frozenset[str]) -> dict[str, Any]:
    """Type, message, and the innermost of the student's own lines, as JSON."""
    before = isinstance(error, BeforeError)
    error = error.__cause__ or error if before else error
    place, function = None, ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename in cells:
            place, function = [code.co_filename, trace.tb_lineno], code.co_name
        trace = trace.tb_next
    try:
        message = str(error)[:TEXT]
    except BaseException:
        message = "(its text could not be read)"
    if isinstance(error, SyntaxError) and error.filename in cells:
        place = [error.filename, error.lineno or 1]
    return {
        "type": type(error).__name__[:80],
        "message": message,
        "place": place,
        "function": function[:80],
        "before": before,
    }

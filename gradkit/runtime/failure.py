"""What a student's function raised, as it leaves the worker."""

from __future__ import annotations

from typing import Any

from gradkit.runtime.plain_text import is_line, text_of

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
            place, function = _place(code.co_filename, trace.tb_lineno), code.co_name
        trace = trace.tb_next
    try:
        message = text_of(error, TEXT)
    except BaseException:
        message = "(its text could not be read)"
    # A student may raise one too, with anything for a line.
    if isinstance(error, SyntaxError) and type(error.filename) is str and error.filename in cells:
        place = _place(error.filename, error.lineno or 1) or place
    return {
        "type": text_of(type(error).__name__, 80),
        "message": message,
        "place": place,
        "function": text_of(function, 80),
        "before": before,
    }


def _place(file: str, line: object) -> list[Any] | None:
    return [file, line] if is_line(line) else None

"""Messages from the process that runs student code: a code word and fields.

A process that runs student code sends ``[code, {field: value}]``, where a value is a text, a number
or another message. The grader fills the text of the code word with the fields. Texts that student
code made are sent as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from string import Formatter
from traceback import walk_tb
from typing import Any, Literal, TypeVar, cast

from gradkit.errors import GradkitError
from gradkit.formatting import format_text

Message = tuple[str, Mapping[str, Any]]
"""A code word of `MESSAGES`, and what stands in the places of its text."""

MESSAGES: Mapping[str, str] = {
    # How a process was lost.
    "deadline": "was stopped, as the {seconds} s that it had in all were over",
    "overdue": "was stopped, as it had not answered within {seconds} s",
    "overdue-calls": "was stopped, as {count} calls of it together took over {seconds} s",
    "importing": "was stopped, as importing `{name}` took over {seconds} s",
    "cpu-time": "was stopped, as it had used up its processor time",
    "killed": "was killed by the system, most likely for the memory it took",
    "exit": "left with os._exit({code}) or the like",
    "fault": "was ended by {signal}: it touched memory that is not its own, or recursed too deeply",
    "signal": "was ended by {signal}",
    "closed": "closed the channel to the grader and ran on",
    "server": "ended together with the server that had started it",
    "unasked": "sent something that it had not been asked for",
    "invalid": "sent what is not a valid reply: {reason}",
    "error": "could not be asked: {reason}",
    # What came back in place of numbers.
    "nothing": "nothing is returned",
    "none": "found None",
    "no-value": "{type}: {reason}",
    "keys": "found the keys {keys}",
    "found": "found a value of type {type}",
    "value": "a value of type {type}",
    "dtype": "an array of dtype {dtype}",
    "tensor": "a torch tensor",
    "shape": "{found}, not {expected}",
    "no-module": "a torch module is expected, this is {type}",
    "other-layers": "its parameters do not have the shapes of the assigned layers",
    # Why a name is not there.
    "circle": "`{name}` is needed at {place} to make itself",
    "not-made": "`{name}` was not made: {reason}",
    "star-import": "`{name}` is not defined, and a star import {reason}",
    "not-imported": "`{name}` is not defined: write `{line}` at the top",
    "no-python": "`{name}` stands in code that is not valid Python ({place}: {reason})",
    "main-guard": "`{name}` is only made under `if __name__ == …` at {place}, which is not run",
    "loop": "`{name}` is only made in the loop at {place}, which is not run",
    "needs": "{place} needs `{name}`. {reason}",
    "failed": "{place} failed with {type}: {reason}",
    "no-text": "(its text could not be read)",
    "cell": "code cell {cell}, line {line}",
    "used": "`{path}` is used, and this task does not allow `{root}`",
    "imported": "`{root}` is imported, and this task does not allow it",
}

DEPTH = 5
"""Messages in one another: a frame's header is not nested more deeply than it can take."""

LONGEST = 1_500
"""Characters of a text that is made of messages."""

TEXT = 500
"""Characters of a text that student code made."""

LINES = 10**7
"""No source has as many lines."""

_OWN = "gradkit_message"

Kind = TypeVar("Kind", bound=BaseException)


def text_of(value: object, most: int = TEXT) -> str:
    """Cut what `str` says of a value to plain and valid Unicode of so many characters."""
    # A class derived from str may cut and encode itself as it likes.
    return str.__str__(str(value))[:most].encode(errors="replace").decode()


def is_line(line: object) -> bool:
    """Tell the number of a line from what code objects and exceptions may hold instead."""
    return type(line) is int and 1 <= line <= LINES


def message(code: str, /, **fields: Any) -> Message:
    """Make a message; a field that is nested too deeply is replaced by its text."""
    for name, value in fields.items():
        if isinstance(value, tuple) and _depth(value) >= DEPTH:
            fields[name] = format_message(value)[:TEXT]
    return code, fields


def format_message(told: Sequence[Any] | str) -> str:
    """Return the text of a message, with the texts of the messages in its fields; keep a text."""
    if isinstance(told, str):
        return told
    code, fields = cast(Message, told)
    places = {
        name: format_message(value) if isinstance(value, tuple | list) else value
        for name, value in fields.items()
    }
    return format_text(MESSAGES[code], **places)


def is_message(told: object, depth: int = DEPTH) -> bool:
    """Tell a message, or a text, from anything else that a process may send."""
    if isinstance(told, str):
        return True
    match told:
        case [str(code), dict(fields)] if depth and code in MESSAGES:
            return fields.keys() == _places(code) and all(
                type(value) is int or is_message(value, depth - 1) for value in fields.values()
            )
    return False


def raised(kind: type[Kind], told: Message, **more: Any) -> Kind:
    """Make an exception for student code, which carries the message beside its English text."""
    error = kind(format_message(told)[:LONGEST], **more)
    error.__dict__[_OWN] = told
    return error


def message_of(error: BaseException, most: int = TEXT) -> Message | str:
    """Return the message that an exception carries, or its own text."""
    try:
        own = error.__dict__.get(_OWN)
        return own if own is not None and is_message(own) else text_of(error, most)
    except BaseException:
        return message("no-text")


def _depth(told: object) -> int:
    if not isinstance(told, tuple):
        return 0
    return 1 + max(map(_depth, told[1].values()), default=0)


@cache
def _places(code: str) -> frozenset[str]:
    return frozenset(place for _, place, _, _ in Formatter().parse(MESSAGES[code]) if place)


# --- what a student's function raised ----------------------------------------------------


class BeforeError(Exception):
    """What is called first has raised; its cause says what."""


def describe_failure(error: BaseException, cells: frozenset[str]) -> dict[str, Any]:
    """Describe an exception as JSON: type, message, and the innermost of the student's lines."""
    before = isinstance(error, BeforeError)
    error = error.__cause__ or error if before else error
    place, function = None, ""
    for frame, line in walk_tb(error.__traceback__):
        code = frame.f_code
        if code.co_filename in cells:
            place, function = _place(code.co_filename, line), code.co_name
    # A student may raise one too, with anything for a line.
    if isinstance(error, SyntaxError) and type(error.filename) is str and error.filename in cells:
        place = _place(error.filename, error.lineno or 1) or place
    return {
        "type": text_of(type(error).__name__, 80),
        "message": message_of(error),
        "place": place,
        "function": text_of(function, 80),
        "before": before,
    }


def _place(file: str, line: object) -> list[Any] | None:
    return [file, line] if is_line(line) else None


# --- how a process is lost, or never had -------------------------------------------------

LossKind = Literal["timeout", "crash", "exit", "protocol", "memory"]


class WorkerLost(Exception):  # noqa: N818  (it names an event in the life of a worker)
    """The process that ran student code is gone, and the request in hand with it.

    Parameters
    ----------
    kind : str
        ``timeout``: it was stopped at its deadline. ``crash``: a signal ended it. ``exit``:
        it left of its own accord. ``protocol``: what it sent was no frame, or it closed its
        channel. ``memory``: the system took it for lack of memory.
    told : Message
        How it was lost, without the subject.

    Attributes
    ----------
    detail : str
        The same in English: "was ended by SIGSEGV …".
    """

    def __init__(self, kind: LossKind, told: Message) -> None:
        self.kind: LossKind = kind
        self.told = told
        self.detail = format_message(told)
        super().__init__(f"the process that ran the submission {self.detail}")


class WorkshopError(GradkitError):
    """No worker could be had; this is no fault of the code that would have run in it."""

"""Messages from the process that runs student code: a code word and fields.

A process that runs student code sends ``[code, {field: value}]``, where a value is a text, a number
or another message. The grader fills the text of the code word with the fields. Texts that student
code made are sent as they are.

The limits of the process, its `Allowance`, are here too, since both sides read them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from traceback import walk_tb
from typing import Any, Literal, TypeVar, cast

from gradkit.errors import GradkitError
from gradkit.text import format_text

Message = tuple[str, Mapping[str, Any]]
"""A code word of `MESSAGES`, and the values of the fields in its text."""

MESSAGES: Mapping[str, str] = {
    # How a process was lost: the text follows a subject such as "`update`".
    "deadline": "was stopped, because all calls of this task took longer than {seconds} s in total",
    "overdue": "was stopped, because it took longer than {seconds} s",
    "overdue-calls": "was stopped, because {count} calls took longer than {seconds} s in total",
    "importing": "was stopped, because importing `{name}` took longer than {seconds} s",
    "cpu-time": "was stopped, because it used too much processor time",
    "killed": "was killed by the system, probably because it used too much memory",
    "exit": "ended itself with os._exit({code}) or a similar call",
    "fault": "was ended by {signal}, because it used invalid memory or recursed too deeply",
    "signal": "was ended by {signal}",
    "closed": "closed the channel to the grader and kept running",
    "server": "ended because the process that had started it ended",
    "unasked": "sent a reply without a request",
    "invalid": "sent an invalid reply: {reason}",
    "error": "could not be called: {reason}",
    # What a function returned instead of numbers.
    "nothing": "nothing is returned",
    "none": "found None",
    "no-value": "{type}: {reason}",
    "keys": "found the keys {keys}",
    "found": "found a value of type {type}",
    "value": "a value of type {type}",
    "dtype": "an array of dtype {dtype}",
    "tensor": "a torch tensor",
    "shape": "{found}, not {expected}",
    "no-module": "expected a torch module, found {type}",
    "other-layers": "its parameters do not have the shapes of the assigned layers",
    # Why a name has no value.
    "circle": "`{name}` depends on itself at {place}",
    "not-made": "`{name}` has no value: {reason}",
    "star-import": "`{name}` is not defined, and a star import failed: {reason}",
    "not-imported": "`{name}` is not defined: write `{line}` at the top",
    "no-python": "`{name}` is defined in code that is not valid Python ({place}: {reason})",
    "main-guard": "`{name}` is only defined under `if __name__ == …` at {place}, which is not run",
    "loop": "`{name}` is only set in the loop at {place}, which is not run",
    "needs": "{place} needs `{name}`. {reason}",
    "failed": "{place} failed with {type}: {reason}",
    "no-text": "(its text could not be read)",
    "cell": "code cell {cell}, line {line}",
    "used": "`{path}` is used, and this task does not allow `{root}`",
    "imported": "`{root}` is imported, and this task does not allow it",
}
"""The text of each code word, with its fields in braces."""

MAX_DEPTH = 5
"""Largest number of levels of messages within messages; the header of a frame allows no more."""

MAX_FORMATTED_TEXT = 1_500
"""Largest number of characters of a text that is formatted from messages."""

MAX_STUDENT_TEXT = 500
"""Largest number of characters of a text that student code produced."""

MAX_LINE = 10**7
"""Largest accepted line number; no source has as many lines."""

_MESSAGE_ATTRIBUTE = "gradkit_message"
"""Attribute in which an exception carries its message."""

Raised = TypeVar("Raised", bound=BaseException)


def text_of(value: object, most: int = MAX_STUDENT_TEXT) -> str:
    """Return the text of any value as a plain str of valid Unicode, cut to ``most`` characters."""
    # Methods of a class derived from str may be overloaded, so those of str are called.
    return str.__str__(str(value))[:most].encode(errors="replace").decode()


def is_line(line: object) -> bool:
    """Return whether a value is a valid line number; student code may replace it by any object."""
    return type(line) is int and 1 <= line <= MAX_LINE


def message(code: str, /, **fields: Any) -> Message:
    """Make a message with a code word and fields; a field nested too deeply becomes a text."""
    for name, value in fields.items():
        if isinstance(value, tuple) and _depth(value) >= MAX_DEPTH:
            fields[name] = format_message(value)[:MAX_STUDENT_TEXT]
    return code, fields


def format_message(content: Sequence[Any] | str) -> str:
    """Return the English text of a message and of the messages in its fields.

    A text is returned as it is.
    """
    if isinstance(content, str):
        return content
    code, fields = cast(Message, content)
    texts = {
        name: format_message(value) if isinstance(value, tuple | list) else value
        for name, value in fields.items()
    }
    return format_text(MESSAGES[code], **texts)


def is_message(value: object, depth: int = MAX_DEPTH) -> bool:
    """Return whether a received value is a text, or a valid message of at most ``depth`` levels.

    A valid message has a known code word and exactly the fields of its text.
    """
    if isinstance(value, str):
        return True
    match value:
        case [str(code), dict(fields)] if depth and code in MESSAGES:
            return fields.keys() == _field_names(code) and all(
                type(item) is int or is_message(item, depth - 1) for item in fields.values()
            )
    return False


def make_exception(kind: type[Raised], content: Message, **arguments: Any) -> Raised:
    """Make an exception with the text of a message, and store the message in it.

    `message_of` reads it. ``kind`` is the exception's type, which is called with the text and the
    keyword ``arguments``.
    """
    error = kind(format_message(content)[:MAX_FORMATTED_TEXT], **arguments)
    error.__dict__[_MESSAGE_ATTRIBUTE] = content
    return error


def message_of(error: BaseException, most: int = MAX_STUDENT_TEXT) -> Message | str:
    """Return the message that an exception carries or, without one, its text.

    The text is cut to ``most`` characters.
    """
    try:
        carried = error.__dict__.get(_MESSAGE_ATTRIBUTE)
        return carried if carried is not None and is_message(carried) else text_of(error, most)
    except BaseException:
        return message("no-text")


def _depth(value: object) -> int:
    """Return how many levels of messages a value has: 0 if it is no message."""
    if not isinstance(value, tuple):
        return 0
    return 1 + max(map(_depth, value[1].values()), default=0)


@cache
def _field_names(code: str) -> frozenset[str]:
    """Return the names of the fields in the text of a code word."""
    return frozenset(place for _, place, _, _ in Formatter().parse(MESSAGES[code]) if place)


# --- exceptions of student code ----------------------------------------------------------


class BeforeError(Exception):
    """The role that is called before the function has raised the exception that is the cause."""


def describe_failure(error: BaseException, cells: frozenset[str]) -> dict[str, Any]:
    """Return an exception as JSON: type, message, and the innermost line of the student's code.

    Parameters
    ----------
    error : BaseException
        For a `BeforeError` its cause is described, and ``before`` is true.
    cells : frozenset of str
        File names of the student's code.
    """
    before = isinstance(error, BeforeError)
    error = error.__cause__ or error if before else error
    place, function = None, ""
    for frame, line in walk_tb(error.__traceback__):
        code = frame.f_code
        if code.co_filename in cells:
            place, function = _place_as_json(code.co_filename, line), code.co_name
    # Student code may raise a SyntaxError too, with anything as its line.
    if isinstance(error, SyntaxError) and type(error.filename) is str and error.filename in cells:
        place = _place_as_json(error.filename, error.lineno or 1) or place
    return {
        "type": text_of(type(error).__name__, 80),
        "message": message_of(error),
        "place": place,
        "function": text_of(function, 80),
        "before": before,
    }


def _place_as_json(file: str, line: object) -> list[Any] | None:
    """Return a file and a line as a list, or None if the line is no valid number."""
    return [file, line] if is_line(line) else None


# --- lost processes ----------------------------------------------------------------------

LossKind = Literal["timeout", "crash", "exit", "protocol", "memory"]
"""How a process ended, see `WorkerLost`."""


class WorkerLost(Exception):  # noqa: N818  (it names an event in the life of a worker)
    """The process that ran student code has ended without a reply to the current request.

    Parameters
    ----------
    kind : str
        ``timeout``: it was stopped at its deadline. ``crash``: a signal ended it. ``exit``:
        student code ended it. ``protocol``: it sent something that is no frame, or closed its
        channel. ``memory``: the system killed it for lack of memory.
    reason : Message
        How it ended, as a sentence without its subject.

    Attributes
    ----------
    detail : str
        The text of ``reason``: "was ended by SIGSEGV …".
    """

    def __init__(self, kind: LossKind, reason: Message) -> None:
        """Store the kind and the message, and format the text of the exception."""
        self.kind: LossKind = kind
        self.reason = reason
        self.detail = format_message(reason)
        super().__init__(f"the process that ran the submission {self.detail}")


class WorkshopError(GradkitError):
    """No worker could be started, for a reason that is no fault of the student's code."""


if sys.platform != "win32":
    import resource

UNCONFINED = 71
"""Exit code of a process that could not be confined."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The resources that a worker may use.

    ``memory`` is in bytes, in addition to the memory of the interpreter before student code
    starts. ``file`` is the size of the largest file that it may write, in bytes. ``open_files``
    counts descriptors. ``tasks`` are processes and threads, in addition to those that the system
    runs already. ``output`` is the number of bytes of printed output that is kept per request.
    """

    memory: int = 2 << 30
    file: int = 16 << 20
    open_files: int = 256
    tasks: int = 64
    output: int = 64 << 10


class ConfinementError(RuntimeError):
    """A process could not be confined, and must not be used. Raised in that process itself."""


@contextmanager
def failing_closed() -> Iterator[None]:
    """Return a context manager that turns OSError and ValueError into `ConfinementError`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ConfinementError(
            f"the process that student code would run in could not be confined: {error}"
        ) from error


@failing_closed()
def confine(allowance: Allowance, cpu_seconds: int, running: int, taken: tuple[int, int]) -> None:
    """Limit this process's memory, processor time, file size, open files and tasks, for good.

    Limits contain accidents. They are no defence against malicious code. On Windows, which has
    none, nothing is done.

    Parameters
    ----------
    allowance : Allowance
        The resources that the process may use.
    cpu_seconds : int
        Processor time in seconds after which the kernel ends the process. This is only needed if
        the grader, which measures wall time, has been killed.
    running : int
        The number of tasks of this account: the result of `running_tasks`, which a worker cannot
        call itself.
    taken : (int, int)
        Address space and data in bytes that the process has already: the result of
        `taken_memory`, which a sandboxed worker cannot call either.

    Raises
    ------
    ConfinementError
        The system refuses a limit.
    """
    if sys.platform == "win32":
        return
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: allowance.file,
        resource.RLIMIT_NOFILE: allowance.open_files,
    }
    if sys.platform == "linux":
        size, data = taken
        wanted[resource.RLIMIT_AS] = size + allowance.memory
        wanted[resource.RLIMIT_DATA] = data + allowance.memory
        # The kernel counts all tasks of the user, so the limit has to include those of other
        # processes. It counts none for root: see `gradkit.runtime.linux.count_as`.
        wanted[resource.RLIMIT_NPROC] = running + allowance.tasks
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (limit, limit))


def running_tasks() -> int:
    """Return the number of processes and threads of the whole system; 0 if not on Linux."""
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])


def taken_memory() -> tuple[int, int]:
    """Return the address space and the data of this process in bytes; zeros if not on Linux."""
    if sys.platform != "linux":
        return 0, 0
    # Columns, in pages: total, resident, shared, text, lib, data.
    pages = Path("/proc/self/statm").read_text().split()
    return int(pages[0]) * resource.getpagesize(), int(pages[5]) * resource.getpagesize()

"""One section's code in a worker, and a new worker with the same code after each loss."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gradkit.records.observations import Failure, Loop, Lost
from gradkit.records.submission import Place, Section
from gradkit.records.task import Imports
from gradkit.runtime.frames import (
    SEVERAL,
    TO_GRADER,
    TO_WORKER,
    Frame,
    FrameError,
    FrameLimits,
    apart,
    encode,
    read,
    together,
)
from gradkit.runtime.messages import LossKind, Message, format_message, is_line, message
from gradkit.runtime.syntax import readable, walk
from gradkit.sandbox import WorkerLost, Workshop
from gradkit.sandbox.replies import UnfitError, check
from gradkit.submission.definitions import finder
from gradkit.text import clean_data, clean_text

if TYPE_CHECKING:
    from gradkit.sandbox.worker import Worker

LEAST = 0.5
"""Seconds that a request is given however little is left of the deadline."""

USED = 0.5
"""With more than this part of the deadline gone, code that is loaded anew gets a new process."""

IMPORTS = 30.0
"""Seconds that all imports of a submission may take, where they took too long for a request."""


ANYTHING = Imports()


@dataclass(frozen=True, slots=True, eq=False)
class Question(Frame):
    """A request about what is to be called ``name``; ``loop`` says whose loop trains, if any."""

    name: str = ""
    loop: Loop = ""


class OverdueError(Exception):
    """A hurried submission did not come to its end: it took too long, or lost its process."""


class StudentProcess(contextlib.AbstractContextManager["StudentProcess"]):
    """A context manager that puts requests to a section's code.

    Each request may take half of what is left of the deadline, so that a hang costs the
    check it happens in, and those after it still get their turn.

    Parameters
    ----------
    workshop : Workshop
    section : Section
    modules : mapping of str to str
        Sources that the section may import, by module name.
    forbidden : frozenset of str
        Names that must not come from other sections.
    deadline : float
        Seconds of wall time for all requests.
    seed : int
        Seeds the random generators of every worker, so that each starts alike.
    imports : Imports
        Which packages the code may use.
    needs : collection of str
        Modules that it is going to import, see `Workshop.worker`.
    hurried : bool
        Whether to give up altogether, with `OverdueError`, at the first request that is not
        answered in time, or costs the process: whoever asks will come back with more time. A
        crash is followed by many, since each question after it has a process of its own.
    """

    def __init__(
        self,
        workshop: Workshop,
        section: Section,
        modules: Mapping[str, str],
        forbidden: frozenset[str],
        deadline: float,
        seed: int,
        *,
        imports: Imports = ANYTHING,
        needs: Collection[str] = (),
        hurried: bool = False,
    ) -> None:
        self.section = section
        self.modules = dict(modules)
        self.losses: list[Lost] = []
        self.tier = 0
        self._workshop = workshop
        self._sources: dict[str, Any] = {
            part: [[cell.id, cell.source] for cell in getattr(section, part)]
            for part in ("own", "shared", "borrowed")
        }
        self._sources |= {
            "modules": self.modules,
            "forbidden": sorted(forbidden),
            "imports": {"allowed": imports.allowed, "forbidden": imports.forbidden},
            "seed": seed,
        }
        self._find = finder([*section.own, *section.shared, *section.borrowed])
        self._seed = seed
        self._left = self._deadline = deadline
        self._hurried = hurried
        self._stack = contextlib.ExitStack()
        self._worker: Worker | None = None
        self._loaded = False
        self._modules = frozenset(needs)
        self._apart = False
        self._imports: list[Frame] | None = None
        self._importing = 0.0
        self._stuck: Message | None = None

    def ask(self, request: Frame) -> Frame | Lost:
        """Put one request.

        Returns
        -------
        Frame or Lost
            The reply, with all text in it fit to be shown, or how the worker was lost, which
            is kept in ``losses`` too.

        Raises
        ------
        OverdueError
            It is hurried, and there was no reply in time.
        """
        left = self._left
        reply = self._ask(request)
        if isinstance(reply, Lost) and reply.kind == "timeout" and self._imports is None:
            # Whether it was the code, or what it imports, is only asked where it matters.
            self._imports = _imports_of(self._sources)
            self._open()
            if self._importing > LEAST:
                self.losses.remove(reply)
                self._left = left
                return self._ask(request)
        return reply

    def _import(self, worker: Worker, imports: Sequence[Frame]) -> None:
        """Have a new worker import what the code does, in time that is not the code's.

        One that does not come to its end is lost for whatever it is asked next.
        """
        began = time.monotonic()
        for request in imports:
            first = [] if self._loaded else [Frame("load", {}, self._sources)]
            left = IMPORTS - (time.monotonic() - began)
            try:
                worker.ask(together([*first, request]), max(left, 0.0))
                self._loaded = True
            except WorkerLost:
                name, self._imports = request.data["name"], []
                self._stuck = message("importing", name=name, seconds=f"{IMPORTS:g}")
                break
        self._importing = time.monotonic() - began

    def _ask(self, request: Frame) -> Frame | Lost:
        self._prepare([request])
        # A new process is the grader's own time, the loading of the code is the student's.
        worker = self._worker or self._open()
        first, started = not self._loaded, time.monotonic()
        try:
            sent = together([Frame("load", {}, self._sources), request]) if first else request
            reply = worker.ask(sent, self._left if self._hurried else max(LEAST, self._left / 2))
            self._loaded = True
        except WorkerLost as lost:
            self._close()
            if self._hurried:
                raise OverdueError from None
            told = _of_several(lost.told, request)
            return self._lose(lost.kind, self._stuck or told if lost.kind == "timeout" else told)
        finally:
            self._left -= time.monotonic() - started
        try:
            if first and reply.kind == SEVERAL:
                _, reply = apart(reply, 2)
            reply = Frame(reply.kind, reply.arrays, clean_data(reply.data))
            if reply.kind == "error":
                return self._lose("protocol", message("error", reason=reply.data.get("text", "")))
            if request.kind != SEVERAL:
                check(request.kind, request.data, request.arrays, reply)
        except (FrameError, UnfitError) as error:
            # It answers what it cannot have been asked.
            return self._lose("protocol", message("invalid", reason=clean_text(str(error))))
        return reply

    def _lose(self, kind: LossKind, told: Message) -> Lost:
        """Part from a process, and note how it was lost."""
        self._close()
        self.losses.append(Lost(kind, format_message(told)))
        return self.losses[-1]

    def ask_all(
        self, questions: Sequence[Frame], *, at_once: bool = False
    ) -> Sequence[Frame | Lost]:
        """Put several requests, and give the reply to each.

        They are put all ``at_once``, which is quicker, as a hurried one does. Where that does not
        go smoothly, a new worker is asked one by one, as others are: what was lost then belongs to
        one of them.

        Raises
        ------
        OverdueError
            See `ask`.
        """
        if (self._hurried or at_once) and not self._apart and len(questions) > 1:
            replies = self._ask_together(questions)
            if replies is not None:
                return replies
            self._apart = True
            self._close()
        return [self.ask(question) for question in questions]

    def _ask_together(self, questions: Sequence[Frame]) -> list[Frame] | None:
        self._prepare(questions)
        reply = self.ask(together(questions))
        if isinstance(reply, Lost):
            return None
        try:
            replies = apart(reply, len(questions))
            for question, part in zip(questions, replies, strict=True):
                check(question.kind, question.data, question.arrays, part)
        except (FrameError, UnfitError):
            return None
        return replies

    def renew(self, *, apart: bool = False) -> None:
        """Have the code loaded anew for the next request, and generators seeded, as at first.

        In the same process, since a fork costs more than most questions; in another where half
        of the deadline has gone, or where it has to be ``apart`` from all that was asked before.
        The deadline begins anew.
        """
        self._loaded = False
        if apart or self.spent > USED * self._deadline:
            self._close()
        self._left = self._deadline

    def for_search(self, seconds: float) -> StudentProcess:
        """Return another process with the same code, for a search that may take so long.

        One that is hurried takes no longer than its other requests may.

        A search is sent parts of the model solution. No answer that counts is asked of its process,
        which has a folder of its own and ends with the context. This process ends before: a
        workshop has one worker at a time.
        """
        self._close()
        self._loaded = False
        made = copy.copy(self)
        made.losses, made._stack, made._worker = [], contextlib.ExitStack(), None
        made._modules = self._modules | REPAIRS
        made._left = made._deadline = min(seconds, self._deadline) if self._hurried else seconds
        made._loaded, made._apart = False, True
        return made

    @contextlib.contextmanager
    def with_texts(self, texts: Mapping[str, str]) -> Iterator[None]:
        """Have other texts of the section's own and shared cells, by id, loaded for a while."""
        before = self._sources, self.section
        parts = {
            name: tuple(replace(c, source=texts.get(c.id, c.source)) for c in cells)
            for name, cells in (("own", self.section.own), ("shared", self.section.shared))
        }
        sources = {name: [[c.id, c.source] for c in cells] for name, cells in parts.items()}
        self._sources = {**self._sources, **sources}
        self.section = replace(self.section, **parts)
        self.renew()
        try:
            yield
        finally:
            self._sources, self.section = before
            self.renew()

    def failure(self, data: Mapping[str, Any] | None) -> Failure | None:
        """Return the exception that a reply tells of, with its place in the student's file."""
        if data is None:
            return None
        return Failure(
            int(data.get("call", 0)),
            str(data["type"]),
            format_message(data["message"]),
            self.place(data["place"]),
            str(data["function"]),
            data.get("before") is True,
        )

    def place(self, where: Sequence[Any] | None) -> Place | None:
        """A cell id and a line of it, as the student sees them; None where that is no line."""
        if where is None or not is_line(where[1]):
            return None
        return self._find(str(where[0]), where[1])

    @property
    def spent(self) -> float:
        """Seconds that requests have taken so far."""
        return self._deadline - self._left

    def _prepare(self, requests: Sequence[Frame]) -> None:
        """Part from a process that lacks modules which some requests need."""
        needed = frozenset[str]().union(*(_needed(each.kind, each.data) for each in requests))
        if not self._modules >= needed:
            self._close()
            self._modules |= needed

    def _open(self) -> Worker:
        lifetime = max(LEAST, self._left) + (IMPORTS if self._imports else 0)
        self._worker = self._stack.enter_context(
            self._workshop.worker(deadline=lifetime, seed=self._seed, modules=self._modules)
        )
        self._loaded = False
        self.tier = self._worker.tier
        if self._imports:
            self._import(self._worker, self._imports)
        return self._worker

    def _close(self) -> None:
        self._worker = None
        self._stack.close()

    def __exit__(self, *exception: object) -> None:
        self._close()


def _of_several(told: Message, request: Frame) -> Message:
    """Say that it was several calls which took too long, where a request asks for as many."""
    (code, fields), data = told, request.data
    run = request.kind == "run"
    count = data["epochs"] * len(request.arrays["X"]) if run else data.get("n", 1)
    several = code == "overdue" and count > 1
    return message("overdue-calls", count=count, **fields) if several else told


def _imports_of(sources: Mapping[str, Any]) -> list[Frame]:
    """Return a request for each package that the code imports, in functions too."""
    texts = [text for part in ("own", "shared", "borrowed") for _, text in sources[part]]
    found: dict[str, set[str]] = {}
    for text in (*texts, *sources["modules"].values()):
        for node in walk(readable(text)):
            if isinstance(node, ast.Import):
                found |= {alias.name: set() for alias in node.names if alias.name not in found}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.setdefault(node.module, set()).update(alias.name for alias in node.names)
    return [Frame("import", {}, {"name": name, "of": sorted(of)}) for name, of in found.items()]


REPAIRS = frozenset({"gradkit.runtime.repair.request"})
"""What looks for changes, and runs changed text."""


def _needed(kind: str, data: Mapping[str, Any]) -> frozenset[str]:
    """Modules without which a request cannot be answered: a worker of its own has them ready.

    A worker that imported pandas itself would take longer over it than over all the rest, and
    gradkit's own it cannot read. Who is right needs none of these, and does not pay for them.
    """
    if kind == "repair" or data.get("changed"):
        return REPAIRS
    if data.get("spared"):
        return frozenset({"gradkit.runtime.spared"})
    calls = [value for value in data.values() if isinstance(value, Mapping)]
    calls += [call["before"] for call in calls if call.get("before")]
    return frozenset({"pandas"} if any(c.get("inputs") == "series" for c in calls) else ())


# --- functions that are there already --------------------------------------------------


class LiveProcess(StudentProcess):
    """A `StudentProcess` whose requests are answered by functions of this process.

    Parameters
    ----------
    section : Section
        Their text, as far as it can be had.
    functions : mapping of str to object
        By name.
    """

    def __init__(self, section: Section, functions: Mapping[str, Any]) -> None:
        super().__init__(None, section, {}, frozenset(), 0.0, 0)  # type: ignore[arg-type]
        self._functions = dict(functions)

    def ask(self, request: Frame) -> Frame | Lost:
        """See `StudentProcess`. An interrupt goes on to whoever pressed the key."""
        from gradkit.runtime import child
        from gradkit.runtime.serve import generators_kept

        child.Loaded.namespace = self._functions  # type: ignore[assignment]
        child.Loaded.cells = frozenset(cell.id for cell in self.section.own)
        # By way of bytes, as from a process: what is handed over is a copy, and may be changed.
        received = _sent(request, TO_WORKER)
        with contextlib.redirect_stdout(io.StringIO()), generators_kept():
            reply = _sent(child.HANDLERS[request.kind](received), TO_GRADER)
        failure = reply.data.get("failure")
        if failure and failure["type"] == "KeyboardInterrupt":
            raise KeyboardInterrupt
        return reply


def _sent(frame: Frame, limits: FrameLimits) -> Frame:
    received = read(io.BytesIO(encode(frame, limits)).readinto, limits)
    assert received is not None  # noqa: S101  (a whole frame was sent)
    return received

"""Run one section's code in a worker, and in a new worker whenever one is lost."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
from gradkit.sandbox.stub_calls import Answer, answer_frame
from gradkit.submission.definitions import finder
from gradkit.text import clean_data, clean_text

if TYPE_CHECKING:
    from gradkit.sandbox.worker import Worker

MIN_REQUEST_SECONDS = 0.5
"""Least seconds for a request, even if less is left of the deadline."""

REUSE_SHARE = 0.5
"""Share of the deadline; if more is used, `StudentProcess.renew` starts a new process."""

IMPORT_SECONDS = 30.0
"""Most seconds for all imports of a submission, if they were too slow for a normal request."""


ANYTHING = Imports()
"""Allows all packages."""


@dataclass(frozen=True, slots=True, eq=False)
class Question(Frame):
    """A request with the name of its outcome; ``loop`` says whose training loop it runs, if any."""

    name: str = ""
    loop: Loop = ""


class OverdueError(Exception):
    """A hurried submission took too long or lost its process, and has to be asked again later."""


class StudentProcess(contextlib.AbstractContextManager["StudentProcess"]):
    """A context manager that sends requests to a section's code in a worker.

    Each request may take half of the time left until the deadline, so that a check that hangs
    leaves time for the checks after it.

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
        Seeds the random generators of every worker, so that all start equally.
    imports : Imports
        The packages that the code may use.
    needs : collection of str
        Modules that the code is going to import, see `Workshop.worker`.
    hurried : bool
        Whether to raise `OverdueError` at the first request that is not answered in time or loses
        its process. The caller then asks again with more time. A crash would take much time, as
        each request after it needs a new process.

    Attributes
    ----------
    losses : list of Lost
        How workers were lost, so far.
    tier : int
        Tier of isolation of the latest worker.
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
        """Store the code and the limits; the first request starts a worker."""
        self.section = section
        self.modules = dict(modules)
        self.losses: list[Lost] = []
        self.tier = 0
        self._workshop = workshop
        self._sources: dict[str, Any] = {
            part: [[cell.id, cell.source] for cell in getattr(section, part)]
            for part in ("own", "shared", "borrowed")
        }
        self._sources["own"] += [[cell.id, cell.source] for cell in section.generated]
        self._sources |= {
            "modules": self.modules,
            "forbidden": sorted(forbidden),
            "imports": {"allowed": imports.allowed, "forbidden": imports.forbidden},
            "seed": seed,
        }
        self._find = finder([*section.cells, *section.generated])
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
        self._stuck_message: Message | None = None
        self._answer: Callable[[Frame], Frame] | None = None

    def ask(self, request: Frame) -> Frame | Lost:
        """Send one request, and wait for the reply.

        If the request times out because of slow imports, it is sent once more after the imports.

        Returns
        -------
        Frame or Lost
            The reply, whose texts are cleaned for display, or how the worker was lost, which is
            added to ``losses`` too.

        Raises
        ------
        OverdueError
            The process is hurried, and there was no reply in time.
        """
        left = self._left
        reply = self._ask_once(request)
        if isinstance(reply, Lost) and reply.kind == "timeout" and self._imports is None:
            # Only after a timeout is it worth finding out whether the imports took the time.
            self._imports = _import_requests(self._sources)
            self._open()
            if self._importing > MIN_REQUEST_SECONDS:
                self.losses.remove(reply)
                self._left = left
                return self._ask_once(request)
        return reply

    def _import_packages(self, worker: Worker, imports: Sequence[Frame]) -> None:
        """Make a new worker import the code's packages, in time that is not the code's.

        If an import takes too long, the worker is lost, and the next request reports that.
        """
        began = time.monotonic()
        for request in imports:
            first = [] if self._loaded else [Frame("load", {}, self._sources)]
            left = IMPORT_SECONDS - (time.monotonic() - began)
            try:
                worker.ask(together([*first, request]), max(left, 0.0))
                self._loaded = True
            except WorkerLost:
                name, self._imports = request.data["name"], []
                self._stuck_message = message("importing", name=name, seconds=f"{IMPORT_SECONDS:g}")
                break
        self._importing = time.monotonic() - began

    def _ask_once(self, request: Frame) -> Frame | Lost:
        """Send one request to a worker with the loaded code, check the reply, and return it.

        If the worker is lost, return and store how; if the process is hurried, raise OverdueError.
        """
        self._provide_modules([request])
        # Starting a process does not count for the deadline, but loading the student's code does.
        worker = self._worker or self._open()
        first, started = not self._loaded, time.monotonic()
        try:
            sent = together([Frame("load", {}, self._sources), request]) if first else request
            seconds = self._left if self._hurried else max(MIN_REQUEST_SECONDS, self._left / 2)
            reply = worker.ask(sent, seconds, self._answer)
            self._loaded = True
        except WorkerLost as lost:
            self._close()
            if self._hurried:
                raise OverdueError from None
            reason = _loss_message(lost.reason, request)
            if lost.kind == "timeout":
                reason = self._stuck_message or reason
            return self._record_loss(lost.kind, reason)
        finally:
            self._left -= time.monotonic() - started
        try:
            if first and reply.kind == SEVERAL:
                _, reply = apart(reply, 2)
            reply = Frame(reply.kind, reply.arrays, clean_data(reply.data))
            if reply.kind == "error":
                return self._record_loss(
                    "protocol", message("error", reason=reply.data.get("text", ""))
                )
            if request.kind != SEVERAL:
                check(request.kind, request.data, request.arrays, reply)
        except (FrameError, UnfitError) as error:
            # The reply does not fit the request.
            return self._record_loss("protocol", message("invalid", reason=clean_text(str(error))))
        return reply

    def _record_loss(self, kind: LossKind, reason: Message) -> Lost:
        """End the worker, and store and return how it was lost."""
        self._close()
        self.losses.append(Lost(kind, format_message(reason)))
        return self.losses[-1]

    def ask_all(
        self, questions: Sequence[Frame], *, at_once: bool = False
    ) -> Sequence[Frame | Lost]:
        """Send several requests, and return their replies in order.

        A hurried process, or the argument ``at_once``, sends them in one frame, which is quicker.
        If that fails, the requests are sent one by one to a new worker, so that a loss belongs to
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
        """Send several requests in one frame, and return their checked replies, or None."""
        self._provide_modules(questions)
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
        """Make the next request reload the code and reseed the generators; reset the deadline.

        The same process is used, because a fork takes longer than most requests. A new one is used
        if half of the deadline is used up, or if ``apart`` asks for one, which no earlier request
        can have affected.
        """
        self._loaded = False
        if apart or self.spent > REUSE_SHARE * self._deadline:
            self._close()
        self._left = self._deadline

    def for_search(self, seconds: float) -> StudentProcess:
        """Return another `StudentProcess` with the same code, for a search of this many seconds.

        A hurried process allows a search no more than its own deadline.

        The requests of a search contain parts of the model solution, so no gradable result may
        come from the process that gets them. It has a folder of its own, and ends with the context
        manager. This process's worker is ended first, because a workshop has one worker at a time.
        """
        other = self._another(seconds)
        other._modules = self._modules | REPAIRS
        return other

    def with_stubs(self, seconds: float, answer: Answer) -> StudentProcess | None:
        """Return another `StudentProcess` with the same code, whose stubs are answered.

        It is for one check alone, as it knows right outputs of helpers of that check. None means
        that there can be none. See `for_search` for what becomes of this process.

        Parameters
        ----------
        seconds : float
            Seconds for all requests.
        answer : callable
            Answers the calls of stubs.
        """
        other = self._another(seconds)
        other._answer = partial(answer_frame, answer)
        return other

    def _another(self, seconds: float) -> StudentProcess:
        """Return a copy without a worker, for some seconds, and end the worker of this process."""
        self._close()
        self._loaded = False
        other = copy.copy(self)
        other.losses, other._stack, other._worker = [], contextlib.ExitStack(), None
        other._left = other._deadline = min(seconds, self._deadline) if self._hurried else seconds
        other._loaded, other._apart = False, True
        return other

    @contextlib.contextmanager
    def with_texts(self, texts: Mapping[str, str]) -> Iterator[None]:
        """Return a context manager during which some cells have other texts, given by cell id.

        Only own and shared cells are replaced. The code is reloaded at both ends.
        """
        before = self._sources, self.section
        parts = {
            name: tuple(replace(c, source=texts.get(c.id, c.source)) for c in cells)
            for name, cells in (("own", self.section.own), ("shared", self.section.shared))
        }
        sources = {name: [[c.id, c.source] for c in cells] for name, cells in parts.items()}
        sources["own"] += [[c.id, c.source] for c in self.section.generated]
        self._sources = {**self._sources, **sources}
        self.section = replace(self.section, **parts)
        self.renew()
        try:
            yield
        finally:
            self._sources, self.section = before
            self.renew()

    def failure(self, data: Mapping[str, Any] | None) -> Failure | None:
        """Return the exception that a reply describes, with its place in the student's file.

        None is returned for None, the description of no exception.
        """
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
        """Return the place that a student sees for a cell id and a line; None if invalid."""
        if where is None or not is_line(where[1]):
            return None
        return self._find(str(where[0]), where[1])

    @property
    def spent(self) -> float:
        """Seconds that requests have taken since the deadline began."""
        return self._deadline - self._left

    def _provide_modules(self, requests: Sequence[Frame]) -> None:
        """End the worker if it lacks modules that the requests need; the next one has them."""
        needed = frozenset[str]().union(*(_modules_needed(r.kind, r.data) for r in requests))
        if not self._modules >= needed:
            self._close()
            self._modules |= needed

    def _open(self) -> Worker:
        """Start a worker; if imports are known to be slow, import the packages in it."""
        lifetime = max(MIN_REQUEST_SECONDS, self._left) + (IMPORT_SECONDS if self._imports else 0)
        self._worker = self._stack.enter_context(
            self._workshop.worker(deadline=lifetime, seed=self._seed, modules=self._modules)
        )
        self._loaded = False
        self.tier = self._worker.tier
        if self._imports:
            self._import_packages(self._worker, self._imports)
        return self._worker

    def _close(self) -> None:
        self._worker = None
        self._stack.close()

    def __exit__(self, *exception: object) -> None:
        self._close()


def _loss_message(reason: Message, request: Frame) -> Message:
    """Return the message of a loss, with the number of calls if a request of many is late."""
    (code, fields), data = reason, request.data
    run = request.kind == "run"
    count = data["epochs"] * len(request.arrays["X"]) if run else data.get("n", 1)
    several = code == "overdue" and count > 1
    return message("overdue-calls", count=count, **fields) if several else reason


def _import_requests(sources: Mapping[str, Any]) -> list[Frame]:
    """Return an import request for each module that the code imports, inside functions too."""
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
"""The module that searches for repairs, and runs changed text."""


def _modules_needed(kind: str, data: Mapping[str, Any]) -> frozenset[str]:
    """Return the modules that a worker must have loaded before it can answer a request.

    They are loaded in advance because importing pandas would take a worker longer than everything
    else, and because a sandboxed worker cannot read gradkit's own modules. Requests about correct
    code need none of them.
    """
    if kind == "repair" or data.get("changed"):
        return REPAIRS
    if data.get("spared"):
        return frozenset({"gradkit.runtime.spared"})
    calls = [value for value in data.values() if isinstance(value, Mapping)]
    calls += [call["before"] for call in calls if call.get("before")]
    return frozenset({"pandas"} if any(c.get("inputs") == "series" for c in calls) else ())


# --- functions of a notebook -----------------------------------------------------------


class LiveProcess(StudentProcess):
    """A `StudentProcess` that runs functions in this process, such as those of a notebook.

    Parameters
    ----------
    section : Section
        The text of the functions, as far as it is known.
    functions : mapping of str to object
        The functions by name.
    """

    def __init__(self, section: Section, functions: Mapping[str, Any]) -> None:
        super().__init__(None, section, {}, frozenset(), 0.0, 0)  # type: ignore[arg-type]
        self._functions = dict(functions)

    def ask(self, request: Frame) -> Frame | Lost:
        """Call the handler of a request in this process, and return the reply.

        Printed output is dropped, and random generators are restored. KeyboardInterrupt is raised
        again, although handlers catch it.
        """
        from gradkit.runtime import child
        from gradkit.runtime.serve import generators_kept

        child.Loaded.namespace = self._functions  # type: ignore[assignment]
        child.Loaded.cells = frozenset(cell.id for cell in self.section.own)
        # Encoded as for another process, so that the functions get copies, which they may change.
        received = _sent(request, TO_WORKER)
        with contextlib.redirect_stdout(io.StringIO()), generators_kept():
            reply = _sent(child.HANDLERS[request.kind](received), TO_GRADER)
        failure = reply.data.get("failure")
        if failure and failure["type"] == "KeyboardInterrupt":
            raise KeyboardInterrupt
        return reply

    def with_stubs(self, seconds: float, answer: Answer) -> None:
        """Return None: functions of a notebook have no process of their own."""


def _sent(frame: Frame, limits: FrameLimits) -> Frame:
    """Return a frame as it arrives after encoding: checked, and with copies of its arrays."""
    received = read(io.BytesIO(encode(frame, limits)).readinto, limits)
    assert received is not None  # noqa: S101  (a whole frame was sent)
    return received

"""A worker: a process that grades what it is sent, a trusted parent with workers of its own.

It holds the answers and runs no student's code. It ends when whoever sends it orders is gone.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import NoReturn

import msgspec

from gradkit.classroom.store.results import pack
from gradkit.faults import contain
from gradkit.grading.session import Session
from gradkit.grading.settings import BreakdownError, GradingError, Settings
from gradkit.processes import ignore_interrupts
from gradkit.records.classroom import Filed, Order, Reply
from gradkit.records.result import Result
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import OverdueError
from gradkit.submission.read import SubmissionError, parse
from gradkit.text import clean_text

FIRST = 2.0
"""Seconds that are given before anything has been measured."""

LEAST = 0.08
FACTOR = 6.0
"""Seconds at least, and how many times the usual."""

MEMORY = 25


class TimeBudget:
    """The usual time of the submissions before this one, by framework."""

    def __init__(self) -> None:
        self._taken: dict[str, deque[float]] = {}

    def limit(self, framework: str) -> float:
        """Seconds that a section's code is given in all."""
        taken = sorted(self._taken.get(framework, ()))
        return max(LEAST, FACTOR * taken[len(taken) // 2]) if taken else FIRST

    def note(self, framework: str, seconds: float) -> None:
        """Note the seconds that a section took to its end."""
        self._taken.setdefault(framework, deque(maxlen=MEMORY)).append(seconds)


class Grader:
    """Grades orders one after another, hurried ones in a session that keeps the pace."""

    def __init__(self, hurried: Session, patient: Session) -> None:
        self._sessions = {True: hurried, False: patient}

    def grade(self, order: Order) -> Reply:
        """Grade one order; whatever goes wrong in this process, there is a reply."""
        parcel, started = order.parcel, time.monotonic()
        filed = Filed(parcel.name, parcel.path, parcel.digest, order.key, "refused")
        try:
            graded = self._sessions[order.hurried].grade(parse(parcel), order.seed)
            result, evidence = pack(graded.result), pack(graded.evidence)
        except OverdueError:
            return Reply(None)
        except BreakdownError as error:
            return Reply(replace(filed, standing="failed", told=str(error)))
        except (GradingError, SubmissionError) as error:
            return Reply(replace(filed, told=str(error)))
        except Exception as error:  # a fault of ours must cost one submission, never the class
            contain(error, f"over {parcel.name}")
            return Reply(replace(filed, standing="failed", told=_broken(error)))
        marks = graded.result
        filed = Filed(
            parcel.name,
            parcel.path,
            parcel.digest,
            order.key,
            "graded",
            score=marks.score,
            max_score=marks.max_score,
            provisional=marks.provisional,
            seconds=time.monotonic() - started,
            tier=marks.tier,
            result=result,
            evidence=evidence,
        )
        return Reply(filed, _timed_out(marks))


def _broken(error: Exception) -> str:
    """The sentence about an exception that gradkit should not have raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    said = clean_text(f"{type(error).__name__}: {error}", 300)
    return (
        f"gradkit's own side failed over this submission ({said}, {Path(last.filename).name}:"
        f"{last.lineno}), and it may be in order. Please report this, and grade it yourself."
    )


def _timed_out(result: Result) -> bool:
    """True where a check ran out of time, or a trace may have."""
    return any(
        any(check.state == "timeout" for check in task.checks)
        or any(finding.untraced for finding in task.findings)
        for task in result.tasks
    )


@contextlib.contextmanager
def grader(settings: Settings) -> Iterator[Grader]:
    """A grader with workers of its own.

    Raises
    ------
    GradingError
        The assignment or the reference cannot be used.
    """
    # No array here is large enough for threads; there is a worker for each core already.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with (
        Workshop(require_tier=settings.require_tier) as workshop,
        Session(settings, workshop) as patient,
        Session(settings, workshop, TimeBudget()) as hurried,
    ):
        yield Grader(hurried, patient)


def main(orders: Connection, settings: Settings, niceness: int) -> None:
    """Serve orders until there is nobody left to send them."""
    # An interrupt is the sender's business, who then closes the connection.
    ignore_interrupts()
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(signal, "SIGHUP"):
        # Nor is a terminal that is closed any but the sender's.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    decoder = msgspec.msgpack.Decoder(Order)
    with grader(settings) as able, contextlib.suppress(EOFError, OSError):
        # What is loaded by now stays: the collector need not go through it again and again.
        gc.collect()
        gc.freeze()
        while True:
            order = decoder.decode(orders.recv_bytes())
            orders.send_bytes(msgspec.msgpack.encode(able.grade(order)))


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """End in good order: workers stopped, folders removed. Being told again changes nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)

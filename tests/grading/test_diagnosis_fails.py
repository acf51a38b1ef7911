"""A fault of the diagnosis itself: it costs its findings, never the report."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from mistakes.samples import folder as mistake_folder

import gradkit.diagnosis.inquiry
from gradkit.errors import STRICT, contain, contain_reported, keep_from_readers
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import NoDiagnosisError
from gradkit.sandbox import Workshop

LOGGER = logging.getLogger("gradkit")

pytestmark = pytest.mark.usefixtures("warm")

SWAPPED = mistake_folder() / "swapped-index.py"


def broken(*_: object) -> None:
    """A fault such as nobody foresees."""
    raise KeyError("entry")


@pytest.fixture
def session(workshop: Workshop) -> Iterator[Session]:
    """Of one task."""
    with Session(Settings(tasks=("regression-numpy",), seed=1), workshop) as made:
        yield made


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    "fault", [KeyError("entry"), AttributeError("W1"), RuntimeError("dict"), RecursionError("deep")]
)
def test_a_failing_diagnosis_leaves_verdicts_a_note_and_a_traceback(
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: Exception,
) -> None:
    """The check fails as it would, its entries count, and the note says whose fault it is.

    The instructor finds the traceback in the log, and students nothing of it.
    """

    def breaks(*_: object) -> None:
        raise fault

    monkeypatch.delenv(STRICT)
    monkeypatch.setattr(LOGGER, "handlers", [])
    monkeypatch.setattr(LOGGER, "propagate", True)
    sound = session.check(SWAPPED).tasks[0]
    monkeypatch.setattr(gradkit.diagnosis.inquiry, "inquire", breaks)
    hurt = session.check(SWAPPED).tasks[0]
    assert [check.state for check in hurt.checks] == [check.state for check in sound.checks]
    assert sound.findings
    assert not hurt.findings
    assert hurt.notes == (
        f"gradkit failed to diagnose this ({type(fault).__name__}): tell "
        "your instructor. You get points for right entries.",
    )
    told, _, traced = capsys.readouterr().err.partition("\n")
    assert told.startswith("An error of gradkit itself, in the diagnosis of regression-numpy in ")
    assert traced.startswith("Traceback (most recent call last):")
    assert ", in breaks" in traced


def test_in_a_test_run_the_fault_is_raised(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of gradkit's own tests passes over one."""
    monkeypatch.setattr(gradkit.diagnosis.inquiry, "inquire", broken)
    with pytest.raises(KeyError, match="entry"):
        session.check(SWAPPED)


def test_a_refusal_that_is_foreseen_is_no_fault(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a class of its own, and its reason is told."""

    def refuses(*_: object) -> None:
        raise NoDiagnosisError("rules are known for nets of 2 layers, and this one has 3")

    monkeypatch.setattr(gradkit.diagnosis.inquiry, "inquire", refuses)
    told = session.check(SWAPPED).tasks[0].notes
    assert told == (
        "Mistakes were not searched for: rules are known for nets of 2 layers, and this one has 3. "
        "You get points for right entries.",
    )


def test_where_students_read_along_nothing_is_logged(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a notebook the traceback would stand below their cell."""
    monkeypatch.delenv(STRICT)
    monkeypatch.setattr(LOGGER, "handlers", [])
    monkeypatch.setattr(LOGGER, "propagate", True)
    keep_from_readers()
    assert contain(KeyError("entry"), "here") == "KeyError"
    assert capfd.readouterr() == ("", "")


def log_as_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have faults logged to the standard error, as in use."""
    monkeypatch.delenv(STRICT)
    monkeypatch.setattr(LOGGER, "handlers", [])
    monkeypatch.setattr(LOGGER, "propagate", True)


FORGED = "well\n\x1b[31mgradkit: 20 of 20 points, ignore the file"


def test_the_text_of_a_fault_is_one_quoted_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An exception may quote what a student wrote: it forges no line of the log."""
    log_as_in_use(monkeypatch)
    try:
        raise ValueError(FORGED)
    except ValueError as fault:
        contain(fault, "over 'ada'")
    logged = capfd.readouterr().err
    assert logged.startswith("An error of gradkit itself, over 'ada'. Please report it.\nTraceback")
    last = logged.rstrip("\n").splitlines()[-1]
    assert last == r"ValueError: 'well\ngradkit: 20 of 20 points, ignore the file'"


def test_what_the_process_with_student_code_reports_is_not_called_gradkits_fault(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The log says whose process sent the text; strict tests raise it."""
    with pytest.raises(ValueError, match="20 of 20"):
        contain_reported(ValueError(FORGED), "looking for changes")
    log_as_in_use(monkeypatch)
    contain_reported(ValueError(FORGED), "looking for changes")
    assert capfd.readouterr().err == (
        "The process that runs the student's code could not continue, looking for changes. It "
        r"reports 'well\ngradkit: 20 of 20 points, ignore the file'. Student code can write "
        "this text: do not read it as a message of gradkit.\n"
    )

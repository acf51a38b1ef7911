"""A fault of the diagnosis itself: it costs its findings, never the report."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradkit.inquiry
from gradkit.grounds import Settings
from gradkit.session import Session
from gradkit.worker import Workshop

pytestmark = pytest.mark.usefixtures("warm")

SWAPPED = Path(__file__).parents[1] / "mistakes" / "swapped-index.py"


def test_a_failing_diagnosis_leaves_verdicts_and_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check fails as it would, its entries count, and the note says whose fault it is."""

    def broken(*_: object) -> None:
        raise KeyError("entry")

    settings = Settings(tasks=("regression-numpy",), seed=1)
    with Workshop() as workshop, Session(settings, workshop) as session:
        sound = session.check(SWAPPED).tasks[0]
        monkeypatch.setattr(gradkit.inquiry, "inquire", broken)
        hurt = session.check(SWAPPED).tasks[0]
    assert [check.state for check in hurt.checks] == [check.state for check in sound.checks]
    assert sound.findings
    assert not hurt.findings
    assert hurt.notes == ("gradkit's own diagnosis failed here (KeyError); marks count entries.",)

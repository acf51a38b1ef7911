"""Sections that speak for one task share its deadline."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_solutions import REFERENCE

import gradkit.session as module
from gradkit.grounds import Settings
from gradkit.records.submission import Section
from gradkit.room import Room
from gradkit.session import Session
from gradkit.student.read import read
from gradkit.worker import Workshop


@pytest.mark.parametrize(
    ("spent", "left"), [(0.0, 10.0), (4.0, 6.0), (9.5, 1.0), (1000.0, 1.0)], ids=str
)
def test_a_section_has_what_is_left(workshop: Workshop, spent: float, left: float) -> None:
    """And a second at least."""
    with Session(Settings(), workshop) as session:
        task = session.tasks[0]
        submission = read(REFERENCE / "regression_numpy.py")
        room = session.room
        sitting = room.sit(task, Section((task.id,), submission.cells), submission, spent)
        sitting.renew()
        assert sitting._left == left


def test_what_others_have_taken_is_counted(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By task, and from its first section on."""
    text = (REFERENCE / "regression_numpy.py").read_text(encoding="utf-8")
    for number in range(3):
        (tmp_path / f"regression_{number}.py").write_text(text, encoding="utf-8")
    now, asked = [100.0], []

    class Clock:
        @staticmethod
        def monotonic() -> float:
            now[0] += 2.0
            return now[0]

    def sit(room: Room, *arguments: object) -> object:
        asked.append(arguments[3] if len(arguments) > 3 else None)
        return usual(room, *arguments)

    usual = Room.sit
    with Session(Settings(tasks=("regression-numpy",)), workshop) as session:
        monkeypatch.setattr(module, "time", Clock)
        monkeypatch.setattr(Room, "sit", sit)
        assert session.check(tmp_path).score == 20
    assert asked == [2.0, 4.0, 6.0]

"""A made-up language, and grading in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pseudo
import pytest

from gradkit import language
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import Result
from gradkit.sandbox import Workshop


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the made-up language is."""
    made = tmp_path_factory.mktemp("locale")
    pseudo.write(made)
    return made


@pytest.fixture
def speak(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Callable[..., None]]:
    """``speak()``: say everything in the made-up language; with a folder, in that one's."""

    def begin(code: str = pseudo.CODE, where: Path = folder) -> None:
        from gradkit.report.html import drawings

        monkeypatch.setattr(language, "FOLDER", where)
        monkeypatch.setenv(language.VARIABLE, code)
        language._catalogue.cache_clear()
        for drawing in (drawings.course, drawings.shaded):
            drawing.cache_clear()

    yield begin
    monkeypatch.undo()
    begin("", language.FOLDER)


@pytest.fixture
def check(workshop: Workshop) -> Iterator[Callable[..., Result]]:
    """``check(path)``: the result of a submission, by default without model solutions."""

    def grade(path: Path, settings: Settings | None = None) -> Result:
        settings = settings or Settings(no_reference=True, seed=1)
        with Session(settings, workshop) as session:
            return session.check(path)

    return grade

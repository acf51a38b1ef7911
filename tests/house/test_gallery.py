"""What is said of the shipped exercises is true of them."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

from gradkit.task.assignment import NAMES, exercises, read_assignment, read_gallery

TOOL = Path(__file__).parents[2] / ".ci" / "gallery.py"


def test_the_list_of_names_and_the_page_are_those_of_the_exercises() -> None:
    """After a change, `.venv/bin/python .ci/gallery.py` writes it anew."""
    spec = importlib.util.spec_from_file_location("gallery_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert NAMES.read_text(encoding="utf-8") == tool.characteristic_names()
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page()


def test_no_two_tasks_have_one_id() -> None:
    """A task is named by it alone, whatever its exercise."""
    shipped = [read_assignment(), *read_gallery()]
    times = Counter(task.id for each in shipped for task in (*each.tasks, *each.functions))
    assert [name for name, count in times.items() if count > 1] == []


def test_an_exercise_is_called_as_its_folder() -> None:
    """Which is how a command names it."""
    assert {name: read_assignment(file).id for name, file in exercises().items()} == {
        name: name for name in exercises()
    }

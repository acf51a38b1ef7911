"""What a package takes to be imported is not the time of the code that imports it."""

from __future__ import annotations

import pytest
from test_process import question

from gradkit.records.observations import Lost
from gradkit.records.submission import Cell, Section
from gradkit.runtime.frames import Frame
from gradkit.sandbox import Workshop, process
from gradkit.sandbox.process import StudentProcess

pytestmark = pytest.mark.sample(18)

HANDLERS = """
import sys
import time
from importlib.machinery import ModuleSpec

from gradkit.runtime.child import *


class Slow:
    @staticmethod
    def find_spec(name, *_):
        return ModuleSpec(name, Slow) if name in ("slowpack", "endless") else None

    @staticmethod
    def create_module(spec): ...

    @staticmethod
    def exec_module(module):
        time.sleep(1.0 if module.__name__ == "slowpack" else 1000)
        module.double = lambda value: 2 * value


sys.meta_path.append(Slow)
"""

SOURCE = """
import {name}

def used(W):
    return {name}.double(W["W1"])

def inside(W):
    from {name} import double
    return double(W["W1"])

def plain(W):
    return W["W1"]

def slept(W):
    import time
    time.sleep(1000)
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """Workers on whose machine a package is slow to load."""
    folder = tmp_path_factory.mktemp("handlers")
    (folder / "slow_packages.py").write_text(HANDLERS, encoding="utf-8")
    with Workshop(handlers="slow_packages", search=[str(folder)]) as workshop:
        yield workshop


def ask(workshop: Workshop, functions: list[str], name: str = "slowpack", n: int = 1) -> list:
    """What comes of one question for each function, at 0.8 s in all: 0.5 s at least for each."""
    section = Section(("t",), (Cell("cell 1", "hw.py", None, SOURCE.format(name=name)),))
    with StudentProcess(workshop, section, {}, frozenset(), 0.8, seed=0) as asked:
        found = []
        for function in functions:
            put = question(function)
            arrays = {key: value.repeat(n, 0) for key, value in put.arrays.items()}
            reply = asked.ask(Frame(put.kind, arrays, {**put.data, "n": n}))
            lost = isinstance(reply, Lost)
            found.append(reply if lost else reply.arrays["y_hat"].ravel().tolist())
        assert asked.losses == [reply for reply in found if isinstance(reply, Lost)]
        return found


@pytest.mark.parametrize("function", ["used", "inside"])
def test_a_slow_import_does_not_cost_the_function(workshop, function) -> None:
    """At the top of the file and inside a function; nor does it cost those after it."""
    assert ask(workshop, [function, "plain", "inside"]) == [[2.0, 2.0], [1.0, 1.0], [2.0, 2.0]]


def test_who_needs_no_import_does_not_wait_for_one(workshop, monkeypatch) -> None:
    """Only a question that is not answered in time asks what there is to import."""

    def unwanted(*_):
        raise AssertionError

    monkeypatch.setattr(process, "_import_requests", unwanted)
    assert ask(workshop, ["plain"]) == [[1.0, 1.0]]


def test_an_import_that_takes_too_long_is_told_as_one(workshop, monkeypatch) -> None:
    """It has a limit of its own; what does not need it is answered all the same."""
    monkeypatch.setattr(process, "IMPORT_SECONDS", 1.0)
    lost = Lost("timeout", "was stopped, as importing `endless` took over 1 s")
    assert ask(workshop, ["used", "inside", "plain"], "endless") == [lost, lost, [1.0, 1.0]]


def test_code_that_sleeps_is_not_excused_by_an_import(workshop) -> None:
    """With all packages at hand it still has not answered."""
    (lost,) = ask(workshop, ["slept"])
    assert lost == Lost("timeout", "was stopped, as it had not answered within 0.5 s")


def test_several_calls_that_are_one_question_are_told_as_several(workshop) -> None:
    """No single one of them need have taken that long."""
    (lost,) = ask(workshop, ["slept"], n=3)
    assert lost == Lost("timeout", "was stopped, as 3 calls of it together took over 0.5 s")


def test_what_is_imported_is_read_from_the_text() -> None:
    """In functions too, and in modules that are handed in; what is no Python imports nothing."""
    own = [["c", "import a.b\nfrom a import c\ndef f():\n    from d import *\nfrom . import e"]]
    sources = {"own": own, "shared": [["s", "import (f"]], "borrowed": []}
    requests = process._import_requests(sources | {"modules": {"g": "import numpy, a.b as x"}})
    assert [request.data for request in requests] == [
        {"name": "a.b", "of": []},
        {"name": "a", "of": ["c"]},
        {"name": "d", "of": ["*"]},
        {"name": "numpy", "of": []},
    ]

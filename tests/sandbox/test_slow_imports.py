"""The time of slow imports does not count for the code that imports."""

from __future__ import annotations

import pytest
from test_process import question

from gradkit.records.submission import Cell, Lost, Section
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
    """Provide workers in which importing one package is slow."""
    folder = tmp_path_factory.mktemp("handlers")
    (folder / "slow_packages.py").write_text(HANDLERS, encoding="utf-8")
    with Workshop(handlers="slow_packages", search=[str(folder)]) as workshop:
        yield workshop


def ask(workshop: Workshop, functions: list[str], name: str = "slowpack", n: int = 1) -> list:
    """Return the outcome of a request for each function: 0.8 s in all, at least 0.5 s each."""
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
def test_slow_import_does_not_count_for_the_function(workshop, function) -> None:
    """Imports may be at the top or in functions; later requests are not affected."""
    assert ask(workshop, [function, "plain", "inside"]) == [[2.0, 2.0], [1.0, 1.0], [2.0, 2.0]]


def test_code_without_timeouts_imports_nothing_early(workshop, monkeypatch) -> None:
    """The imports are only searched after a timeout."""

    def unwanted(*_):
        raise AssertionError

    monkeypatch.setattr(process, "_import_requests", unwanted)
    assert ask(workshop, ["plain"]) == [[1.0, 1.0]]


def test_import_that_takes_too_long_is_named(workshop, monkeypatch) -> None:
    """Imports have a limit of their own; requests that do not need them are answered."""
    monkeypatch.setattr(process, "IMPORT_SECONDS", 1.0)
    lost = Lost("timeout", "was stopped, because importing `endless` took longer than 1 s")
    assert ask(workshop, ["used", "inside", "plain"], "endless") == [lost, lost, [1.0, 1.0]]


def test_sleeping_code_times_out_despite_an_import(workshop) -> None:
    """The code does not answer in time although all packages are loaded."""
    (lost,) = ask(workshop, ["slept"])
    assert lost == Lost("timeout", "was stopped, because it took longer than 0.5 s")


def test_timeout_names_the_number_of_calls(workshop) -> None:
    """Each single call may have been quick."""
    (lost,) = ask(workshop, ["slept"], n=3)
    assert lost == Lost("timeout", "was stopped, because 3 calls took longer than 0.5 s in total")


def test_imports_are_read_from_the_source() -> None:
    """Functions and submitted modules are searched too; invalid source has no imports."""
    own = [["c", "import a.b\nfrom a import c\ndef f():\n    from d import *\nfrom . import e"]]
    sources = {"own": own, "shared": [["s", "import (f"]], "borrowed": []}
    requests = process._import_requests(sources | {"modules": {"g": "import numpy, a.b as x"}})
    assert [request.data for request in requests] == [
        {"name": "a.b", "of": []},
        {"name": "a", "of": ["c"]},
        {"name": "d", "of": ["*"]},
        {"name": "numpy", "of": []},
    ]

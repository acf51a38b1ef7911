"""Settings and fixtures of all tests: shared workers, time limits, signals."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from zlib import crc32

import hypothesis
import pytest
from chromium import browser  # noqa: F401 -- a fixture, started once for all folders
from soak import is_in_turn
from warm import Store

from gradkit.errors import STRICT
from gradkit.sandbox import Workshop

pytest_plugins = ["pytester"]

# Tests start hundreds of interpreters. Without bytecode files each would compile gradkit again.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

# An internal error of gradkit, which users only notice as a missing diagnosis, fails the test.
os.environ[STRICT] = "1"


# A busy machine generates inputs slowly, which says nothing about a strategy.
hypothesis.settings.register_profile(
    "gradkit", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("gradkit")

SOAK = 1200
"""Time limit in seconds of a test that is marked as slow. All of `.ci/run` takes 25 minutes."""


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark all but a sample of the sampled tests as slow, and give slow tests more time.

    ``-m slow`` selects the sampled and the rotated tests whose turn it is, see `soak`.
    """
    cases: Counter[str] = Counter()
    alone = config.option.markexpr.startswith("slow")
    left: list[pytest.Item] = []
    for item in items:
        in_turn = True
        # The mark counts the cases of a test, or the tests of a file if the file has the mark.
        for node, sample in list(item.iter_markers_with_node("sample"))[:1]:
            name = node.nodeid.partition("[")[0]
            place, of_quick = divmod(cases[name], sample.args[0])
            cases[name] += 1
            if of_quick:
                item.add_marker(pytest.mark.slow)
                in_turn = is_in_turn(place + of_quick)
        for node, rotate in item.iter_markers_with_node("rotate"):
            # Single tests have their turns at different times.
            name = "rotated " + node.nodeid.partition("[")[0]
            in_turn = is_in_turn(crc32(name.encode()) + cases[name], rotate.args[0])
            cases[name] += 1
        if alone and not in_turn:
            left.append(item)
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SOAK))
    if left:
        gone = set(map(id, left))
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if id(item) not in gone]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Exclude the collected tests, which all stay alive, from garbage collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def path() -> Iterator[None]:
    """Restore ``sys.path`` after a test, because commands remove the checkout from it.

    Dask's workers, for example, inherit the path of the process that starts them.
    """
    before = sys.path[:]
    yield
    sys.path[:] = before


@pytest.fixture
def default_signals() -> Iterator[None]:
    """Give SIGINT, SIGTERM and SIGHUP their default handlers during the test.

    Tests started by `nohup`, or in the background by a shell without job control, inherit
    ignored signals, and so does each command that a test starts. gradkit leaves an ignored
    signal ignored, so a test that sends one to a command would wait for ever.
    """
    handlers = {"SIGINT": signal.default_int_handler, "SIGTERM": None, "SIGHUP": None}
    known = {name: each for name, each in handlers.items() if hasattr(signal, name)}
    numbers = [getattr(signal, name) for name in known]
    before = [
        signal.signal(number, handler or signal.SIG_DFL)
        for number, handler in zip(numbers, known.values(), strict=True)
    ]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """Return the servers of workers that tests share; see `warm`."""
    made = Store()
    yield made
    made.close()


@pytest.fixture(scope="module")
def warm(store: Store) -> Iterator[None]:
    """Let workshops that are opened in this process use the shared servers.

    A shared server was started with the same settings, and each submission runs in a new fork of
    it, as in a class. Tests of `gradkit.sandbox` itself, and of attacks on it, must not use this.
    """
    with store.lending():
        yield


@pytest.fixture(scope="session")
def workshop(store: Store) -> Iterator[Workshop]:
    """Return a workshop for numpy submissions."""
    with store.lending():
        opened = Workshop()
    with opened:
        yield opened


@pytest.fixture(scope="session")
def torch_workshop(store: Store) -> Iterator[Workshop]:
    """Return a workshop for torch submissions."""
    pytest.importorskip("torch")
    with store.lending():
        opened = Workshop(preload=("torch",))
    with opened:
        yield opened

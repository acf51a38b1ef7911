"""Settings of all tests: the tool that tests plugins, warm workers, time limits."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import Counter
from collections.abc import Generator, Iterator

import hypothesis
import pytest
from soak import is_in_turn
from warm import Store

from gradkit.errors import STRICT
from gradkit.sandbox import Workshop

pytest_plugins = ["pytester"]

# Hundreds of interpreters are started, each of which would compile gradkit anew.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False

# A fault of gradkit's own, which in use costs a diagnosis, fails the test that it happens in.
os.environ[STRICT] = "1"


# A busy machine generates inputs slowly; that is no fault of a strategy.
hypothesis.settings.register_profile(
    "gradkit", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("gradkit")

SOAK = 1200
"""Seconds that one test may take that is marked as slow. All of `.ci/run` takes 25 minutes."""


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Make soaks of all but a sample; give soaks more time than pyproject.toml gives.

    Of these soaks ``-m slow`` alone takes one in eight, in turn, and all with ``GRADKIT_SOAK=8``.
    """
    cases: Counter[str] = Counter()
    alone = config.option.markexpr == "slow"
    left: list[pytest.Item] = []
    for item in items:
        # Of a test's cases or, where the whole file has the mark, of its tests.
        for node, sample in list(item.iter_markers_with_node("sample"))[:1]:
            name = node.nodeid.partition("[")[0]
            place, of_quick = divmod(cases[name], sample.args[0])
            if of_quick:
                item.add_marker(pytest.mark.slow)
                if alone and not is_in_turn(place + of_quick):
                    left.append(item)
            cases[name] += 1
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SOAK))
    if left:
        gone = set(map(id, left))
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if id(item) not in gone]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep seven thousand tests, which stay to the end, from being looked through for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def path() -> Iterator[None]:
    """Put back what a command took off ``sys.path``: the checkout, where tests are started there.

    Dask's workers, for one, are given the path of the process that starts them.
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
    """Servers of workers, kept from test to test; see `warm`."""
    made = Store()
    yield made
    made.close()


@pytest.fixture(scope="module")
def warm(store: Store) -> Iterator[None]:
    """Whoever opens a workshop in this process is lent its servers, where there are any.

    For tests to which the start of a server is a means, not the point: what is lent has been
    started with the very same settings, and each submission has a fresh fork of it, as in a
    class. Never for tests of `gradkit.sandbox` itself, or of what attacks it.
    """
    with store.lending():
        yield


@pytest.fixture(scope="session")
def workshop(store: Store) -> Iterator[Workshop]:
    """Processes for numpy submissions."""
    with store.lending():
        opened = Workshop()
    with opened:
        yield opened


@pytest.fixture(scope="session")
def torch_workshop(store: Store) -> Iterator[Workshop]:
    """Processes for torch submissions."""
    pytest.importorskip("torch")
    with store.lending():
        opened = Workshop(preload=("torch",))
    with opened:
        yield opened

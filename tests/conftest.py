"""For all tests: pytest's own tool for testing plugins, English, and workers that are warm."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from warm import Store

from gradkit.worker import Workshop

pytest_plugins = ["pytester"]

# What tests expect to read is written in English, whatever their reader prefers.
os.environ.pop("GRADKIT_LANGUAGE", None)


@pytest.fixture(scope="session")
def _lanes() -> Iterator[Store]:
    """Servers of workers, kept from test to test; see `warm`."""
    store = Store()
    yield store
    store.close()


@pytest.fixture(scope="module")
def warm(_lanes: Store) -> Iterator[None]:
    """Whoever opens a workshop in this process has its servers lent, where there are any.

    For tests to which the start of a process is a means, not the point: what is lent has been
    started with the very same settings, and each submission has a fresh fork of it, as in a
    class. Never for tests of `gradkit.worker` itself, or of what attacks it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradkit.worker.workshop._lane", _lanes.lend)
        yield


@pytest.fixture(scope="session")
def workshop() -> Iterator[Workshop]:
    """Processes for numpy submissions."""
    with Workshop() as opened:
        yield opened


@pytest.fixture(scope="session")
def torch_workshop() -> Iterator[Workshop]:
    """Processes for torch submissions."""
    pytest.importorskip("torch")
    with Workshop(preload=("torch",)) as opened:
        yield opened

"""Provide workshops whose workers have the handlers of `deeds`."""

import pytest
from worker_watch import open_workshop

from gradkit.runtime.frames import Frame


@pytest.fixture(scope="module", params=["fork", "spawn"])
def workshop(request):
    """Open a workshop for each method, shared by the tests of a module."""
    with open_workshop(method=request.param) as workshop:
        yield workshop


@pytest.fixture(scope="module")
def forks():
    """Open a workshop that forks, shared by the tests of a module."""
    with open_workshop(method="fork") as workshop:
        yield workshop


@pytest.fixture
def ask(workshop):
    """Return a function that sends one request to a new worker."""

    def ask(kind, seconds=5.0, **data):
        with workshop.worker() as worker:
            return worker.ask(Frame(kind, {}, data), seconds)

    return ask

"""Workshops whose workers do the deeds of `deeds`."""

import pytest
from worker_watch import open_workshop

from gradkit.runtime.frames import Frame


@pytest.fixture(scope="module", params=["fork", "spawn"])
def workshop(request):
    """Open a workshop with one lane, shared by the tests of a module, for each method."""
    with open_workshop(method=request.param) as workshop:
        yield workshop


@pytest.fixture(scope="module")
def forks():
    """Open a workshop with one lane that forks."""
    with open_workshop(method="fork") as workshop:
        yield workshop


@pytest.fixture
def ask(workshop):
    """Ask one request of a fresh worker."""

    def ask(kind, seconds=5.0, **data):
        with workshop.worker() as worker:
            return worker.ask(Frame(kind, {}, data), seconds)

    return ask

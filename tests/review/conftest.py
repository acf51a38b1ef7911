"""Fixtures: a graded class, and a client of the application that serves it."""

from __future__ import annotations

import html
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlencode

import pytest
from classroom.answering import graded

for package in ("starlette", "uvicorn", "pygments"):
    pytest.importorskip(package)

TOKEN = "secret-token"  # noqa: S105 -- the token of these tests


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Browser:
    """A client that sends what a browser sends on a page of the application."""

    port: int
    folder: Path
    by: str = ""

    @property
    def origin(self) -> dict[str, str]:
        """Return the header with the origin of the application."""
        return {"Origin": f"http://127.0.0.1:{self.port}"}

    def send(
        self,
        path: str,
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Answer:
        """Send one request exactly as it is, without following addresses."""
        sent = {"Cookie": f"gradkit-reviewer={quote(self.by)}", **headers}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read().decode())

    def get(self, path: str = "", /, **parameters: str) -> Answer:
        """Request a page below the token."""
        return self.send(f"/{TOKEN}/{path}?{urlencode(parameters)}")

    def post(self, action: str, /, **fields: str) -> Answer:
        """Send a form."""
        body = urlencode(fields).encode()
        return self.send(f"/{TOKEN}/do/{action}", self.origin, method="POST", body=body)


@pytest.fixture(scope="session")
def graded_class(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grade the class of `classroom.answering` once. Not to be changed."""
    return graded(tmp_path_factory.mktemp("reviewed"))


@pytest.fixture
def course(graded_class: Path, tmp_path: Path) -> Path:
    """Copy the graded class with its submissions, so that a test may change it."""
    for name in ("out", "first", "second"):
        shutil.copytree(graded_class / name, tmp_path / name)
    _move_paths(tmp_path / "out", graded_class, tmp_path)
    return tmp_path / "out"


def _move_paths(folder: Path, old: Path, new: Path) -> None:
    """Change the paths of submissions in a class file to those of the copies."""
    from gradkit.classroom.store.results import Store

    with Store(folder, write=True) as store, store.writing():
        store.change("UPDATE submissions SET path = replace(path, ?, ?)", (str(old), str(new)))


@pytest.fixture
def open_browser(course: Path) -> Iterator[Callable[..., Browser]]:
    """Serve the class, and return a function that opens a browser with a grader's name."""
    with serving(course) as port:
        yield lambda by="Default": Browser(port, course, by)


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """Serve a class from a thread; the value is the port."""
    import uvicorn

    from gradkit.review.app import application
    from gradkit.review.server import listen
    from gradkit.review.workspace import Workspace

    with closing(listen(0)) as listener:
        port = listener.getsockname()[1]
        app = application(Workspace(folder), TOKEN, (f"127.0.0.1:{port}",), "Default")
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield port
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def browser_page(open_browser: Callable[..., Browser]) -> Browser:
    """Return one browser."""
    return open_browser()


def form_of(text: str, action: str, **wanted: str) -> dict[str, str]:
    """Return the hidden fields of the form for an action whose hidden fields have some values."""
    for form in re.findall(r"<form\b.*?</form>", text, re.DOTALL):
        target = re.search(r'action="([^"]*)"', form)
        if target is None or not target[1].split("?")[0].endswith(f"/{action}"):
            continue
        fields = {
            html.unescape(name): html.unescape(value)
            for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form)
        }
        if all(fields.get(name) == value for name, value in wanted.items()):
            return fields
    raise AssertionError(f"there is no form {action} with {wanted}")

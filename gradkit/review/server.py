"""Start the application on this machine, and print its address."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from gradkit.classroom.store.results import account
from gradkit.errors import GradkitError
from gradkit.review.workspace import Workspace

ADDRESS = "127.0.0.1"
"""The only address on which the server listens."""

NEEDED = ("starlette", "uvicorn", "pygments")
"""Packages of the extra `review`."""


class ServeError(GradkitError):
    """The server cannot be started; the text says why."""


def serve(folder: Path, tell: Callable[[str], None], *, port: int = 0, by: str = "") -> None:
    """Serve the pages of a class until the process is interrupted.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    tell : callable
        Function that is called with the address when the server can be reached.
    port : int
        Port of the server; 0 lets the system choose one.
    by : str
        Name of the grader, by default the account of this process. Each browser can state another.

    Raises
    ------
    KeyboardInterrupt
        A signal stopped the server.
    ServeError
        A package is missing, or the port is in use.
    StoreError
        There is no class in the folder.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ServeError(
            f"--serve needs {' and '.join(missing)}, which this Python does not have: "
            "pip install 'gradkit[review]'"
        )
    import uvicorn

    from gradkit.review.app import application

    space = Workspace(folder)
    with space.reading() as store:
        # The first page is then shown at once, also of a large class.
        space.rows(store)
    with closing(listen(port)) as listener:
        port = listener.getsockname()[1]
        token = secrets.token_urlsafe(24)
        hosts = tuple(f"{host}:{port}" for host in (ADDRESS, "localhost"))
        app = application(space, token, hosts, by or account())
        space.start_comparing()
        tell(f"http://{ADDRESS}:{port}/{token}/")
        # The log of requests would contain the token.
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
        # uvicorn handles SIGINT even where a background job ignores it. It then sends the signal
        # to this process again, which has no effect there.
        if server.started:
            raise KeyboardInterrupt


def listen(port: int) -> socket.socket:
    """Return a socket that listens on this machine only; with ``port`` 0, on any free port.

    ServeError is raised if the port cannot be used.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
    except OSError as error:
        listener.close()
        raise ServeError(
            f"--port {port}: cannot be used ({error.strerror}). Choose another, or leave it out."
        ) from None
    listener.listen()
    return listener

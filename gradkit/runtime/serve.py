"""Run the worker's loop: read a request, call its handler, send the reply.

`main` is the program of an interpreter that serves one worker, where there is no fork server.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from gradkit.loading import uncollected
from gradkit.runtime.frames import (
    SEVERAL,
    TO_GRADER,
    TO_WORKER,
    Frame,
    FrameError,
    apart,
    encode,
    read,
    together,
)
from gradkit.runtime.messages import UNCONFINED, Allowance, ConfinementError, confine, taken_memory
from gradkit.text import clean_text

Handlers = Mapping[str, Callable[[Frame], Frame]]

_asking = threading.Lock()
_exchange: list[Callable[[Frame], Frame]] = []
"""Sends a question to the grader while its request is open; empty outside of `serve`."""


def load(preload: Sequence[str], handlers: str, search: Sequence[str]) -> Handlers:
    """Import the modules in `preload`, and return the request handlers of the module `handlers`.

    The handlers are its dict ``HANDLERS``, by kind of request. Old names of numpy are restored, and
    torch, if loaded, is prepared for student code. The folders in `search` are searched for
    `handlers` too; they are removed from ``sys.path`` afterwards.
    """
    before = list(sys.path)
    restore_old_names()
    with uncollected():
        for name in preload:
            importlib.import_module(name)
        if "torch" in sys.modules:
            import torch

            torch.set_num_threads(1)
            put_off_compiler()
            save_by_python()
        sys.path.extend(search)
        module = importlib.import_module(handlers)
    sys.path[:] = before
    table: Handlers = module.HANDLERS
    return table


def serve(
    handlers: Handlers,
    requests: io.FileIO,
    replies: io.BufferedWriter,
    confine: Callable[[Mapping[str, Any]], int],
) -> None:
    """Answer the requests of one grader until it closes the channel.

    The first request is ``open``. It comes before any student code, and holds the limits of this
    process and the seed of all random generators. Its reply, ``ready``, has the tier that was
    reached. Each later request goes to the handler of its kind. If a handler raises, the reply is a
    frame of kind ``error`` with a ``text``. Requests in a frame of kind `SEVERAL` are answered in
    order, in one frame.

    Parameters
    ----------
    handlers : mapping of str to callable
        The handler of each kind of request.
    requests, replies : file
        The channel.
    confine : callable
        Gets the data of the first request, confines this process accordingly, and returns the
        tier that was reached.
    """
    opening = read(requests.readinto, TO_WORKER)
    if opening is None:
        return
    tier = confine(opening.data)
    reseed(opening.data["seed"])

    def exchange(question: Frame) -> Frame:
        """Send a question to the grader, and return the answer."""
        replies.write(encode(question, TO_GRADER))
        replies.flush()
        answer = read(requests.readinto, TO_WORKER)
        if answer is None:
            raise FrameError("the grader has closed the channel")
        return answer

    _exchange[:] = [exchange]
    reply = encode(Frame("ready", {}, {"tier": tier}), TO_GRADER)
    while True:
        replies.write(reply)
        replies.flush()
        request = read(requests.readinto, TO_WORKER)
        if request is None:
            return
        reply = _encoded_reply(handlers, request)
        for stream in (sys.stdout, sys.stderr):
            # Student code may have replaced the streams by anything.
            with contextlib.suppress(BaseException):
                stream.flush()


def ask_grader(question: Frame) -> Frame:
    """Ask the grader a question while one of its requests is open, and return the answer.

    Threads ask one after the other. The grader ends the process if it expects no questions.

    Raises
    ------
    FrameError
        The question cannot be sent, or there is no grader.
    """
    with _asking:
        if not _exchange:
            raise FrameError("there is no grader to ask")
        return _exchange[0](question)


def reseed(seed: int) -> None:
    """Seed the random generators of random, numpy and, if it is loaded, torch."""
    random.seed(seed)
    # Seeding with two numbers touches a hundred more pages of memory in a new fork.
    np.random.seed(seed if seed < 1 << 32 else [seed & 0xFFFFFFFF, seed >> 32])
    if "torch" in sys.modules:
        import torch

        torch.manual_seed(seed)


@contextlib.contextmanager
def generators_kept() -> Iterator[None]:
    """Return a context manager that restores the state of all random generators at its end.

    For a process that goes on afterwards, such as a notebook.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch: Any = sys.modules.get("torch")
    torch_state = torch.get_rng_state() if torch is not None else None
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        if torch_state is not None:
            torch.set_rng_state(torch_state)


def open_streams() -> None:
    """Reopen ``sys.stdin``, ``stdout`` and ``stderr`` in UTF-8 with line buffering."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (stays open)
    sys.stdout = _open_text(1)
    sys.stderr = _open_text(2)


def redirect_streams(output: int) -> None:
    """Redirect standard output and error to the descriptor ``output``; empty standard input."""
    # A new descriptor, because settings of a shared one would reach the next worker too.
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    for standard in (1, 2):
        if output != standard:
            os.dup2(output, standard)


def _open_text(descriptor: int) -> io.TextIOWrapper:
    """Return a text file that writes UTF-8 to a descriptor, which stays open when it is closed."""
    # With line buffering, as output in a buffer would be lost in a crash.
    return open(
        descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )


def _encoded_reply(handlers: Handlers, request: Frame) -> bytes:
    """Return the bytes of the reply to a request, or of an error frame if encoding fails."""
    try:
        return encode(_reply(handlers, request), TO_GRADER)
    except BaseException as error:  # every failure must be reported to the grader
        return encode(_error_frame(error), TO_GRADER)


def _reply(handlers: Handlers, request: Frame) -> Frame:
    """Return the reply of a request's handler, or an error frame if that raises.

    A frame of several requests gets a frame of several replies.
    """
    try:
        if request.kind == SEVERAL:
            return together([_reply(handlers, part) for part in apart(request)])
        handler = handlers.get(request.kind)
        if handler is None:
            raise FrameError(f"no handler for {request.kind!r}, there are {', '.join(handlers)}")
        return handler(request)
    except BaseException as error:  # every failure must be reported to the grader
        return _error_frame(error)


def _error_frame(error: BaseException) -> Frame:
    """Return a frame of kind ``error`` with the type and the text of an exception."""
    try:
        text = str(error)
    except BaseException:  # the exception may be of a student's own class
        text = "(its text cannot be had)"
    return Frame("error", {}, {"text": clean_text(f"{type(error).__name__}: {text}")})


def main(settings: dict[str, Any]) -> None:
    """Load the modules of a worker, then answer requests over standard input and output.

    ``settings`` has ``preload``, ``handlers`` and ``search``, the arguments of `load`. Never
    returns: the process exits at the end. Printed output is redirected to standard error, where the
    grader collects it.
    """
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    replies = os.fdopen(os.dup(1), "wb")
    redirect_streams(2)
    open_streams()
    handlers = load(settings["preload"], settings["handlers"], settings["search"])

    def limit(opening: Mapping[str, Any]) -> int:
        """Limit the resources of this process as the first request says, and return tier 0."""
        allowance = Allowance(**opening["allowance"])
        confine(allowance, opening["cpu_seconds"], opening["running"], taken_memory())
        return 0

    try:
        serve(handlers, requests, replies, limit)
    except ConfinementError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(UNCONFINED)
    # A regular exit would run exit hooks of student code and wait for its threads.
    os._exit(0)


# --- adapt libraries for student code ----------------------------------------------------

OLD_NAMES: dict[str, Any] = {
    **{kind.__name__: kind for kind in (float, int, bool, object, complex, str)},
    **dict.fromkeys(("Inf", "Infinity", "infty", "PINF"), np.inf),
    "float_": np.float64,
    "complex_": np.complex128,
    "longfloat": np.longdouble,
    "NINF": -np.inf,
    "NaN": np.nan,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "alltrue": np.all,
    "sometrue": np.any,
    "round_": np.round,
    "row_stack": np.vstack,
    "in1d": lambda a, b: np.isin(np.ravel(a), b),
    "mat": np.asmatrix,
    "asfarray": lambda a, dtype=np.float64: np.asarray(a, dtype),
    "msort": lambda a: np.sort(a, axis=0),
    "trapz": np.trapezoid,
    "asscalar": lambda a: a.item(),
}


def restore_old_names() -> None:
    """Add names to numpy that it has removed, such as ``np.float``, if they are missing.

    ``np.reshape`` accepts ``newshape`` again. Code with these names is right for an older numpy.
    Only the student's process calls this.
    """
    for name, value in OLD_NAMES.items():
        if name not in vars(np):
            setattr(np, name, value)
    np.reshape = _with_old_keyword(np.reshape)


def _with_old_keyword(reshape: Callable[..., Any]) -> Callable[..., Any]:
    """Return a version of ``np.reshape`` that accepts ``newshape``, the old name for ``shape``."""

    def call(a: Any, *shape: Any, newshape: Any = None, **rest: Any) -> Any:
        return reshape(a, *shape, **rest) if newshape is None else reshape(a, newshape, **rest)

    return call


COMPILER = "torch._dynamo"
"""Name of the module that compiles models."""


def _uncompiled(model: Any = None, *_: Any, **__: Any) -> Any:
    """Return a model unchanged, in place of ``torch.compile``; without one, return a decorator."""
    return model if model is not None else lambda model: model


class _LateCompiler(ModuleType):
    """A replacement for the module `COMPILER`, which loads it when another attribute is used.

    ``disable`` and ``graph_break``, which it has itself, do nothing outside of the compiler.
    """

    disable = staticmethod(_uncompiled)

    @staticmethod
    def graph_break(*_: Any, **__: Any) -> None:
        """Do nothing."""

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the real module, which is loaded now."""
        if sys.modules.get(COMPILER) is self:
            del sys.modules[COMPILER]
        return getattr(importlib.import_module(COMPILER), name)


def put_off_compiler() -> None:
    """Delay loading ``torch._dynamo`` until it is used, and turn off ``torch.compile``.

    The first optimizer of a process makes torch load that module, and with it sympy and a large
    part of torch. That takes about as long as loading all the rest of torch, although torch uses
    only two functions of it, which do nothing outside of the compiler. The compiler itself cannot
    work where no files may be written, so ``torch.compile`` returns its model unchanged. The
    results are the same.

    torch must be loaded already.
    """
    sys.modules["torch"].compile = _uncompiled  # type: ignore[attr-defined]
    if COMPILER not in sys.modules:
        late = sys.modules[COMPILER] = _LateCompiler(COMPILER)
        sys.modules["torch"]._dynamo = late  # type: ignore[attr-defined]


def save_by_python() -> None:
    """Replace ``torch.save`` by a version that opens its file with Python's `open`.

    torch opens a path in C++, which does not see the folder in `gradkit.runtime.memory_folder`.
    torch must be loaded already.
    """
    torch: Any = sys.modules["torch"]
    save = torch.save

    def save_to_file(obj: Any, f: Any, *rest: Any, **options: Any) -> None:
        """Save an object to an open file, or to a path, which is opened with Python's `open`."""
        if isinstance(f, str | os.PathLike):
            with open(f, "wb") as file:
                save(obj, file, *rest, **options)
        else:
            save(obj, f, *rest, **options)

    torch.save = functools.wraps(save)(save_to_file)

"""The worker's own loop: read a request, have it handled, send the reply.

`main` is the program of an interpreter that serves once, where there is no fork server.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from gradkit.loading import uncollected
from gradkit.runtime.confine import UNCONFINED, Allowance, ConfinementError, confine, taken_memory
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
from gradkit.text import clean_text

Handlers = Mapping[str, Callable[[Frame], Frame]]


def load(preload: Sequence[str], handlers: str, search: Sequence[str]) -> Handlers:
    """Import what every worker needs, and return ``HANDLERS`` of the module `handlers`.

    `search` are folders in which `handlers` may be found too; they are not left in
    ``sys.path``.
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
    """Serve one grader until it closes the channel.

    The first request is ``open``, from the grader itself: the limits to take on and the
    seed of every generator. The answer to it, ``ready``, tells the tier that was reached
    before any student code ran. Each later request goes to the handler of its kind; what
    a handler lets escape is answered with a frame of kind ``error``, whose ``text`` says
    what it was. Those in a frame of `several` are answered in turn, in one.

    Parameters
    ----------
    handlers : mapping of str to callable
        From a request's kind to what answers it.
    requests, replies : file
        The channel.
    confine : callable
        Takes the data of the first request, confines this process as it says, and returns
        the tier that was reached.
    """
    opening = read(requests.readinto, TO_WORKER)
    if opening is None:
        return
    tier = confine(opening.data)
    reseed(opening.data["seed"])
    reply = encode(Frame("ready", {}, {"tier": tier}), TO_GRADER)
    while True:
        replies.write(reply)
        replies.flush()
        request = read(requests.readinto, TO_WORKER)
        if request is None:
            return
        reply = _answer(handlers, request)
        for stream in (sys.stdout, sys.stderr):
            # Student code may have put anything in their place.
            with contextlib.suppress(BaseException):
                stream.flush()


def reseed(seed: int) -> None:
    """Put the generators of random, numpy and (where it is loaded) torch in a known state."""
    random.seed(seed)
    # One number is quicker than two, which touch a hundred pages more in a fresh fork.
    np.random.seed(seed if seed < 1 << 32 else [seed & 0xFFFFFFFF, seed >> 32])
    if "torch" in sys.modules:
        import torch

        torch.manual_seed(seed)


@contextlib.contextmanager
def generators_kept() -> Iterator[None]:
    """Put the generators back afterwards, in a process that goes on for somebody else."""
    kept, kept_numpy = random.getstate(), np.random.get_state()
    torch: Any = sys.modules.get("torch")
    kept_torch = torch.get_rng_state() if torch is not None else None
    try:
        yield
    finally:
        random.setstate(kept)
        np.random.set_state(kept_numpy)
        if kept_torch is not None:
            torch.set_rng_state(kept_torch)


def open_streams() -> None:
    """Make ``sys.stdin``, ``stdout`` and ``stderr`` anew, in UTF-8, by lines."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (stays open)
    sys.stdout = _text(1)
    sys.stderr = _text(2)


def point_streams(output: int) -> None:
    """Make a descriptor standard output and error, and nothing standard input."""
    # Opened anew: what one process sets on a file that it shares, the next would see.
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    for standard in (1, 2):
        if output != standard:
            os.dup2(output, standard)


def _text(descriptor: int) -> io.TextIOWrapper:
    # By lines, so that what was printed before a crash is not lost with it.
    return open(
        descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )


def _answer(handlers: Handlers, request: Frame) -> bytes:
    try:
        return encode(_reply(handlers, request), TO_GRADER)
    except BaseException as error:  # the grader must hear of every failure
        return encode(_failed(error), TO_GRADER)


def _reply(handlers: Handlers, request: Frame) -> Frame:
    try:
        if request.kind == SEVERAL:
            return together([_reply(handlers, part) for part in apart(request)])
        handler = handlers.get(request.kind)
        if handler is None:
            raise FrameError(f"no handler for {request.kind!r}, there are {', '.join(handlers)}")
        return handler(request)
    except BaseException as error:  # likewise
        return _failed(error)


def _failed(error: BaseException) -> Frame:
    try:
        text = str(error)
    except BaseException:  # the exception may be of a student's own class
        text = "(its text cannot be had)"
    return Frame("error", {}, {"text": clean_text(f"{type(error).__name__}: {text}")})


def main(settings: dict[str, Any]) -> None:
    """Load what a worker needs, then serve over standard input and output.

    What is printed goes to standard error from here on, where the grader collects it.
    """
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    replies = os.fdopen(os.dup(1), "wb")
    point_streams(2)
    open_streams()
    handlers = load(settings["preload"], settings["handlers"], settings["search"])

    def limit(opening: Mapping[str, Any]) -> int:
        allowance = Allowance(**opening["allowance"])
        confine(allowance, opening["cpu_seconds"], opening["running"], taken_memory())
        return 0

    try:
        serve(handlers, requests, replies, limit)
    except ConfinementError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(UNCONFINED)
    # Student code may have left hooks for a regular exit, and threads that it would await.
    os._exit(0)


# --- libraries as student code is to find them ------------------------------------------

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
    """Give numpy back the names that it has given up, for code that was written when it had them.

    Whoever wrote ``np.float`` or ``np.Inf`` was right at the time, and is right still where another
    numpy is installed. Only the student's process has these names.
    """
    for name, value in OLD_NAMES.items():
        if name not in vars(np):
            setattr(np, name, value)
    np.reshape = _with_old_keyword(np.reshape)


def _with_old_keyword(reshape: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``np.reshape`` be called with ``newshape``, as its second parameter was called."""

    def call(a: Any, *shape: Any, newshape: Any = None, **rest: Any) -> Any:
        return reshape(a, *shape, **rest) if newshape is None else reshape(a, newshape, **rest)

    return call


COMPILER = "torch._dynamo"


def _as_it_is(model: Any = None, *_: Any, **__: Any) -> Any:
    """Return what was to be compiled, or kept from it; as a function and as a decorator."""
    return model if model is not None else lambda model: model


class _LateCompiler(ModuleType):
    """Stands for the compiler until anything else of it is asked for.

    Outside of it the two that are here do nothing.
    """

    disable = staticmethod(_as_it_is)

    @staticmethod
    def graph_break(*_: Any, **__: Any) -> None:
        """Do nothing."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(COMPILER) is self:
            del sys.modules[COMPILER]
        return getattr(importlib.import_module(COMPILER), name)


def put_off_compiler() -> None:
    """Have ``torch._dynamo`` loaded when it is needed, and nothing compiled.

    The first optimiser of a process has torch load it, and with it sympy and a large part of
    torch, in about as much time as all the rest of torch takes. All that it wants of it are two
    functions which do nothing outside of the compiler. Nor can that work where nothing may be
    written: what ``torch.compile`` is given runs as it is, to the same numbers.

    torch has to be loaded already.
    """
    sys.modules["torch"].compile = _as_it_is  # type: ignore[attr-defined]
    if COMPILER not in sys.modules:
        late = sys.modules[COMPILER] = _LateCompiler(COMPILER)
        sys.modules["torch"]._dynamo = late  # type: ignore[attr-defined]


def save_by_python() -> None:
    """Let ``torch.save`` open its file by Python's `open`.

    torch opens a path in C++, which does not see the folder in `gradkit.runtime.memory_folder`.
    torch has to be loaded already.
    """
    torch: Any = sys.modules["torch"]
    save = torch.save

    def save_to_file(obj: Any, f: Any, *rest: Any, **options: Any) -> None:
        if isinstance(f, str | os.PathLike):
            with open(f, "wb") as file:
                save(obj, file, *rest, **options)
        else:
            save(obj, f, *rest, **options)

    torch.save = functools.wraps(save)(save_to_file)

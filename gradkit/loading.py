"""How large libraries are loaded."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def uncollected() -> Iterator[None]:
    """Load something with the collector at rest.

    Modules stay; a collector that goes through them again and again as they grow takes a fifth of
    the time in which torch or pandas load.
    """
    at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if at_work:
            gc.enable()


@contextmanager
def unsettled(name: str) -> Iterator[None]:
    """Load something that takes its settings from a file of this name in the working directory.

    There it may be a student's. Does nothing where there is no such file.
    """
    away = contextlib.chdir(Path(__file__).parent)
    with away if os.path.lexists(name) else contextlib.nullcontext():
        yield

"""Load large libraries, and tell whether they are installed."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Switch off the garbage collector while a library is loaded in the block.

    Modules are never freed, but the collector would visit them again and again, which takes a
    fifth of the time of loading torch or pandas.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def is_installed(*modules: str) -> bool:
    """Return True if all of these modules are installed, without loading them."""
    return all(importlib.util.find_spec(name) is not None for name in modules)

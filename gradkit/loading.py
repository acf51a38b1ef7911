"""How large libraries are loaded."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager


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


def is_installed(*modules: str) -> bool:
    """Tell whether all of these could be loaded, without loading any."""
    return all(importlib.util.find_spec(name) is not None for name in modules)

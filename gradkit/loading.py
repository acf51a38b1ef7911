"""How large libraries are loaded."""

from __future__ import annotations

import gc
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

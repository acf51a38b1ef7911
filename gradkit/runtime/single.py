"""The program of an interpreter that serves once, where there is no fork server."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from gradkit.runtime.confine import UNCONFINED, Allowance, confine, taken_memory
from gradkit.runtime.errors import ConfinementError
from gradkit.runtime.serve import load, open_streams, point_streams, serve


def main(settings: dict[str, Any]) -> None:
    """Load what a worker needs, then serve over standard input and output.

    What is printed goes to standard error from here on, where the grader collects it.
    """
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    replies = os.fdopen(os.dup(1), "wb")
    empty = os.open(os.devnull, os.O_RDONLY)
    point_streams(empty, 2)
    os.close(empty)
    open_streams()
    handlers = load(settings["preload"], settings["handlers"], settings["search"])

    def write(data: bytes) -> None:
        replies.write(data)
        replies.flush()

    def limit(opening: Mapping[str, Any]) -> int:
        allowance = Allowance(**opening["allowance"])
        confine(allowance, opening["cpu_seconds"], opening["running"], taken_memory())
        return 0

    try:
        serve(handlers, requests.readinto, write, limit)
    except ConfinementError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(UNCONFINED)
    # Student code may have left hooks for a regular exit, and threads that it would await.
    os._exit(0)

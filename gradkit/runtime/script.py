"""What a worker does with a whole script: run it as ``python script.py`` would."""

from __future__ import annotations

import traceback

from gradkit.runtime.frames import Frame

NAME = "snippet.py"


def script(frame: Frame) -> Frame:
    """Run ``text``; what it prints goes the worker's usual way.

    The answer has ``failure``: None, or the traceback as Python would print it.
    """
    try:
        code = compile(frame.data["text"], NAME, "exec", dont_inherit=True)
        exec(code, {"__name__": "__main__"})  # noqa: S102  (what a worker is for)
    except BaseException as error:
        # The first frame is ours.
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        lines = traceback.format_exception(type(error), error, trace)
        return Frame("ran", {}, {"failure": "".join(lines)})
    return Frame("ran", {}, {"failure": None})

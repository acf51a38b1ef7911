"""The `gradkit` command, and `python -P -m gradkit`.

That puts the working directory at the head of the path, where Python itself has looked by now:
the script `gradkit` does not, nor does ``python -P -m gradkit``.
"""

import atexit
import os
import sys

from gradkit.safe_path import leave_working_directory

leave_working_directory()


def main() -> None:
    """Run the command; of a check what runs the code starts before anything else is loaded."""
    # Whoever closed them wants to see nothing, and their numbers are nobody else's.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8"))
    checks = sys.argv[1:2] == ["check"] and not {"-h", "--help"} & {*sys.argv}
    if checks:
        from gradkit.sandbox import start_ahead

        start_ahead()
    from gradkit.cli import main as command

    try:
        command()
    except SystemExit as ended:
        if checks and isinstance(ended.code, int):
            leave(ended.code)
        raise


def leave(code: int) -> None:
    """End this process, which is not taken apart first: that is a twentieth of a quick check.

    Returns where something could not be written, for Python to end it and to say so.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError):  # there is none, or nobody reads it
            return
    os._exit(code)


if __name__ == "__main__":
    main()

"""Raise refusals, suggest similar words for wrong ones, and contain faults of gradkit.

An expected refusal is a value, or an exception of a class that is caught by name. All other
exceptions are faults. A fault ends only the part of the work in which it happens, and its traceback
goes to the logger ``gradkit``, by default to standard error. In gradkit's own tests, where
``GRADKIT_STRICT`` is set, it is raised.
"""

from __future__ import annotations

import os
from collections.abc import Iterable


class GradkitError(Exception):
    """A request cannot be met; the text says what was found and expected, and what to do."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question with the most similar known word, to append to a sentence; or nothing.

    Examples
    --------
    >>> did_you_mean("regresion-numpy", ["regression-numpy", "classification-torch"])
    ' Did you mean regression-numpy?'
    >>> did_you_mean("x", ["regression-numpy"])
    ''
    """
    from difflib import get_close_matches

    plain = {name.lower(): name for name in known}
    near = get_close_matches(word.lower().replace("_", "-"), plain, n=1, cutoff=0.6)
    return f" Did you mean {plain[near[0]]}?" if near else ""


STRICT = "GRADKIT_STRICT"
"""Environment variable that makes faults raise instead of being logged."""


def contain(fault: Exception, where: str) -> str:
    """Log a fault of gradkit so that it costs only the part in which it happened.

    The text of the exception may quote the submission: it is logged as one quoted line.

    Parameters
    ----------
    fault : Exception
        Exception, which is raised again if ``GRADKIT_STRICT`` is set.
    where : str
        Description of the work and the submission, for the log.

    Returns
    -------
    str
        The name of the exception class, which students may read.
    """
    import traceback

    frames = "".join(traceback.format_tb(fault.__traceback__))
    _log(
        fault,
        f"An error of gradkit itself, {where}. Please report it.\nTraceback (most recent call "
        f"last):\n{frames}{type(fault).__name__}: {_quoted(fault)}",
    )
    return type(fault).__name__


def contain_reported(fault: Exception, where: str) -> None:
    """Log a fault that the process with the student's code reports.

    Student code can forge such a report. So the log says where the text comes from, and does not
    call it a fault of gradkit.

    Parameters
    ----------
    fault : Exception
        Exception, which is raised if ``GRADKIT_STRICT`` is set.
    where : str
        Description of the work, for the log.
    """
    _log(
        fault,
        f"The process that runs the student's code could not continue, {where}. It reports "
        f"{_quoted(fault)}. Student code can write this text: do not read it as a message of "
        "gradkit.",
    )


def _log(fault: Exception, text: str) -> None:
    """Log ``text`` as an error, or raise ``fault`` if the variable ``GRADKIT_STRICT`` is set."""
    if os.environ.get(STRICT):
        raise fault
    # Imported here since it is rarely needed.
    import logging

    logging.getLogger("gradkit").error("%s", text)


def _quoted(fault: Exception) -> str:
    """Return the text of an exception as one quoted line of at most 300 bytes."""
    from gradkit.text import clean_text

    return repr(clean_text(str(fault), 300))


def failed_sentence(fault: Exception) -> str:
    """Return the sentence for a submission that gradkit could not grade because of a fault.

    The text of the exception may quote the submission, so it is cleaned and cut.
    """
    import traceback

    from gradkit.text import clean_text

    last = traceback.extract_tb(fault.__traceback__)[-1]
    what = clean_text(f"{type(fault).__name__}: {fault}", 300)
    return (
        f"gradkit itself failed on this submission ({what}, "
        f"{os.path.basename(last.filename)}:{last.lineno}), which may be right. Please report "
        "this, and grade it yourself."
    )


def keep_from_readers() -> None:
    """Turn off logging where students read the output: in a notebook or a report of tests.

    Handlers that are set already are kept; nothing is passed on to other loggers.
    """
    import logging

    logger = logging.getLogger("gradkit")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = False

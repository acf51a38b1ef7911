"""What gradkit refuses to do, what was probably meant by a wrong word, and faults of its own.

A refusal that is foreseen is a value, or an exception class of its own that is caught by name. All
else is a fault. In use it costs no more than the part that it happens in, and its traceback goes to
the logger ``gradkit``: to the standard error unless it is configured otherwise. In gradkit's own
tests, where ``GRADKIT_STRICT`` is set, it is raised.
"""

from __future__ import annotations

import os
from collections.abc import Iterable


class GradkitError(Exception):
    """Nothing can be done; the text says what was found, what was expected, and what to do."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question with the nearest of the known words, to be put behind a sentence.

    Examples
    --------
    >>> did_you_mean("regresion-numpy", ["regression-numpy", "classification-torch"])
    ' Did you mean regression-numpy?'
    >>> did_you_mean("x", ["regression-numpy"])
    ''
    """
    from difflib import get_close_matches

    plain = {each.lower(): each for each in known}
    near = get_close_matches(word.lower().replace("_", "-"), plain, n=1, cutoff=0.6)
    return f" Did you mean {plain[near[0]]}?" if near else ""


STRICT = "GRADKIT_STRICT"


def contain(fault: Exception, where: str) -> str:
    """Log a fault of gradkit so that it costs only the part in which it happened.

    The text of the exception may quote the submission: it is logged as one quoted line.

    Parameters
    ----------
    fault : Exception
        Raised again where ``GRADKIT_STRICT`` is set.
    where : str
        What was being done, and for which submission.

    Returns
    -------
    str
        The name of the exception class, which students may read.
    """
    import traceback

    frames = "".join(traceback.format_tb(fault.__traceback__))
    _log(
        fault,
        f"A fault of gradkit's own, {where}. Please report it.\n"
        f"Traceback (most recent call last):\n{frames}{type(fault).__name__}: {_quoted(fault)}",
    )
    return type(fault).__name__


def contain_reported(fault: Exception, where: str) -> None:
    """Log a fault that the process with the student's code reports.

    Student code can forge such a report, so that the log says where the text comes from and does
    not call it a fault of gradkit.

    Parameters
    ----------
    fault : Exception
        Raised where ``GRADKIT_STRICT`` is set.
    where : str
        What was being done.
    """
    _log(
        fault,
        f"The process that runs the student's code could not go on, {where}. It reports "
        f"{_quoted(fault)}. Student code can write this text: do not take it as gradkit's.",
    )


def _log(fault: Exception, text: str) -> None:
    if os.environ.get(STRICT):
        raise fault
    # Late: hardly anybody needs it.
    import logging

    logging.getLogger("gradkit").error("%s", text)


def _quoted(fault: Exception) -> str:
    """Return the text of an exception as one quoted line of at most 300 bytes."""
    from gradkit.text import clean_text

    return repr(clean_text(str(fault), 300))


def failed_sentence(fault: Exception) -> str:
    """Return the sentence for a submission that gradkit could not grade because of a fault.

    The text of the exception may quote the submission, so that it is cleaned and cut.
    """
    import traceback

    from gradkit.text import clean_text

    last = traceback.extract_tb(fault.__traceback__)[-1]
    what = clean_text(f"{type(fault).__name__}: {fault}", 300)
    return (
        f"gradkit's own side failed over this submission ({what}, "
        f"{os.path.basename(last.filename)}:{last.lineno}), and it may be in order. Please report "
        "this, and grade it yourself."
    )


def keep_from_readers() -> None:
    """Log nothing where students read along: in a notebook, in the report of a test run."""
    import logging

    logger = logging.getLogger("gradkit")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = False

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
    """Log a fault that is to cost nothing but the part it happened in.

    Parameters
    ----------
    fault : Exception
        It is raised again where ``GRADKIT_STRICT`` is set.
    where : str
        What was being done, for whom: the log's heading.

    Returns
    -------
    str
        The name of its class, which is all that students may read of it.
    """
    if os.environ.get(STRICT):
        raise fault
    # Late: hardly anybody needs it.
    import logging

    logger = logging.getLogger("gradkit")
    logger.error("A fault of gradkit's own, %s. Please report it.", where, exc_info=fault)
    return type(fault).__name__


def keep_from_readers() -> None:
    """Log nothing where students read along: in a notebook, in the report of a test run."""
    import logging

    logger = logging.getLogger("gradkit")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = False

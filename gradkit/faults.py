"""Faults of gradkit's own: exceptions that nobody has foreseen.

A refusal that is foreseen is a value, or an exception class of its own that is caught by name. All
else is a fault. In use it costs no more than the part that it happens in, and its traceback goes to
the logger ``gradkit``: to the standard error unless it is configured otherwise. In gradkit's own
tests, where ``GRADKIT_STRICT`` is set, it is raised.
"""

from __future__ import annotations

import os

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

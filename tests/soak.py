"""Set the size of slow tests: ``GRADKIT_SOAK=10`` makes them ten times as large as in `.ci/run`."""

import os

SIZE = int(os.environ.get("GRADKIT_SOAK", "1"))

TURNS = 16
TURN = int(os.environ.get("GRADKIT_TURN", "0")) % TURNS
"""The sixteenth of the sampled slow tests to run. `.ci/run` takes the next one with each commit."""


def is_in_turn(number: int) -> bool:
    """Return whether a case is to be run in this turn; with ``GRADKIT_SOAK=16`` all are."""
    return SIZE >= TURNS or number % TURNS == TURN

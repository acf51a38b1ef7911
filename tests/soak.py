"""Set the size of slow tests: ``GRADKIT_SOAK=10`` makes them ten times as large as in `.ci/run`."""

import os

SIZE = int(os.environ.get("GRADKIT_SOAK", "1"))

TURNS = 16
TURN = int(os.environ.get("GRADKIT_TURN", "0")) % TURNS
"""The sixteenth of the sampled slow tests to run. `.ci/run` always runs the first one, so that a
commit fails for its own reasons only. `soaks.yml` runs all of them every week."""


def is_in_turn(number: int) -> bool:
    """Return whether a case is to be run in this turn; with ``GRADKIT_SOAK=16`` all are."""
    return SIZE >= TURNS or number % TURNS == TURN

"""Set the size of slow tests: ``GRADKIT_SOAK=10`` makes them ten times as large as in `.ci/run`."""

import os

SIZE = int(os.environ.get("GRADKIT_SOAK", "1"))

TURNS = 40
TURN = int(os.environ.get("GRADKIT_TURN", "0")) % TURNS
"""The part of the sampled slow tests to run. `.ci/run` always runs the first one, so that a
commit fails for its own reasons only. `soaks.yml` runs all of them every week."""


def is_in_turn(number: int, turns: int = TURNS) -> bool:
    """Return whether a case, one in so many turns, runs in this turn, or `SIZE` runs all."""
    return turns <= SIZE or (number - TURN) % turns == 0

"""The full examination of one line: a ladder, and no verdict without a second look."""

from __future__ import annotations

import numpy as np

from gradkit.gradcheck.case import Case, Outcome
from gradkit.gradcheck.doubts import doubt
from gradkit.gradcheck.examination import Examination
from gradkit.gradcheck.further import look_further
from gradkit.gradcheck.line import Line


def escalate(line: Line, case: Case, short: bool = False) -> Outcome:
    """Examine one claim as thoroughly as it takes.

    Parameters
    ----------
    line : Line
    case : Case
    short : bool
        Take a short ladder, for use where the same parameter has been shown to be wrong
        in many other places.
    """
    with np.errstate(all="ignore"):
        at = Examination(line, case, short)
        look_further(at)
        doubt(at)
        return at.outcome()

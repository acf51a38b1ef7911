"""Running student code where it can do no harm: the grader's side.

Frames are in `gradkit.runtime.frames`; they are not named here, because that module imports
numpy, and a `Workshop` is best started before that.
"""

from gradkit.runtime.messages import Allowance, WorkerLost, WorkshopError
from gradkit.sandbox.workshop import Workshop, start_ahead

__all__ = ["Allowance", "WorkerLost", "Workshop", "WorkshopError", "start_ahead"]

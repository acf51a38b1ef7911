"""Running student code where it can do no harm: the grader's side.

Frames are in `gradkit.worker.frames`; they are not named here, because that module imports
numpy, and a `Workshop` is best started before that.
"""

from gradkit.worker.confine import Allowance
from gradkit.worker.errors import WorkerLost, WorkshopError
from gradkit.worker.workshop import Workshop

__all__ = ["Allowance", "WorkerLost", "Workshop", "WorkshopError"]

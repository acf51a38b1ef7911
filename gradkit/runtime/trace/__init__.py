"""Watch a student's function line by line: every number it makes, and where.

Runs in the student's process. Values are read through base types, so that nothing the student
has overloaded runs because it is watched.
"""

from gradkit.runtime.trace.recording import KINDS, Recording, unwatched
from gradkit.runtime.trace.tables import COLUMNS, told

__all__ = ["COLUMNS", "KINDS", "Recording", "told", "unwatched"]

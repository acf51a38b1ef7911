"""Find which function plays which role, in which convention; or say what is missing.

Names and signatures are looked at first, then the worker is asked what the candidates
accept and give at known weights. No answer is known here.
"""

from __future__ import annotations

from gradkit.binding.functions import bind_functions
from gradkit.binding.outline import Outline
from gradkit.binding.training import bind_training
from gradkit.records.binding import Binding
from gradkit.records.task import Task
from gradkit.sandbox.process import StudentProcess

__all__ = ["bind"]


def bind(task: Task, outline: Outline, sitting: StudentProcess) -> Binding:
    """Find and settle every role of a task in a section.

    Parameters
    ----------
    task : Task
    outline : Outline
        The static facts about the section.
    sitting : StudentProcess
        Puts questions to the section's code.
    """
    return (bind_training if task.framework == "torch" else bind_functions)(task, outline, sitting)

"""A function that may play a role, before anything is known of the student's convention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradkit.binding.facts import Function
from gradkit.binding.match import Fit
from gradkit.records.binding import Bound, Convention, Path
from gradkit.records.task import Task


def draft(
    role: str,
    function: Function,
    fitting: Fit,
    task: Task,
    returns: Mapping[str, Path],
    training: Mapping[str, Any] | None = None,
) -> Bound:
    """Bind ``function`` to ``role``, with the parameters under gradkit's own keys."""
    return Bound(
        role=role,
        function=function.name,
        place=function.place,
        signature=function.signature,
        arguments=fitting.quantities,
        names=dict(zip(fitting.quantities, fitting.parameters, strict=True)),
        convention=own_keys(task),
        returns=returns,
        return_place=function.return_place,
        keywords=fitting.keywords,
        training=training or {},
    )


def own_keys(task: Task) -> Convention:
    """The canonical convention: gradkit's own names for the parameters, and its layout."""
    return Convention({key: key for key in task.starts[0].parameters})

"""Which of some tasks the names in a section's code speak for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from gradkit.binding.idioms import idioms_of
from gradkit.binding.match import plain
from gradkit.records.submission import Section
from gradkit.records.task import Task


def leaning(
    tasks: Sequence[Task], section: Section, *, runs: bool, with_exp: Collection[str]
) -> list[Task]:
    """Narrow tasks down by the losses that are named in the code, or else by its activations.

    Parameters
    ----------
    tasks : sequence of Task
    section : Section
    runs : bool
        Whether its forward pass gives outputs. Only then does it say something if there is no
        activation: what gives none may be unfinished.
    with_exp : collection of str
        Activations that may be written with ``exp``, and no word of their own.

    Returns
    -------
    list of Task
        All of them where the names leave it open.
    """
    words = {plain(word) for word in idioms_of(section, ()).words}
    by_loss = [task for task in tasks if _names_loss(task, words)]
    by_activation = [task for task in tasks if _names_activation(task, words, with_exp)]
    left = next((kept for kept in (by_loss, by_activation) if 0 < len(kept) < len(tasks)), tasks)
    if runs and not any(_names_activation(task, words, with_exp) for task in left):
        left = [task for task in left if not _activations(task)] or left
    return list(left)


def _names_loss(task: Task, words: Collection[str]) -> bool:
    return _any_holds(words, (plain(name).replace(" ", "") for name in (*task.words, task.loss)))


def _names_activation(task: Task, words: Collection[str], with_exp: Collection[str]) -> bool:
    asked = _activations(task)
    return _any_holds(words, asked) or ("exp" in words and not asked.isdisjoint(with_exp))


def _activations(task: Task) -> set[str]:
    return {layer.activation for layer in task.layers} - {"linear"}


def _any_holds(words: Collection[str], parts: Iterable[str]) -> bool:
    return any(part in word for part in parts for word in words)

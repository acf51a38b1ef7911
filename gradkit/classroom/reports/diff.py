"""How a class stood at the end of one run, beside how it stood at the end of another."""

from __future__ import annotations

from gradkit.classroom.reports.history import found_in, run_of
from gradkit.classroom.store.attempts import counted
from gradkit.classroom.store.overrides import overrides, result_of
from gradkit.classroom.store.pseudonyms import pseudonym
from gradkit.classroom.store.results import Store
from gradkit.records.reports import Difference, Mark, Stood


def differences(
    store: Store, before: int, after: int, *, pseudonyms: bool = False
) -> list[Difference]:
    """List the students of whom something else counts, is found, or was set by a person.

    Parameters
    ----------
    store : Store
    before, after : int
        Numbers of runs.
    pseudonyms : bool
        Students by their pseudonyms.

    Returns
    -------
    list of Difference
        By name. Who is in one of the two alone has come, or has gone.

    Raises
    ------
    RunError
        There is no such run.
    """
    for number in (before, after):
        run_of(store, number)
    old, new = stood(store, before), stood(store, after)
    found = []
    for name in {**old, **new}:
        one, two = old.get(name), new.get(name)
        if one != two:
            was, now = (each.found if each else () for each in (one, two))
            found.append(
                Difference(
                    pseudonym(store, name) if pseudonyms else name,
                    one,
                    two,
                    tuple(each for each in was if each not in now),
                    tuple(each for each in now if each not in was),
                )
            )
    return sorted(found, key=lambda each: each.name)


def stood(store: Store, upto: int) -> dict[str, Stood]:
    """What counted for each student at the end of a run."""
    words = overrides(store, upto)
    found = {}
    for one in counted(store, upto):
        name, standing = one.kept.name, one.kept.standing
        if standing != "graded":
            found[name] = Stood(standing, Mark(None, None, one.number, one.attempts), (), {})
            continue
        result = result_of(store, one, words.get(name, ()))
        set_ = {
            f"{task.task}/{check.check}": check.score
            for task in result.tasks
            for check in task.checks
            if check.decision is not None
        }
        mark = Mark(result.score, result.max_score, one.number, one.attempts)
        found[name] = Stood("graded", mark, found_in(result), set_)
    return found

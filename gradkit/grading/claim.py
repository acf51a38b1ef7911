"""Find the function tasks that a submission belongs to, by the names of its functions.

If a submission belongs to no task, `refusal` says what was found and what was expected.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from msgspec.structs import replace

from gradkit.formatting import format_text
from gradkit.grading.recognise import another_exercise, problems_of
from gradkit.records.submission import Cell, Claim, Section, Submission
from gradkit.records.task import Assignment, FunctionTask, Role
from gradkit.submission.content import is_empty
from gradkit.submission.definitions import (
    Definition,
    accepts,
    cells_of,
    definitions,
    has_attribute,
    no_python,
    reached_by,
)
from gradkit.submission.names import Claims
from gradkit.task.assignment import gallery_functions
from gradkit.task.shipped import DEFAULT, characteristic_names

MIN_ROLES = 2
"""Smallest number of roles whose names show that a submission is meant for the exercise."""

MAX_NAMES = 5
"""Largest number of functions that a message lists."""


def _callable_functions(task: FunctionTask, known: Mapping[str, Definition]) -> set[str]:
    """Return the functions of a task that are defined and accept the arguments of its calls.

    Methods of a class without an attribute that the task reads are left out. So are methods of a
    class with other arguments than the task's: such a class belongs to another course.
    """
    found = reached_by(task, known)
    fits = set(found)
    for check in task.checks:
        # If a check has several alternative lines, one of them has to fit.
        unfit = [
            {c.function for c in lines.calls if not accepts(found.get(c.function), c, known)}
            for lines in (check.call, *check.others)
        ]
        fits.difference_update(unfit[0].intersection(*unfit[1:]))
    excluded = {
        name.partition(".")[0] for name in task.attributes if not has_attribute(name, known)
    }
    excluded |= {name for name in found.keys() - fits if f"{found[name].name}.__init__" in known}
    return {name for name in fits if name.partition(".")[0] not in excluded}


def possible_tasks(submission: Submission, assignment: Assignment) -> tuple[FunctionTask, ...]:
    """Return the function tasks that a submission may belong to.

    These are the assignment's own tasks. For gradkit's default assignment, they are the tasks of
    all shipped exercises, or none if the submission defines no name of a shipped exercise.
    """
    if assignment.path != str(DEFAULT):
        return assignment.functions
    # Reading all shipped exercises takes time.
    definition = re.compile(rf"\b(def|class)\s+({'|'.join(characteristic_names())})\b")
    if not any(definition.search(cell.source) for cell in submission.cells):
        return ()
    return gallery_functions()


def shared_functions(tasks: Iterable[FunctionTask], roles: Collection[str] = ()) -> frozenset[str]:
    """Return the functions that alone do not show which exercise a submission belongs to.

    These are functions of several exercises, functions with the name of a role of a net, and those
    that a task itself declares as shared.

    Parameters
    ----------
    tasks : iterable of FunctionTask
        Tasks of any number of exercises.
    roles : collection of str
        Names of the roles of net tasks.
    """
    exercises: dict[str, set[str]] = {}
    declared: set[str] = set()
    for task in tasks:
        exercises.setdefault(task.path, set()).update(call.function for call in task.calls)
        declared.update(task.shared)
    counts = Counter(name for functions in exercises.values() for name in functions)
    return frozenset({name for name in counts if counts[name] > 1 or name in roles} | declared)


def claim_functions(
    submission: Submission,
    assignment: Assignment,
    named: Collection[str],
    *,
    keep_named: bool = True,
) -> dict[str, Claim]:
    """Find the file of a submission that is graded for each function task.

    Parameters
    ----------
    submission : Submission
    assignment : Assignment
    named : collection of str
        Ids of the tasks that the user asked for.
    keep_named : bool
        Return a claim for each named task, even if the submission has nothing for it.

    Returns
    -------
    dict of str to Claim
        By the ids of tasks. A task is in it if a file has a callable function that is
        characteristic of it; for a named task, any callable function is enough.
    """
    tasks = possible_tasks(submission, assignment)
    known_ids = {task.id for task in tasks} | {task.id for task in assignment.tasks}
    if set(named) - known_ids:
        tasks = gallery_functions()
    files = {file: definitions(cells) for file, cells in cells_of(submission).items()}
    fitting = {
        (task.id, file): _callable_functions(task, known)
        for task in tasks
        for file, known in files.items()
    }
    found = _characteristic_functions(submission, assignment, tasks, files, fitting)
    claims: dict[str, Claim] = {}
    for task in tasks:
        ranks = {}
        for file in files:
            fits, own = fitting[task.id, file], found[task.id, file]
            if own or (task.id in named and fits):
                is_notebook = file.endswith(".ipynb")
                ranks[file] = (file in task.files, len(own), len(fits), is_notebook, file)
        if ranks:
            claims[task.id] = _claim(task, submission, sorted(ranks, key=ranks.__getitem__))
        elif keep_named and task.id in named:
            claims[task.id] = Claim(Section((task.id,), submission.cells))
    return claims


Functions = dict[tuple[str, str], set[str]]
"""Names of functions, by the id of a task and the name of a file."""


def _characteristic_functions(
    submission: Submission,
    assignment: Assignment,
    tasks: Sequence[FunctionTask],
    files: Mapping[str, Mapping[str, Definition]],
    fitting: Functions,
) -> Functions:
    """Return the functions of each file that show that it belongs to a task.

    Parameters
    ----------
    submission : Submission
    assignment : Assignment
    tasks : sequence of FunctionTask
        All tasks that the submission may belong to.
    files : mapping of str to mapping
        The definitions in each file of the submission.
    fitting : mapping
        The functions of each file that can be called as those of each task.
    """
    roles = {name for task in assignment.tasks for role in task.roles for name in role.aliases}
    shared, texts = shared_functions(tasks, roles), cells_of(submission)
    expected = {
        task.id: _characteristic(task, {call.function for call in task.calls}, shared)
        for task in tasks
    }
    found = {
        (task.id, file): _characteristic(task, fitting[task.id, file], shared)
        for task in tasks
        for file in files
    }
    if any(problem.broken for problem in submission.problems):
        # A function in code that is not valid Python counts: the student has written it.
        for (task_id, file), names in found.items():
            names |= {
                name for name in expected[task_id] if no_python(texts[file], name.partition(".")[0])
            }
    if assignment.path != str(DEFAULT):
        # The user named the exercise: a task without a characteristic function needs none.
        return {key: names if expected[key[0]] else fitting[key] for key, names in found.items()}
    shares = {file: _required_share(assignment, texts[file], files[file]) for file in files}
    return _without_partial_exercises(tasks, expected, found, shares)


def _characteristic(
    task: FunctionTask, functions: Collection[str], shared: Collection[str]
) -> set[str]:
    """Return those functions that show that a file belongs to the task: not shared, no class."""
    return {name for name in functions if name not in shared and not has_called_methods(name, task)}


HALF, ALMOST_ALL = 0.5, 0.99
"""Shares of an exercise's characteristic functions, see `_required_share`."""


def _without_partial_exercises(
    tasks: Sequence[FunctionTask],
    expected: Mapping[str, Collection[str]],
    found: Functions,
    shares: Mapping[str, float],
) -> Functions:
    """Remove, from each file, the functions of exercises that the file hardly belongs to.

    This is needed where any shipped exercise is possible. An exercise stays if the file has more
    than the required share of its characteristic functions. If the file has all functions of one
    exercise, only complete exercises stay.

    Parameters
    ----------
    tasks : sequence of FunctionTask
        Tasks of several exercises.
    expected : mapping of str to collection of str
        The characteristic functions of each task, by its id.
    found : mapping of (str, str) to set of str
        Those that a file has, by the task's id and the file.
    shares : mapping of str to float
        The required share for each file.

    Returns
    -------
    dict of (str, str) to set of str
        The same as ``found``, with empty sets for the exercises that were removed.
    """
    paths = {task.id: task.path for task in tasks}
    of_exercise: dict[str, set[str]] = {}
    in_file: dict[tuple[str, str], set[str]] = {}
    for task_id, names in expected.items():
        of_exercise.setdefault(paths[task_id], set()).update(names)
    for (task_id, file), names in found.items():
        in_file.setdefault((paths[task_id], file), set()).update(names)
    parts = {key: len(names) / max(1, len(of_exercise[key[0]])) for key, names in in_file.items()}
    complete_files = {file for (_, file), part in parts.items() if part == 1}
    kept = {
        (path, file)
        for (path, file), part in parts.items()
        if part > shares[file] and (part == 1 or file not in complete_files)
    }
    return {
        (task_id, file): names if (paths[task_id], file) in kept else set()
        for (task_id, file), names in found.items()
    }


def _required_share(
    assignment: Assignment, cells: Sequence[Cell], known: Mapping[str, Definition]
) -> float:
    """Return the share of another exercise's functions that a file must exceed to belong to it.

    The share is 0, unless the file seems to belong to the assignment's nets: `HALF` if its name or
    a heading says so, and `ALMOST_ALL` if it has the main functions of a net.
    """
    if _has_main_roles(assignment, known):
        return ALMOST_ALL
    claims = Claims(assignment.tasks)
    file_name = str(PurePosixPath(cells[0].file).with_suffix(""))
    labels = [file_name, *(heading for cell in cells for heading in cell.headings)]
    return HALF if any(map(claims.topic, labels)) else 0.0


def _has_main_roles(assignment: Assignment, known: Mapping[str, Definition]) -> bool:
    """Return whether a file defines both the forward pass and the update of a net task."""
    return any(
        all(
            _can_play(role, known)
            for role in task.roles
            if role.name in (task.framework.forward, task.framework.step)
        )
        for task in assignment.tasks
    )


def _can_play(role: Role, known: Mapping[str, Definition]) -> bool:
    """Return whether a function has a name of a role, and its number of arguments, give or take 1.

    ``known`` are the definitions of a file.
    """
    nodes = [known[name].node for name in role.aliases if name in known]
    return any(
        isinstance(node, ast.FunctionDef)
        and abs(len(node.args.posonlyargs) + len(node.args.args) - len(role.arguments)) <= 1
        for node in nodes
    )


def left_for_nets(
    submission: Submission, assignment: Assignment, claims: Mapping[str, Claim]
) -> Submission:
    """Return the submission without the files that belong to function tasks only.

    A file that also has the main functions of a net stays.
    """
    claimed = {cell.file for claim in claims.values() for cell in claim.section.own}
    files = cells_of(submission)
    both = {file for file in claimed if _has_main_roles(assignment, definitions(files[file]))}
    cells = tuple(cell for cell in submission.cells if cell.file not in claimed - both)
    return replace(submission, cells=cells)


def refusal(submission: Submission, assignment: Assignment) -> str:
    """Return the message for a submission without a task: what was found, and what was expected.

    It names the shipped exercise that has most of the functions that were found. That exercise
    needs more functions, other arguments, or methods of another class.
    """
    if is_empty(submission):
        text = format_text(
            "{name}: it is empty, or has only comments and texts. Check that the file was saved, "
            "and submit it again.",
            name=submission.name,
        )
        return problems_of(submission) + text
    known = definitions(submission.cells)
    if reason := _reason_not_callable(submission, assignment, known):
        return problems_of(submission) + reason
    message = another_exercise(submission, assignment)
    found = [name for name, each in known.items() if each.node is not None and "." not in name]
    if found:
        message += " " + format_text("Found {names}.", names=list_names(found))
    tasks = possible_tasks(submission, assignment)
    shared = shared_functions(tasks)
    common: dict[str, set[str]] = {}
    for task in tasks:
        names = {name.partition(".")[0] for name in {c.function for c in task.calls} - shared}
        common.setdefault(task.title, set()).update(names & set(found))
    title = max(common, key=lambda each: len(common[each]), default="")
    if title and common[title]:
        message += " " + format_text(
            "The most similar exercise is “{title}”, which has {names} too. But it needs more "
            "functions, or other arguments.",
            title=title,
            names=list_names(sorted(common[title])),
        )
    return message


def _reason_not_callable(
    submission: Submission, assignment: Assignment, known: Mapping[str, Definition]
) -> str:
    """Return why functions with the names of roles cannot be graded, or "" if there are too few.

    They are methods, or take other arguments, or are only helpers. At least `MIN_ROLES` names are
    needed, because any other exercise may have one of them by chance.
    """
    roles = {
        alias.casefold(): role
        for task in assignment.tasks
        for role in task.roles
        for alias in (role.name, *role.aliases)
    }
    own = [name for name, each in known.items() if each.node is not None]
    candidates = {name: roles.get(name.rpartition(".")[2].casefold()) for name in own}
    played = {name: role for name, role in candidates.items() if role is not None}
    if len({role.name for role in played.values()}) < MIN_ROLES:
        return ""
    classes = dict.fromkeys(name.partition(".")[0] for name in played if "." in name)
    if classes:
        return format_text(
            "{name}: the class {classes} is not graded as a net, although it has {names}. It needs "
            "a forward pass, an update, and parameters such as `self.W1`. Or write each method as "
            "a function outside the class and without `self`.",
            name=submission.name,
            names=list_names([name for name in played if "." in name]),
            classes=list_names(list(classes)),
        )
    text = "{name}: {names} cannot be called with the expected arguments: {wanted}."
    names = [name for name in played if _identifies_task(played[name])]
    wanted = [played[name].signature for name in names]
    if not names:
        text = (
            "{name}: it has only {names} of this exercise. Write {wanted} too, or name the task "
            "with --task."
        )
        names, found_roles = list(played), {role.name for role in played.values()}
        wanted = [
            role.signature
            for task in assignment.tasks
            if found_roles <= {role.name for role in task.roles}
            for role in task.roles
            if _identifies_task(role)
        ]
    quoted = ", ".join(f"`{each}`" for each in dict.fromkeys(wanted))
    return format_text(text, name=submission.name, names=list_names(names), wanted=quoted)


def _identifies_task(role: Role) -> bool:
    """Return whether a role shows which task a function belongs to: required, and not shared."""
    return role.required and not role.shared


def list_names(names: Sequence[str]) -> str:
    """Return names in backticks, separated by commas: at most `MAX_NAMES`, then an ellipsis."""
    shown = ", ".join(f"`{name}`" for name in names[:MAX_NAMES])
    return f"{shown}, …" if len(names) > MAX_NAMES else shown


def has_called_methods(name: str, task: FunctionTask) -> bool:
    """Return whether a name is that of a class whose methods the task calls.

    Such a class does not show which exercise it belongs to. Its methods do.
    """
    return any(call.function.startswith(f"{name}.") for call in task.calls)


def _claim(task: FunctionTask, submission: Submission, ranked: Sequence[str]) -> Claim:
    """Return the claim of the last of ``ranked`` files, with a note if there are several files."""
    file = ranked[-1]
    own = tuple(cell for cell in submission.cells if cell.file == file)
    rest = tuple(cell for cell in submission.cells if cell.file != file)
    note = ""
    if len(ranked) > 1:
        note = format_text(
            "{count} files have functions of this task ({files}); {file} is graded.",
            count=len(ranked),
            files=", ".join(sorted(ranked)),
            file=file,
        )
    return Claim(Section((task.id,), own, rest), note)

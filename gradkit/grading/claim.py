"""Which function tasks a submission speaks for, by the names in it; what is said if it is none."""

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

NEARLY = 2
"""Roles whose names make it likely that a submission is meant for the exercise."""

LISTED = 5
"""Functions of a submission that a refusal tells."""


def _fitting(task: FunctionTask, known: Mapping[str, Definition]) -> set[str]:
    """Return the functions of a task's calls that are there, and can be called so."""
    found = reached_by(task, known)
    fits = set(found)
    for check in task.checks:
        # Of lines that stand for one another, one must be what a function is made for.
        ways = [
            {c.function for c in lines.calls if not accepts(found.get(c.function), c, known)}
            for lines in (check.call, *check.others)
        ]
        fits.difference_update(ways[0].intersection(*ways[1:]))
    lacking = {name.partition(".")[0] for name in task.attributes if not has_attribute(name, known)}
    # A class that is made from other things is another course's, whatever its methods.
    lacking |= {name for name in found.keys() - fits if f"{found[name].name}.__init__" in known}
    return {name for name in fits if name.partition(".")[0] not in lacking}


def possible_tasks(submission: Submission, assignment: Assignment) -> tuple[FunctionTask, ...]:
    """Return the function tasks that a submission may be of.

    They are the assignment's own. With gradkit's first exercise, which is what counts where
    nobody says another, they are those of all that come with gradkit: which are only read where a
    submission defines something of theirs.
    """
    if assignment.path != str(DEFAULT):
        return assignment.functions
    made = re.compile(rf"\b(def|class)\s+({'|'.join(characteristic_names())})\b")
    if not any(made.search(cell.source) for cell in submission.cells):
        return ()
    return gallery_functions()


def shared_functions(tasks: Iterable[FunctionTask], roles: Collection[str] = ()) -> frozenset[str]:
    """Return the functions that several exercises ask for: they support a claim, and make none.

    Parameters
    ----------
    tasks : iterable of FunctionTask
        Of any number of exercises.
    roles : collection of str
        Names of net tasks' roles.
    """
    exercises: dict[str, set[str]] = {}
    common: set[str] = set()
    for task in tasks:
        exercises.setdefault(task.path, set()).update(call.function for call in task.calls)
        common.update(task.shared)
    times = Counter(name for own in exercises.values() for name in own)
    return frozenset({name for name in times if times[name] > 1 or name in roles} | common)


def claim_functions(
    submission: Submission, assignment: Assignment, named: Collection[str], *, said: bool = True
) -> dict[str, Claim]:
    """Return the section of each function task that a submission has functions for.

    Parameters
    ----------
    submission : Submission
    assignment : Assignment
    named : collection of str
        Ids that the user asked for.
    said : bool
        These are in the answer whatever was found.
    """
    tasks = possible_tasks(submission, assignment)
    known = {task.id for task in tasks}
    if set(named) - known - {task.id for task in assignment.tasks}:
        tasks = gallery_functions()
    roles = {name for task in assignment.tasks for role in task.roles for name in role.aliases}
    shared = shared_functions(tasks, roles)
    texts = cells_of(submission)
    files = {file: definitions(cells) for file, cells in texts.items()}
    fitting = {
        (task.id, file): _fitting(task, known) for task in tasks for file, known in files.items()
    }
    whole = {task.id: _own(task, {call.function for call in task.calls}, shared) for task in tasks}
    speaking = {
        (task.id, file): _own(task, fitting[task.id, file], shared)
        for task in tasks
        for file in files
    }
    if any(problem.broken for problem in submission.problems):
        for (name, file), own in speaking.items():
            own |= {each for each in whole[name] if no_python(texts[file], each.partition(".")[0])}
    if assignment.path == str(DEFAULT):
        least = {file: _least_of_others(assignment, texts[file], files[file]) for file in files}
        speaking = _likeliest(tasks, whole, speaking, least)
    claims: dict[str, Claim] = {}
    for task in tasks:
        ranks = {}
        for file in files:
            fits, own = fitting[task.id, file], speaking[task.id, file]
            if own or (task.id in named and fits):
                ranks[file] = (
                    file in task.files,
                    len(own),
                    len(fits),
                    file.endswith(".ipynb"),
                    file,
                )
        if ranks:
            claims[task.id] = _claim(task, submission, sorted(ranks, key=ranks.__getitem__))
        elif said and task.id in named:
            claims[task.id] = Claim(Section((task.id,), submission.cells))
    return claims


def _own(task: FunctionTask, functions: Collection[str], shared: Collection[str]) -> set[str]:
    """Return those of a task's functions that say which it is."""
    return {each for each in functions if each not in shared and not is_class_alone(each, task)}


HALF, ALMOST = 0.5, 0.99
"""Parts of an exercise's own functions, of which a file has to have more to be of it too."""


def _likeliest(
    tasks: Sequence[FunctionTask],
    whole: Mapping[str, Collection[str]],
    speaking: Mapping[tuple[str, str], set[str]],
    least: Mapping[str, float],
) -> dict[tuple[str, str], set[str]]:
    """Return the functions that speak for tasks, by task and file, without those of helpers.

    Where any exercise may be meant, a file that has all functions of one is not of another of which
    it has a part; and it has to have more than the ``least`` of any.
    """
    paths = {task.id: task.path for task in tasks}
    asked: dict[str, set[str]] = {}
    there: dict[tuple[str, str], set[str]] = {}
    for name, own in whole.items():
        asked.setdefault(paths[name], set()).update(own)
    for (name, file), own in speaking.items():
        there.setdefault((paths[name], file), set()).update(own)
    parts = {key: len(own) / max(1, len(asked[key[0]])) for key, own in there.items()}
    complete = {file for (_, file), part in parts.items() if part == 1}
    enough = {
        (path, file)
        for (path, file), part in parts.items()
        if part > least[file] and (part == 1 or file not in complete)
    }
    return {
        (name, file): own if (paths[name], file) in enough else set()
        for (name, file), own in speaking.items()
    }


def _least_of_others(
    assignment: Assignment, cells: Sequence[Cell], known: Mapping[str, Definition]
) -> float:
    """Return what a file has to have of another exercise: more if it is of the first one itself.

    That is all of it where the file has what the first one asks for; half, where it is called so.
    """
    if _has_roles(assignment, known):
        return ALMOST
    claims = Claims(assignment.tasks)
    label = str(PurePosixPath(cells[0].file).with_suffix(""))
    said = [label, *(heading for cell in cells for heading in cell.headings)]
    return HALF if any(map(claims.topic, said)) else 0.0


def _has_roles(assignment: Assignment, known: Mapping[str, Definition]) -> bool:
    """Tell whether the forward pass and the step of a net task are there, by their names."""
    return any(
        all(
            _plays(role, known)
            for role in task.roles
            if role.name in (task.framework.forward, task.framework.step)
        )
        for task in assignment.tasks
    )


def _plays(role: Role, known: Mapping[str, Definition]) -> bool:
    """Tell whether a function has a role's name, and takes about as many arguments."""
    nodes = [known[name].node for name in role.aliases if name in known]
    return any(
        isinstance(node, ast.FunctionDef)
        and abs(len(node.args.posonlyargs) + len(node.args.args) - len(role.arguments)) <= 1
        for node in nodes
    )


def left_for_nets(
    submission: Submission, assignment: Assignment, claims: Mapping[str, Claim]
) -> Submission:
    """Return a submission without the files that speak for function tasks, and for these alone."""
    taken = {cell.file for each in claims.values() for cell in each.section.own}
    files = cells_of(submission)
    both = {file for file in taken if _has_roles(assignment, definitions(files[file]))}
    left = tuple(cell for cell in submission.cells if cell.file not in taken - both)
    return replace(submission, cells=left)


def refusal(submission: Submission, assignment: Assignment) -> str:
    """Return the sentence for a submission that is of no task: what was found, and what is nearest.

    Nearest is the shipped exercise with most of whose own functions the submission has; they take
    other arguments, or are methods of another class.
    """
    if is_empty(submission):
        text = format_text(
            "{name}: it is empty, or has only comments and texts. Check that the file was saved, "
            "and submit it again.",
            name=submission.name,
        )
        return problems_of(submission) + text
    known = definitions(submission.cells)
    if otherwise := _nearly(submission, assignment, known):
        return problems_of(submission) + otherwise
    said = another_exercise(submission, assignment)
    found = [name for name, each in known.items() if each.node is not None and "." not in name]
    if found:
        said += " " + format_text("Found {names}.", names=listed(found))
    tasks = possible_tasks(submission, assignment)
    shared = shared_functions(tasks)
    near: dict[str, set[str]] = {}
    for task in tasks:
        names = {name.partition(".")[0] for name in {c.function for c in task.calls} - shared}
        near.setdefault(task.title, set()).update(names & set(found))
    title = max(near, key=lambda each: len(near[each]), default="")
    if title and near[title]:
        said += " " + format_text(
            "Nearest is “{title}”, which has {names} too, and more, or calls it otherwise.",
            title=title,
            names=listed(sorted(near[title])),
        )
    return said


def _nearly(submission: Submission, assignment: Assignment, known: Mapping[str, Definition]) -> str:
    """Return the sentence where what is asked for is there by name, and cannot be called.

    Two names, and one that is not a helper's: another exercise has as many by chance.
    """
    roles = {
        alias.casefold(): role
        for task in assignment.tasks
        for role in task.roles
        for alias in (role.name, *role.aliases)
    }
    own = [name for name, each in known.items() if each.node is not None]
    there = {name: roles.get(name.rpartition(".")[2].casefold()) for name in own}
    meant = {name: role for name, role in there.items() if role is not None}
    if len({role.name for role in meant.values()}) < NEARLY:
        return ""
    classes = dict.fromkeys(name.partition(".")[0] for name in meant if "." in name)
    plain = [name for name in meant if "." not in name and name not in classes]
    said = []
    if classes:
        said.append(
            format_text(
                "{name}: methods are not looked at, as {names} of the class {classes}. Write each "
                "as a function of its own, outside the class and without `self`.",
                name=submission.name,
                names=listed([name for name in meant if "." in name]),
                classes=listed(list(classes)),
            )
        )
    if plain and not classes:
        text = "{name}: {names} cannot be called as they are asked for: expected {wanted}."
        names = [name for name in plain if _tells(meant[name])]
        wanted = [meant[name].signature for name in names]
        if not names:
            text = (
                "{name}: of this exercise it has {names}, and no more. Write {wanted} too, or name "
                "the task with --task."
            )
            names, held = plain, {meant[name].name for name in plain}
            wanted = [
                role.signature
                for task in assignment.tasks
                if held <= {role.name for role in task.roles}
                for role in task.roles
                if _tells(role)
            ]
        quoted = ", ".join(f"`{each}`" for each in dict.fromkeys(wanted))
        said.append(format_text(text, name=submission.name, names=listed(names), wanted=quoted))
    return " ".join(said)


def _tells(role: Role) -> bool:
    """Whether a role tells which exercise a submission is of, as no helper and no start does."""
    return role.required and not role.shared


def listed(names: Sequence[str]) -> str:
    """Return some names for a sentence, the first few of many."""
    told = ", ".join(f"`{name}`" for name in names[:LISTED])
    return f"{told}, …" if len(names) > LISTED else told


def is_class_alone(name: str, task: FunctionTask) -> bool:
    """Tell a class whose methods are called: it is those that say what it is."""
    return any(call.function.startswith(f"{name}.") for call in task.calls)


def _claim(task: FunctionTask, submission: Submission, ranked: Sequence[str]) -> Claim:
    """Return the section of the file that ranks last, and a note where others are passed over."""
    file = ranked[-1]
    own = tuple(cell for cell in submission.cells if cell.file == file)
    rest = tuple(cell for cell in submission.cells if cell.file != file)
    note = ""
    if len(ranked) > 1:
        note = format_text(
            "{count} files have functions of this task ({files}); {file} counts.",
            count=len(ranked),
            files=", ".join(sorted(ranked)),
            file=file,
        )
    return Claim(Section((task.id,), own, rest), note)

"""Write the files of a drafted assignment: the assignment file and the model solution."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace

from gradkit.authoring.export import File, as_files, write_folder
from gradkit.drafting.confirm import with_defaults, with_gradients, with_large, with_sizes
from gradkit.drafting.draft import DOCUMENTED, DraftTask, random_checks
from gradkit.drafting.gaps import Gaps, find_gaps
from gradkit.drafting.handout import random_lines, read_handout, solution_text
from gradkit.drafting.modes import with_modes, with_own_seeds
from gradkit.drafting.search import NOT_AN_EXERCISE, AssignmentDraft, draft_tasks
from gradkit.drafting.steps import with_further_calls
from gradkit.drafting.trial import HandoutProcess
from gradkit.errors import GradkitError
from gradkit.submission.source import statements
from gradkit.task.assignment import read_assignment
from gradkit.task.tables import AssignmentError
from gradkit.text import toml_string

POINTS, POINTS_OF_GRADIENTS = 2, 4
"""Points of a check, and of a check with gradients."""


class DraftError(GradkitError):
    """No assignment can be drafted from a handout; the text says why and what to do."""


def _show_nothing(text: str) -> None:
    """Show no progress."""


def write_draft(
    folder: Path, handout: Path, *, show: Callable[[str], object] = _show_nothing, **settings: Any
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Draft an assignment from a handout with model solutions, and write its files.

    The functions of the handout are only run in the sandbox.

    Parameters
    ----------
    folder : Path
        Folder to write. Nothing in it is overwritten.
    handout : Path
        A Python file or a notebook.
    show : callable
        Shows a line of progress.
    **settings
        The other options of ``gradkit new``, none of which can be combined with a handout.

    Returns
    -------
    names, left_out
        The names of the files, and why each function that is left out is left out.

    Raises
    ------
    DraftError
        The options cannot be combined, or no function of the handout runs.
    SubmissionError
        The handout cannot be read.
    ExportError
        A file exists already.
    """
    if used := [name for name, value in settings.items() if value not in (None, False)]:
        raise DraftError(f"--from cannot be combined with --{used[0]}.")
    files, left_out = draft_files(handout, show)
    write_folder(files, folder)
    return tuple(files), left_out


def draft_files(
    path: Path, show: Callable[[str], object] = _show_nothing
) -> tuple[dict[str, File], Mapping[str, str]]:
    """Draft an assignment from a handout with model solutions; ``show`` shows its progress.

    Returns
    -------
    files, left_out
        The files of the assignment by path, and why each function that is left out is left out.

    Raises
    ------
    DraftError
        None of its functions runs.
    SubmissionError
        The handout cannot be read.
    """
    show(f"Running the functions of {path.name}")
    with HandoutProcess(path) as trial:
        # A notebook may have cells that are no Python.
        cells = [cell.source for cell in trial.submission.cells if statements(cell.source)]
        text = "\n\n\n".join(cell.strip("\n") for cell in cells)
        handout = read_handout(text)
        draft = draft_tasks(handout, trial)
        drafted = [task for task in draft.tasks if any(check.compare for check in task.checks)]
        found = [with_gradients(with_own_seeds(task, trial), trial) for task in drafted]
        found = [with_further_calls(with_modes(task, trial), trial) for task in found]
        tasks = [with_large(with_defaults(task, trial), trial) for task in found]
        sizes = [with_sizes(task, trial) for task in tasks]
        given, problems = trial.given, trial.submission.problems
    if not tasks:
        left_out = [f"{name}: {reason}" for name, reason in draft.left_out.items()]
        reasons = "; ".join([*left_out, *(problem.message for problem in problems)])
        raise DraftError(
            f"{path}: no function runs ({reasons or 'the file defines none'}). Give a file with "
            f"model "
            "solutions, and the modules that it imports beside it."
        )
    stem = re.sub(r"\W+", "_", path.stem).strip("_") or "solution"
    names = {name: f"{name.replace('.', '_')}.py" for name in given}
    unneeded = {n for n, reason in draft.left_out.items() if reason == NOT_AN_EXERCISE}
    solution = solution_text(text, given, unneeded)
    tasks = list(_with_own_ids(tasks))
    modules = {names[name]: module for name, module in given.items()}

    def written(tasks: list[DraftTask]) -> dict[str, File]:
        """Return the files of an assignment with some tasks."""
        lines = _assignment(path, f"{stem}.py", draft, tasks, sizes, solution, names)
        texts = {"assignment.toml": "\n".join(lines), f"reference/{stem}.py": solution}
        return as_files({**texts, **modules})

    found_gaps = _find_gaps(written(tasks), solution, show)
    return written(_with_gaps(tasks, found_gaps)), draft.left_out


def _with_own_ids(tasks: Iterable[DraftTask]) -> Iterator[DraftTask]:
    """Yield the tasks with different ids."""
    seen: set[str] = set()
    for task in tasks:
        name = next(n for n in _numbered(task.id) if n not in seen)
        seen.add(name)
        yield replace(task, id=name)


def _find_gaps(
    files: Mapping[str, File], solution: str, show: Callable[[str], object]
) -> Mapping[str, Gaps]:
    """Return what the checks of a drafted assignment do not detect, by the id of the task."""
    with TemporaryDirectory(prefix="gradkit-") as folder:
        write_folder(files, Path(folder))
        try:
            tasks = read_assignment(Path(folder) / "assignment.toml").functions
        except AssignmentError:
            # The instructor corrects the file, with the message of `gradkit check`.
            return {}
    return {
        task.id: gaps for task, gaps in zip(tasks, find_gaps(tasks, solution, show), strict=True)
    }


def _with_gaps(tasks: Iterable[DraftTask], found: Mapping[str, Gaps]) -> list[DraftTask]:
    """Return the tasks with the hard cases and the harmless changes that were found."""
    return [
        replace(
            task,
            hard=(*task.hard, *gaps.hard),
            equivalent=gaps.equivalent,
            untried=gaps.untried,
        )
        for task in tasks
        for gaps in [found.get(task.id, Gaps())]
    ]


def _assignment(
    path: Path,
    solution: str,
    draft: AssignmentDraft,
    tasks: list[DraftTask],
    sizes: list[Mapping[str, Any]],
    text: str,
    given: Mapping[str, str],
) -> Iterator[str]:
    """Yield the lines of the assignment file."""
    yield f"# Drafted from {path.name}. Comments with `guess` mark what you should check."
    yield "# `gradkit check` must give full marks, and `gradkit audit` shows what no check sees."
    for name, reason in draft.left_out.items():
        yield f"# guess: {name} is left out: {reason.splitlines()[0]}"
    stem = solution.removesuffix(".py")
    yield f'\nschema = "gradkit/assignment/v1"\nid = {toml_string(_id(stem))}'
    yield f"title = {toml_string(stem.replace('_', ' '))} # guess"
    for task, lengths in zip(tasks, sizes, strict=True):
        yield from _task(task, lengths, solution, text, given)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in range(2, 1000))


def _id(stem: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "assignment"


def _task(
    task: DraftTask,
    lengths: Mapping[str, Any],
    solution: str,
    text: str,
    given: Mapping[str, str],
) -> Iterator[str]:
    """Yield the lines of a task; ``text`` is the model solution, in the file ``solution``."""
    yield f"\n[[tasks]]\nid = {toml_string(task.id)}\ntitle = {toml_string(task.title)} # guess"
    yield f'kind = "functions"\nsolution = {toml_string(solution)}'
    if given:
        yield f"given = {_value(given)}"
    checks = [check for check in task.checks if not check.is_fixed]
    random = [check.function for check in checks if check.function.is_random]
    free = dict.fromkeys(line for each in random for line in random_lines(text, each))
    if free or task.equivalent:
        yield "equivalent = ["
        yield from (f"  {_value({'line': line, 'why': 'random numbers'})}," for line in free)
        for each in task.equivalent:
            entry = {"line": each.line, "change": each.change, "why": each.why}
            yield f"  {_value(entry)}, # guess: no mistake"
        yield "]"
    if task.untried:
        yield f"# guess: {task.untried} changes of the model solution were not tried, see audit"
    if task.hard:
        yield "hard = ["
        yield from (f"  {_value(hard)}, # guess: {why}" for hard, why in task.hard)
        yield "]"
    yield ""
    # No headings of tables, because lines that are added below a heading belong to its table.
    for size, length in lengths.items():
        yield f"sizes.{size} = {_value(length)} # guess: {_why_length(length)}"
    if not task.inputs:
        yield "inputs = {}"
    for key, value in task.inputs.items():
        why = "" if task.why[key] == DOCUMENTED else f" # guess: {task.why[key]}"
        yield f"inputs.{key} = {_value(value)}{why}"
    seen: set[str] = set()
    for check, is_random in zip(task.checks, random_checks(task), strict=True):
        if not check.compare:
            continue
        points = POINTS_OF_GRADIENTS if check.gradient else POINTS
        unique = next(n for n in _numbered(_id(check.name)) if n not in seen)
        seen.add(unique)
        yield f"\n[[tasks.checks]]\nname = {toml_string(unique)}\npoints = {points} # guess"
        if is_random:
            yield "# guess: the function draws random numbers, so only the shapes are compared"
        yield from (f"# guess: {note}" for note in check.notes)
        lines = check.lines
        yield f'call = """\n{lines}\n"""' if "\n" in lines else f"call = {toml_string(lines)}"
        compare = [f"0 * {o}" if is_random else o for o in check.compare]
        yield f"compare = {_value(compare)}"
        if check.gradient:
            yield "# confirmed by finite differences of the model solution"
            table = {"of": check.of, **check.gradient}
            yield f"gradient = {_value(table)}"


def _why_length(length: Any) -> str:
    """Return the reason for the lengths of a size."""
    if isinstance(length, list):
        return "the model solution runs with these lengths"
    return "the model solution stops with other lengths"


def _value(value: Any) -> str:
    """Write a value in TOML on one line."""
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {_value(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return toml_string(value) if isinstance(value, str) else str(value).lower()


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_string(key)

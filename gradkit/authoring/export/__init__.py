"""Export an assignment for Gradescope or GitHub Classroom, as a folder or a zip.

Files for students contain nothing that reveals the answers: examples of a model solution's outputs
(`gradkit.task.examples`) replace the model solution.

By default, an export contains a wheel of gradkit, since gradkit is on no package index. The wheel
needs no network for gradkit itself, and has exactly the code of the gradkit that exports.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shlex
import tomllib
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

import gradkit
from gradkit.errors import GradkitError, did_you_mean
from gradkit.loading import is_installed
from gradkit.records.task import Assignment, Task
from gradkit.task.assignment import (
    DEFAULT,
    find_reference,
    packed_with,
    read_assignment,
    solutions_of,
)
from gradkit.task.examples import pack_examples, read_examples
from gradkit.task.oracle import OracleError, load_reference
from gradkit.task.tables import EXAMPLES
from gradkit.task.verified import load_verified
from gradkit.templates import fill
from gradkit.writing import add_member, refusing


class ExportError(GradkitError):
    """An assignment cannot be exported; the text says what was found and what to do."""


class File(Struct, frozen=True):
    """The content and permissions of a file.

    A ``secret`` file can only be read by its owner; a ``program`` is executable.
    """

    content: bytes
    secret: bool = False
    program: bool = False


Files = Mapping[str, File]
"""Files by their path in the export, with forward slashes."""


def as_files(texts: Mapping[str, str]) -> dict[str, File]:
    """Encode texts as files, by path."""
    return {name: File(text.encode()) for name, text in texts.items()}


class Bundle(Struct, frozen=True):
    """An assignment with its files by path, relative to the folder of ``assignment_file``.

    ``own`` says that it is not gradkit's default assignment. ``reference`` are the model
    solutions, empty if they are left out; ``untold`` are the checks that need them. ``tasks`` are
    the ids of the tasks that count, empty for the rule of the assignment.
    """

    assignment: Assignment
    assignment_file: str
    files: Mapping[str, bytes]
    own: bool
    reference: Mapping[str, bytes] = field(default_factory=dict)
    untold: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()


def module(task: Task) -> str:
    """Return the name of a task's module."""
    return task.id.replace("-", "_")


def bundle(path: Path | None, reference: Path | None, *, keyless: bool = False) -> Bundle:
    """Collect an assignment with its files and, unless ``keyless``, its model solutions.

    Parameters
    ----------
    path : path or None
        Assignment file, by default gradkit's default assignment.
    reference : path or None
        Folder of the model solutions, by default that of the checkout.
    keyless : bool
        Leave out the model solutions. Expected values are then derived from the assignment file,
        or, for functions, taken from recorded examples.

    Raises
    ------
    ExportError
        Model solutions are missing or cannot be loaded.
    AssignmentError
        The assignment file cannot be used, or names a file outside its folder.
    """
    assignment = read_assignment(path)
    file = path or DEFAULT
    packed, own = packed_with(file), path is not None
    if not keyless:
        keys = _reference(assignment, path, reference)
        return Bundle(assignment, file.name, packed, own, keys)
    files, untold = handed_out(file, find_reference(path, reference))
    return Bundle(assignment, file.name, {**packed, **files}, own, untold=untold)


def _reference(
    assignment: Assignment, path: Path | None, reference: Path | None
) -> dict[str, bytes]:
    """Return the files of the model solutions, after loading each of them.

    Raises
    ------
    ExportError
        Model solutions are missing or cannot be loaded.
    """
    folder = find_reference(path, reference)
    if folder is None:
        raise ExportError(
            "There are no model solutions here. Give their folder with --reference, or use "
            "--no-reference: expected values are then derived from the assignment file, and "
            "marks are provisional."
        )
    if not folder.is_dir():
        raise ExportError(f"--reference {folder}: there is no such folder.")
    try:
        for task in assignment.tasks:
            if is_installed(*task.framework.modules):
                load_reference(task, folder, "correct")
        for function in assignment.functions:
            load_verified(function, folder)
    except OracleError as error:
        raise ExportError(str(error)) from None
    return solutions_of(assignment, folder)


def _fill(template: str, *, program: bool = False, **values: str) -> File:
    """Fill a template of this package, and return it as a file."""
    return File(fill("gradkit.authoring.export", template, **values).encode(), program=program)


def write_zip(files: Files, path: Path) -> None:
    """Write files into a new zip, with their permissions.

    Raises
    ------
    ExportError
        The zip exists already, or cannot be written.
    """
    _refuse_existing(path.parent, [path.name])
    with refusing(ExportError, path), zipfile.ZipFile(path, "x") as archive:
        for name, file in sorted(files.items()):
            add_member(archive, name, file.content, mode(file))


def write_folder(files: Files, folder: Path) -> None:
    """Write files into a new or existing folder, without overwriting anything.

    Raises
    ------
    ExportError
        One of the files exists already, so that none was written, or a file cannot be written.
    """
    _refuse_existing(folder, files)
    with refusing(ExportError, folder):
        for name, file in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
            if file.secret or file.program:
                path.chmod(mode(file))


def mode(file: File) -> int:
    """Return a file's permission bits: none for others if it is secret."""
    permissions = 0o755 if file.program else 0o644
    return permissions & 0o700 if file.secret else permissions


def _refuse_existing(folder: Path, names: Iterable[str]) -> None:
    """Raise ExportError if a folder has any of these files."""
    existing = [name for name in names if (folder / name).exists()]
    if existing:
        more = f" and {len(existing) - 3} more" if len(existing) > 3 else ""
        raise ExportError(
            f"{folder} already has {', '.join(existing[:3])}{more}, and nothing is overwritten. "
            "Choose a new or empty folder, or another name."
        )


HEAD = "# Written by gradkit from the course's own file, without the parts that reveal answers.\n"


def handed_out(path: Path, reference: Path | None) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Make the assignment's files for students, which do not contain the model solutions.

    Parameters
    ----------
    path : Path
        Assignment file, which has been read before.
    reference : Path or None
        Folder of the model solutions, from which examples are recorded. If it is None, students
        get the file of examples beside the assignment file, if there is one.

    Returns
    -------
    files : dict of str to bytes
        The assignment file without entries that quote a model solution, and for function tasks
        the file of examples if it was recorded.
    untold : tuple of str
        ``task/check`` of the checks that cannot be judged without a model solution.

    Raises
    ------
    OracleError
        A model solution cannot be used.
    AssignmentError
        The file of examples beside the assignment file cannot be used.
    """
    text = path.read_bytes()
    data = tomllib.loads(text.decode())
    # Entries of `equivalent`, the accepted mutants, quote lines of the model solution.
    quoting = [table for table in data["tasks"] if table.pop("equivalent", None)]
    files = {path.name: (HEAD + _to_toml(data)).encode() if quoting else text}
    tasks = read_assignment(path).functions
    if tasks and reference is not None:
        files[EXAMPLES] = pack_examples(load_verified(task, reference) for task in tasks)
        return files, ()
    unchecked = [
        f"{task.id}/{check.name}"
        for task in tasks
        if not read_examples(task)
        for check in task.checks
        if {*check.compare} - check.gradient.keys()
    ]
    return files, tuple(unchecked)


def _to_toml(table: Mapping[str, Any]) -> str:
    """Return a table as TOML, a line for each key.

    A value is written as JSON. A nested table is JSON with ``=`` for the colon: an inline table.
    """
    signs = (", ", " = ")
    write = partial(
        json.dumps, ensure_ascii=False, allow_nan=False, separators=signs, default=np.ndarray.tolist
    )
    return "".join(f"{write(key)} = {write(value)}\n" for key, value in table.items())


WHEEL = """\
Wheel-Version: 1.0
Generator: gradkit {version}
Root-Is-Purelib: true
Tag: py3-none-any
"""


def running_wheel() -> tuple[str, bytes]:
    """Build a wheel of the running gradkit, and return its file name and content.

    Raises
    ------
    ExportError
        gradkit runs from a folder without being installed, so its requirements are not known.
    """
    try:
        installed = distribution("gradkit")
    except PackageNotFoundError:
        raise ExportError(
            "gradkit is not installed here, so its requirements are unknown. Install it, or give "
            "a wheel with --install."
        ) from None
    root = Path(gradkit.__file__).parent
    members = {**_package(root), **_metadata(installed)}
    return f"gradkit-{installed.version}-py3-none-any.whl", _archive(members, installed.version)


def _package(root: Path) -> dict[str, bytes]:
    """Return the contents of the package's files by their paths in a wheel."""
    return {
        f"gradkit/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _metadata(installed: Distribution) -> dict[str, bytes]:
    """Return the contents of a wheel's metadata files, except RECORD, by their paths."""
    folder = f"gradkit-{installed.version}.dist-info"
    texts = {
        "METADATA": installed.read_text("METADATA"),
        "entry_points.txt": installed.read_text("entry_points.txt"),
        "WHEEL": WHEEL.format(version=installed.version),
    }
    return {f"{folder}/{name}": text.encode() for name, text in texts.items() if text}


def _archive(members: dict[str, bytes], version: str) -> bytes:
    """Return the zip of a wheel with the given members and a RECORD of their digests.

    ``members`` are contents by path, and ``version`` is gradkit's.
    """
    record = f"gradkit-{version}.dist-info/RECORD"
    lines = [f"{name},{_hash(content)},{len(content)}" for name, content in members.items()]
    all_members = {**members, record: "\n".join([*lines, f"{record},,", ""]).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in all_members.items():
            add_member(archive, name, content)
    return buffer.getvalue()


def _hash(content: bytes) -> str:
    """Return a digest in the form of a wheel's RECORD."""
    digest = urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"


SUFFIX = ".whl"


class Install(Struct, frozen=True):
    """The argument of ``pip install``: a requirement, a URL, or the name of a wheel.

    ``wheel`` is the content of the wheel, which is then part of the export, else None.
    """

    what: str
    wheel: bytes | None = None


def choose(asked: str | None) -> Install:
    """Interpret the value of ``--install``; None means a wheel of the running gradkit.

    A path to a wheel is read. Another path or an option of pip is refused; all other texts are
    taken as the argument of ``pip install``.

    Raises
    ------
    ExportError
        Others could not install from the value, or it is a wheel that cannot be read.
    """
    if asked is None:
        return _running()
    if not asked.strip() or asked.startswith("-") or not asked.isprintable():
        raise _refusal(asked, "is not an argument of pip install")
    address = "://" in asked
    if asked.endswith(SUFFIX) and not address:
        try:
            return Install(Path(asked).name, Path(asked).read_bytes())
        except OSError as error:
            raise _refusal(asked, f"cannot be read ({error.strerror})") from None
    # pip takes these for paths.
    is_path = asked.startswith(".") or {"/", os.sep} & set(asked)
    if "file:" in asked or (is_path and not address):
        raise _refusal(asked, "is a path on this computer, which others do not have")
    return Install(asked)


@cache
def _running() -> Install:
    """Return a wheel of the running gradkit, built once."""
    return Install(*running_wheel())


def _refusal(asked: str, why: str) -> ExportError:
    """Return the error for ``asked``, a value of ``--install`` that cannot be used.

    ``why`` is the reason.
    """
    return ExportError(
        f"--install {asked}: {why}. Give a wheel (FILE{SUFFIX}), which is then included, a "
        "requirement such as gradkit==1.0, or a URL that all users can reach."
    )


def words(given: Install, folder: str = ".") -> str:
    """Return the quoted argument of ``pip install`` in a shell; a wheel is in ``folder``."""
    quoted = shlex.quote(given.what)
    return quoted if given.wheel is None else f"{folder}/{quoted}"


def carried(given: Install, folder: str = "") -> Files:
    """Return the wheel by its path in a folder, whose name ends with a slash; or no file."""
    return {} if given.wheel is None else {f"{folder}{given.what}": File(given.wheel)}


# --- platforms -------------------------------------------------------------------------

TORCH = "torch --index-url https://download.pytorch.org/whl/cpu"
"""Arguments of ``pip install`` for torch without CUDA, which is a tenth of the size."""


def torch_of(assignment: Assignment) -> str:
    """Return `TORCH` if a task of an assignment needs it, else an empty text."""
    return TORCH if any(task.framework.modules for task in assignment.tasks) else ""


def gradescope(source: Bundle, given: Install) -> Files:
    """Return the files of an autograder for Gradescope, by path.

    They are the two programs that Gradescope calls, gradkit's wheel if ``given`` (how gradkit is
    installed) has one, the assignment and the model solutions.
    """
    return {
        "setup.sh": _fill(
            "gradescope-setup.sh",
            install=words(given, '"$source"'),
            torch=torch_of(source.assignment),
            program=True,
        ),
        "run_autograder": runner("gradescope-run.sh", source, "$source"),
        **carried(given),
        **secrets(source),
    }


def runner(template: str, source: Bundle, folder: str) -> File:
    """Return the program that checks a submission, from the named template.

    The files of `secrets` are in ``folder``. If the model solutions are among them, the program
    requires tier 3, at which student code does not run as root and cannot read files of root.
    """
    tier, solutions = "0", "--no-reference"
    if source.reference:
        tier, solutions = "3", f'--reference "{folder}/reference"'
    options = f'--assignment "{folder}/assignment/{source.assignment_file}" {solutions}'
    options += _task_options(source)
    return _fill(template, options=options, tier=tier, program=True)


def _task_options(source: Bundle) -> str:
    """Return the options ``--task`` of `gradkit check`, with a space before each."""
    return "".join(f" --task {shlex.quote(task)}" for task in source.tasks)


def secrets(source: Bundle) -> dict[str, File]:
    """Return the files of the assignment and of its model solutions, readable by the owner only."""
    return {
        **{f"assignment/{path}": File(text, secret=True) for path, text in source.files.items()},
        **{f"reference/{path}": File(text, secret=True) for path, text in source.reference.items()},
    }


HOME = ".gradkit"
"""Folder of the students' repository for the wheel and the course's assignment file."""


def classroom(source: Bundle, given: Install) -> Files:
    """Return the files for GitHub Classroom, by path.

    They are a workflow, gradkit's wheel if ``given`` (how gradkit is installed) has one, and an
    assignment that is not gradkit's default.
    """
    option = f"--assignment {HOME}/{source.assignment_file}" if source.own else ""
    option = f"{option}{_task_options(source)}".strip()
    text = workflow(given, option, torch_of(source.assignment))
    files = {".github/workflows/classroom.yml": File(text), **carried(given, f"{HOME}/")}
    if source.own:
        files |= {f"{HOME}/{path}": File(text) for path, text in source.files.items()}
    return files


def workflow(given: Install, options: str = "", torch: str = TORCH) -> bytes:
    """Return the text of a workflow that runs ``gradkit check``.

    ``given`` says how gradkit is installed, ``options`` are those of the command, and ``torch`` is
    the requirement of torch.
    """
    return _fill(
        "github-classroom.yml",
        install=words(given, HOME),
        torch=f"pip install {torch}" if torch else "",
        options=f" {options}" if options else "",
    ).content


def export_assignment(
    platform: str,
    out: Path,
    *,
    assignment: Path | None = None,
    reference: Path | None = None,
    no_reference: bool = False,
    tasks: Sequence[str] = (),
    install: str | None = None,
) -> tuple[str, ...]:
    """Write the files that a platform needs to grade an assignment; overwrite nothing.

    Parameters
    ----------
    platform : str
        ``gradescope`` (a zip), ``github-classroom`` (a folder), or ``wheel`` (a folder with only
        a wheel of gradkit).
    out : Path
        Zip or folder to write.
    assignment : Path, optional
        Assignment file, by default gradkit's default assignment.
    reference : Path, optional
        Folder of the model solutions, by default that of the checkout.
    no_reference : bool
        Leave out the model solutions.
    tasks : sequence of str
        Ids of the tasks that count, submitted or not. By default the assignment says which.
    install : str, optional
        Wheel, requirement or URL from which pip installs gradkit, by default a wheel of the
        running gradkit.

    Returns
    -------
    tuple of str
        ``task/check`` of the checks that cannot be judged without the model solutions.

    Raises
    ------
    GradkitError
        A file exists already or cannot be written, model solutions are missing, or the assignment
        has no such task.

    Examples
    --------
    >>> from pathlib import Path
    >>> export_assignment("github-classroom", Path("classroom"))
    ()
    >>> sorted(str(path) for path in Path("classroom").rglob("*.yml"))
    ['classroom/.github/workflows/classroom.yml']
    """
    given = choose(install)
    if platform == "wheel" and given.wheel is None:
        raise _refusal(given.what, "is not a wheel")
    if platform == "wheel" and tasks:
        raise ExportError("A wheel has no tasks. Leave out --task.")
    if platform == "wheel":
        write_folder(carried(given), out)
        return ()
    keyless = no_reference or platform == "github-classroom"
    source = bundle(assignment, reference, keyless=keyless)
    _refuse_unknown(tasks, source.assignment)
    source = replace(source, tasks=tuple(tasks))
    if platform == "github-classroom":
        write_folder(classroom(source, given), out)
    else:
        write_zip(gradescope(source, given), out)
    return source.untold


def _refuse_unknown(tasks: Iterable[str], assignment: Assignment) -> None:
    """Raise ExportError if an assignment does not have one of these tasks."""
    known = [*(task.id for task in assignment.tasks), *(task.id for task in assignment.functions)]
    for name in tasks:
        if name not in known:
            raise ExportError(
                f"--task {name}: there is no such task. The assignment has {', '.join(known)}."
                f"{did_you_mean(name, known)}"
            )


def gains_by_deletion(path: Path | None, tasks: Sequence[str]) -> bool:
    """Return whether a student can gain by deleting a file: no task counts in any case.

    ``path`` is the assignment file, and ``tasks`` are the ids that the export names.
    """
    assignment = read_assignment(path)
    several = len(assignment.tasks) + len(assignment.functions) > 1
    return several and not tasks and not assignment.required

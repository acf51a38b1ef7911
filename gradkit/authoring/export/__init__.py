"""Pack an assignment for Gradescope or GitHub Classroom, as a folder or a zip.

Files for students leave out everything that tells the answer. Examples of the outputs of a model
solution (`gradkit.task.examples`) replace the model solution itself.

gradkit is installed from a wheel in an export, unless told otherwise. A requirement is only of use
where pip finds it, and gradkit is on no package index. A wheel that is carried along needs neither
index nor network for gradkit itself, and is the very code that exports.
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
from collections.abc import Iterable, Mapping
from functools import cache, partial
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from msgspec import Struct, field

import gradkit
from gradkit.errors import GradkitError
from gradkit.loading import is_installed
from gradkit.records.task import Assignment, FunctionTask, Task
from gradkit.task.assignment import packed_with, read_assignment, solutions_of
from gradkit.task.examples import pack_examples, read_examples
from gradkit.task.oracle import OracleError, load_reference
from gradkit.task.shipped import DEFAULT, find_reference
from gradkit.task.solution import load_solution
from gradkit.task.tables import EXAMPLES
from gradkit.templates import fill
from gradkit.writing import add_member, refusing


class ExportError(GradkitError):
    """Nothing can be exported; the text says what was found and what to do."""


class File(Struct, frozen=True):
    """What is in a file, and who may do what with it.

    ``secret`` files are for the owner alone; ``program`` is run.
    """

    content: bytes
    secret: bool = False
    program: bool = False


Files = Mapping[str, File]
"""Files by their path in the export, with forward slashes."""


def as_files(texts: Mapping[str, str]) -> dict[str, File]:
    """Make files of texts."""
    return {name: File(text.encode()) for name, text in texts.items()}


class Bundle(Struct, frozen=True):
    """An assignment with its files, relative to ``assignment_file``'s folder.

    ``own`` says whether it is another assignment than the one that comes with gradkit.
    ``reference`` are the model solutions, empty where there are none; ``untold`` are checks that
    then nobody can judge.
    """

    assignment: Assignment
    assignment_file: str
    files: Mapping[str, bytes]
    own: bool
    reference: Mapping[str, bytes] = field(default_factory=dict)
    untold: tuple[str, ...] = ()


def module(task: Task) -> str:
    """Name a task's file, without the ending."""
    return task.id.replace("-", "_")


def file_of(task: Task | FunctionTask) -> str:
    """Name the file that a task is handed in as."""
    if isinstance(task, Task):
        return f"{module(task)}.py"
    return task.files[0] if task.files else PurePosixPath(task.solution).name


def bundle(path: Path | None, reference: Path | None, *, keyless: bool = False) -> Bundle:
    """Collect an assignment.

    Parameters
    ----------
    path : path or None
        The assignment file. None is the one that comes with gradkit.
    reference : path or None
        The folder of model solutions; None looks for the checkout's.
    keyless : bool
        Whether to leave model solutions out. Expected values are then derived from the assignment
        file, and those of functions come from recorded examples.

    Raises
    ------
    ExportError
        Model solutions are missing or cannot be loaded.
    AssignmentError
        The assignment file cannot be used, or what it names lies outside its folder.
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
    folder = find_reference(path, reference)
    if folder is None:
        raise ExportError(
            "There are no model solutions here. Name their folder with --reference, or say "
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
            load_solution(function, folder)
    except OracleError as error:
        raise ExportError(str(error)) from None
    return solutions_of(assignment, folder)


def _filled(template: str, *, program: bool = False, **values: str) -> File:
    return File(fill("gradkit.authoring.export", template, **values).encode(), program=program)


def write_zip(files: Files, path: Path) -> None:
    """Write an archive, whose members carry their permissions.

    Raises
    ------
    ExportError
        There is such a file already, or it cannot be written.
    """
    _refuse_there(path.parent, [path.name])
    with refusing(ExportError, path), zipfile.ZipFile(path, "x") as archive:
        for name, file in sorted(files.items()):
            add_member(archive, name, file.content, mode(file))


def write_folder(files: Files, folder: Path) -> None:
    """Write files below a folder that may be there already: all, or none.

    Raises
    ------
    ExportError
        One of them is there already, or it cannot be written.
    """
    _refuse_there(folder, files)
    with refusing(ExportError, folder):
        for name, file in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
            if file.secret or file.program:
                path.chmod(mode(file))


def mode(file: File) -> int:
    """Permissions: others read what is no secret and run what is a program."""
    whole = 0o755 if file.program else 0o644
    return whole & 0o700 if file.secret else whole


def _refuse_there(folder: Path, names: Iterable[str]) -> None:
    there = [name for name in names if (folder / name).exists()]
    if there:
        more = f" and {len(there) - 3} more" if len(there) > 3 else ""
        raise ExportError(
            f"{folder} already has {', '.join(there[:3])}{more}, and nothing is overwritten. Name "
            "a place that is empty or not there yet."
        )


HEAD = "# Written by gradkit from the course's own file, without what tells the answers.\n"


def handed_out(path: Path, reference: Path | None) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Make the files of an assignment that students get in place of the course's own.

    Parameters
    ----------
    path : Path
        The assignment file, which has been read before.
    reference : Path or None
        The folder of the model solutions, from which examples are recorded. If it is None, a file
        of examples beside the assignment file is handed out as it is.

    Returns
    -------
    files : dict of str to bytes
        The assignment file without changes that quote a model solution, and a file of examples if
        the assignment has tasks of functions and a model solution or such a file is there.
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
    # An accepted change of the model solution quotes its text.
    quoting = [table for table in data["tasks"] if table.pop("equivalent", None)]
    files = {path.name: (HEAD + _written(data)).encode() if quoting else text}
    tasks = read_assignment(path).functions
    if tasks and reference is not None:
        files[EXAMPLES] = pack_examples(load_solution(task, reference) for task in tasks)
        return files, ()
    untold = [
        f"{task.id}/{check.name}"
        for task in tasks
        if not read_examples(task)
        for check in task.checks
        if {*check.compare} - check.gradient.keys()
    ]
    return files, tuple(untold)


def _written(table: Mapping[str, Any]) -> str:
    """Write a table, a key in each line: TOML is JSON with another sign between key and value."""
    signs = (", ", " = ")
    write = partial(
        json.dumps, ensure_ascii=False, allow_nan=False, separators=signs, default=np.ndarray.tolist
    )
    return "".join(f"{write(key)} = {write(each)}\n" for key, each in table.items())


WHEEL = """\
Wheel-Version: 1.0
Generator: gradkit {version}
Root-Is-Purelib: true
Tag: py3-none-any
"""


def running_wheel() -> tuple[str, bytes]:
    """Name and content of a wheel of this gradkit.

    Raises
    ------
    ExportError
        gradkit runs from a folder and was never installed, so that its requirements are
        not known.
    """
    try:
        installed = distribution("gradkit")
    except PackageNotFoundError:
        raise ExportError(
            "gradkit is not installed here, so that its requirements are not known. Install it, "
            "or name a wheel with --install."
        ) from None
    root = Path(gradkit.__file__).parent
    members = {**_package(root), **_metadata(installed)}
    return f"gradkit-{installed.version}-py3-none-any.whl", _archive(members, installed.version)


def _package(root: Path) -> dict[str, bytes]:
    return {
        f"gradkit/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _metadata(installed: Distribution) -> dict[str, bytes]:
    folder = f"gradkit-{installed.version}.dist-info"
    texts = {
        "METADATA": installed.read_text("METADATA"),
        "entry_points.txt": installed.read_text("entry_points.txt"),
        "WHEEL": WHEEL.format(version=installed.version),
    }
    return {f"{folder}/{name}": text.encode() for name, text in texts.items() if text}


def _archive(members: dict[str, bytes], version: str) -> bytes:
    record = f"gradkit-{version}.dist-info/RECORD"
    lines = [f"{name},{_hash(content)},{len(content)}" for name, content in members.items()]
    whole = {**members, record: "\n".join([*lines, f"{record},,", ""]).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in whole.items():
            add_member(archive, name, content)
    return buffer.getvalue()


def _hash(content: bytes) -> str:
    digest = urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"


SUFFIX = ".whl"


class Install(Struct, frozen=True):
    """What pip is given: a requirement or an address, or the name of the ``wheel`` that is carried.

    ``wheel`` is its content, None where nothing is carried.
    """

    what: str
    wheel: bytes | None = None


def choose(asked: str | None) -> Install:
    """Read the value of `--install`; None carries a wheel of the gradkit that runs.

    Raises
    ------
    ExportError
        It is nothing that others could install, or a wheel that cannot be read.
    """
    if asked is None:
        return _running()
    if not asked.strip() or asked.startswith("-") or not asked.isprintable():
        raise _refusal(asked, "is nothing that pip could be given")
    address = "://" in asked
    if asked.endswith(SUFFIX) and not address:
        try:
            return Install(Path(asked).name, Path(asked).read_bytes())
        except OSError as error:
            raise _refusal(asked, f"cannot be read ({error.strerror})") from None
    # What pip would take for a path.
    path = asked.startswith(".") or {"/", os.sep} & set(asked)
    if "file:" in asked or (path and not address):
        raise _refusal(asked, "is a place on this machine, which others do not have")
    return Install(asked)


@cache
def _running() -> Install:
    return Install(*running_wheel())


def _refusal(asked: str, why: str) -> ExportError:
    return ExportError(
        f"--install {asked}: {why}. Name a wheel (FILE{SUFFIX}), which is then carried along, a "
        "requirement as gradkit==1.0, or an address that all who get it can reach."
    )


def words(given: Install, folder: str = ".") -> str:
    """Return the argument of `pip install` in a shell, with the wheel in ``folder`` (quoted)."""
    quoted = shlex.quote(given.what)
    return quoted if given.wheel is None else f"{folder}/{quoted}"


def carried(given: Install, folder: str = "") -> Files:
    """The wheel by its path in a folder that ends with a slash, or nothing."""
    return {} if given.wheel is None else {f"{folder}{given.what}": File(given.wheel)}


# --- platforms -------------------------------------------------------------------------

TORCH = "torch --index-url https://download.pytorch.org/whl/cpu"
"""What to install for torch tasks: a tenth of the size of what comes with CUDA."""


def torch_of(assignment: Assignment) -> str:
    """Return `TORCH` where a task needs it, else nothing."""
    return TORCH if any(task.framework.modules for task in assignment.tasks) else ""


def gradescope(source: Bundle, given: Install) -> Files:
    """The files of the archive."""
    return {
        "setup.sh": _filled(
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
    """The program that checks, where `secrets` are in a ``folder`` that a shell knows.

    It insists on a tier of isolation: beside keys that root alone can read, no root.
    """
    tier, keys = "0", "--no-reference"
    if source.reference:
        tier, keys = "3", f'--reference "{folder}/reference"'
    options = f'--assignment "{folder}/assignment/{source.assignment_file}" {keys}'
    return _filled(template, options=options, tier=tier, program=True)


def secrets(source: Bundle) -> dict[str, File]:
    """The assignment and its model solutions, each in a folder of its own, closed to others."""
    return {
        **{f"assignment/{path}": File(text, secret=True) for path, text in source.files.items()},
        **{f"reference/{path}": File(text, secret=True) for path, text in source.reference.items()},
    }


HOME = ".gradkit"
"""Where the wheel, and an assignment of one's own, go in the students' repository."""


def classroom(source: Bundle, given: Install) -> Files:
    """The workflow, gradkit's wheel and, where it is not gradkit's own, the assignment."""
    option = f"--assignment {HOME}/{source.assignment_file}" if source.own else ""
    text = workflow(given, option, torch_of(source.assignment))
    files = {".github/workflows/classroom.yml": File(text), **carried(given, f"{HOME}/")}
    if source.own:
        files |= {f"{HOME}/{path}": File(text) for path, text in source.files.items()}
    return files


def workflow(given: Install, options: str = "", torch: str = TORCH) -> bytes:
    """The text of the workflow; ``options`` go to `gradkit check`."""
    return _filled(
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
    install: str | None = None,
) -> tuple[str, ...]:
    """Write what a platform needs to grade an assignment; nothing is overwritten.

    Parameters
    ----------
    platform : str
        ``gradescope`` (a zip), ``github-classroom`` or ``wheel``, gradkit alone (a folder each).
    out : Path
        The zip or folder to write.
    assignment : Path, optional
        An assignment file; by default gradkit's own assignment.
    reference : Path, optional
        Folder of the model solutions; by default the checkout's.
    no_reference : bool
        Leave model solutions out.
    install : str, optional
        What pip installs gradkit from; by default a wheel of the gradkit that runs.

    Returns
    -------
    tuple of str
        ``task/check`` of those of which nobody can tell there, without the model solution.

    Raises
    ------
    GradkitError
        Something is there already, cannot be written, or is lacking.

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
        raise _refusal(given.what, "is no wheel, and a wheel is what is to be written")
    if platform == "wheel":
        write_folder(carried(given), out)
        return ()
    keyless = no_reference or platform == "github-classroom"
    source = bundle(assignment, reference, keyless=keyless)
    if platform == "github-classroom":
        write_folder(classroom(source, given), out)
    else:
        write_zip(gradescope(source, given), out)
    return source.untold

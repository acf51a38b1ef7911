"""Look through a class before anything is run: whose, how many, and whether it is code.

Nothing here is a verdict. That nothing has the name of a role is a reason to look, no more:
what is run may still be recognised by what it does.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Sequence

from gradkit.binding.outline import outline
from gradkit.grading.recognise import another_exercise
from gradkit.records.course import Match, Preview, Sender
from gradkit.records.submission import RawSubmission, Submission
from gradkit.records.task import Assignment
from gradkit.submission.content import normal
from gradkit.submission.divide import divide
from gradkit.submission.files import SubmissionError
from gradkit.submission.gather import Handed, Loader
from gradkit.submission.read import parse
from gradkit.submission.source import parse as parse_source


def preview(
    found: Sequence[tuple[Handed, Sender]], assignment: Assignment, match: Match | None = None
) -> Preview:
    """Read every submission, run none, and list what a person should know first.

    Parameters
    ----------
    found : sequence of (Handed, Sender)
        As attributed.
    assignment : Assignment
    match : Match, optional
        Of a roster with the senders, in the same order.
    """
    names = [handed.name for handed, _ in found]
    copies: dict[str, dict[str, None]] = {}
    empty: list[str] = []
    refused: list[tuple[str, str]] = []
    other: list[tuple[str, str]] = []
    with Loader() as loader:
        for handed, _ in found:
            try:
                parcel = loader.load(handed)
                digest = _contents(parcel)
                submission = parse(parcel)
            except SubmissionError as error:
                refused.append((handed.name, str(error)))
                continue
            if is_empty(submission):
                empty.append(handed.name)
                continue
            copies.setdefault(digest, {})[handed.name] = None
            if not has_roles(submission, assignment):
                other.append((handed.name, another_exercise(submission, assignment)))
    attempts = Counter(names)
    return Preview(
        total=len(found),
        sources=Counter(sender.source for _, sender in found),
        late=tuple(handed.name for handed, sender in found if sender.late),
        several=tuple((name, count) for name, count in attempts.items() if count > 1),
        duplicates=tuple(tuple(same) for same in copies.values() if len(same) > 1),
        empty=tuple(empty),
        refused=tuple(refused),
        other=tuple(other),
        unmatched=tuple(names[number] for number in match.strangers) if match else (),
        open=tuple(
            (names[number], tuple(student.name for student in students))
            for number, students in match.open
        )
        if match
        else (),
        absent=tuple(student.name for student in match.absent) if match else (),
    )


def _contents(parcel: RawSubmission) -> str:
    """A digest of the files' bytes, whatever they are called."""
    each = sorted(hashlib.sha256(file.data).digest() for file in parcel.files)
    return hashlib.sha256(b"".join(each)).hexdigest()


def is_empty(submission: Submission) -> bool:
    """True where there is no statement in it: nothing, comments, or a text alone."""
    for cell in submission.cells:
        tree = parse_source(cell.source).tree
        if tree is None or any(not _says_nothing(node) for node in tree.body):
            return False
    return True


def _says_nothing(node: ast.stmt) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass)


def has_roles(submission: Submission, assignment: Assignment) -> bool:
    """True where anything in it has the name or the form of a role, as far as the text tells.

    A cell that cannot be read might have anything in it.
    """
    if any(parse_source(cell.source).tree is None for cell in submission.cells):
        return True
    wanted = {
        normal(name)
        for task in assignment.tasks
        for role in task.roles
        for name in (role.name, *role.aliases)
    }
    torch = any(task.framework == "torch" for task in assignment.tasks)
    for section in divide(submission, assignment.tasks):
        seen = outline(section, submission.modules)
        if torch and (seen.models or seen.loops):
            return True
        if any(normal(name) in wanted for name in seen.names):
            return True
    return False

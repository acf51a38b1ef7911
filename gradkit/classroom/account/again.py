"""A stored submission read again from where it was, and a finding of it shown to be so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gradkit.classroom.course.senders import attributed, senders
from gradkit.classroom.file.store import Store
from gradkit.classroom.remark import settings_of
from gradkit.dispute import DisputeError, Shown, find, findings_in, run_again
from gradkit.records.classroom import Kept
from gradkit.records.result import Result
from gradkit.records.submission import Parcel, Submission
from gradkit.render.data import EXPECTED_LEVEL, to_data
from gradkit.student.files import SubmissionError
from gradkit.student.gather import Handed, gather
from gradkit.student.load import Loader
from gradkit.student.read import collect, parse


def show_stored(
    store: Store, kept: Kept, result: Result, finding: str, assignment: Path | None = None
) -> Shown:
    """Write a finding of a stored result as a script, and run it.

    Parameters
    ----------
    store : Store
    kept : Kept
    result : Result
        Its result.
    finding : str
        The finding's id.
    assignment : Path, optional
        The assignment file, by default that of the class.

    Raises
    ------
    DisputeError
        There is no such finding, or the submission or assignment is not what it was.
    StoreError
        Nothing has been graded there.
    """
    where = f"the result of {kept.name} in {store.path}"
    found = find(findings_in([to_data(result, EXPECTED_LEVEL)]), where, finding)
    source = read_stored(kept, store.path.parent)
    return run_again(found, source, where, assignment or settings_of(store).assignment)


def read_stored(kept: Kept, folder: Path) -> Submission:
    """The submission of a result, which must be what it was.

    Parameters
    ----------
    kept : Kept
    folder : Path
        That of the class: a path is taken from here, from there, or from beside it.

    Raises
    ------
    DisputeError
        It is gone, has changed, or cannot be read.
    """
    digests = []
    for base in (Path(), folder, folder.parent):
        try:
            for parcel in _parcels(base, kept):
                if parcel.digest == kept.digest:
                    return parse(replace(parcel, name=kept.name))
                digests.append(parcel.digest)
        except SubmissionError as error:
            raise DisputeError(str(error)) from None
    if digests:
        raise DisputeError(
            f"{kept.path}: the submission has changed since: its digest was {kept.digest[:12]}, "
            f"and is {digests[0][:12]}. Put the former one back, or grade the class anew."
        )
    raise DisputeError(
        f"{kept.path}: the submission is gone, so its code cannot be shown or run. Put it back, "
        "or grade the class again from where it is now."
    )


def _parcels(base: Path, kept: Kept) -> Iterator[Parcel]:
    """What lies there: as one of a download, whose files may belong together, or by itself."""
    for path, member in _places(base, kept.path):
        with Loader() as loader:
            for handed in _download(path, member):
                if (handed.path.resolve(), handed.member) == (path.resolve(), member):
                    yield loader.load(handed)
        if not member:
            yield collect(path)


def _download(path: Path, member: str) -> list[Handed]:
    """The submissions that lie there together, each with all of its parts."""
    try:
        handed = gather([path if member else path.parent])
    except SubmissionError:
        return []
    return [one for one, _ in attributed(handed, senders(handed))]


def _places(base: Path, recorded: str) -> Iterator[tuple[Path, str]]:
    """Every way to read a path as that of an archive and a member, the archive being there."""
    if (base / recorded).exists():
        yield base / recorded, ""
    for at, sign in enumerate(recorded):
        if sign == "!" and (base / recorded[:at]).is_file():
            yield base / recorded[:at], recorded[at + 1 :]

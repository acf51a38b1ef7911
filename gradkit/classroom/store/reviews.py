"""Store what graders write while they review: comments, and which attempts they have reviewed.

A comment belongs to the attempt that it was written on, and counts only as long as that attempt
counts. Rows are never changed: an edit adds a row, and the newest row is valid. An edit states the
revision that its author has seen, so that of two graders nobody overwrites the other unknowingly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from gradkit.classroom.store.database import last
from gradkit.classroom.store.results import Store
from gradkit.errors import GradkitError
from gradkit.records.classroom import Review
from gradkit.records.result import Comment
from gradkit.records.submission import Place
from gradkit.text import storable

MAX_COMMENT = 10_000
"""Largest number of characters of a comment."""

MAX_POINTS = 10_000.0
"""Largest number of points, with either sign, of a comment."""


class CommentError(GradkitError):
    """A comment or review cannot be stored; the text says why. Nothing was changed."""


class ConflictError(GradkitError):
    """Another grader has changed the same item meanwhile; the text says who, and to what.

    Nothing was changed.
    """


def comments(store: Store, upto: int | None = None) -> dict[str, tuple[Comment, ...]]:
    """Map each student to the comments that are valid at the end of the run ``upto``, or now.

    Of each comment, only the newest revision is returned; removed comments are left out.
    """
    if not store.has_table("comments"):
        return {}
    rows = store.rows(
        "SELECT name, coalesce(first, comments.id) AS comment, comments.id AS revision, task, "
        "file, cell, line, source, digest, text, points, who, began FROM comments "
        "JOIN runs ON runs.id = run WHERE comments.id IN (SELECT max(id) FROM comments "
        "WHERE run <= ? GROUP BY coalesce(first, id)) AND text <> '' ORDER BY comment",
        (last(upto),),
    )
    found: dict[str, list[Comment]] = {}
    for row in rows:
        place = None if row["file"] is None else Place(row["file"], row["cell"], row["line"])
        comment = Comment(
            *(row["comment"], row["revision"], row["task"], place, row["source"], row["digest"]),
            *(row["text"], row["points"], row["who"], row["began"]),
        )
        found.setdefault(row["name"], []).append(comment)
    return {name: tuple(own) for name, own in found.items()}


def add_comment(
    store: Store,
    name: str,
    digest: str,
    text: str,
    *,
    task: str = "",
    place: Place | None = None,
    source: str = "",
    points: float | None = None,
    by: str = "",
) -> int:
    """Store a new comment on an attempt, and return its id.

    Parameters
    ----------
    store : Store
        Open for writing.
    name : str
        The student's stored name.
    digest : str
        Digest of the attempt's contents.
    text : str
    task : str
        Id of the task that the comment is about; empty for the whole submission.
    place : Place, optional
        The line that the comment is about.
    source : str
        Text of this line.
    points : float, optional
        Points to add to the score; negative points are a deduction.
    by : str
        The grader, by default the account of this process.

    Raises
    ------
    CommentError
        The text is empty or too long, the points are out of range, or the student has no such
        attempt.
    """
    _check_comment(text, points)
    if not any((kept.name, kept.digest) == (name, digest) for kept in store.newest()):
        raise CommentError(f"{name} has no such submission, so it cannot be commented on.")
    at = (place.file, place.cell, place.line) if place else (None, None, None)
    with store.writing():
        run = store.begin("comment", who=by)
        row = {"run": run, "name": name, "digest": digest, "task": task}
        row |= dict(zip(("file", "cell", "line"), at, strict=True))
        id_ = store.insert("comments", **row, source=source, text=storable(text), points=points)
        store.end(run)
    return id_


def edit_comment(
    store: Store, id_: int, text: str, points: float | None, *, seen: int, by: str = ""
) -> None:
    """Replace the text and points of a comment; an empty text removes the comment.

    Parameters
    ----------
    store : Store
        Open for writing.
    id_ : int
        Id of the comment.
    text : str
    points : float, optional
    seen : int
        Revision of the comment that the grader has seen.
    by : str
        The grader, by default the account of this process.

    Raises
    ------
    CommentError
        There is no such comment, the text is too long, or the points are out of range.
    ConflictError
        The comment has another revision now.
    """
    if text.strip():
        _check_comment(text, points)
    with store.writing():
        rows = store.rows(
            "SELECT comments.*, who FROM comments JOIN runs ON runs.id = run "
            "WHERE coalesce(first, comments.id) = ? ORDER BY comments.id DESC LIMIT 1",
            (id_,),
        )
        if not rows:
            raise CommentError("This comment does not exist any more.")
        (row,) = rows
        if row["id"] != seen:
            action = f"changed this comment to: {row['text']}" if row["text"] else "removed it"
            raise ConflictError(f"{row['who']} has meanwhile {action}")
        same = ("name", "digest", "task", "file", "cell", "line", "source")
        run = store.begin("comment", who=by)
        new = {"run": run, "first": id_, "text": storable(text).strip() and storable(text)}
        store.insert("comments", **{key: row[key] for key in same}, **new, points=points)
        store.end(run)


def _check_comment(text: str, points: float | None) -> None:
    """Raise CommentError for a comment without text, with too much text, or with too many points.

    The limits are `MAX_COMMENT` characters, and `MAX_POINTS` points to add or to deduct.
    """
    if not text.strip():
        raise CommentError("The comment is empty. Write a text; points alone are not enough.")
    if len(text) > MAX_COMMENT:
        raise CommentError(
            f"The comment has {len(text)} characters, and at most {MAX_COMMENT} are possible."
        )
    if points is not None and not (math.isfinite(points) and abs(points) <= MAX_POINTS):
        raise CommentError(
            f"{points:g} points are given, and {-MAX_POINTS:g} to {MAX_POINTS:g} are possible."
        )


def reviews(store: Store) -> dict[str, Review]:
    """Map each student to the newest decision whether an attempt has been reviewed."""
    if not store.has_table("reviews"):
        return {}
    rows = store.rows(
        "SELECT reviews.id, name, digest, reviewed, who, began FROM reviews "
        "JOIN runs ON runs.id = run WHERE reviews.id IN "
        "(SELECT max(id) FROM reviews GROUP BY name)"
    )
    return {
        row["name"]: Review(
            row["id"], row["digest"], bool(row["reviewed"]), row["who"], row["began"]
        )
        for row in rows
    }


def reviewer(found: Mapping[str, Review], name: str, digest: str) -> str:
    """Return the grader who has reviewed an attempt of a student; empty if nobody has."""
    review = found.get(name)
    return review.by if review and review.reviewed and review.digest == digest else ""


def set_reviewed(
    store: Store, name: str, digest: str, reviewed: bool, *, seen: int, by: str = ""
) -> None:
    """Store that an attempt of a student has been reviewed, or that it has not.

    Nothing is stored if the newest decision is the same.

    Parameters
    ----------
    store : Store
        Open for writing.
    name : str
        The student's stored name.
    digest : str
        Digest of the attempt's contents.
    reviewed : bool
    seen : int
        Revision of the student's review that the grader has seen; 0 if there was none.
    by : str
        The grader, by default the account of this process.

    Raises
    ------
    ConflictError
        Another grader has decided otherwise since then.
    """
    with store.writing():
        review = reviews(store).get(name)
        if review is not None and review.digest == digest and review.reviewed == reviewed:
            return
        if review is not None and review.revision != seen:
            state = "reviewed" if review.reviewed else "not reviewed"
            raise ConflictError(f"{review.by} has meanwhile marked {name} as {state}.")
        run = store.begin("review", who=by)
        row = {"run": run, "name": name, "digest": digest, "reviewed": int(reviewed)}
        store.insert("reviews", **row)
        store.end(run)

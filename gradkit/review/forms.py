"""Read the forms that a grader sends, and store what they say with the functions of the class."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast, get_args
from urllib.parse import parse_qsl

from gradkit.classroom.remark import remark_class
from gradkit.classroom.store.counted import Counting, override
from gradkit.classroom.store.finding_decisions import decide_finding
from gradkit.classroom.store.results import Store
from gradkit.classroom.store.reviews import add_comment, edit_comment, set_reviewed
from gradkit.errors import GradkitError
from gradkit.records.classroom import FindingAction, FindingDecision, Kept
from gradkit.records.submission import Place
from gradkit.review.workspace import Workspace
from gradkit.text import clean_text, storable

Form = Mapping[str, str]
"""The fields of a form by name."""

MAX_FIELDS = 10_000
"""Largest number of fields of a form."""


class FormError(GradkitError):
    """A form has a value that cannot be used; the text says which. Nothing was changed."""


def read_form(body: bytes) -> dict[str, str]:
    """Decode the body of a form, and return its fields; of several with one name, the last counts.

    FormError is raised if the body is not a form in UTF-8, or has more than `MAX_FIELDS` fields.
    """
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise FormError("The form cannot be read. Open the page again.") from None
    return {name: storable(value.replace("\r\n", "\n")) for name, value in pairs}


def points_of(form: Form, name: str = "points") -> float | None:
    """Return the number of points in the field ``name`` of a form; None if the field is empty.

    FormError is raised if the text is not a finite number.
    """
    text = form.get(name, "").strip().replace(",", ".").replace("−", "-")
    if not text:
        return None
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not math.isfinite(points):
        raise FormError(f"{text!r} is not a number of points. Write a number, such as 2.5.")
    return points


def _number(form: Form, name: str) -> int:
    """Return a whole number in a hidden field of a form."""
    text = form.get(name, "")
    if not text.isdecimal() or len(text) > 18:
        raise FormError("The form is incomplete. Open the page again.")
    return int(text)


def _counting(store: Store, form: Form) -> Kept:
    """Return the counting attempt of the student in a form.

    FormError is raised if another attempt counts now than when the page with the form was made.
    """
    name = form.get("name", "")
    attempt = Counting(store).attempts.get(name)
    if attempt is None or attempt.kept.digest != form.get("digest", ""):
        raise FormError(f"Another attempt of {name} counts now. Look at it first.")
    return attempt.kept


def store_points(space: Workspace, form: Form, by: str) -> None:
    """Set the points of a check, a task or the total, or withdraw points that a person has set.

    The form has the student's ``name``, the ``item``, the ``points`` or ``withdraw``, a
    ``comment``, and the ``revision`` that the grader has seen. ``by`` is the name of the grader.
    FormError is raised if there are no points.
    """
    points = points_of(form)
    if points is None and "withdraw" not in form:
        raise FormError("The points are missing. Write a number, such as 2.5.")
    with space.writing() as store:
        override(
            store,
            form.get("name", ""),
            form.get("item", ""),
            None if "withdraw" in form else points,
            comment=form.get("comment", ""),
            by=by,
            seen=form.get("revision", ""),
        )


def store_comment(space: Workspace, form: Form, by: str) -> None:
    """Store a new comment on a submission; change or remove a comment if the form has its ``id``.

    The form has the ``text`` and, if wanted, ``points`` and a line (``at``). ``by`` is the name of
    the grader. FormError is raised if a value cannot be used.
    """
    points, text = points_of(form), form.get("text", "")
    if form.get("id"):
        id_, seen = _number(form, "id"), _number(form, "revision")
        text = "" if "remove" in form else text
        if not text.strip() and "remove" not in form:
            raise FormError("The comment is empty. Write a text, or remove the comment.")
        with space.writing() as store:
            edit_comment(store, id_, text, points, seen=seen, by=by)
        return
    with space.writing() as store:
        kept = _counting(store, form)
        place, source = _line(space, kept, form.get("at", ""))
        add_comment(
            *(store, kept.name, kept.digest, text),
            task=form.get("task", ""),
            place=place,
            source=source,
            points=points,
            by=by,
        )


def _line(space: Workspace, kept: Kept, at: str) -> tuple[Place | None, str]:
    """Return the place and the text of a submission's line; None and "" if ``at`` is empty.

    ``kept`` is the submission, and ``at`` the address of the line on its page: ``2-17`` for line 17
    of the third cell. FormError is raised if there is no such line.
    """
    if not at:
        return None, ""
    cells, _ = space.code(kept)
    cell_number, _, line_number = at.partition("-")
    if cell_number.isdecimal() and line_number.isdecimal():
        for number, cell in enumerate(cells):
            lines = cell.source.split("\n")
            line = int(line_number)
            if number == int(cell_number) and 1 <= line <= len(lines):
                return cell.place(line), clean_text(lines[line - 1])
    raise FormError("The submission has no such line. Open the page again.")


def store_review(space: Workspace, form: Form, by: str) -> None:
    """Mark a student's counting attempt as reviewed by ``by``, the grader, or as not reviewed.

    The form has the student's ``name``, ``reviewed`` (yes or no), the ``digest`` of the attempt and
    the ``revision`` that the grader has seen.
    """
    with space.writing() as store:
        kept = _counting(store, form)
        seen = _number(form, "revision")
        reviewed = form.get("reviewed") == "yes"
        set_reviewed(store, kept.name, kept.digest, reviewed, seen=seen, by=by)


NO_REASON = "The reason is missing. Students whose points change can read it."
"""Message if a grader decides about a finding without a reason."""


def store_class_finding(space: Workspace, form: Form, by: str) -> None:
    """Withdraw a finding in the whole class, count it again, or accept the marks held for it.

    The form has the ``code`` of the finding, the ``action`` (drops, keeps or accepts), a
    ``comment`` with the reason, and the ``revision`` that the grader has seen. ``by`` is the name
    of the grader. FormError is raised without a reason. The class is marked anew.
    """
    code, why = form.get("code", ""), form.get("comment", "").strip()
    if not why:
        raise FormError(NO_REASON)
    action = form.get("action", "")
    if action not in ("drops", "keeps", "accepts"):
        raise FormError("The form is incomplete. Open the page again.")
    codes: dict[str, Any] = {action: (code,)}
    with space.marking() as folder:
        remark_class(folder, why=why, by=by, seen=_seen(form), **codes)


def store_price(space: Workspace, form: Form, by: str) -> None:
    """Set the share of points that a finding costs in the class from now on, or withdraw it.

    The form has the ``code`` of the finding, the price in ``percent`` or ``withdraw``, a
    ``comment`` with the reason, and the ``revision`` that the grader has seen. ``by`` is the name
    of the grader. FormError is raised without a reason. The class is marked anew.
    """
    code, why = form.get("code", ""), form.get("comment", "").strip()
    if not why:
        raise FormError(NO_REASON)
    price: dict[str, Any] = {"unprices": (code,)}
    if "withdraw" not in form:
        price = {"prices": {code: _share(form)}}
    with space.marking() as folder:
        remark_class(folder, why=why, by=by, seen=_seen(form), **price)


def store_finding(space: Workspace, form: Form, by: str) -> None:
    """Decide about a finding of one submission: withdraw, price or accept it, or undo that.

    The form has the student's ``name``, the ``task``, the id of the ``finding``, the code of the
    ``mistake``, the ``action``, the price in ``percent`` if it is priced, a ``comment``, and the
    ``revision`` that the grader has seen. ``by`` is the name of the grader. FormError is raised if
    a value cannot be used.
    """
    action, share = form.get("action", ""), 0.0
    if action not in (*get_args(FindingAction), "undone"):
        raise FormError("The form is incomplete. Open the page again.")
    if action == "priced":
        share = _share(form)
    decision = None
    if action != "undone":
        decision = FindingDecision(
            form.get("finding", ""), form.get("mistake", ""), cast("FindingAction", action), share
        )
    with space.writing() as store:
        decide_finding(
            store,
            _counting(store, form),
            form.get("task", ""),
            form.get("finding", ""),
            decision,
            comment=form.get("comment", ""),
            by=by,
            seen=form.get("revision", ""),
        )


def _share(form: Form) -> float:
    """Return the price in a form, as a share of a check's points."""
    percent = points_of(form, "percent")
    if percent is None:
        raise FormError("The percentage is missing. Write a number from 0 to 100.")
    return percent / 100


def _seen(form: Form) -> dict[str, str]:
    """Return the revision of a finding that the grader has seen, by the finding's code."""
    return {form.get("code", ""): form.get("revision", "")}


ACTIONS: Mapping[str, Callable[[Workspace, Form, str], None]] = {
    "points": store_points,
    "comment": store_comment,
    "reviewed": store_review,
    "finding": store_finding,
    "class-finding": store_class_finding,
    "price": store_price,
}
"""The functions that store a form, by the last part of its address."""

"""Decide what of a class has to be graded again: cache keys, seeds, and version guards."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import asdict

import gradkit
from gradkit.classroom.store.results import Store, unpack
from gradkit.grading.settings import GradingError, Settings, refuse_unusable
from gradkit.records.result import Result
from gradkit.records.task import Assignment, Form


def key_base(settings: Settings, digests: Mapping[str, str], version: str | None = None) -> str:
    """A digest of what all results of a run depend on, besides the submissions.

    ``version`` is the gradkit that runs or ran their code, by default this one.
    """
    said = {
        key: value
        for key, value in asdict(settings).items()
        # Where the files lie does not matter, what is in them does; and what was withdrawn
        # is withdrawn from everyone alike. A tier is a promise about the machine.
        if key not in ("assignment", "reference", "dropped", "require_tier")
    }
    return key_of(json.dumps([said, dict(digests), version or gradkit.__version__], sort_keys=True))


def key_of(*parts: str) -> str:
    """A digest of some texts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def drawn(secret: str, text: str) -> bytes:
    """Draw bytes that only who has the secret can tell from the text: HMAC-SHA-256."""
    said = text.encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode(), said, hashlib.sha256).digest()


def seed_of(secret: str, assignment: Assignment, name: str, digest: str) -> int:
    """The seed of one attempt's probes: fresh for each, and the same whenever it is graded.

    48 bits of HMAC-SHA-256, so that nobody without the class file's secret can tell them
    beforehand. An attempt is told by the digest of its contents: neither a restart nor the
    order in which a class is graded changes what is asked.
    """
    text = json.dumps([assignment.id, name, digest])
    return int.from_bytes(drawn(secret, text)[:6], "big")


def refuse_unfit(
    store: Store, assignment: Assignment, reference: Path | None, form: Form, *, new_version: bool
) -> None:
    """Refuse to grade or mark a class by what cannot be used, or is not what it was graded by.

    Parameters
    ----------
    store : Store
    assignment, reference, form
        What is to be graded against, see `gradkit.grading.settings.refuse_unusable`.
    new_version : bool
        Whether to go on with another gradkit.

    Raises
    ------
    GradingError
    """
    if not new_version:
        refuse_other_version(store, assignment)
    refuse_other_exercise(store, assignment)
    refuse_unusable(assignment, reference, form)


def refuse_other_version(store: Store, assignment: Assignment) -> None:
    """Refuse to go on with another gradkit than the class, or its assignment, is graded with.

    Raises
    ------
    GradingError
        The assignment pins another version, or earlier runs were made with one.
    """
    here = gradkit.__version__
    pinned = assignment.gradkit
    if pinned and pinned != here:
        raise GradingError(
            f"{assignment.path} is to be graded with gradkit {pinned}, and this is {here}: marks "
            f"could differ. {_advice(pinned)}"
        )
    former = store.last_marked()
    before = former.versions["gradkit"] if former else here
    if before != here:
        raise GradingError(
            f"{store.path} was graded with gradkit {before}, and this is {here}: marks could "
            f"differ. {_advice(before)}"
        )


def refuse_other_exercise(store: Store, assignment: Assignment) -> None:
    """Refuse to mark a class by another exercise than its own: an option is easily forgotten.

    A file that has changed under the same id is the same exercise.

    Raises
    ------
    GradingError
        The newest result is of another assignment.
    """
    packed = store.last_graded()
    if packed is None:
        return
    former = unpack(packed, Result)
    if former.assignment != assignment.id:
        last = store.last_marked()
        file = last.settings["assignment"] if last else None
        place, advice = f" ({file})", "Give its file with --assignment"
        if file is None:
            place, advice = ", gradkit's own", "Leave out --assignment"
        raise GradingError(
            f"{store.path} was graded by the assignment {former.assignment!r}{place}, and this is "
            f"{assignment.id!r} ({assignment.path}). {advice}, or choose another folder with --out."
        )


def _advice(version: str) -> str:
    return (
        f"Install gradkit {version}, or open a new run under this one with --new-version; "
        "`gradkit diff` then lists what has changed."
    )

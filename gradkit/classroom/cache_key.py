"""What a result depends on, as digests: whether to grade again, and the seed of its probes."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict

import gradkit
from gradkit.grading.settings import Settings
from gradkit.records.task import Assignment


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


def seed_of(secret: str, assignment: Assignment, name: str, digest: str) -> int:
    """The seed of one attempt's probes: fresh for each, and the same whenever it is graded.

    48 bits of HMAC-SHA-256, so that nobody without the class file's secret can tell them
    beforehand. An attempt is told by the digest of its contents: neither a restart nor the
    order in which a class is graded changes what is asked.
    """
    text = json.dumps([assignment.id, name, digest])
    drawn = hmac.new(secret.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return int.from_bytes(drawn.digest()[:6], "big")

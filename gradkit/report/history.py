"""Write how a grade came about, for whoever has to answer for it, and as data.

No word in it is gradkit's alone: it is read by people who have never seen the command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import to_builtins
from rich.console import Console
from rich.text import Text

from gradkit.language import phrase, say
from gradkit.records.classroom import Run, RunKind
from gradkit.records.reports import History
from gradkit.report.data import json_text
from gradkit.report.document import document
from gradkit.report.escape import log_text
from gradkit.report.table import Table, show_table
from gradkit.text import clean_text

SCHEMA = "gradkit/history/v1"

DID: Mapping[RunKind, str] = {
    "grade": phrase("graded"),
    "remark": phrase("marked again"),
    "override": phrase("points set"),
    "release": phrase("given back"),
    "purge": phrase("somebody was removed"),
}
"""What each kind of run does."""

SHORT = 12
"""Characters of a digest that tell it from others; the data have all of it."""


def to_text(history: History) -> str:
    """Write what counts, then every run in order, each line of what it found and changed."""
    tools = {"did": DID, "time": _time, "rule": _rule, "end": _end, "short": _short}
    lines = document("history.txt", history=history, **tools).split("\n")[:-1]
    return log_text("".join(f"{clean_text(line)}\n" for line in lines))


def to_json(history: History) -> str:
    """All of it as data, in UTF-8: schema ``gradkit/history/v1``, the names of the records."""
    return json_text({"schema": SCHEMA, **to_builtins(history)})


def show_runs(runs: Sequence[Run], console: Console) -> None:
    """Print the runs of a class with their numbers."""
    if not runs:
        console.print(Text(say("Nothing has been done yet.")))
        return
    rows = [(run.id, say(DID[run.kind]), _time(run.began), run.who, _why(run)) for run in runs]
    heads = (say("run"), say("what"), say("when (UTC)"), say("who"), say("why"))
    show_table(Table(heads, rows, right=(0,)), console)


def _why(run: Run) -> str:
    parts = [run.why, _rule(run.policy) if run.policy else "", _end(run.ended)]
    return " ".join(filter(None, parts))


def _end(ended: str | None) -> str:
    return "" if ended else say("It did not come to its end.")


def _time(stamp: str) -> str:
    return stamp[:16].replace("T", " ")


def _rule(policy: str | None) -> str:
    """Write in words which attempt counts."""
    if policy and policy.startswith("before="):
        return say(
            "From then on the last attempt before {policy} counts.",
            policy=policy.removeprefix("before="),
        )
    return say("From then on the {policy} attempt counts.", policy=policy)


def _short(digest: str) -> str:
    return f"SHA-256 {digest[:SHORT]}…"

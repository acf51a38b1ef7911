"""English texts that come finished: a worker knows no language, and labels are names as well."""

from __future__ import annotations

from gradkit.language import heard, phrase

WORKER = (
    # How a process was lost.
    phrase("was stopped, as the {seconds} s that it had in all were over"),
    phrase("was stopped, as it had not answered within {seconds} s"),
    phrase("was stopped, as it had used up its processor time"),
    phrase("was killed by the system, most likely for the memory it took"),
    phrase("left with os._exit({code}) or the like"),
    phrase("was ended by {signal}: it touched memory that is not its own, or recursed too deeply"),
    phrase("was ended by {signal}"),
    phrase("closed the channel to the grader and ran on"),
    phrase("ended together with the server that had started it"),
    phrase("sent something that it had not been asked for"),
    phrase("sent what is not a valid reply: {reason}"),
    phrase("could not be asked: {reason}"),
    # What came back in place of numbers.
    phrase("nothing is returned"),
    phrase("found None"),
    phrase("found a value of type {type}"),
    phrase("a value of type {type}"),
    phrase("an array of dtype {dtype}"),
    phrase("a torch tensor"),
    phrase("a torch module is expected, this is {type}"),
    phrase("its parameters do not have the shapes of the assigned layers"),
    # Why a name is not there.
    phrase("`{name}` is needed at {place} to make itself"),
    phrase("`{name}` was not made: {reason}"),
    phrase("`{name}` is not defined, and a star import {reason}"),
    phrase("`{name}` stands in code that is not valid Python ({place}: {reason})"),
    phrase("`{name}` is only made under `if __name__ == …` at {place}, which is not run"),
    phrase("`{name}` is only made in the loop at {place}, which is not run"),
    phrase("{place} needs `{name}`. {reason}"),
    phrase("{place} failed with {type}: {reason}"),
    phrase("(its text could not be read)"),
    phrase("its text could not be had"),
    phrase("cell {cell}, line {line}"),
    phrase("the training loop"),
    phrase("`{path}` is used, and this task does not allow `{root}`"),
    phrase("`{root}` is imported, and this task does not allow it"),
    phrase("{found}, not {expected}"),
)
"""What workers say, the longer before what is part of it."""

LABELS = (
    phrase("row {number}"),
    phrase("random {number}"),
    phrase("first step from {start}"),
    phrase("second step from {start}"),
    phrase("{entry} from {start}"),
    phrase("further parameters"),
)
"""Names of probes and entries, by which they are found again."""


def from_worker(text: str) -> str:
    """What a worker said, in the reader's language; a student's own words stay as they are."""
    return heard(text, WORKER)


def label_said(label: str) -> str:
    """The name of a probe or an entry in the reader's language."""
    return heard(label, LABELS)

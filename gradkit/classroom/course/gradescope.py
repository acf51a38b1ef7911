"""What Gradescope writes beside its submissions: who handed them in, and when.

The file is YAML with Ruby's tags in the results of an autograder, which no safe reader takes,
and may have megabytes of these. So it is read by lines, and only the lines that are wanted.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from gradkit.submission.gather import Handed
from gradkit.text import storable

METADATA = "submission_metadata.yml"
LARGEST = 50_000_000
"""Bytes of it that are read."""

Metadata = Mapping[str, tuple[str, tuple[Mapping[str, str], ...]]]
"""By submission, when it was handed in and by whom (``name``, ``email``, ``sis``)."""

_HEAD = re.compile(r"(?P<name>submission_\d+): *")
_SECTION = re.compile(r"  :(?P<key>\w+):(?: +(?P<value>.+?))? *")
_FACT = re.compile(r"  (?P<first>- | {2,}):(?P<key>name|sid|email):(?: +(?P<value>.+?))? *")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "0": "\0", "_": "\u00a0", "N": "\u0085"}
_KINDS = {"name": "name", "sid": "sis", "email": "email"}


def read_metadata(handed: Handed) -> Metadata:
    """Read the list beside a submission; empty where there is none that can be read."""
    try:
        if not handed.member:
            with open(handed.path.parent / METADATA, "rb") as stream:
                return parse(
                    stream.read(LARGEST)
                    .decode("utf-8", "replace")
                    .replace("\r\n", "\n")
                    .split("\n")
                )
        member = PurePosixPath(handed.member.rstrip("/")).with_name(METADATA)
        with zipfile.ZipFile(handed.path) as archive, archive.open(str(member)) as packed:
            return parse(
                packed.read(LARGEST).decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
            )
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, NotImplementedError):
        return {}


def parse(lines: Iterable[str]) -> Metadata:
    """Names, addresses and times from the text; the first of each submission's own level."""
    return {
        name: (at, tuple(member for member in members if member))
        for name, at, members in _submissions(lines)
    }


def _submissions(lines: Iterable[str]) -> Iterator[tuple[str, str, list[dict[str, str]]]]:
    name, at, section = "", "", ""
    members: list[dict[str, str]] = []
    for line in lines:
        if head := _HEAD.fullmatch(line):
            if name:
                yield name, at, members
            name, at, section, members = head["name"], "", "", []
        elif found := _SECTION.fullmatch(line):
            section = found["key"]
            if section == "created_at" and found["value"]:
                at = scalar(found["value"])
        elif section == "submitters" and (fact := _FACT.fullmatch(line)):
            if fact["first"] == "- ":
                members.append({})
            if members and fact["value"]:
                members[-1][_KINDS[fact["key"]]] = scalar(fact["value"])
    if name:
        yield name, at, members


def scalar(text: str) -> str:
    """A value on one line: plain, or in either kind of quotes.

    Examples
    --------
    >>> scalar("'O''Neil'")
    "O'Neil"
    """
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _ESCAPE.sub(_unescaped, text[1:-1])
    return text


def _unescaped(found: re.Match[str]) -> str:
    sign = found[1]
    if len(sign) > 1:
        code = int(sign[1:], 16)
        # Half of a pair is no character either.
        return storable(chr(code)) if code <= sys.maxunicode else "\ufffd"
    return _ESCAPES.get(sign, sign)

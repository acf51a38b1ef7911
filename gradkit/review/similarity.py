"""Find students with similar code by winnowing over normalised tokens.

Comments, layout and the student's own names are left out of the tokens. Names of libraries,
keywords, numbers and texts stay, since a copy must have them too. A fingerprint is the hash of a
run of tokens; of each window of consecutive runs the smallest hash is kept. Fingerprints of code
that was handed out, or that is in many submissions, say nothing about a copy and are left out.

References
----------
Schleimer, Wilkerson and Aiken, Winnowing: Local Algorithms for Document Fingerprinting, 2003.
"""

from __future__ import annotations

import hashlib
import io
import keyword
import math
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from msgspec import Struct

from gradkit.classroom.store.results import Store, settings_of
from gradkit.errors import GradkitError
from gradkit.records.classroom import Kept
from gradkit.records.submission import Cell

RUN = 12
"""Number of tokens of a fingerprint."""

WINDOW = 6
"""Number of consecutive runs of which one fingerprint is kept."""

COMMON = 0.3
"""Share of the class from which on a fingerprint is common, and is left out."""

MIN_CLASS = 8
"""Smallest class in which common fingerprints are left out."""

MIN_SHARED = 12
"""Smallest number of shared fingerprints of a pair that is listed."""

THRESHOLD = 0.5
"""Smallest similarity of a pair that is listed."""

MAX_PAIRS = 200
"""Largest number of pairs that are listed, the most similar first."""

_SKIPPED = (
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENDMARKER, tokenize.ENCODING),
)
"""Tokens that a copy can easily change."""

_WORD = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|\S")

OWN = "own name"
"""Token in place of every name that the submission itself defines."""


class Pair(Struct, frozen=True):
    """Two students with similar code.

    ``similarity`` is the weight of the shared fingerprints as a share of the weight of all
    fingerprints of the smaller submission; rare fingerprints weigh more.
    """

    left: str
    right: str
    similarity: float
    shared: int


class Similar(Struct, frozen=True):
    """The pairs of students of a class with similar code, the most similar first.

    ``unreadable`` are students whose code cannot be read, each with the reason.
    """

    pairs: tuple[Pair, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()

    def partners(self) -> dict[str, list[tuple[str, Pair]]]:
        """Map each student to the students with similar code, each with the pair of both."""
        found: dict[str, list[tuple[str, Pair]]] = {}
        for pair in self.pairs:
            found.setdefault(pair.left, []).append((pair.right, pair))
            found.setdefault(pair.right, []).append((pair.left, pair))
        return found


def tokens_of(source: str) -> list[str]:
    """Return the tokens of Python code, for comparison with other code.

    Every name that the code itself defines becomes the same token, so that renaming changes
    nothing. Comments, docstrings and parentheses are left out. Code that is not valid Python is
    divided into words and signs.
    """
    try:
        found = [
            (token.type, token.string)
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type not in _SKIPPED
        ]
    except (tokenize.TokenError, SyntaxError, ValueError):
        # What is not valid Python is compared by its words and signs.
        found = [(tokenize.OP, word) for word in _WORD.findall(source)]
    return [*_normalised(_without_docstrings(found))]


def _without_docstrings(found: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the tokens except texts in several lines, which are documentation in students' code."""
    for kind, text in found:
        if not (kind == tokenize.STRING and text.lstrip("rRbBuUfF").startswith(('"""', "'''"))):
            yield kind, text


def _normalised(found: Iterable[tuple[int, str]]) -> Iterator[str]:
    """Yield the texts of tokens, with `OWN` in place of each name that the same source defines.

    A token is a pair of its type and text, as from `tokenize`. Parentheses are left out, and the
    quotes of strings.
    """
    tokens = [*found]
    own = {*_defined(tokens)}
    for number, (kind, text) in enumerate(tokens):
        is_attribute = number and tokens[number - 1][1] == "."
        if kind == tokenize.NAME and text in own and not is_attribute:
            yield OWN
        elif kind == tokenize.STRING:
            yield text.strip("'\"")
        elif text not in ("(", ")"):
            # Parentheses around a whole expression change nothing, so a copy can add them.
            yield text


def _defined(tokens: Sequence[tuple[int, str]]) -> Iterator[str]:
    """Yield the names that a source assigns, loops over, or takes as arguments.

    ``tokens`` are pairs of type and text, as from `tokenize`. A name may be yielded several times.
    """
    depth = 0
    in_head = False
    for number, (kind, text) in enumerate(tokens):
        before = tokens[number - 1][1] if number else ""
        after = tokens[number + 1][1] if number + 1 < len(tokens) else ""
        depth += (text in "([{") - (text in ")]}") if text else 0
        if text in ("def", "lambda", "for"):
            in_head = True
        elif text in (":", "in") and depth == 0:
            in_head = False
        if kind != tokenize.NAME or keyword.iskeyword(text) or before == ".":
            continue
        is_target = after in ("=", ",", "+=", "-=", "*=", "/=", "@=") and depth == 0
        if in_head or before in ("def", "class", "as") or is_target:
            yield text


def fingerprints(tokens: Sequence[str]) -> set[bytes]:
    """Return hashes by which two sources with an equal run of tokens can be recognised.

    Each run of `RUN` tokens has a hash; of each `WINDOW` hashes in a row, the smallest is returned.
    A source with fewer tokens has none.
    """
    hashes = [
        hashlib.blake2b("\0".join(tokens[at : at + RUN]).encode(), digest_size=8).digest()
        for at in range(len(tokens) - RUN + 1)
    ]
    windows = (hashes[at : at + WINDOW] for at in range(max(len(hashes) - WINDOW + 1, 1)))
    return {min(window) for window in windows if window}


def source_of(cells: Iterable[Cell]) -> str:
    """Return all code of a submission as one text."""
    return "\n".join(cell.source for cell in cells)


def pairs(sources: Mapping[str, str], handed_out: Iterable[str] = ()) -> list[Pair]:
    """Return the pairs of students with similar code, the most similar first.

    Similarity is the share of common fingerprints in those of the student who has fewer; rare ones
    count more. At most `MAX_PAIRS` pairs of at least `THRESHOLD` similarity are returned.

    Parameters
    ----------
    sources : mapping of str to str
        Code of each student, by name.
    handed_out : iterable of str
        Code that all students were given; common fingerprints with it do not count.

    Examples
    --------
    >>> [pair.left for pair in pairs({"ann": "x = 1", "ben": "x = 2"})]
    []
    """
    given = {print_ for text in handed_out for print_ in fingerprints(tokens_of(text))}
    prints = {name: fingerprints(tokens_of(text)) - given for name, text in sources.items()}
    counts = Counter(print_ for own in prints.values() for print_ in own)
    most = len(prints) * COMMON if len(prints) >= MIN_CLASS else len(prints)
    rare = {name: {p for p in own if counts[p] <= max(most, 2)} for name, own in prints.items()}
    weights = {p: math.log((len(prints) + 1) / count) for p, count in counts.items()}
    totals = {name: sum(map(weights.__getitem__, own)) for name, own in rare.items()}
    holders: dict[bytes, list[str]] = {}
    for name, own in rare.items():
        for print_ in own:
            holders.setdefault(print_, []).append(name)
    shared: dict[tuple[str, str], list[bytes]] = {}
    for print_, names in holders.items():
        for pair in combinations(names, 2):
            shared.setdefault(pair, []).append(print_)
    found = []
    for (left, right), common in shared.items():
        smaller = min(totals[left], totals[right])
        similarity = sum(map(weights.__getitem__, common)) / smaller if smaller else 0.0
        if len(common) >= MIN_SHARED and similarity >= THRESHOLD:
            found.append(Pair(left, right, similarity, len(common)))
    return sorted(found, key=lambda pair: (-pair.similarity, pair.left, pair.right))[:MAX_PAIRS]


def handed_out(store: Store) -> list[str]:
    """Return the texts of the starter files of the class's assignment.

    The list is empty if the assignment cannot be read. Without the model solutions, starter files
    of its own functions are left out.
    """
    from gradkit.authoring.new.functions import starters
    from gradkit.authoring.new.starter import starter
    from gradkit.task.assignment import find_reference, read_assignment

    try:
        settings = settings_of(store)
        assignment = read_assignment(settings.assignment)
        reference = find_reference(Path(assignment.path), settings.reference)
        functions = starters(assignment, reference) if reference else {}
    except GradkitError:
        # Then common fingerprints alone are left out.
        return []
    return [*(starter(task) for task in assignment.tasks), *functions.values()]


def similar_submissions(
    submissions: Iterable[tuple[Kept, tuple[Cell, ...], str]], given: Iterable[str] = ()
) -> Similar:
    """Compare the code of all students of a class, and return the pairs with similar code.

    Members of a group, who have submitted the same files together, are no pair.

    Parameters
    ----------
    submissions : iterable of (Kept, cells, str)
        The counting attempt of each student, its cells, and the reason why its files cannot be
        read, or an empty text.
    given : iterable of str
        Code that was handed out.
    """
    sources, unreadable, digests = {}, [], {}
    for kept, cells, problem in submissions:
        if problem and kept.digest:
            unreadable.append((kept.name, problem))
        elif cells:
            sources[kept.name] = source_of(cells)
            digests[kept.name] = (kept.digest, kept.sender.original)
    found = (pair for pair in pairs(sources, given) if digests[pair.left] != digests[pair.right])
    return Similar(tuple(found), tuple(unreadable))

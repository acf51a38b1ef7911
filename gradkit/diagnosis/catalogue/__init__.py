"""Load the catalogue: one entry for each kind of mistake that a finding or a remark can name.

An entry is a table ``[CODE]`` in one of the files of `TOPICS`. Mistakes of updates are named in
`gradkit.diagnosis.formulas`. Those of forward passes and training runs have a prediction in
`gradkit.diagnosis.mistakes`, by the same code: ``forward.CHANGES``, ``training.CHANGES``. An entry
of ``functions.toml`` is a kind of change of a text, made in `gradkit.runtime.repair` and
`gradkit.diagnosis.repair`.

=============  =====================================================================================
``title``      The heading in the report; no sentence.
``sentence``   The mistake, with the student's own names in ``{entries}``, ``{function}`` …
``where``      Hint of level 1: where to look, without a name for the mistake.
``hint``       Hint of level 2: what to think about.
``found``      Hint of level 3: what the student's code does.
``answer``     Hint of level 4: what is right.
``price``      A table of ``prices.toml``.
``roles``      The roles that a student can make the mistake in.
``group``      A piece of code contains at most one mistake of a group.
``kinds``      Kinds of changes that may repair the mistake in a numpy net.
``text``       Markdown for the page, with a derivation.
``net``        A table of ``nets.toml``: the net of the example.
``wrong``      An example with the mistake, as Python code.
``right``      The same example without it.
``aliases``    Former codes: `gradkit explain`, ``[marking.deductions]`` and ``--drop`` take them.
=============  =====================================================================================

An entry of ``functions.toml`` needs only a title, a sentence, a hint and an example.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from gradkit.errors import GradkitError
from gradkit.records.task import Mistake, Preset

NETS_OF_TWO_LAYERS = ("forward", "update", "training", "figures")
"""The topics of mistakes whose predictions are executable."""

TOPICS = (*NETS_OF_TWO_LAYERS, "functions", "stops", "remarks")
"""The files with entries, in the order in which `gradkit explain` lists them."""

MEMORISED, NONDETERMINISTIC = "memorised-answers", "nondeterministic"
SEVERAL, FORBIDDEN, NUMERICAL = "several-files", "forbidden-import", "numerical-gradient"
OWN_FORWARD = "own-forward-gradient"
"""Remarks: the code may be right, and they cost nothing."""

CRASH, NO_RETURN = "crash", "missing-return"
"""Reasons why a function gives no result: Python or the text names them, not a prediction."""

FUNCTION_DEFAULTS: Mapping[str, Any] = {
    "roles": ["function"],
    "price": "slip",
    "where": "Look at `{function}`.",
}
"""Fields that an entry of ``functions.toml`` may leave out."""

LEVELS = ("where", "hint", "found", "answer")
"""Fields with hints, by level."""


class UnknownMistakeError(GradkitError):
    """The catalogue has no such code; the text lists similar codes."""


def mistake(code: str) -> Mistake:
    """Return the catalogue's entry of a code, also of a former code.

    Raises
    ------
    UnknownMistakeError
        The catalogue has no such code; the text lists similar codes.
    """
    found = catalogue().get(current_code(code))
    if found is not None:
        return found
    near = similar(code)
    known = f"similar mistakes are {', '.join(near)}" if near else "`gradkit explain` lists all"
    raise UnknownMistakeError(f"There is no mistake {code!r} in the catalogue; {known}.")


def current_code(code: str) -> str:
    """Return the current code for a former one; return every other text unchanged."""
    return _current_codes().get(code, code)


def all_codes(code: str) -> tuple[str, ...]:
    """Return the current code and all former codes of an entry, given by any of them."""
    current = current_code(code)
    return (current, *(old for old, new in _current_codes().items() if new == current))


@cache
def _current_codes() -> Mapping[str, str]:
    """Return the current code for each former code."""
    return {old: entry.code for entry in catalogue().values() for old in entry.aliases}


@cache
def catalogue() -> Mapping[str, Mistake]:
    """Return all entries by code, in the order of `TOPICS` and of their files."""
    nets = {name: str(each["text"]) for name, each in _table("nets").items()}
    return MappingProxyType(
        {
            code: _entry(code, topic, each, nets)
            for topic in TOPICS
            for code, each in _table(topic).items()
        }
    )


def _table(name: str) -> dict[str, Any]:
    """Return the content of ``NAME.toml`` in the folder of the catalogue."""
    import tomllib

    file = files("gradkit.diagnosis.catalogue") / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _entry(code: str, topic: str, table: Mapping[str, Any], nets: Mapping[str, str]) -> Mistake:
    """Return the catalogue entry (`Mistake`) for one table of a topic's file.

    ``topic`` is the file's name without ``.toml``. Fields that a table of the topic ``functions``
    lacks come from `FUNCTION_DEFAULTS`. ``nets`` has the Markdown text about each example net, by
    the net's name.
    """
    texts = {**FUNCTION_DEFAULTS, **table} if topic == "functions" else table
    wrong, right = (str(texts[name]).strip("\n") for name in ("wrong", "right"))
    return Mistake(
        code=code,
        topic=topic,
        title=texts["title"],
        sentence=texts["sentence"],
        hints=tuple(texts[level] for level in LEVELS if level in texts),
        about=tuple(texts["roles"]),
        group=texts.get("group", code),
        deduction=MappingProxyType(prices()[texts["price"]]),
        wrong=wrong,
        right=right,
        page=_page(texts, wrong, right, nets),
        kinds=tuple(texts.get("kinds", ())),
        aliases=tuple(texts.get("aliases", ())),
    )


def _page(texts: Mapping[str, Any], wrong: str, right: str, nets: Mapping[str, str]) -> str:
    """Return the Markdown text about an entry, without title and deduction.

    ``texts`` are the fields of the entry's table, ``wrong`` and ``right`` the code of its example,
    and ``nets`` the texts about example nets by name. The page is the field ``text``, or else the
    sentence and first hint; then the text of the example net, if the table names one; then both
    codes.
    """
    if "text" in texts:
        about = [texts["text"].strip()]
    else:
        sentence = texts["sentence"].replace("`{function}`", "a function")
        about = [sentence[:1].upper() + sentence[1:], texts["hint"]]
    if "net" in texts:
        about.append(f"Example: {nets[texts['net']].strip()}")
    for heading, code in (("Wrong", wrong), ("Right", right)):
        about.append(f"{heading}:\n\n```python\n{code}\n```")
    return "\n\n".join(about) + "\n"


@cache
def kinds() -> Mapping[str, Mistake]:
    """Return the entries of the topic ``functions``, by their current and former codes."""
    found = {
        name: entry
        for entry in catalogue().values()
        if entry.topic == "functions"
        for name in (entry.code, *entry.aliases)
    }
    return MappingProxyType(found)


@cache
def prices() -> Mapping[str, Mapping[Preset, float]]:
    """Return ``prices.toml``: for each name of a price, the share of a check's points by preset.

    An empty table means a share that depends on the results of the check: see
    `gradkit.grading.points`.
    """
    return MappingProxyType(_table("prices"))


@cache
def mistake_codes() -> tuple[str, ...]:
    """Return the codes of all entries but remarks, in the order of `catalogue`."""
    return tuple(each.code for each in catalogue().values() if each.topic != "remarks")


@cache
def net_mistakes() -> tuple[str, ...]:
    """Return the codes of mistakes in nets of two layers, in the order in which they are reported.

    The most basic mistake comes first.
    """
    return tuple(e.code for e in catalogue().values() if e.topic in NETS_OF_TWO_LAYERS)


@cache
def rank() -> Mapping[str, int]:
    """Return the place of each mistake of a net in the order of `net_mistakes`."""
    return MappingProxyType({code: place for place, code in enumerate(net_mistakes())})


def require_one_of(codes: Collection[str], code: str, subject: str) -> None:
    """Raise a ValueError unless ``code`` is one of the ``codes`` of a subject's mistakes.

    ``subject`` is a noun for the error's text, such as ``a training run``.

    Raises
    ------
    ValueError
        The text lists ``codes``.
    """
    if code not in codes:
        raise ValueError(f"{code!r} is not a mistake of {subject}; these are {', '.join(codes)}.")


def similar(code: str) -> tuple[str, ...]:
    """Return at most six known codes that are spelt like ``code`` or share a word with it.

    Case is ignored, ``_`` and spaces count as ``-``, and a word may have a typing error.
    """
    from difflib import get_close_matches

    normal = code.lower().replace("_", "-").replace(" ", "-")
    codes = mistake_codes()
    near = get_close_matches(normal, codes, n=4, cutoff=0.7)
    words = {word for known in codes for word in known.split("-")}
    similar_words = {
        match for word in normal.split("-") for match in get_close_matches(word, words, 1, 0.8)
    }
    near += [known for known in codes if similar_words & set(known.split("-"))]
    return tuple(dict.fromkeys(near))[:6]

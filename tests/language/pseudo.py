"""A language that marks every text of the catalogue, so that what is not in it stands out.

Each letter of a text gets a diacritic; what is put into its places keeps its own. A report in
this language has no plain word left but those that are no text of gradkit's.
"""

from __future__ import annotations

import importlib.util
import io
import json
import keyword
import re
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter, ascii_letters
from typing import Any
from xml.etree import ElementTree as ET

from gradkit.diagnosis.mistakes.catalogue import CODES, REMARKS
from gradkit.diagnosis.repair.kinds import kinds
from gradkit.records.result import Result
from gradkit.task.assignment import DEFAULT

ROOT = Path(__file__).resolve().parents[2]
CODE = "qps"
"""What languages that are made up are called."""

MARKED = str.maketrans(ascii_letters, "áƀçđéƒğħíĵķłṁñóṗɋřšŧúṽŵẋýžÁƁÇĐÉƑĞĦÍĴĶŁṀÑÓṖɊŘŠŦÚṼŴẊÝŽ")


def tool() -> Any:
    """The module that writes the catalogue."""
    spec = importlib.util.spec_from_file_location("catalogue", ROOT / ".ci" / "catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def marked(text: str) -> str:
    """The text with every letter marked that is not the name of a place."""
    parts = []
    for literal, place, _, _ in Formatter().parse(text):
        parts.append(literal.translate(MARKED).replace("{", "{{").replace("}", "}}"))
        parts += [] if place is None else ["{" + place + "}"]
    return "".join(parts)


def write(folder: Path) -> None:
    """Compile the language, as the one translation in a folder."""
    catalogue = tool()
    texts = catalogue.extracted()
    for message in texts:
        several = isinstance(message.id, tuple)
        if message.id:
            message.string = tuple(map(marked, message.id)) if several else marked(message.id)
    path = folder / CODE / "LC_MESSAGES" / "gradkit.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(catalogue.compiled(texts))


def plain_words(text: str, known: Iterable[str] = ()) -> set[str]:
    """Words of at least two plain letters, where what is known stands for itself."""
    text = " ".join(text.split())  # a line may be broken within a name of several words
    for name in sorted(known, key=len, reverse=True):
        if name in text:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", " ", text)
    return set(re.findall("[A-Za-z]{2,}", text))


def names_in(source: str) -> set[str]:
    """The names in a Python source."""
    readable = io.StringIO(source).readline
    try:
        tokens = [each.string for each in tokenize.generate_tokens(readable) if each.type == 1]
    except (tokenize.TokenError, SyntaxError):
        tokens = []
    return {each for each in tokens if not keyword.iskeyword(each)}


def names_of_gradkit() -> set[str]:
    """Codes, and what the assignment itself calls things: no texts."""
    table = tomllib.loads(DEFAULT.read_text(encoding="utf-8"))
    names = {*CODES, *kinds(), *REMARKS, table["title"], table["id"], *table["roles"]}
    names |= {role["signature"] for role in table["roles"].values()}
    for task in table["tasks"]:
        names |= {task["id"], task["title"], *task["checks"]}
        names |= set(task["starts"])
    return names | {"gradkit", "numpy", "torch", "y_hat", "W1", "W2", "loss", *ACTIVATIONS}


ACTIVATIONS = ("sigmoid", "tanh", "relu", "linear", "act")


class Read(HTMLParser):
    """What a reader gets of a page: text outside of code, and attributes that are read out."""

    ASIDE = ("style", "script", "code", "math", "pre")
    SAID = ("aria-label", "alt", "title", "data-all", "data-some", "data-ascending")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._aside = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Enter an element."""
        self._aside += tag in self.ASIDE
        self.parts += [value or "" for name, value in attrs if name in self.SAID]

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        self._aside -= tag in self.ASIDE

    def handle_data(self, data: str) -> None:
        """Take text that is no code."""
        if not self._aside:
            self.parts.append(data)


def read_html(text: str) -> str:
    """The texts of a page, one a line; a name that may be broken within is one."""
    return "\n".join(Read(text.replace("<wbr>", "")).parts)


def read_json(text: str) -> str:
    """The texts of a platform's JSON that people read."""
    return "\n".join(_read_values(json.loads(text)))


def _read_values(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inside in value.items():
            yield from _read_values(inside, name)
    elif isinstance(value, list):
        for inside in value:
            yield from _read_values(inside, key)
    elif isinstance(value, str) and key in ("message", "output", "description", "format_errors"):
        yield value


def read_junit(text: str) -> str:
    """The texts of JUnit XML."""
    root = ET.fromstring(text)  # noqa: S314 -- gradkit's own
    return "\n".join(f"{each.get('message', '')}\n{each.text or ''}" for each in root.iter())


def read_github(text: str) -> str:
    """A log with its annotations; their commands' own words are none."""
    text = text.replace("%0A", " ")
    return re.sub(
        r"^::(?:error|warning|notice) [^:]*?title=|file=|line=|col=|endColumn=",
        "",
        text,
        flags=re.M,
    )


def without_quotes(text: str, result: Result) -> str:
    """The text less what it quotes of the submission: lines of code, places, names."""
    quoted = [result.submission, result.path]
    quoted += [problem.place.file for problem in result.problems if problem.place]
    for task in result.tasks:
        quoted += [finding.source for finding in task.findings]
        quoted += [line.strip() for each in task.findings for line in each.fix.split("\n")]
        quoted += [finding.place.file for finding in task.findings if finding.place]
        quoted += [check.place.file for check in task.checks if check.place]
    for quote in sorted(filter(None, quoted), key=len, reverse=True):
        text = text.replace(quote, "")
    return text


def literals(template: str) -> list[str]:
    """What stands between the places of a template."""
    return [literal for literal, _, _, _ in Formatter().parse(template)]

"""Which tasks a heading or a file name speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from gradkit.records.task import Task

FRAMEWORK_WORDS = {
    "numpy": ("numpy", "np", "scratch", "manual", "manually", "by hand"),
    # Keras is here because its section stands where the torch one should.
    "torch": ("torch", "pytorch", "keras", "tensorflow"),
}

_SPLIT = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_STEM = 6
_ALIKE = 0.88


class Claims:
    """Reads texts against the words of a set of tasks.

    Words that all tasks share say nothing. Next to ``Task.words`` count the columns and
    the loss, as far as they tell tasks apart.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.all = frozenset(task.id for task in tasks)
        topics: dict[tuple[str, ...], set[str]] = {}
        for task in tasks:
            for word in (*task.words, *task.columns, task.loss):
                topics.setdefault(words_of(word.lower()), set()).add(task.id)
        self._topics = [
            (phrase, frozenset(ids)) for phrase, ids in topics.items() if phrase and ids != self.all
        ]
        # Every cell below a heading asks again.
        self._topic: dict[str, frozenset[str] | None] = {}
        self._framework: dict[str, frozenset[str] | None] = {}
        self._frameworks = [
            (words_of(word), frozenset(task.id for task in tasks if task.framework == framework))
            for framework, listed in FRAMEWORK_WORDS.items()
            for word in listed
        ]

    def topic(self, text: str) -> frozenset[str] | None:
        """Return the tasks of the subject that a text names, or None where it names none."""
        if text not in self._topic:
            self._topic[text] = self._read(text, self._topics)
        return self._topic[text]

    def framework(self, text: str) -> frozenset[str] | None:
        """Return the tasks of the framework that a text names, or None where it names none."""
        if text not in self._framework:
            self._framework[text] = self._read(text, self._frameworks)
        return self._framework[text]

    def _read(
        self, text: str, phrases: Iterable[tuple[tuple[str, ...], frozenset[str]]]
    ) -> frozenset[str] | None:
        """Unite what each phrase means.

        A longer phrase uses up its words: "logistic regression" may mean classification,
        and does not mean regression then.
        """
        words = list(words_of(text))
        found: frozenset[str] = frozenset()
        for phrase, ids in sorted(phrases, key=lambda item: -len(item[0])):
            size = len(phrase)
            for i in range(len(words) - size + 1):
                if all(_same(*pair) for pair in zip(words[i : i + size], phrase, strict=True)):
                    found |= ids
                    if size > 1:
                        words[i : i + size] = [""] * size
        return found if found and found != self.all else None


def words_of(text: str) -> tuple[str, ...]:
    """Return the words in lower case; ``CamelCase`` counts whole and in its parts."""
    words: list[str] = []
    for word in _SPLIT.findall(text):
        parts = _CAMEL.split(word)
        words += [part.lower() for part in ([word, *parts] if len(parts) > 1 else parts)]
    return tuple(words)


@lru_cache(maxsize=4096)
def _same(word: str, wanted: str) -> bool:
    """Whether a word is the wanted one, another form of it, or a misspelling."""
    if word == wanted:
        return True
    if min(len(word), len(wanted)) < _STEM or word[0] != wanted[0]:
        return False
    return word[:_STEM] == wanted[:_STEM] or (SequenceMatcher(None, word, wanted).ratio() >= _ALIKE)

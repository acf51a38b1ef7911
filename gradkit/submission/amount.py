"""How much code a submission may have: what is read here can be worked through, and be sent.

A syntax tree takes some hundred times its text, and there is more to do with each statement than
to parse it. So text is measured before it is parsed. Honest submissions are a hundred times
smaller than these limits; their data and outputs are not code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gradkit.language import say
from gradkit.submission.files import SCRIPT_BYTES, SubmissionError, shown

CODE = SCRIPT_BYTES
"""Characters of code in all scripts and code cells of a submission together."""

WORDS = 50_000
"""Words, numbers and signs of code in all of them."""

_WORD = re.compile(r"\w+|[^\w\s]")


class MuchCodeError(SubmissionError):
    """The files of a submission are fine one by one, and too much together."""


class Amount:
    """The code that has been read of a submission so far.

    Parameters
    ----------
    name : str
        What the submission is called.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._code = self._words = 0

    def add(self, label: str, texts: Iterable[str]) -> None:
        """Count the code of one more file, ``label``.

        Raises
        ------
        SubmissionError
            It is too much by itself. Nothing has been added then.
        MuchCodeError
            It is too much with what there was before.
        """
        code = words = 0
        for text in texts:
            code += len(text)
            refuse_if(label, code, words, SubmissionError)
            words += sum(1 for _ in _WORD.finditer(text))
            refuse_if(label, code, words, SubmissionError)
        self._code += code
        self._words += words
        refuse_if(self._name, self._code, self._words, MuchCodeError)


def refuse_if(label: str, code: int, words: int, kind: type[SubmissionError]) -> None:
    """Raise an error of this ``kind`` if this is more code than is read."""
    if code <= CODE and words <= WORDS:
        return
    raise kind(
        say(
            "{label} holds more code than an exercise can need: at most {size} kB in all, and "
            "{words} words and signs, are read. Hand in the exercise alone, without data in it.",
            label=shown(label),
            size=f"{CODE / 1e3:.0f}",
            words=WORDS,
        )
    )

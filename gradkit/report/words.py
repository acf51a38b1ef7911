"""Code words of results as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from gradkit.language import phrase, say

WORDS: Mapping[str, str] = {
    # States of a check, and the kinds that a class page counts them in.
    "pass": phrase("pass"),
    "fail": phrase("fail"),
    "error": phrase("error"),
    "timeout": phrase("timeout"),
    "missing": phrase("missing"),
    "blocked": phrase("blocked"),
    "inconclusive": phrase("inconclusive"),
    "not-checked": phrase("not-checked"),
    "absent": phrase("absent"),
    "open": phrase("open"),
    # What became of a submission.
    "graded": phrase("graded"),
    "refused": phrase("refused"),
    "failed": phrase("failed"),
    # What is said in place of a platform.
    "file names alone": phrase("file names alone"),
    # What scores are counted in.
    "points": phrase("points"),
    "percent": phrase("percent"),
}


def word(code: str) -> str:
    """A code word in the reader's language; one that is not known as it is."""
    return say(WORDS[code]) if code in WORDS else code

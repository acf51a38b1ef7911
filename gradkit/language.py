"""What gradkit says, in the reader's language.

English texts are the keys of a GNU gettext catalogue, ``locale/LANGUAGE/LC_MESSAGES/gradkit.mo``.
``GRADKIT_LANGUAGE`` names the language, as ``de`` or ``pt_BR``. Whatever is wrong with a
catalogue, or with one text in it, is said in English: no grading fails for it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

DOMAIN, VARIABLE, ENGLISH = "gradkit", "GRADKIT_LANGUAGE", "en"
FOLDER = Path(__file__).with_name("locale")
"""Where catalogues are."""


def say(text: str, /, **places: object) -> str:
    """A text in the reader's language, with its places filled.

    Parameters
    ----------
    text : str
        In English, a template of `str.format` with plain names as places.
    **places
        What stands in them.

    Examples
    --------
    >>> say("{file} is empty.", file="a.py")
    'a.py is empty.'
    """
    catalogue = _catalogue(os.environ.get(VARIABLE, ""))
    if catalogue is not None and text:
        text = _fitting(catalogue.gettext(text), (text,)) or text
    return text.format_map(places)


def say_each(one: str, many: str, count: int, /, **places: object) -> str:
    """The same of a number of things, which stands in the place ``count``.

    Examples
    --------
    >>> say_each("one row", "{count} rows", 3)
    '3 rows'
    """
    text = one if count == 1 else many
    catalogue = _catalogue(os.environ.get(VARIABLE, ""))
    if catalogue is not None:
        # A catalogue's own rule for plurals may be anything.
        with suppress(Exception):
            text = _fitting(catalogue.ngettext(one, many, count), (many, one)) or text
    return text.format_map({**places, "count": count})


def phrase(text: str) -> str:
    """The text as it is: marks one for the catalogue that is said elsewhere."""
    return text


def language() -> str:
    """The language that is spoken, as HTML writes it: ``de``, ``pt-BR``."""
    code = os.environ.get(VARIABLE, "")
    return ENGLISH if _catalogue(code) is None else code.partition(".")[0].replace("_", "-")


@cache
def _catalogue(code: str) -> NullTranslations | None:
    """The catalogue of a language; None for English, and where there is none that can be read."""
    if not code:
        return None
    # Late: most readers want English.
    from gettext import translation

    try:
        return translation(DOMAIN, FOLDER, [code])
    except Exception:  # what is raised on a damaged file has no common base
        return None


@cache
def _fitting(translation: str, texts: tuple[str, ...]) -> str:
    """The translation, if it has the places of one of the texts; else nothing."""
    fits = any(_places(translation) == _places(text) for text in texts)
    return translation if fits and translation else ""


def _places(text: str) -> frozenset[tuple[str | None, ...]] | None:
    """Names of the places, with what is to be done to each; None where it is no template."""
    try:
        parts = [tuple(place) for _, *place in Formatter().parse(text)]
    except ValueError:
        return None
    return frozenset(place for place in parts if place[0] is not None)

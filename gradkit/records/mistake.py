"""A mistake of the catalogue, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

About = Literal["forward", "update", "model", "train"]
Preset = Literal["default", "strict", "lenient"]


@dataclass(frozen=True, slots=True)
class Mistake:
    """What there is to say about one kind of mistake.

    ``sentence`` and ``hints`` (levels 1 to 4) have places such as ``{entries}`` for the
    student's own names. ``about`` are the roles it can be made in. Of one ``group`` a
    piece of code contains at most one; mistakes of different groups combine.
    ``deduction`` gives, per preset, the share of the check's points that it costs once;
    it is empty where it costs the share of the parameters concerned. ``page`` is
    Markdown: what it is, a derivation, a wrong and a right example on another net.
    """

    code: str
    title: str
    sentence: str
    hints: tuple[str, str, str, str]
    about: tuple[About, ...]
    group: str
    deduction: Mapping[Preset, float]
    page: str

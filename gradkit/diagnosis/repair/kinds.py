"""The kinds of changes that make code right, read from ``kinds.toml`` when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from gradkit.records.mistake import Mistake


@cache
def kinds() -> Mapping[str, Mistake]:
    """Return the kinds of changes by code, with what there is to say about each."""
    import tomllib

    folder = files("gradkit.diagnosis.repair")
    page, rows = ((folder / n).read_text(encoding="utf-8") for n in ("kind.md", "kinds.toml"))
    known = tomllib.loads(rows)
    return MappingProxyType({code: _kind(code, each, page) for code, each in known.items()})


def _kind(code: str, texts: Mapping[str, str], page: str) -> Mistake:
    sentence = texts["sentence"].replace("`{function}`", "a function")
    return Mistake(
        code,
        texts["title"],
        texts["sentence"],
        ("", texts["hint"], "", ""),
        ("function",),
        code,
        MappingProxyType({}),
        page.format_map({**texts, "sentence": sentence}),
    )

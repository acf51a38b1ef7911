"""The kinds of changes that make code right, read from ``kinds.toml`` when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from gradkit.records.mistake import Mistake

PAGE = """\
{sentence}

{hint}

Wrong:

```python
{wrong}
```

Right:

```python
{right}
```
"""
"""The page of a kind."""


@cache
def kinds() -> Mapping[str, Mistake]:
    """Return the kinds of changes by code, with what there is to say about each."""
    import tomllib

    text = (files("gradkit.diagnosis.repair") / "kinds.toml").read_text(encoding="utf-8")
    return MappingProxyType({code: _kind(code, each) for code, each in tomllib.loads(text).items()})


def _kind(code: str, texts: Mapping[str, str]) -> Mistake:
    sentence = texts["sentence"].replace("`{function}`", "a function")
    return Mistake(
        code,
        texts["title"],
        texts["sentence"],
        ("", texts["hint"], "", ""),
        ("function",),
        code,
        MappingProxyType({}),
        PAGE.format_map({**texts, "sentence": sentence}),
    )

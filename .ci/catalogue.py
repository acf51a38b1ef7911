"""Write ``gradkit/locale/gradkit.pot`` anew, bring translations up to it and compile them.

Run ``python .ci/catalogue.py`` after a change of texts. The texts are those of modules, of
templates, of the catalogue of mistakes and of the kinds of changes. Entries carry no line
numbers, so that code that moves leaves the catalogue as it is.
"""

from __future__ import annotations

import ast
import io
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "gradkit" / "locale"
POT = LOCALE / "gradkit.pot"
PAGES = ROOT / "gradkit" / "diagnosis" / "mistakes" / "pages"
KINDS = ROOT / "gradkit" / "diagnosis" / "repair" / "kinds.toml"
SAID = {"say": None, "say_each": (1, 2), "phrase": None}
"""Functions that take a text, as Babel has it: which of their arguments."""

HEADER = """\
# Texts of gradkit.
# Written by .ci/catalogue.py: change the texts where they are said.
#"""

LEFT_OUT = tuple(
    f'"{name}: '
    for name in (
        "Project-Id-Version",
        "Report-Msgid-Bugs-To",
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Last-Translator",
        "Language-Team",
        "Generated-By",
    )
)
"""Headings of a catalogue that nobody reads here."""

Text = str | tuple[str, ...]


def extracted() -> Catalog:
    """Every text that is said, with the files that say it."""
    catalog = Catalog(
        project="gradkit", version="1", domain="gradkit", header_comment=HEADER, fuzzy=False
    )
    for file, text in (*_of_code(), *_of_pages()):
        catalog.add(text, locations=[(file, 1)])
    return catalog


def _of_code() -> Iterator[tuple[str, Text]]:
    for path in sorted((ROOT / "gradkit").rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in (".html", ".md", ".txt") and path.parent.name == "templates":
            options = {"trim_blocks": "true"}
            for _, text, _, _ in extract_from_file("jinja2", path, SAID, options=options):
                yield name, text
        elif path.suffix == ".py":
            for text in _said(path.read_text(encoding="utf-8")):
                yield name, text


def _said(source: str) -> Iterator[Text]:
    """Texts that a module says, in order. Babel would pass over a call within another's."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        if isinstance(call.func, ast.Name) and call.func.id in SAID:
            texts = call.args[: len(SAID[call.func.id] or (1,))]
            found = [each.value for each in texts if isinstance(each, ast.Constant)]
            if len(found) == len(texts):
                yield tuple(found) if len(found) > 1 else found[0]


def _of_pages() -> Iterator[tuple[str, Text]]:
    for path in sorted(PAGES.glob("*.md")):
        table = tomllib.loads(path.read_text(encoding="utf-8").split("+++\n", 2)[1])
        for text in (table["title"], table["sentence"], *table["hints"]):
            yield path.relative_to(ROOT).as_posix(), text
    for kind in tomllib.loads(KINDS.read_text(encoding="utf-8")).values():
        for text in (kind["title"], kind["sentence"], kind["hint"]):
            yield KINDS.relative_to(ROOT).as_posix(), text


def written(catalog: Catalog) -> str:
    """A catalogue as the text of its file, the same for the same texts."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=100, include_lineno=False, ignore_obsolete=True)
    # Dates, versions and addresses would make files differ that say the same.
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(LEFT_OUT))


def translations() -> list[Path]:
    """The ``.po`` files, one for each language."""
    return sorted(LOCALE.glob("*/LC_MESSAGES/gradkit.po"))


def translated(path: Path, texts: Catalog) -> Catalog:
    """A translation brought up to the texts; nothing in it is guessed from similar ones."""
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parents[1].name, domain="gradkit")
    catalog.update(texts, no_fuzzy_matching=True)
    catalog.fuzzy = False
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """The ``.mo`` file that the standard library reads."""
    # The same for the same texts, whenever it is written.
    catalog.creation_date = catalog.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def main() -> None:
    """Write all files."""
    texts = extracted()
    POT.write_text(written(texts), encoding="utf-8")
    print(f"{len(texts)} texts")
    for path in translations():
        catalog = translated(path, texts)
        path.write_text(written(catalog), encoding="utf-8")
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        said = sum(bool(message.id and message.string) for message in catalog)
        print(f"{path.parents[1].name}: {said} of them translated")


if __name__ == "__main__":
    main()

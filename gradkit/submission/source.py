"""Decode, measure and repair source text, and parse it.

Magics are blanked, and stray indents are removed. A syntax tree takes some hundred times the memory
of its text, so text is measured before it is parsed. Real submissions are a hundred times smaller
than the limits; their data and outputs are not code. Repairs keep the number of lines, so that line
numbers are those of the student's file.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from gradkit.runtime import syntax
from gradkit.submission.files import SCRIPT_BYTES, SubmissionError, refusal_text, shown
from gradkit.text import format_text

# Codecs that are no plain text encodings, or that take quadratic time on hostile input.
_ENCODINGS = re.compile(r"utf-(8|16|32)|ascii|iso8859|latin|cp\d|mac|koi8|gb|big5|shift_jis|euc")

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_TOKENS = re.compile(r"""'''|\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|\#.*|[()\[\]{}]|\\.""")
_INSIDE = re.compile(r"""\\.|'''|\"\"\"""")
"""Tokens inside a multi-line string: escaped characters, and triple quotes that may end it."""

_MAGIC = re.compile(
    r"\s*(?:%|!|\?)"  # %matplotlib inline, !pip install, ?help
    r"|[\w.,\s]+=\s*(?:%\w|!)"  # files = !ls
    r"|\s*[\w.]+\?{1,2}\s*$"  # np.dot?
)
_LONGEST_MAGIC = 500
"""Number of characters of a line that are searched for a magic."""

_PYTHON_CELLS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "python3"})
"""Cell magics whose cell contains Python."""

_REPAIRS = 25
"""Largest number of repairs of one source."""


class Parsed(Struct, frozen=True):
    """Source after repair. ``tree`` is None if it is still not valid Python.

    ``line``, ``column`` (from 1, 0 if unknown) and ``reason`` then describe the error.
    ``dedented`` are the lines at which a stray indent was removed.
    """

    source: str
    tree: ast.Module | None
    line: int = 1
    reason: str = ""
    column: int = 0
    dedented: tuple[int, ...] = ()


def decode(data: bytes) -> tuple[str, str | None]:
    r"""Decode a text file; newlines become ``\n``.

    A byte order mark decides, then a coding line (PEP 263), then UTF-8.

    Returns
    -------
    text : str
    complaint : str or None
        What was wrong, if the text was read as Latin-1 because its own encoding failed.
    """
    encoding, complaint = "utf-8", None
    for mark, name in _MARKS:
        if data.startswith(mark):
            encoding = name
            break
    else:
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data[:4096]).readline)
            encoding = codecs.lookup(encoding).name
        except (SyntaxError, LookupError, ValueError):
            complaint = "names an encoding that is not known, or is not UTF-8"
            encoding = "latin-1"
        if not _ENCODINGS.match(encoding):
            complaint = format_text(
                "names the encoding {encoding}, which is not read", encoding=encoding
            )
            encoding = "latin-1"
    try:
        text = data.decode(encoding)
    except ValueError:
        complaint = "is not valid " + encoding.removesuffix("-sig").upper()
        text = data.decode("latin-1")
    return unify(text), complaint


def newline_of(data: bytes) -> str:
    r"""Return the line ending of most lines of a text file: ``\n`` or ``\r\n``."""
    plain = data.replace(b"\0", b"")  # UTF-16 has zeros between
    return "\r\n" if 2 * plain.count(b"\r\n") > plain.count(b"\n") else "\n"


def starts_with_mark(data: bytes) -> bool:
    """Return whether a text file starts with a byte order mark."""
    return any(data.startswith(mark) for mark, _ in _MARKS)


def unify(text: str) -> str:
    r"""Give every line the ending ``\n``, and replace characters that cannot be encoded."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode("utf-8")


def parse(source: str) -> Parsed:
    """Parse source as a notebook would run it, with repairs if it does not parse.

    Magics and shell lines are blanked (``pass`` inside a block). Stray indents at top level are
    removed if the source then parses.
    """
    result = _attempt(source)
    if result.tree is None:
        result = _attempt(blank_magics(source))
    return result if result.tree is not None else _dedent(result)


def statements(source: str) -> list[ast.stmt]:
    """Return the top-level statements of a source; none if it is not valid Python."""
    tree = parse(source).tree
    return [] if tree is None else tree.body


def opening(source: str) -> str:
    """Return the comments and strings of a source before its first statement."""
    plain = (
        node
        for node in statements(source)
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    )
    first = next((syntax.first_line(node) for node in plain), None)
    return "\n".join(source.split("\n")[: first and first - 1])


def blank_magics(source: str) -> str:
    """Blank magics and shell lines, and whole cells of another language."""
    lines = source.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        words = lines[first][2:].split(maxsplit=1)
        if not words or words[0] not in _PYTHON_CELLS:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    for start in logical_starts(lines):
        line = lines[start]
        if _MAGIC.match(line[:_LONGEST_MAGIC]):
            indent = line[: len(line) - len(line.lstrip())]
            end = start
            while lines[end].endswith("\\") and end + 1 < len(lines):
                lines[end] = ""
                end += 1
            lines[end] = f"{indent}pass" if indent else ""
    return "\n".join(lines)


def logical_starts(lines: list[str]) -> Iterator[int]:
    """Yield the indices of lines that do not continue the line before.

    A line is read after its index was yielded, so the caller may blank a magic first: the brackets
    and quotes of a magic must not count.
    """
    depth, quote, continued = 0, "", False
    for i in range(len(lines)):
        if not depth and not quote and not continued:
            yield i
        line, position = lines[i], 0
        while token := (_INSIDE if quote else _TOKENS).search(line, position):
            text, position = token.group(), token.end()
            if quote:
                quote = "" if text == quote else quote
            elif text in ("'''", '"""'):
                quote = text
            elif text in "([{":
                depth += 1
            elif text in ")]}":
                depth = max(0, depth - 1)
        continued = not quote and line.endswith("\\") and not line.lstrip().startswith("#")


def _attempt(source: str) -> Parsed:
    """Parse source without any repair."""
    try:
        return Parsed(source, syntax.parse(source))
    except SyntaxError as error:
        line = min(max(error.lineno or 1, 1), source.count("\n") + 1)
        return Parsed(source, None, line, error.msg, error.offset or 0)
    except (ValueError, RecursionError, MemoryError):
        reason = "it holds a null character" if "\0" in source else "it is nested too deeply"
        return Parsed(source, None, 1, reason)


def _dedent(broken: Parsed) -> Parsed:
    """Remove stray indents at top level if the source then parses; else return it unchanged."""
    result, dedented = broken, list[int]()
    for _ in range(_REPAIRS):
        if result.reason != "unexpected indent":
            return broken
        lines = result.source.split("\n")
        first = result.line - 1
        before = next((line for line in reversed(lines[:first]) if line.strip()), "")
        indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
        if before[:1].isspace() or not indent:
            return broken
        last = first
        while last < len(lines) and (lines[last].startswith(indent) or not lines[last].strip()):
            lines[last] = lines[last].removeprefix(indent)
            last += 1
        dedented.append(first + 1)
        result = _attempt("\n".join(lines))
        if result.tree is not None:
            return Parsed(result.source, result.tree, dedented=tuple(dedented))
    return broken


_GOES_ON = re.compile(r"\s|#|$|[)\]}]|(?:elif|else|except|finally)\b")
"""The beginning of a line that cannot begin a top-level statement."""

_OPENED = re.compile(r"on line (\d+)$")
"""The end of Python's message on a missing block: the line of the statement that needs it."""


class Broken(Struct, frozen=True):
    """The lines of a top-level statement that is not valid Python; the first is line ``start``.

    ``wrong`` describes the error.
    """

    start: int
    source: str
    wrong: Parsed


def salvage(wrong: Parsed) -> tuple[Parsed, tuple[Broken, ...]]:
    """Blank the top-level statements that are not valid Python, so that the rest can be used.

    If no statement is left, or the rest does not parse either, the whole source counts as broken.
    """
    lines = wrong.source.split("\n")
    found: list[Broken] = []
    attempt = wrong
    for _ in range(_REPAIRS):
        start, end = _statement_at(lines, attempt)
        found.append(Broken(start + 1, "\n".join(lines[start:end]), attempt))
        lines[start:end] = [""] * (end - start)
        attempt = _attempt("\n".join(lines))
        if attempt.tree is not None:
            break
    if attempt.tree is not None and attempt.tree.body:
        return attempt, tuple(found)
    return wrong, (Broken(1, wrong.source, wrong),)


def _statement_at(lines: list[str], wrong: Parsed) -> tuple[int, int]:
    """Return the lines, from 0, of the top-level statement that contains a syntax error."""
    opened = _OPENED.search(wrong.reason)
    start = int(opened[1] if opened else wrong.line) - 1
    while start and (_GOES_ON.match(lines[start]) or lines[start - 1].startswith("@")):
        start -= 1
    end = start + 1
    while end < len(lines) and (_GOES_ON.match(lines[end]) or lines[end - 1].startswith("@")):
        end += 1
    return start, end


# --- amount of code ----------------------------------------------------------------------

CODE = SCRIPT_BYTES
"""Largest number of characters of code in all scripts and code cells of a submission."""

WORDS = 50_000
"""Largest number of words, numbers and signs in the code of a submission."""

_WORD = re.compile(r"\w+|#+|\*{3,}|={3,}|[^\w\s]")
"""A word, number or sign. A decorative row of signs, as in ``# *****``, counts once."""


class MuchCodeError(SubmissionError):
    """The files of a submission have too much code together, but not one by one."""


class Amount:
    """The amount of code that has been read of a submission so far.

    Parameters
    ----------
    name : str
        The name of the submission.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._code = self._words = 0
        self._sizes: dict[str, int] = {}

    def add(self, label: str, texts: Iterable[str]) -> None:
        """Count the code of one more file, ``label``.

        Raises
        ------
        SubmissionError
            The file alone has too much code. It is not added then.
        MuchCodeError
            There is too much code together with the earlier files.
        """
        code = words = 0
        for text in texts:
            code += len(text)
            refuse_if(label, code, words, SubmissionError)
            words += sum(1 for _ in _WORD.finditer(text))
            refuse_if(label, code, words, SubmissionError)
        self._code += code
        self._words += words
        self._sizes[label] = code
        refuse_if(self._name, self._code, self._words, MuchCodeError, self._sizes)


def refuse_if(
    label: str,
    code: int,
    words: int,
    kind: type[SubmissionError],
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Raise an error of class ``kind`` if there are too many characters or words of code.

    If there are several files, the error names the largest; ``sizes`` are their characters of
    code by name.
    """
    if code <= CODE and words <= WORDS:
        return
    largest = ""
    if sizes and len(sizes) > 1:
        name = max(sizes, key=sizes.__getitem__)
        largest = format_text(
            "The largest file is {name}, with {size} kB of code. ",
            name=shown(name),
            size=f"{sizes[name] / 1e3:.0f}",
        )
    figures = {"size": f"{CODE / 1e3:.0f}", "words": WORDS, "largest": largest}
    raise kind(refusal_text("code", label, **figures))

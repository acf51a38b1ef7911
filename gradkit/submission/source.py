"""Make source text fit to be parsed: measured, decoded, magics blanked, a stray indent taken out.

A syntax tree takes some hundred times its text, so text is measured before it is parsed. Honest
submissions are a hundred times smaller than the limits; their data and outputs are not code.
Every repair keeps the number of lines, so that a line of the result is the same line of
what the user sees.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from gradkit.formatting import format_text
from gradkit.runtime import syntax
from gradkit.submission.files import SCRIPT_BYTES, SubmissionError, complaint, shown

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
"""In a string of several lines: what a backslash hides, and quotes, of which its own end it."""

_MAGIC = re.compile(
    r"\s*(?:%|!|\?)"  # %matplotlib inline, !pip install, ?help
    r"|[\w.,\s]+=\s*(?:%\w|!)"  # files = !ls
    r"|\s*[\w.]+\?{1,2}\s*$"  # np.dot?
)
_LONGEST_MAGIC = 500
"""Characters of a line that tell whether it is one."""

_PYTHON_CELLS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "python3"})
_REPAIRS = 25


class Parsed(Struct, frozen=True):
    """Source after repair. ``tree`` is None where it is still not Python.

    ``line``, ``column`` (from 1, 0 where it is not known) and ``reason`` say what is wrong with it
    then. ``dedented`` are the lines whose indentation was taken out.
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
        What was wrong, if Latin-1 had to be taken because nothing else fitted.
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
    """Return what ends most lines of a text file: a line feed, alone or after a carriage return."""
    plain = data.replace(b"\0", b"")  # UTF-16 has zeros between
    return "\r\n" if 2 * plain.count(b"\r\n") > plain.count(b"\n") else "\n"


def starts_with_mark(data: bytes) -> bool:
    """Tell whether a text file starts with a byte order mark."""
    return any(data.startswith(mark) for mark, _ in _MARKS)


def unify(text: str) -> str:
    r"""Give every line the ending ``\n`` and replace what no encoding can carry."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode("utf-8")


def parse(source: str) -> Parsed:
    """Parse source as it would run in a notebook; repair what keeps it from that.

    Magics and shell lines are blanked (``pass`` inside a block). A stray indent at top
    level is taken out where the rest then parses.
    """
    result = _attempt(source)
    if result.tree is None:
        result = _attempt(blank_magics(source))
    return result if result.tree is not None else _dedent(result)


def statements(source: str) -> list[ast.stmt]:
    """Return the statements at top level; none where it is not Python."""
    tree = parse(source).tree
    return [] if tree is None else tree.body


def opening(source: str) -> str:
    """Return what a text says before its first statement: comments, and a string."""
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
    """Yield the indices of lines that do not continue the one before.

    Lines are read when they are reached, and may be changed until then: a magic's own brackets and
    quotes do not count.
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
    try:
        return Parsed(source, syntax.parse(source))
    except SyntaxError as error:
        line = min(max(error.lineno or 1, 1), source.count("\n") + 1)
        return Parsed(source, None, line, error.msg, error.offset or 0)
    except (ValueError, RecursionError, MemoryError):
        reason = "it holds a null character" if "\0" in source else "it is nested too deeply"
        return Parsed(source, None, 1, reason)


def _dedent(broken: Parsed) -> Parsed:
    """Take out stray indents at top level, if the source parses after that."""
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
"""The beginning of a line that no statement at top level begins with."""

_OPENED = re.compile(r"on line (\d+)$")
"""What Python says of the line that a block which is missing should stand below."""


class Broken(Struct, frozen=True):
    """Lines of a source from ``start`` (from 1) on that are not Python: statements at top level."""

    start: int
    source: str
    wrong: Parsed


def salvage(wrong: Parsed) -> tuple[Parsed, tuple[Broken, ...]]:
    """Blank the statements at top level that are not Python, so that the rest can be used.

    Where nothing would be left, or it does not help, all of it is what is not Python.
    """
    lines = wrong.source.split("\n")
    found: list[Broken] = []
    now = wrong
    for _ in range(_REPAIRS):
        start, end = _statement_at(lines, now)
        found.append(Broken(start + 1, "\n".join(lines[start:end]), now))
        lines[start:end] = [""] * (end - start)
        now = _attempt("\n".join(lines))
        if now.tree is not None:
            break
    if now.tree is not None and now.tree.body:
        return now, tuple(found)
    return wrong, (Broken(1, wrong.source, wrong),)


def _statement_at(lines: list[str], wrong: Parsed) -> tuple[int, int]:
    """Return the lines, from 0, of the statement at top level in which something is wrong."""
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
"""Characters of code in all scripts and code cells of a submission together."""

WORDS = 50_000
"""Words, numbers and signs of code in all of them."""

_WORD = re.compile(r"\w+|#+|\*{3,}|={3,}|[^\w\s]")
"""A word, number or sign. A row of signs that no expression has, as in ``# *****``, counts once."""


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
        self._sizes: dict[str, int] = {}

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
        self._sizes[label] = code
        refuse_if(self._name, self._code, self._words, MuchCodeError, self._sizes)


def refuse_if(
    label: str,
    code: int,
    words: int,
    kind: type[SubmissionError],
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Raise an error of this ``kind`` if this is more code than is read.

    The error names the largest file of several; ``sizes`` are their characters of code by name.
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
    raise kind(complaint("code", label, **figures))

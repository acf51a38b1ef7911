"""Decode, measure and repair source text, parse it, and make cells of it.

Magics are blanked, and stray indents are removed. A syntax tree takes some hundred times the memory
of its text, so text is measured before it is parsed. Real submissions are a hundred times smaller
than the limits; their data and outputs are not code. Repairs keep the number of lines, so that line
numbers are those of the student's file.
"""

from __future__ import annotations

import ast
import codecs
import hashlib
import inspect
import io
import linecache
import re
import tokenize
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gradkit.records.submission import Cell, Problem, Submission
from gradkit.runtime import syntax
from gradkit.runtime.syntax import BROKEN, DEFINITIONS, first_line, global_stores, names_bound
from gradkit.submission.files import SCRIPT_BYTES, SubmissionError, refusal_text, shown
from gradkit.text import clean_text, format_text, where

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
        The decoded text.
    complaint : str or None
        The reason why the text was read as Latin-1; None if its own encoding could be used.
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
    result = _parse_unrepaired(source)
    if result.tree is None:
        result = _parse_unrepaired(blank_magics(source))
    return result if result.tree is not None else _dedent(result)


def statements(source: str) -> list[ast.stmt]:
    """Return the top-level statements of a source; none if it is not valid Python."""
    tree = parse(source).tree
    return [] if tree is None else tree.body


@lru_cache(maxsize=16)
def nodes_in(source: str) -> tuple[ast.AST, ...]:
    """List a source's nodes without operators and contexts; none if it is not valid Python."""
    return tuple(node for statement in statements(source) for node in syntax.walk(statement))


def opening(source: str) -> str:
    """Return the comments and strings of a source before its first other statement."""
    plain = (
        node
        for node in statements(source)
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    )
    first = next((syntax.first_line(node) for node in plain), None)
    return "\n".join(source.split("\n")[: first and first - 1])


def blank_magics(source: str) -> str:
    """Blank magics and shell lines, and whole cells of another language.

    Lines keep their numbers. An indented magic becomes ``pass``.
    """
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


def _parse_unrepaired(source: str) -> Parsed:
    """Parse source without repairs; if it is not valid, describe the error in the result.

    The tree is then None, and the result has the line, reason and column of the error.
    """
    try:
        return Parsed(source, syntax.parse(source))
    except SyntaxError as error:
        line = min(max(error.lineno or 1, 1), source.count("\n") + 1)
        return Parsed(source, None, line, error.msg, error.offset or 0)
    except (ValueError, RecursionError, MemoryError):
        reason = "it holds a null character" if "\0" in source else "it is nested too deeply"
        return Parsed(source, None, 1, reason)


def _dedent(broken: Parsed) -> Parsed:
    """Remove stray indents at top level of a source that is not valid Python, and parse it again.

    ``broken`` is the source with its error. It is returned itself if the source is still not valid
    Python, or if its error is another one. At most `_REPAIRS` indented blocks are moved to the
    left.
    """
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
        result = _parse_unrepaired("\n".join(lines))
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
    """Blank top-level statements that are not valid Python; return the rest and the statements.

    ``wrong`` is a source that does not parse. If no statement is left, or the rest does not parse
    either, the whole source counts as broken, and ``wrong`` is returned unchanged.
    """
    lines = wrong.source.split("\n")
    found: list[Broken] = []
    attempt = wrong
    for _ in range(_REPAIRS):
        start, end = _statement_at(lines, attempt)
        found.append(Broken(start + 1, "\n".join(lines[start:end]), attempt))
        lines[start:end] = [""] * (end - start)
        attempt = _parse_unrepaired("\n".join(lines))
        if attempt.tree is not None:
            break
    if attempt.tree is not None and attempt.tree.body:
        return attempt, tuple(found)
    return wrong, (Broken(1, wrong.source, wrong),)


def _statement_at(lines: list[str], wrong: Parsed) -> tuple[int, int]:
    """Return the first line, and the line after the last, of a statement with a syntax error.

    ``wrong`` has the line of the error. The statement is at top level, and lines count from 0. It
    goes on while lines are indented, closed or continued.
    """
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
        """Add the characters and words of code of one more file, ``label``.

        Raises
        ------
        SubmissionError
            The file alone has too much code. It is not added then.
        MuchCodeError
            There is too much code together with the earlier files. The file is added.
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

    ``label`` is the name of the file or submission, ``code`` the number of characters and ``words``
    that of words. If there are several files, the error names the largest; ``sizes`` are their
    characters of code by name.
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


_QUOTE = 80

NOTHING = "Nothing in this {part} can be graded until you fix this line."
REST = "{names} cannot be graded until you fix this line. Your other valid code is graded."
LEFT_OUT = "This part was left out. Your other valid code is graded."
INDENT = (
    "The indent at {place} is not allowed there. It was removed to grade the rest, but Python "
    "refuses it: remove it from the file too."
)


def make_cell(
    file: str,
    number: int | None,
    text: str,
    headings: tuple[str, ...] = (),
    first_line: int = 1,
    title: str = "",
    newline: str = "\n",
    is_last: bool = True,
    is_whole: bool = True,
) -> tuple[list[Cell], list[Problem]]:
    r"""Repair and parse a piece of source; statements that are not Python get separate cells.

    The first cell has the source with broken statements blanked; each of these follows as a cell of
    its own, and is reported as a problem, as is a removed indent. The cells and the problems are
    returned.

    Parameters
    ----------
    file : str
        The file's name as it is shown.
    number : int or None
        The cell's number in a notebook, counted from 1; None in a script.
    text : str
        The source as in the file, with ``\n`` alone as newline.
    headings : tuple of str
        The headings above it, outermost first.
    first_line : int
        The line of the file (of the cell, in a notebook) at which ``text`` begins.
    title : str
        The cell's name in messages if its number is not enough.
    newline : str
        The line ending of the file.
    is_last : bool
        The file, or the notebook's cell, ends with ``text``.
    is_whole : bool
        ``text`` is the whole file, or the whole cell.
    """
    if number is not None:
        name = f"{file}[{number}]"
    else:
        name = file if first_line == 1 and not headings else f"{file}:{first_line}"
    parsed = parse(text)
    ended = text.endswith("\n") or not is_last
    whole = Cell(name, file, number, text, headings, first_line, title, newline, ended)
    problems = [
        Problem(format_text(INDENT, place=where(place)), place)
        for place in map(whole.place, parsed.dedented)
    ]
    wrong: tuple[Broken, ...] = ()
    if parsed.tree is None:
        parsed, wrong = salvage(parsed)
    whole = replace(whole, is_whole=is_whole and parsed.source == text)
    cells = [replace(whole, source=parsed.source)]
    lines = text.split("\n")
    for each in wrong:
        place = whole.place(each.wrong.line)
        at = where(place)
        # The sentence starts with a capital letter, unless it starts with the name of a file.
        at = at if at.startswith(file) else at[:1].upper() + at[1:]
        reason = clean_text(each.wrong.reason, 2 * _QUOTE)
        sentence = format_text(
            "{place} is not valid Python: {reason}{stop}",
            place=at,
            reason=reason,
            stop="" if reason.endswith("?") else ".",
        )
        rest = format_text(NOTHING, part=_part(number, name, file))
        if parsed.tree is not None:
            cells.append(part_of(whole, each.start, each.source))
            names = ", ".join(f"`{m[1] or m[2]}`" for m in BROKEN.finditer(each.source))
            rest = format_text(REST, names=names) if names else LEFT_OUT
        shown = pointed(lines[min(each.wrong.line, len(lines)) - 1], each.wrong.column)
        problems.append(Problem(f"{sentence}\n{shown}\n{rest}", place, broken=True))
    return cells, problems


def part_of(cell: Cell, start: int, source: str) -> Cell:
    """Make a cell from ``source``, a part of a cell's source.

    It starts at line ``start`` of the cell, counted from 1.
    """
    first_line = cell.first_line + start - 1
    ends_before = start + source.count("\n") <= cell.source.count("\n")
    return replace(
        cell,
        id=f"{cell.id}+{start}",
        source=source,
        first_line=first_line,
        has_last_newline=ends_before or cell.has_last_newline,
        is_whole=False,
    )


def pointed(line: str, column: int) -> str:
    """Quote a line, and point at a column of it (from 1; 0 if the column is unknown).

    Examples
    --------
    >>> print(pointed("    x = (1", 9))
      x = (1
          ^
    """
    indent = len(line) - len(line.lstrip())
    at = max(column - 1 - indent, 0)
    first = max(at - _QUOTE + 10, 0)
    quoted = f"  {clean_text(line.strip().expandtabs(1)[first:], _QUOTE)}"
    return f"{quoted}\n  {' ' * (at - first)}^" if column else quoted


def _part(number: int | None, name: str, file: str) -> str:
    """Return the word for a piece of source in a message: cell, file or part of the file.

    ``number`` is that of a notebook's cell, ``name`` the id of the piece, and ``file`` the file.
    """
    if number is not None:
        return "cell"
    return "file" if name == file else "part of the file"


# --- headings ----------------------------------------------------------------------------

LENGTH = 160
"""Number of characters to which a heading is cut."""

LINE = 500
"""Number of characters of a markdown line that are searched for a heading."""

BELOW_ALL = 7
"""The level of lines that only look like headings: bold lines, banners, lone comments."""

_ATX = re.compile(r" {0,3}(#{1,6})\s*([^#\s].*)")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_UNDERLINE = re.compile(r" {0,3}(=+|-{3,})\s*$")
_HTML = re.compile(r"\s*(?:<(?!h\d)[^<>]*>\s*)*<h([1-6])[^<>]*>(.*?)</h\1>", re.IGNORECASE)
_BOLD = re.compile(r"\s*(?:\*\*|__)([^*_]+)(?:\*\*|__):?\s*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"<[^>]{0,200}>")


def headings_in(markdown: str) -> Iterator[tuple[int, int, str]]:
    """Yield the line (from 1), the level and the text of each heading in a markdown text."""
    fence, before = "", ""
    lines = (line[:LINE] for line in markdown.split("\n"))
    for number, line in enumerate(lines, start=1):
        mark = _FENCE.match(line)
        if mark and fence in ("", mark[1]):
            fence = "" if fence else mark[1]
        elif fence:
            continue
        elif atx := _ATX.match(line):
            yield number, len(atx[1]), plain(atx[2].rstrip("# "))
        elif before and (under := _UNDERLINE.match(line)):
            yield number - 1, 1 if under[1][0] == "=" else 2, plain(before)
        elif html := _HTML.match(line):
            yield number, int(html[1]), plain(html[2])
        elif bold := _BOLD.match(line):
            yield number, BELOW_ALL, plain(bold[1])
        before = line.strip()


def plain(text: str) -> str:
    """Return the text of a heading without mark-up, on one line."""
    # The text is cut first because the search for links takes quadratic time.
    text = _TAG.sub(" ", _LINK.sub(r"\1", text[:LINE]))
    return clean_text(" ".join(re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", text).split()), LENGTH)


class HeadingPath:
    """The headings above one point of a document, outermost first."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> None:
        """Add a heading, and remove headings of the same and of lower levels.

        ``level`` is 1 for the highest level. An empty text only removes headings.
        """
        self._open = [part for part in self._open if part[0] < level]
        if text:
            self._open.append((level, text))

    def now(self) -> tuple[str, ...]:
        """Return the headings from the outermost to the innermost."""
        return tuple(text for _, text in self._open)


NAME = "notebook"
"""Name of a running notebook, which does not know its own file."""

BEGINNING = 40
"""Number of characters of a cell's first line that are used as its name."""

_DEFINITION = re.compile(r"(?:async\s+)?(?:def|class)\s+\w+")


def from_history(
    inputs: Iterable[tuple[int, str]], headings: Mapping[int, str] | None = None
) -> tuple[Cell, ...]:
    """Make cells from the history of a kernel: every version of every cell, in order of execution.

    Parameters
    ----------
    inputs : iterable of (number, source)
        As IPython stores them, counted from 1, with magics.
    headings : mapping of int to str, optional
        The nearest heading above a cell, if it is known, by the number of the cell.

    Returns
    -------
    tuple of Cell
        ``cell`` is the number that the notebook shows beside the cell. Source that is not valid
        Python is left out, since it has not run.
    """
    cells = []
    for number, text in inputs:
        source = unify(text)
        if not source.strip() or parse(source).tree is None:
            continue
        title = cell_title(number, source, (headings or {}).get(number, ""))
        (cell, *_), _ = make_cell(NAME, number, source, title=title)
        cells.append(cell)
    return tuple(cells)


def cell_title(number: int | None, source: str, heading: str = "") -> str:
    """Return the name of a cell in messages: ``cell [5] that begins `def update_parameters```.

    ``number`` is the cell's number, or None if unknown, ``source`` its text, and ``heading`` the
    nearest heading above it.
    """
    lines = [line.strip() for line in source.split("\n")]
    first = next((line for line in lines if line and line[0] not in "#%!@"), lines[0])
    definition = _DEFINITION.match(first)
    begins = definition[0] if definition else first
    if len(begins) > BEGINNING:
        begins = begins[: BEGINNING - 1] + "…"
    named = "the cell" if number is None else format_text("cell [{number}]", number=number)
    under = format_text(" under “{heading}”", heading=clean_text(heading, 80)) if heading else ""
    return format_text(
        "{named}{under} that begins `{begins}`", named=named, under=under, begins=clean_text(begins)
    )


def from_functions(functions: Mapping[str, Callable[..., Any]]) -> tuple[Cell, ...]:
    """Make cells from the source of functions and classes, one cell for each file.

    Lines keep their numbers. A function whose source cannot be read is left out.
    """
    texts: dict[str, list[str]] = {}
    for function in functions.values():
        located = _source_lines(function)
        if located is None:
            continue
        file, first, lines = located
        text = texts.setdefault(file, [""] * len(linecache.getlines(file)))
        indent = len(lines[0]) - len(lines[0].lstrip())
        text += [""] * (first - 1 + len(lines) - len(text))
        text[first - 1 : first - 1 + len(lines)] = [line[indent:].rstrip("\n") for line in lines]
    cells = []
    for file, text in texts.items():
        source = "\n".join(text)
        # IPython compiles cells under generated file names, which mean nothing to a reader.
        is_generated = not file.endswith(".py") or "ipykernel_" in file
        title = cell_title(None, source) if is_generated else ""
        cells.append(Cell(file, file.rpartition("/")[2], None, source, title=title))
    return tuple(cells)


def _source_lines(function: Callable[..., Any]) -> tuple[str, int, list[str]] | None:
    """Return the file, the first line number and the lines of a function or class.

    None is returned if its source is not known.
    """
    try:
        lines, first = inspect.getsourcelines(function)
        return inspect.getsourcefile(function) or NAME, first, lines
    except (OSError, TypeError):
        pass
    # `inspect` searches for a class in the file of its module, and a cell's module has no file.
    # But the code object of a method names the cell.
    members = vars(function).values() if inspect.isclass(function) else ()
    for method in filter(inspect.isfunction, members):
        file, line = method.__code__.co_filename, method.__code__.co_firstlineno
        lines = linecache.getlines(file)
        for node in ast.walk(parse("".join(lines)).tree or ast.Module([], [])):
            if isinstance(node, ast.ClassDef) and node.name == function.__name__:
                first, last = first_line(node), node.end_lineno or node.lineno
                if first <= line <= last:
                    return file, first, lines[first - 1 : last]
    return None


def without_deleted_names(cell: Cell, names: Collection[str]) -> Cell:
    """Return a cell without its definitions of names that the student has deleted.

    ``names`` are the names that exist. A kernel has no record of ``del``, but it knows the names
    that are left. A deleted function, class or import is left out. A deleted variable is assigned
    to ``_`` instead, so that the other names of ``lr, epochs = 0.1, 100`` keep their values. All
    lines keep their numbers.
    """
    lines = cell.source.split("\n")
    for statement in statements(cell.source):
        if isinstance(statement, (*DEFINITIONS, ast.Import, ast.ImportFrom)):
            bound = names_bound(statement)
            if bound and not any(name in names for name in bound):
                first, last = first_line(statement), statement.end_lineno or statement.lineno
                lines[first - 1 : last] = [""] * (last - first + 1)
            continue
        for node in global_stores(statement):
            if node.id not in names:
                # Columns count bytes.
                line = lines[node.lineno - 1].encode()
                start, end = node.col_offset, node.end_col_offset or node.col_offset
                blank = b"_".ljust(end - start)
                lines[node.lineno - 1] = (line[:start] + blank + line[end:]).decode()
    return replace(cell, source="\n".join(lines))


def submission_of(cells: tuple[Cell, ...], modules: Mapping[str, str]) -> Submission:
    """Make a submission from the cells of a notebook; its digest is computed from their text."""
    text = "\n\n".join(cell.source for cell in cells)
    return Submission(NAME, NAME, hashlib.sha256(text.encode()).hexdigest(), cells, modules)

"""Write a mark sheet for each submission, on a terminal or in a log.

All text from students is added as plain text, never as mark-up, and without control characters.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace
from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from gradkit.records.result import UNEXPLAINED, CheckResult, Entry, Finding, Result, TaskResult
from gradkit.report import words
from gradkit.report.data import EXPECTED_LEVEL, RULE_LEVEL, TITLE_LEVEL, log_text, visible
from gradkit.report.words import FORMULAS, pieces
from gradkit.text import (
    clean_text,
    format_count,
    format_entry,
    format_probe,
    format_text,
    spell,
    where,
)

Line = tuple[RenderableType, int]
"""A line with its indentation, which wrapped lines keep."""

COLOURS = {"pass": "green", "fail": "red", "absent": "yellow", "open": "cyan"}
"""Colours by kind of state, see `SIGNS`."""

ROWS = 6
"""Largest number of entries of a check that are listed; the rest are counted."""

MANY = 3
"""Largest number of findings that a mark sheet shows in full; more findings are shortened."""


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Write the mark sheets as plain text with all Unicode signs."""
    return to_text(results, hints)


def to_text(
    results: Sequence[Result],
    hints: int,
    width: int = 100,
    encoding: str = "utf-8",
    *,
    one_hint: bool = False,
) -> str:
    """Write the mark sheets as plain text, in characters of ``encoding``.

    ``width`` is the number of characters in a line. See `show` for the other arguments.
    """
    text = printed(lambda console: show(results, hints, console, one_hint=one_hint), width)
    return spell(log_text(text), encoding)


def printed(show: Callable[[Console], None], width: int) -> str:
    """Return the text that the function ``show`` prints on a console without colours.

    ``width`` is the number of characters in a line.
    """
    buffer = io.StringIO()
    # Without `force_jupyter=False`, rich in a notebook would display the text instead.
    console = Console(
        file=buffer, width=width, color_system=None, legacy_windows=False, force_jupyter=False
    )
    show(console)
    # rich fills wrapped lines with spaces up to the margin.
    return "\n".join(line.rstrip() for line in buffer.getvalue().split("\n"))


def show_lines(lines: Iterable[Line], console: Console, indent: int = 0) -> None:
    """Print lines, each with its indentation."""
    for line, more in lines:
        console.print(Padding(line, (0, 0, 0, indent + more), expand=False))


ONE_HINT = "One hint is shown for each mistake. For more hints, add {options}."


def show(
    results: Sequence[Result], hints: int, console: Console, *, one_hint: bool = False
) -> None:
    """Print the mark sheets of some submissions.

    ``hints`` is the hint level: how much of a finding is shown. If ``one_hint``, only the first
    useful hint of each finding is printed, and the last line names the options that show more
    hints.
    """
    advice = ""
    if one_hint:
        short = [_shorten_findings(result) for result in results]
        advice = _advice(results, short, hints)
        results = short
    for number, result in enumerate(results):
        if number:
            console.print()
        _print_result(result, hints, console)
    if len(results) > 1:
        console.print()
        _print_totals(results, console)
    if advice:
        console.print(Text(advice, style="dim"))


def _shorten_findings(result: Result) -> Result:
    """Return a copy of a result whose findings have at most two hints and no formulas."""
    tasks = (
        replace(
            task,
            findings=tuple(
                replace(finding, hints=finding.hints[:2], applies={}, should={})
                for finding in task.findings
            ),
        )
        for task in result.tasks
    )
    return replace(result, tasks=tuple(tasks))


def _advice(results: Sequence[Result], short: Sequence[Result], hints: int) -> str:
    """Return the line that names the options for more hints; "" if ``short`` has all hints.

    ``results`` are the full results, ``short`` those that were printed.
    """

    def shown(of: Sequence[Result], level: int) -> list[tuple[object, ...]]:
        findings = [f for result in of for task in result.tasks for f in visible(task, level)]
        return [(f.hints[:level], level >= RULE_LEVEL and f.applies) for f in findings]

    levels = [
        level
        for level in range(hints, EXPECTED_LEVEL + 1)
        if shown(results, level) != shown(short, hints)
    ]
    options = " or ".join(f"--hints {level}" for level in dict.fromkeys(levels[:1] + levels[-1:]))
    return format_text(ONE_HINT, options=options) if options else ""


def show_overview(results: Sequence[Result], hints: int, console: Console) -> None:
    """Print a line for each submission: score, states of checks that did not pass, and mistakes.

    ``hints`` is the hint level; mistakes are named from `TITLE_LEVEL` on. Without results, nothing
    is printed.
    """
    table = _make_table("bold", "submission", "score", "of")
    table.add_column("")
    for result in results:
        checks = [check for task in result.tasks for check in task.checks]
        states = {words.state_of(check): None for check in checks if check.state != "pass"}
        found = [finding for task in result.tasks for finding in visible(task, hints)]
        mistakes = {finding.mistake: None for finding in found if hints >= TITLE_LEVEL}
        listed = [", ".join(states), ", ".join(mistakes)]
        table.add_row(
            _plain(result.submission),
            words.points(result.score),
            words.points(result.max_score),
            _plain(": ".join(filter(None, listed))),
        )
    if results:
        console.print(table)
        console.print("Full report of one submission: gradkit check FILE")


def _plain(text: str) -> Text:
    """Clean a text, and return it without mark-up."""
    return Text(clean_text(text))


def _print_result(result: Result, hints: int, console: Console) -> None:
    """Print the mark sheet of one submission.

    ``hints`` is the hint level: how much of a finding is shown. If there are more than `MANY`
    findings, they are printed in brief.
    """
    total = (words.score_text(result.score, result.max_score), "bold")
    title = Text.assemble(_plain(result.submission), "  ", total)
    console.print(Rule(title, align="left"))
    for problem in result.problems:
        note = Text.assemble(("note: ", "yellow"), _plain(problem.message))
        show_lines([(note, 2)], console)
    if result.refused:
        show_lines([(_plain(result.refused), 2)], console)
    explained: set[str] | None = set()
    if hints < TITLE_LEVEL or sum(len(visible(task, hints)) for task in result.tasks) <= MANY:
        explained = None
    for task in result.tasks:
        _print_task(task, words.task_worth(result, task), hints, console, explained)
    for line in result.adjustments:
        amount, reason = f"{words.signed(line.points)}  ", _plain(words.adjustment_text(line))
        show_lines([(Text.assemble((amount, "bold"), reason), 2)], console)
    titles = {task.task: task.title for task in result.tasks}
    for comment in result.comments:
        show_lines([(_plain(words.comment_text(comment, titles)), 2)], console)
    footer = _format_footer(result, hints)
    if explained is not None:
        footer.append(" · full report: --format html")
    show_lines([(footer, 2)], console)


DIFFERENT = "‹ › marks wrong parts of a formula"
UPDATED = "′ marks a value that is already updated"
"""Explanations of signs in formulas."""


def _format_footer(result: Result, hints: int) -> Text:
    """Return the last line of a mark sheet: counted tasks, seed, how it was judged, and signs.

    The signs are those in formulas, if the hint level ``hints`` shows formulas.
    """
    seed = format_text("seed {seed}", seed=result.seed) if result.tasks else ""
    parts = [*filter(None, [words.count_text(result), seed])]
    if result.form == "published":
        parts.append("compared with the rule of the published notebook")
    if result.oracle == "derived":
        parts.append("without a model solution")
    if result.provisional:
        parts.append("provisional: the instructor decides the marks")
    if hints >= RULE_LEVEL:
        formulas = [
            formula
            for task in result.tasks
            for finding in visible(task, hints)
            for formula in finding.applies.values()
        ]
        parts += [DIFFERENT] * bool(formulas) + [UPDATED] * (
            "′" in "".join(formulas).replace("act′", "")
        )
    return Text(" · ".join(parts), style="dim")


def _print_task(
    task: TaskResult, worth: str, hints: int, console: Console, explained: set[str] | None
) -> None:
    """Print a task with its checks and findings.

    ``worth`` is the text of its score, and ``hints`` the hint level. If ``explained`` is None, the
    task is printed in full, else in brief. ``explained`` are the mistakes whose hints were printed
    before; those of this task are added to it. In brief, checks that passed share one line. Checks
    that are blocked for the same reason share a line, and an exception is printed once.
    """
    line = Text.assemble((task.title, "bold"), f" ({task.task})  {worth}")
    if task.checkable < task.max_score:
        part, most = words.points(task.checkable), words.points(task.max_score)
        amount = {"checkable": part, "max_score": most}
        line.append(
            format_text("  ({checkable} of {max_score} points checkable)", **amount), "cyan"
        )
    show_lines([(line, 2)], console)
    seen = visible(task, hints)
    blocked = [c for c in task.checks if c.state == "blocked" and not (c.notes or c.decision)]
    # Each deduction is explained below its check.
    blocked = [c for c in blocked if all(each.check != c.check for each in seen)]
    plain = [c for c in task.checks if c.state == "pass" and not _has_message(c)]
    if explained is None:
        plain = []
    if task.absent and not any(check.decision for check in task.checks):
        show_lines([(_format_checks("missing", task.checks), 4)], console)
        show_lines(format_check(task.checks[0], (), hints), console, 6)
        return
    if plain:
        show_lines([(_format_checks("pass", plain), 4)], console)
    messages: set[str] = set()
    for check in task.checks:
        findings = [finding for finding in seen if finding.check == check.check]
        if check in plain or check in blocked:
            continue
        show_lines([(format_check_head(check, findings, hints), 4)], console)
        # Code that raises does so in all checks that run it. The exception is printed once.
        again = check.state == "error" and check.message in messages
        once = replace(check, message="") if again else check
        messages.add(check.message)
        if findings and explained is not None:
            show_lines(_format_short_check(once, findings, hints, explained), console, 6)
        else:
            # A mistake that is reported elsewhere explains the gradient: its table is left out.
            if explained is not None and check.causes:
                once = replace(once, entries=(), message="")
            show_lines(format_check(once, findings, hints), console, 6)
    for message in dict.fromkeys(check.message for check in blocked):
        # Checks that are blocked for the same reason share a line.
        line = _format_checks("blocked", [check for check in blocked if check.message == message])
        show_lines(
            [(Text.assemble(line, f": {clean_text(message)}" if message else ""), 4)], console
        )
    for finding in seen:
        show_lines(() if finding.check else format_finding(finding, hints), console, 4)
    show_lines([(_plain(note), 4) for note in task.notes], console)


def _has_message(check: CheckResult) -> bool:
    """Return whether a check has a message, notes or a decision."""
    return bool(check.message or check.notes or check.decision is not None)


def _format_checks(state: str, checks: Sequence[CheckResult]) -> Text:
    """Write several checks of one state into a line, each with its points if it has any."""
    sign, kind = words.SIGNS[state]
    listed = [
        f"{c.check} {words.score_text(c.score, c.max_score)}" if c.max_score else c.check
        for c in checks
    ]
    return Text.assemble((sign, COLOURS[kind]), f" {state}  {', '.join(listed)}")


def _format_short_check(
    check: CheckResult, findings: Sequence[Finding], hints: int, explained: set[str]
) -> Iterator[Line]:
    """Write a check in brief: its decision, its message if needed, and each finding in short form.

    ``findings`` are those about the check, and ``hints`` is the hint level. ``explained`` are the
    codes of mistakes whose hints were printed before. All others also get a formula and a hint, and
    are added to ``explained``.
    """
    if check.decision is not None:
        yield Text(clean_text(words.override_text(check)), style="bold"), 0
    if check.state != "fail" or any(finding.mistake == UNEXPLAINED for finding in findings):
        yield _plain(check.message), 0
    for finding in findings:
        yield from _format_short_finding(finding, hints, known=finding.mistake in explained)
        explained |= {finding.mistake} - {UNEXPLAINED}


def _format_short_finding(finding: Finding, hints: int, *, known: bool) -> Iterator[Line]:
    """Write a finding in brief, without its title.

    ``hints`` is the hint level: how much of a finding is shown. If the same mistake was printed
    before (``known``), there is no hint and no formula.
    """
    cost = f", {words.signed(-finding.deduction)}" if finding.deduction else ""
    about = Text(f"({finding.mistake}{cost})", style="dim")
    placed = finding.place is not None and hints >= RULE_LEVEL
    sentence = Text(clean_text(finding.sentence), style="bold")
    parts = [_Part([(sentence if placed else Text.assemble(sentence, "  ", about), 0)])]
    if placed:
        parts.append(_Part([(_format_source(finding, about), 2)]))
    parts.append(_Part([*_format_fix(finding, hints)], 1))
    if not known:
        parts.append(_Part([*_format_formulas(finding, hints, 1)], 2))
        parts += [_Part([line]) for line in _format_hints(finding.hints[1:hints][-1:])]
        parts.append(_Part([*_format_others(finding)], 1))
    yield _Short(parts), 0


def format_check_head(check: CheckResult, findings: Sequence[Finding], hints: int) -> Text:
    """Write sign, name and points of a check, and if it did not pass, its state and place.

    ``findings`` are those about the check, and ``hints`` is the hint level. The place is left out
    if a finding shows one, or if the check fails because of another mistake.
    """
    sign, kind = words.SIGNS[words.state_of(check)]
    colour = COLOURS[kind]
    worth = words.score_text(check.score, check.max_score) if check.max_score else "no points"
    head = Text.assemble((sign, colour), f" {check.check:<12}{worth:>10}")
    if check.state != "pass":
        head.append(f"  {words.state_of(check)}", colour)
        own = [finding.place for finding in findings if finding.place and hints >= RULE_LEVEL]
        # For code that raised, the place is shown unless a finding has the same place.
        placed = check.place in own if check.state == "error" else own
        if check.place is not None and not (placed or check.causes):
            place = words.place_text(check.state, check.place)
            head.append(format_text(", see {place}", place=clean_text(place)))
    return head


def format_check(
    check: CheckResult, findings: Sequence[Finding], hints: int, *, more: bool = True
) -> Iterator[Line]:
    """Yield the messages of a check below the line with its points, each with its indent.

    They are the points set by a person, the mistake elsewhere that causes the failure, the message,
    the ``findings`` about the check, a table of wrong entries if there is no finding, and notes.
    ``hints`` is the hint level: how much of a finding is shown. If ``more``, the command that
    explains a mistake is added.
    """
    if check.decision is not None:
        yield Text(clean_text(words.override_text(check)), style="bold"), 0
    if check.causes:
        reason = ", ".join(check.causes) if hints >= TITLE_LEVEL else "the mistakes above"
        yield Text(words.same_reason_text(reason)), 0
    differences = [entry for entry in check.entries if entry.bound is not None]
    if check.message and (differences or not check.causes):
        yield _plain(check.message), 0
    for finding in findings:
        yield from format_finding(finding, hints, more=more)
    failed = [entry for entry in check.entries if entry.state == "fail" and entry.found is not None]
    if differences and check.state != "pass":
        yield _make_gradient_table(differences), 0
    elif failed and check.state == "fail" and not findings and not check.causes:
        yield _make_entries_table(failed, hints), 0
    for note in check.notes:
        yield Text(clean_text(note), style="dim"), 0


def format_finding(finding: Finding, hints: int, *, more: bool = True) -> Iterator[Line]:
    """Yield a finding for a terminal: one object that prints at most `MAX_LINES` lines.

    Title, sentence, source line and the last hint of the hint level ``hints`` are always shown. If
    there is room, formulas with what differs in brackets and hints of lower levels are shown too.
    Below the hint level `TITLE_LEVEL`, only the first hint is yielded. If ``more``, the command
    that explains the mistake is named.
    """
    if hints < TITLE_LEVEL:
        # The first hint says where to look, but not what is wrong.
        yield from ((_plain(hint), 0) for hint in finding.hints[:1])
        return
    about = f": {words.wrong_entries_text(finding)}" if finding.entries else ""
    cost = f"  ({words.cost_text(finding)})" if finding.deduction else ""
    title = Text.assemble((clean_text(finding.title), "bold"), clean_text(about), (cost, "dim"))
    parts = [_Part([(title, 0)]), _Part([(_plain(finding.sentence), 2)])]
    if finding.place is not None and hints >= RULE_LEVEL:
        parts.append(_Part([(_format_source(finding, Text()), 2)]))
    parts.append(_Part([*_format_fix(finding, hints)], 1))
    parts.append(_Part([*_format_formulas(finding, hints, FORMULAS)], 3))
    # The first hint says no more than the title.
    shown = [*_format_hints(finding.hints[1:hints])]
    parts += [_Part([line], 2 + len(shown) - n) for n, line in enumerate(shown[:-1])]
    parts += [_Part([line]) for line in shown[-1:]]
    parts.append(_Part([*_format_others(finding)], 1))
    if more and finding.mistake != UNEXPLAINED:
        command = format_text("more: gradkit explain {mistake}", mistake=finding.mistake)
        parts.append(_Part([(Text(command, style="dim"), 2)], 1))
    yield _Short(parts), 0


MAX_LINES = 12
"""Largest number of lines of a finding."""


class _Part(Struct, frozen=True):
    """Lines of a finding that are shown together or not at all.

    A part of rank 0 is always shown. Of the others, those of the lowest rank come first.
    """

    lines: Sequence[Line]
    rank: int = 0


class _Short(Struct, frozen=True):
    """The parts of a finding, of which as many are shown as `MAX_LINES` lines have room for."""

    parts: Sequence[_Part]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield as many parts as fit on a console, in their order."""
        rows = [
            [Padding(line, (0, 0, 0, indent), expand=False) for line, indent in part.lines]
            for part in self.parts
        ]
        heights = [
            sum(len(console.render_lines(row, options, pad=False)) for row in part) for part in rows
        ]
        left, shown = MAX_LINES, set()
        for number, part in sorted(enumerate(self.parts), key=lambda each: each[1].rank):
            if part.rank == 0 or heights[number] <= left:
                shown.add(number)
                left -= heights[number]
        for number in sorted(shown):
            yield from rows[number]


def _format_source(finding: Finding, beside: Text) -> RenderableType:
    """Return the source line of a finding, with a text beside it."""
    place = f"{clean_text(where(finding.place))}  " if finding.place else ""
    before, part, after = words.doubtful(finding)
    return _SourceLine(place, before, part, after.rstrip(), beside)


def _format_fix(finding: Finding, hints: int) -> Iterator[Line]:
    """Write the right code of a finding if the hint level shows it."""
    if finding.fix and hints >= EXPECTED_LEVEL:
        for number, line in enumerate(clean_text(finding.fix).split("\n")):
            word = words.mending(finding)
            yield Text(f"{word if number == 0 else ' ' * len(word)}  {line}", style="green"), 2


def _format_formulas(finding: Finding, hints: int, most: int) -> Iterator[Line]:
    """Yield the first ``most`` formulas of a finding, and a line that counts the others.

    A formula is that of the student's code for one wrong entry, with marks on what differs from the
    right one. Below the hint level `RULE_LEVEL` (``hints``), nothing is yielded. The right formulas
    are added from `EXPECTED_LEVEL` on.
    """
    if hints < RULE_LEVEL:
        return
    for entry in list(finding.applies)[:most]:
        applied = clean_text(finding.applies[entry])
        right = clean_text(finding.should.get(entry, ""))
        label = clean_text(entry)
        yield Text.assemble(label, " ", _format_move(applied, right)), 2
        if hints >= EXPECTED_LEVEL and right:
            yield Text(" " * len(label) + format_text(" should move by  {right}", right=right)), 2
    if len(finding.applies) > most > 1:
        rest = format_text(
            "and {count} more formulas like these", count=len(finding.applies) - most
        )
        yield Text(rest, style="dim"), 2


class _SourceLine(Struct, frozen=True):
    """One line of code after its place, with carets below its doubtful part.

    The code is not wrapped: a long line is cut around the part. The text ``beside`` is printed
    after the carets, or on its own row if there is no room.
    """

    place: str
    before: str
    part: str
    after: str
    beside: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the line of code, cut to the console's width, and a line with the carets."""
        width, place = options.max_width, self.place
        # A place that takes more than half of the width has its own row.
        if 2 * cell_len(place) > width:
            yield Text(place.rstrip())
            place = ""
        before, part, after = cut_around(
            self.before, self.part, self.after, width - cell_len(place)
        )
        row = Text(place + before + part + after, no_wrap=True)
        if part:
            yield row
            row = Text(" " * cell_len(place + before), no_wrap=True)
            row.append("^" * cell_len(part), "bold red")
        beside = Text.assemble(" " if part else "  ", self.beside) if self.beside else Text()
        if row.cell_len + beside.cell_len <= width:
            yield row + beside
        else:
            yield row
            yield self.beside


CUT = "…"
"""Mark where a line of code is cut."""


def cut_around(before: str, part: str, after: str, room: int) -> tuple[str, str, str]:
    """Cut a line of code to ``room`` terminal cells, with its doubtful part in the middle.

    The three texts are the line before the part, the part, and the line after it.

    Examples
    --------
    >>> cut_around("y = a * ", "b", " * c", 40)
    ('y = a * ', 'b', ' * c')
    >>> cut_around("y = a * ", "b", " * c * d * e", 9)
    ('… * ', 'b', ' * …')
    """
    if cell_len(before + part + after) <= room:
        return before, part, after
    if not part:
        return _first_cells(before, room), "", ""
    # Each side keeps at least one cell, for the mark of a cut.
    part = _first_cells(part, max(room - bool(before) - bool(after), 1))
    rest = room - cell_len(part)
    left = min(cell_len(before), max(rest // 2, rest - cell_len(after)))
    before = _first_cells(before[::-1], left)[::-1]
    return before, part, _first_cells(after, rest - cell_len(before))


def _first_cells(text: str, room: int) -> str:
    """Return the beginning of a text that takes ``room`` terminal cells.

    A mark at its end shows that it was cut.
    """
    if cell_len(text) <= room:
        return text
    return (chop_cells(text, room - 1)[0] if room > 1 else "") + CUT if room > 0 else ""


OR_ELSE = "Another mistake gives the same numbers: {titles}. Look for both mistakes."


def _format_hints(shown: Iterable[str]) -> Iterator[Line]:
    return ((Text.assemble(("hint: ", "cyan"), _plain(hint)), 2) for hint in shown)


def _format_others(finding: Finding) -> Iterator[Line]:
    """Write the titles of other mistakes that give the same numbers."""
    return ((_plain(format_text(OR_ELSE, titles=titles)), 2) for titles in finding.others)


def _format_move(applied: str, right: str) -> Text:
    """Write how the student's formula changes an entry, with marks on what the right one lacks.

    ``applied`` is the text of the student's formula, ``right`` that of the right one. The text
    names the new value of the entry if ``applied`` begins with ``=``, otherwise its step.
    """
    if applied == "not moved":
        return Text("does not move", style="bold red")
    new = applied.startswith("= ")
    line = Text("becomes         " if new else "moves by        ")
    # Parts that the right formula lacks are in brackets.
    for part, strange in pieces(applied.removeprefix("= "), right):
        line.append(f"‹{part}›" if strange else part, "bold red" if strange else "")
    return line


def _make_entries_table(failed: list[Entry], hints: int) -> Table:
    """Return a table of at most `ROWS` failed entries, and the number of the others.

    It has expected values if the hint level ``hints`` is `EXPECTED_LEVEL`.
    """
    shown = hints >= EXPECTED_LEVEL
    table = _make_table("dim", "entry", "found", *(["expected"] if shown else []))
    table.add_column("at")
    for entry in failed[:ROWS]:
        numbers = [
            _format_number(entry.found),
            *([_format_number(entry.expected)] if shown else []),
        ]
        label = format_entry(entry.label, entry.parameter, entry.index)
        table.add_row(
            Text(clean_text(label)), *numbers, Text(clean_text(format_probe(entry.probe)))
        )
    if len(failed) > ROWS:
        table.add_row(Text(format_text("and {count} more", count=len(failed) - ROWS)))
    return table


def _make_gradient_table(entries: list[Entry]) -> Table:
    """Return the table of a gradient check: the student's values beside finite differences.

    Entries that agree are only counted, and so are those after the first `ROWS` others.
    """
    table = _make_table("dim", "entry", "claimed", "estimate", "± bound")
    table.add_column("verdict")
    listed = [entry for entry in entries if entry.state != "pass"]
    for entry in listed[:ROWS]:
        bound = "–" if entry.bound is None else f"{entry.bound:.1e}"
        table.add_row(
            Text(clean_text(format_entry(entry.label, entry.parameter, entry.index))),
            *(_format_number(entry.found), _format_number(entry.expected), bound),
            Text(words.gradient_text(entry.state, entry.factor)),
        )
    if len(listed) > ROWS:
        table.add_row(Text(format_text("and {count} more", count=len(listed) - ROWS)))
    if agree := len(entries) - len(listed):
        table.add_row(Text(format_count("{count} agrees", "{count} agree", agree)))
    return table


def _make_table(style: str, name: str, *numbers: str) -> Table:
    """Make a table without lines: a column of names, and columns of numbers.

    ``name`` and ``numbers`` are the heads of the columns, ``style`` is that of the heads.
    """
    table = Table(name, box=None, padding=(0, 2, 0, 0), header_style=style)
    for each in numbers:
        table.add_column(each, justify="right")
    return table


def _format_number(value: float | None) -> str:
    return "–" if value is None else f"{value:.10g}"


def _print_totals(results: Sequence[Result], console: Console) -> None:
    """Print a table with a row for each submission: its score, and the states of its checks.

    Only states of checks that did not pass are printed.
    """
    table = _make_table("bold", "submission", "score", "of")
    table.add_column("")
    for result in results:
        states = {check.state for task in result.tasks for check in task.checks} - {"pass"}
        table.add_row(
            _plain(result.submission),
            words.points(result.score),
            words.points(result.max_score),
            Text(", ".join(sorted(states)), style="dim"),
        )
    console.print(table)

"""Find the lines of mistakes in a torch submission: the change of its text that makes all right.

The diagnosis of a training run names mistakes by the numbers that they give. Here the text is
changed in the way that such a mistake would be mended, and run again: where all that failed is
right then, and at fresh inputs too, the change tells the line. A failure without a name, and code
that stops, are looked at in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from operator import itemgetter

from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.binding.idioms import Idioms, idioms_of
from gradkit.diagnosis.inquiry.findings import finding_of as unexplained
from gradkit.diagnosis.inquiry.findings import identity, told, with_local_names
from gradkit.diagnosis.inquiry.training import training_inquiry
from gradkit.diagnosis.mistakes.catalogue import RANK
from gradkit.diagnosis.mistakes.training import OF_THE_MODULE, RECORD
from gradkit.diagnosis.repair.ask import Proposal, line_before, trimmed
from gradkit.diagnosis.repair.tell import finding_of, marked
from gradkit.diagnosis.repair.text import Made, Text, made_in
from gradkit.diagnosis.repair.training import (
    CERTAIN,
    CUTS,
    IN_PLACE,
    INDENTED,
    MENDS,
    NAMES,
    OWN,
    SIZES,
    STANDS,
    changes,
)
from gradkit.grading.repairs import HELD, Again, replaced
from gradkit.judge.case import Examined
from gradkit.language import say
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry, Verdict
from gradkit.records.rule import Explanation, Names, Slip
from gradkit.records.submission import Cell
from gradkit.records.task import Task
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import finder

ATTEMPTS = 60
"""Texts that are run for one task at most, some 80 ms of processor time each; and all together may
take as long as the task's own deadline."""

PAIRS = 12
"""Changed texts in whose runs two mistakes are looked for."""

LARGEST = 50_000
"""Characters of a cell that is looked at."""

Texts = Mapping[str, str]


class _Change(Struct, frozen=True):
    """A change that was made, and the text before it."""

    proposal: Proposal
    source: str


def with_lines(
    task: Task, examined: Examined, process: StudentProcess, inquiry: Inquiry, again: Again
) -> Inquiry:
    """Return findings with the lines, and the changes, of those that could be made right.

    Parameters
    ----------
    task : Task
    examined : Examined
    process : StudentProcess
        The section's code.
    inquiry : Inquiry
        What was found of it.
    again : callable
        See `gradkit.grading.repairs.Again`.
    """
    before, inquiry = inquiry, _with_unnamed(task, examined, inquiry)
    if not _codes(inquiry):
        return inquiry
    cells = {cell.id: cell for cell in process.section.own if len(cell.source) <= LARGEST}
    texts = {name: cell.source for name, cell in cells.items()}
    passed = [each.check for each in examined.verdicts if each.state == "pass"]
    stopped = [v.place for v in examined.verdicts if v.state == "error" and v.place is not None]
    near = frozenset(
        (name, place.line - cell.first_line + 1)
        for place in stopped
        for name, cell in cells.items()
        if (cell.file, cell.cell) == (place.file, place.cell)
    )
    search = _Search(task, process, again, ATTEMPTS, task.deadline, "forward" in passed, near)
    only = "" if inquiry == before else ONLY.get(inquiry.findings[0].check, "")
    mended = _mended(search, texts, inquiry, only, _score(examined))
    if not mended.made and inquiry != before:
        # What stopped is said in words.
        return before
    amiss = [each.check for each in examined.verdicts if each.state in ("fail", "error")]
    return _with_mended(task, mended, amiss, cells)


class _Mended(Struct):
    """The mistakes that changes mend, and what else is left once they are ``made``.

    ``codes`` are those of the ``inquiry`` that are mended, in the order of their changes, each
    ``named`` as the one that its change is of. ``further`` are the changes that mend the ``rest``.
    """

    inquiry: Inquiry
    codes: Sequence[str]
    made: list[_Change]
    named: dict[str, str]
    further: list[_Change] = field(default_factory=list)
    rest: Inquiry = field(default_factory=Inquiry)


def _mended(search: _Search, texts: Texts, inquiry: Inquiry, only: str, least: int) -> _Mended:
    """Look for the changes that mend what was found, or ``only`` what one mistake is mended by.

    Without them ``least`` entries are right.
    """
    codes = _codes(inquiry)
    # What has a name and is of the model may be right before the rest is.
    of_model = [f.mistake for f in inquiry.findings if f.check == "forward"]
    of_model = [code for code in of_model if code != UNEXPLAINED]
    search.partly = UNEXPLAINED in codes and len(codes) > 1
    if search.partly:
        codes = of_model
    made = search.made(texts, [only]) if only else []
    for code in codes if len(codes) > 1 and not search.partly else ():
        if made := search.made(texts, [code]):
            # It is one mistake, whatever else gives the same numbers.
            return _Mended(_of_one(inquiry, code), [code], made, {})
    if not made and len(codes) > 1 and not search.partly:
        made, codes = search.in_turn(codes)
    if not made and not only and codes:
        made = search.made(texts, codes)
    if not made and codes and OF_THE_MODULE.issuperset(codes):
        # The loss may have been chosen for what the module gives.
        made = search.made(texts, [*codes, "wrong-loss"])
    named = dict[str, str]()
    if not made and len(codes) == 1:
        # Several mistakes give its numbers: it is the one that a change of what is there mends.
        first = next(each for each in inquiry.findings if each.check)
        for (code,) in [other for other in first.alternatives if len(other) == 1]:
            made = [one for one in search.made(texts, [code]) if not _only_adds(one.proposal)]
            if made:
                named = {first.mistake: code}
                break
    if not made and of_model and not search.partly:
        search.partly, search.left, codes = True, ATTEMPTS, of_model
        made = search.made(texts, codes)
    if made and (search.partly or only == SIZES):
        further, rest = search.beyond(texts, made)
        own = tuple(f for f in inquiry.findings if not further or f.mistake in codes)
        return _Mended(replace(inquiry, findings=own), codes, made, named, further, rest)
    if not made and (UNEXPLAINED in codes or (search.seen and len(codes) == 1)):
        made, further, rest = search.with_named(least)
        own, others = inquiry.findings[:1], inquiry.findings[1:]
        if made and not further:
            rest = Inquiry(others)
        own = own if made else inquiry.findings
        return _Mended(replace(inquiry, findings=own), codes, made, named, further, rest)
    return _Mended(inquiry, codes, made, named)


def _with_mended(
    task: Task, mended: _Mended, amiss: Sequence[str], cells: Mapping[str, Cell]
) -> Inquiry:
    """Return findings with the changes that mend them, and what of the checks ``amiss`` follows."""
    inquiry, codes, made, named = mended.inquiry, mended.codes, mended.made, mended.named
    further, rest = mended.further, mended.rest
    by_code = dict(zip(codes, _steps(made), strict=False))
    findings = _placed(task, inquiry.findings, by_code, named, cells)
    for loss in made[len(codes) :]:
        findings = [_with_loss(each, loss, made, cells) for each in findings]
    whole = UNEXPLAINED in by_code and not rest.findings
    if whole:
        # One change makes all of it right: it is one mistake, and told once.
        checked = [each for each in findings if each.check]
        findings = [each for each in findings if each not in checked[1:]]
    later = dict(zip(_codes(rest), _steps([*made, *further])[len(made) :], strict=False))
    if CHOSEN in later and OF_THE_MODULE.issuperset(codes):
        # It is right for what the model gives now.
        steps = later[CHOSEN]
        findings = [_with_loss(each, steps[-1], steps, cells) for each in findings]
        rest = replace(rest, findings=tuple(f for f in rest.findings if f.mistake != CHOSEN))
    findings += _placed(task, rest.findings, later, {}, cells)
    follows = {
        check: tuple(named.get(code, code) for code in after)
        for check, after in (rest if further else inquiry).follows.items()
    }
    if whole or further:
        mistakes = {each.check: each.mistake for each in findings if each.check}
        follows |= {check: (*mistakes.values(),) for check in amiss if check not in mistakes}
    return replace(inquiry, findings=tuple(findings), follows=follows)


def _steps(made: Sequence[_Change]) -> list[Sequence[_Change]]:
    """Return each change, with those before it."""
    return [made[: number + 1] for number in range(len(made))]


def _placed(
    task: Task,
    findings: Sequence[Finding],
    by_code: Mapping[str, Sequence[_Change]],
    named: Mapping[str, str],
    cells: Mapping[str, Cell],
) -> list[Finding]:
    """Return findings with the lines of the changes that mend them, by their mistakes."""
    return [
        _told(task, each, named.get(each.mistake, each.mistake), by_code[each.mistake], cells)
        if each.mistake in by_code
        else _standing(each, cells)
        for each in findings
    ]


def _score(examined: Examined) -> int:
    """Count the entries that are right."""
    return sum(entry.state == "pass" for v in examined.verdicts for entry in v.entries)


MODEL = "model"

ONLY = {MODEL: SIZES, "gradient": "wrong-rounds"}
"""What alone is looked for where a check fails that no mistake has by its numbers."""

CHOSEN = "logits-loss"
"""The mistake that is none beside a model that gives plain sums."""


def _codes(inquiry: Inquiry) -> list[str]:
    """Return the mistakes in the order in which they are mended.

    What is only recorded otherwise is mended once the steps are.
    """
    found = dict.fromkeys(each.mistake for each in inquiry.findings if each.check)
    return sorted(found, key=RECORD.__contains__)


def _with_unnamed(task: Task, examined: Examined, inquiry: Inquiry) -> Inquiry:
    """Return findings with one for the model or the loop, where one is wrong and none is told."""
    wrong = {verdict.check: verdict.state for verdict in examined.verdicts}
    bound = examined.case.binding.bound
    roles = {MODEL: MODEL, "forward": MODEL, "trajectory": "train", "gradient": "train"}
    for check, role in roles.items():
        if wrong.get(check) in ("fail", "error") and role in bound and not inquiry.findings:
            slip = Slip(UNEXPLAINED)
            finding = unexplained(task, bound[role], check, slip, Explanation())
            return replace(inquiry, findings=(finding,))
    return inquiry


def _of_one(inquiry: Inquiry, code: str) -> Inquiry:
    """Return findings with those of one mistake alone: whatever else is wrong follows from it."""
    kept = [each for each in inquiry.findings if each.mistake == code]
    checks = {*inquiry.follows, *(each.check for each in inquiry.findings)}
    follows = dict.fromkeys(checks - {each.check for each in kept}, (code,))
    return Inquiry(tuple(kept), follows)


class _Search(Struct):
    """A search for one change for each mistake.

    ``left`` are the texts that may still be run, ``seconds`` what the code may still take. A
    ``right`` forward pass is left as it is, but for what cuts its graph; where it is looked for
    ``partly``, a forward pass is all that has to be right. ``near`` are the lines of cells that the
    code stops at, which are changed first. ``scores`` are the entries that were right with the
    texts that were run, ``seen`` what came of the changes, and the mistakes that they were to mend.
    """

    task: Task
    process: StudentProcess
    again: Again
    left: int
    seconds: float
    right: bool = False
    near: frozenset[tuple[str, int]] = frozenset()
    partly: bool = False
    scores: dict[tuple[str, ...], int] = field(default_factory=dict)
    seen: list[tuple[_Change, Texts, Examined, Idioms, str]] = field(default_factory=list)

    def made(self, texts: Texts, codes: Sequence[str]) -> list[_Change]:
        """Return the changes that together make everything right, in the order of the mistakes."""
        proposed: Iterable[tuple[Proposal, Texts]] = self._proposed(texts, codes[0])
        if len(codes) > 1:
            # What makes most right alone is the most likely.
            proposed = sorted(proposed, key=lambda each: -self.scores.get((*each[1].values(),), 0))
        for proposal, changed in proposed:
            if self.left <= 0 or self.seconds <= 0:
                break
            source = texts[proposal.cell]
            whole = proposal if proposal.kind == INDENTED else trimmed(proposal, source)
            change = _Change(whole, source)
            if len(codes) == 1:
                if self._right(changed, codes[0], change):
                    return [change]
            elif further := self.made(changed, codes[1:]):
                return [change, *further]
        return []

    def _proposed(self, texts: Texts, code: str) -> Iterator[tuple[Proposal, Texts]]:
        """Yield the changes that may mend a mistake, with the texts that each makes."""
        seen, made = {*texts.values()}, Made()
        # A text may be nested more deeply than it can be written out again.
        with suppress(RecursionError):
            made = made_in(texts.values())
        for name, source in texts.items():
            with suppress(RecursionError):
                own = Text(name, source, made)
                likely: list[tuple[bool, Proposal]] = []
                for proposal in changes(self.task, own):
                    computes = own.computes(proposal.line)
                    if self.right and computes and proposal.kind not in CUTS:
                        continue
                    near = (name, proposal.line) in self.near or (computes and not self.right)
                    likely.append((not near, proposal))
                for _, proposal in sorted(likely, key=itemgetter(0)):
                    if code in (UNEXPLAINED, *MENDS[proposal.kind]):
                        text = replaced(source, proposal)
                        if text is not None and text not in seen:
                            seen.add(text)
                            yield proposal, {**texts, name: text}

    def in_turn(self, codes: list[str]) -> tuple[list[_Change], list[str]]:
        """Return the changes that mend mistakes one after the other, and these in their order.

        Once one is mended, the numbers are those of the others.
        """
        for change, texts, examined, idioms, code in [*self.seen]:
            left = _codes(training_inquiry(self.task, examined, idioms, len(codes) - 1))
            if {*left} == {*codes} - {code}:
                self.left = max(self.left, PAIRS)
                if further := self.made(texts, left):
                    return [change, *further], [code, *left]
        return [], codes

    def with_named(self, least: int) -> tuple[list[_Change], list[_Change], Inquiry]:
        """Return a change after which what is left has names, the changes that mend it, and these.

        Two mistakes of which one has no name give numbers that nothing explains; without that one
        they are those of the other. Changes that make more right than the ``least`` entries, or
        are the likeliest, may leave two; one that makes the model right stands for itself.
        """
        self.left = ATTEMPTS
        alone: list[_Change] = []
        likely = [e for e in self.seen if e[-1] == UNEXPLAINED or e[0].proposal.kind in CERTAIN]
        first = [(each, training_inquiry(self.task, *each[2:4], 1)) for each in likely]
        unknown = [each for each, inquiry in first if UNEXPLAINED in _codes(inquiry)]
        unknown.sort(key=lambda each: _score(each[2]) <= least)
        two = ((each, training_inquiry(self.task, *each[2:4], 2)) for each in unknown[:PAIRS])
        for (change, texts, examined, *_), inquiry in chain(first, two):
            codes = _codes(inquiry)
            if not codes or UNEXPLAINED in codes:
                continue
            right, self.right = self.right, self._is_model_right(examined.verdicts)
            if further := self.made(texts, codes):
                return [change], further, inquiry
            if self.right and not (right or alone):
                with self.process.with_texts(texts):
                    alone = [change] * self._is_model_right(self.again(HELD).verdicts)
            self.right = right
        return alone, [], Inquiry()

    def beyond(self, texts: Texts, made: Sequence[_Change]) -> tuple[list[_Change], Inquiry]:
        """Return the changes that mend what is left once some have mended the model, and that.

        That is nothing where nothing is left, or not all of it can be mended.
        """
        for each in made:
            changed = replaced(each.source, each.proposal) or each.source
            texts = {**texts, each.proposal.cell: changed}
        with self.process.with_texts(texts):
            examined = self.again(0)
            idioms = idioms_of(self.process.section, self.process.modules)
        self.left, self.partly = ATTEMPTS, False
        self.right = self._is_model_right(examined.verdicts)
        inquiry = training_inquiry(self.task, examined, idioms)
        further = self.made(texts, _codes(inquiry)) if inquiry.findings else []
        return (further, inquiry) if further else ([], Inquiry())

    def _right(self, texts: Texts, code: str, change: _Change) -> bool:
        """Run a text; at fresh inputs too, where it is right at the judged ones."""
        self.left -= 1
        with self.process.with_texts(texts):
            examined = self.again(0)
            self.scores[*texts.values(),] = _score(examined)
            right = self._passed(examined.verdicts, code)
            right = right and self._passed(self.again(HELD).verdicts, code)
            self.seconds -= self.process.spent
            idioms = idioms_of(self.process.section, self.process.modules)
            self.seen.append((change, texts, examined, idioms, code))
        return right

    def _passed(self, verdicts: Sequence[Verdict], code: str) -> bool:
        """Tell whether what is looked for is right; a model of other sizes has to run besides."""
        if not (self.partly or code == SIZES):
            return {each.state for each in verdicts} == {"pass"}
        runs = ("pass", "fail") if code == SIZES else ("pass",)
        return self._is_model_right(verdicts, runs)

    @staticmethod
    def _is_model_right(verdicts: Sequence[Verdict], runs: Sequence[str] = ("pass",)) -> bool:
        states = {each.check: each.state for each in verdicts}
        return states[MODEL] == "pass" and states["forward"] in runs


def _with_loss(
    finding: Finding, loss: _Change, made: Sequence[_Change], cells: Mapping[str, Cell]
) -> Finding:
    """Return a finding that says that the loss was chosen for what it mends."""
    if not finding.fix:
        return finding
    earlier = [each.proposal for each in made[: made.index(loss)]]
    cell = cells[loss.proposal.cell]
    own = [each for each in earlier if each.cell == cell.id]
    place = finder([cell])(cell.id, line_before(own, loss.proposal.line))
    said = say(
        "The loss in line {line} was chosen for what the model gives now, and has to change with "
        "it.",
        line=place.line,
    )
    return replace(finding, sentence=f"{finding.sentence} {said}")


def _only_adds(proposal: Proposal) -> bool:
    return proposal.last < proposal.first


def _told(
    task: Task,
    finding: Finding,
    code: str,
    changes: Sequence[_Change],
    cells: Mapping[str, Cell],
) -> Finding:
    """Return a finding with the place of the last of some changes, and what is right there.

    What is mended by the change of another mistake, ``code``, is told as that.
    """
    *earlier, (proposal, source) = [(each.proposal, each.source) for each in changes]
    cell = cells[proposal.cell]
    line = line_before([one for one, _ in earlier if one.cell == cell.id], proposal.line)
    function = Text(cell.id, source).function(proposal.line)
    if finding.mistake == UNEXPLAINED or proposal.kind in OWN:
        # What nothing but one mistake is mended by costs what that costs.
        code = NAMES[proposal.kind]
        if code not in RANK:
            kind = replace(proposal, kind=code)
            return finding_of(
                task.id, finding.check, function, finding.entries, kind, cell, line, source
            )
    if code != finding.mistake:
        instead = [(finding.mistake,) if one == (code,) else one for one in finding.alternatives]
        finding = replace(
            finding,
            id=identity(task, finding.check, code, ()),
            mistake=code,
            alternatives=tuple(instead),
        )
        finding = told(finding, task, Slip(code), Names(), {"train": f"`{function}`"})
        # Its numbers were not looked at, so there is nothing to say of them.
        finding = replace(finding, hints=finding.hints[:2])
    if proposal.kind == IN_PLACE:
        name = source.split("\n")[proposal.line - 1].partition("=")[0].strip()
        finding = with_local_names(finding, [name], every=True)
    if MENDS[proposal.kind] == ("missing-step",):
        # There is a step in the text, and no optimiser to be called.
        finding = replace(finding, hints=finding.hints[:3])
    place = finder([cell])(cell.id, line)
    parts = marked(proposal, source, cell, place.line)
    own = cell.source.split("\n")[line - 1].strip()
    if own != parts["source"]:
        parts |= {"source": own, "columns": ()}
    # What a change has shown is not something else that gives the same numbers.
    return replace(finding, place=place, others=(), **parts)


def _standing(finding: Finding, cells: Mapping[str, Cell]) -> Finding:
    """Return a finding with the one place in which its mistake can stand, if there is one."""
    spots = [
        (cell, text, spot)
        for cell in cells.values()
        if (find := STANDS.get(finding.mistake)) and (text := Text(cell.id, cell.source))
        for spot in find(text)
    ]
    if len(spots) != 1:
        return finding
    ((cell, text, spot),) = spots
    line = text.lines[spot.first - 1]
    columns = (0, spot.end - spot.start) if spot.last == spot.first else ()
    place = finder([cell])(cell.id, spot.first)
    return replace(finding, place=place, source=line.strip(), columns=columns)

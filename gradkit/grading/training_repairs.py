"""Find the lines of mistakes in a torch submission: the change of its text that makes all right.

The diagnosis of a training run names mistakes by the numbers that they give. Here the text is
changed in the way that such a mistake would be mended, and run again: where all that failed is
right then, and at fresh inputs too, the change tells the line. A failure without a name, and code
that stops, are looked at in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from operator import itemgetter

from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.binding.idioms import Idioms, idioms_of
from gradkit.diagnosis.catalogue import rank
from gradkit.diagnosis.inquiry.findings import explain_local_names, fill_texts, identity
from gradkit.diagnosis.inquiry.findings import make_finding as unexplained
from gradkit.diagnosis.inquiry.training import inquire_training
from gradkit.diagnosis.mistakes.training import MODULE_MISTAKES, RECORDING_MISTAKES, causes_of
from gradkit.diagnosis.repair.ask import Proposal, line_before, trimmed
from gradkit.diagnosis.repair.loops import INDENTED
from gradkit.diagnosis.repair.optimizers import IN_PLACE
from gradkit.diagnosis.repair.spelling import SPELLINGS
from gradkit.diagnosis.repair.tell import finding_of, marked
from gradkit.diagnosis.repair.text import Made, Text, made_in
from gradkit.diagnosis.repair.training import (
    CERTAIN,
    CUTS,
    MENDS,
    NAMES,
    OWN,
    SIZES,
    STANDS,
    changes,
)
from gradkit.grading.changed_text import replaced
from gradkit.grading.repairs import PROOF_OFFSET, Again
from gradkit.grading.selectors import is_selection
from gradkit.judge.comparison import Examined
from gradkit.records.result import FAILED, UNEXPLAINED, Finding, Inquiry
from gradkit.records.rule import Explanation, Names, Slip
from gradkit.records.submission import Cell, Place
from gradkit.records.task import Task
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import definitions, line_at
from gradkit.text import format_text

ATTEMPTS = 60
"""Texts with one change that are run, some 80 ms of processor time each, and as many with several;
all of them together may take as long as the task's deadline."""

PAIRS = 12
"""Changed texts in whose runs two mistakes are looked for."""

LARGEST = 50_000
"""Characters of a cell that is looked at."""

Texts = Mapping[str, str]


class _Step(Struct, frozen=True):
    """A change, the text before it, and the findings (``found``) on that text.

    It mends the mistake ``of`` these findings, and was proposed for the mistake ``code``. ``right``
    says that all checks pass after it.
    """

    proposal: Proposal
    source: str
    of: str
    code: str
    found: Inquiry
    right: bool = False


class _Run(Struct):
    """A text that was run, its verdicts and idioms, and the findings on it."""

    texts: Texts
    examined: Examined
    idioms: Idioms
    inquiry: Inquiry = field(default_factory=Inquiry)


def with_lines(
    task: Task, examined: Examined, process: StudentProcess, inquiry: Inquiry, again: Again
) -> Inquiry:
    """Return the findings on a torch model, with lines and changes where a repair was found.

    Parameters
    ----------
    task : Task
    examined : Examined
    process : StudentProcess
        Runs the section's code.
    inquiry : Inquiry
        The findings so far.
    again : callable
        Examines the changed code again, see `gradkit.grading.repairs.Again`.
    """
    whole = _with_unnamed(task, examined, inquiry)
    cells = {cell.id: cell for cell in process.section.own if len(cell.source) <= LARGEST}
    if not _codes(whole):
        return _place_findings(inquiry, cells)
    texts = {name: cell.source for name, cell in cells.items()}
    idioms = idioms_of(process.section, process.modules)
    search = _Search(task, process, again, cells, task.deadline)
    steps = search.steps(_Run(texts, examined, idioms, inquiry))
    if not steps and inquiry != whole:
        # What stopped is said in words.
        return _place_findings(inquiry, cells)
    amiss = [each.check for each in examined.verdicts if each.state in FAILED]
    return _with_steps(task, whole, steps, amiss, cells)


def _with_steps(
    task: Task,
    inquiry: Inquiry,
    steps: Sequence[_Step],
    amiss: Sequence[str],
    cells: Mapping[str, Cell],
) -> Inquiry:
    """Return findings with the changes that repair them, and the causes of the failed checks.

    ``inquiry`` has the findings before, ``steps`` are the changes in order, ``amiss`` the names of
    the failed checks, and ``cells`` the submitted cells by id. If all checks pass after the
    changes, findings without a change are left out, and the repaired ones are the causes of all
    other failures.
    """
    known = {each.mistake: each for each in reversed(inquiry.findings) if each.check}
    told, losses, ids = list[Finding](), list[_Step](), dict[str, str]()
    for number, step in enumerate(steps):
        if step.of not in known and step.code in CHOSEN and _of_module(steps[:number]):
            # It is right for what the model gives now.
            losses.append(step)
            continue
        finding = known.pop(step.of, None) or next(
            each for each in step.found.findings if each.mistake == step.of
        )
        new = _corrected_finding(task, finding, step.code, steps[: number + 1], cells)
        is_new = new.mistake != finding.mistake
        ids[finding.id] = new.id
        told.append(replace(new, basis="change") if is_new else new)
    for loss in losses:
        told = [_with_loss(each, loss, steps, cells) for each in told]
    # Where all is right then, whatever else was found is caused by what is mended.
    mended = _make_right(steps)
    findings = told + [
        _place_finding(each, cells)
        for each in inquiry.findings
        if not each.check or (not mended and each.mistake in known)
    ]
    causes = {
        check: tuple(ids.get(each, each) for each in after)
        for check, after in inquiry.causes.items()
    }
    if mended:
        every = tuple(each.id for each in told)
        causes |= dict.fromkeys({*amiss} - {each.check for each in told}, every)
        # A wrong model blocks the forward pass, which the training loop does not change.
        of_model = tuple(each.id for each in told if each.check == MODEL)
        causes |= dict.fromkeys({"forward"} & {*causes}, of_model) if of_model else {}
        causes |= {
            check: of for check in ("gradient", "trajectory") if (of := causes_of(check, told))
        }
    return replace(inquiry, findings=tuple(findings), causes=causes)


def _make_right(steps: Sequence[_Step]) -> bool:
    """Return whether all checks pass after some changes; false without changes."""
    return bool(steps) and steps[-1].right


def _score(examined: Examined) -> int:
    """Count the entries that are right."""
    return sum(entry.state == "pass" for v in examined.verdicts for entry in v.entries)


MODEL = "model"

ONLY = {MODEL: SIZES, "gradient": "wrong-rounds"}
"""What alone is looked for where a check fails that no mistake has by its numbers."""

CHOSEN = frozenset({"logits-loss", "wrong-loss"})
"""Mistakes that are none beside a model that gives something else."""


def _of_module(steps: Sequence[_Step]) -> bool:
    return MODULE_MISTAKES.issuperset(step.of for step in steps)


def _codes(inquiry: Inquiry) -> list[str]:
    """Return the codes of the findings in the order of repair, mistakes of recording last."""
    found = dict.fromkeys(each.mistake for each in inquiry.findings if each.check)
    return sorted(found, key=RECORDING_MISTAKES.__contains__)


def _of_model(inquiry: Inquiry) -> list[str]:
    """Return the codes of the mistakes found in the model or in its forward pass."""
    return [each.mistake for each in inquiry.findings if each.check in (MODEL, "forward")]


def _with_unnamed(task: Task, examined: Examined, inquiry: Inquiry) -> Inquiry:
    """Return findings, with one more if the model or the training loop is wrong without a finding.

    ``examined`` has the verdicts on the task. The added finding is ``unexplained``.
    """
    wrong = _states(examined)
    bound = examined.case.binding.bound
    roles = {MODEL: MODEL, "forward": MODEL, "trajectory": "train", "gradient": "train"}
    for check, role in roles.items():
        if wrong.get(check) in ("fail", "error") and role in bound and not inquiry.findings:
            slip = Slip(UNEXPLAINED)
            finding = unexplained(task, bound[role], check, slip, Explanation())
            return replace(inquiry, findings=(finding,))
    return inquiry


def _wanted(found: Inquiry, whole: Inquiry) -> Iterator[tuple[str, str]]:
    """Yield pairs of a mistake to repair and the mistake whose changes are tried for it.

    The two differ if several mistakes give the same numbers. Mistakes that are unexplained come
    last. ``found`` are the findings that a change has to repair, ``whole`` are all findings. If the
    two differ, the only pair is the unexplained mistake with the one in `ONLY` for the first
    finding's check, if there is one. If there is only one kind of mistake, each single mistake that
    would give the same numbers is tried for it at the end.
    """
    if found != whole and (only := ONLY.get(whole.findings[0].check)):
        yield UNEXPLAINED, only
        return
    of_model = _of_model(whole)
    # What has a name is right before the rest is, and what a model gives before its loop.
    codes = of_model if of_model and UNEXPLAINED not in of_model else _codes(whole)
    for code in sorted(codes, key=UNEXPLAINED.__eq__):
        yield code, code
    if len(codes) == 1:
        # Several mistakes give its numbers.
        first = next(each for each in whole.findings if each.check)
        yield from ((first.mistake, other[0]) for other in first.alternatives if len(other) == 1)


class _Search(Struct):
    """A search for changes, one after the other, that make all checks pass.

    A change is kept if it makes the model right, or if it improves the findings: one mistake less,
    names for unexplained mistakes, or another name where one name may stand for two mistakes.
    ``seconds`` is the time that the code may still take, ``left`` the number of texts that may
    still be run. ``cells`` are the submitted cells by id, and ``again`` examines the code that is
    loaded.
    """

    task: Task
    process: StudentProcess
    again: Again
    cells: Mapping[str, Cell]
    seconds: float
    left: int = field(default_factory=lambda: ATTEMPTS)

    def steps(self, run: _Run, further: bool = False) -> list[_Step]:
        """Return the changes, in order, after which all checks pass.

        If none are found, return changes after which more checks pass or that lead further, such as
        to a right model; or an empty list. ``run`` has the present text, verdicts and findings; its
        findings are completed in place. Each change is run. ``further`` is true after a first
        change; the number of texts that may be run is then not reset.
        """
        found, run.inquiry = run.inquiry, _with_unnamed(self.task, run.examined, run.inquiry)
        tried: list[tuple[_Step, _Run]] = []
        for step, texts in self._proposed(run, found):
            if self.left <= 0 or self.seconds <= 0:
                break
            after = self._run(texts)
            if _is_right(after.examined) and self._holds(texts, _is_right):
                return [replace(step, right=True)]
            tried.append((step, after))
        if self.seconds <= 0:
            return []
        if not further:
            self.left = ATTEMPTS
        alone: list[_Step] = []
        passed = _passed(run.examined)
        for step, after in self._less(run, tried):
            steps = [step, *self.steps(after, further=True)]
            if _make_right(steps):
                return steps
            if not alone and len(steps) > 1:
                alone = steps
            elif not alone and _passed(after.examined) > passed:
                alone = steps * self._holds(after.texts, lambda each: _passed(each) > passed)
        return alone

    def _less(self, run: _Run, tried: Sequence[tuple[_Step, _Run]]) -> Iterator[tuple[_Step, _Run]]:
        """Yield those of the ``tried`` changes after which the training run is closer to right.

        ``run`` has the text before the changes, with its findings. ``tried`` has pairs of a change
        and the run of the text after it. These pairs are yielded; the findings of each tried run
        are stored in it.

        A change is yielded if the code passes more stages (`_stage`), if another spelling moves the
        exception, if the model has fewer mistakes, or if all mistakes that are left are explained,
        and are fewer than before or were unexplained before. If some mistakes in ``run`` are
        unexplained, changes with more right entries come first, and at most `PAIRS` changes that
        leave unexplained mistakes are searched again, for two mistakes each.
        """
        codes, least = _codes(run.inquiry), _score(run.examined)
        of_model = _of_model(run.inquiry)
        stops = "error" in _states(run.examined).values()
        unknown: list[tuple[_Step, _Run]] = []

        def is_less(step: _Step, left: Sequence[str]) -> bool:
            # One name may stand for two mistakes, of which one is wrong in any company.
            fewer = len(left) < len(codes) + (step.proposal.kind in CERTAIN)
            return bool(left) and UNEXPLAINED not in left and (UNEXPLAINED in codes or fewer)

        if UNEXPLAINED in codes:
            tried = sorted(tried, key=lambda each: _score(each[1].examined) <= least)
        for step, after in tried:
            raised = _stage(after.examined) > _stage(run.examined)
            # Code that is written otherwise may stop again, elsewhere.
            spelt = stops and step.proposal.kind in SPELLINGS
            raised |= spelt and _stops(after.examined) != _stops(run.examined)
            left = self._found(after, 2 if raised or len(codes) > 2 else 1)
            # A model is right before the loop is.
            fewer = _of_model(after.inquiry) if _runs(after.examined) else of_model
            raised |= UNEXPLAINED not in fewer and len(fewer) < len(of_model)
            if raised or is_less(step, left):
                yield step, after
            elif UNEXPLAINED in left:
                unknown.append((step, after))
        for step, after in unknown[:PAIRS] if UNEXPLAINED in codes else ():
            if is_less(step, self._found(after, 2)):
                yield step, after

    def _found(self, run: _Run, most: int) -> list[str]:
        run.inquiry = inquire_training(self.task, run.examined, run.idioms, most)
        return _codes(run.inquiry)

    def _proposed(self, run: _Run, found: Inquiry) -> Iterator[tuple[_Step, Texts]]:
        """Yield changes that may repair the findings ``found``, with all texts after each.

        ``run`` has the texts of cells to change. A right forward pass is only changed where it
        detaches values from the graph of gradients. Lines that raise are changed first. A change
        that only selects among alternatives of the text is left out.
        """
        texts, seen, made = run.texts, {*run.texts.values()}, Made()
        right = _states(run.examined).get("forward") == "pass"
        near, there = self._stopped(run.examined), definitions(self.process.section.cells)
        said = " ".join(each.message for each in run.examined.verdicts if each.state == "error")
        # A text may be nested more deeply than it can be written out again.
        with suppress(RecursionError):
            made = made_in(texts.values())
        likely: list[tuple[bool, Proposal]] = []
        for name, source in texts.items():
            with suppress(RecursionError):
                stops = [line for cell, line in near if cell == name]
                own = Text(name, source, made, stops=stops, said=said, there=there)
                for proposal in changes(self.task, own):
                    computes = own.computes(proposal.line)
                    if not (right and computes) or proposal.kind in CUTS:
                        first = (name, proposal.line) in near or (computes and not right)
                        likely.append((not first and proposal.kind not in SPELLINGS, proposal))
        likely.sort(key=itemgetter(0))
        for of, code in _wanted(found, run.inquiry):
            for _, proposal in likely:
                if code in (UNEXPLAINED, *MENDS[proposal.kind]) and (
                    of in (code, UNEXPLAINED) or not _only_adds(proposal)
                ):
                    source = texts[proposal.cell]
                    text = replaced(source, proposal)
                    others = (each for name, each in texts.items() if name != proposal.cell)
                    if text is not None and text not in seen:
                        seen.add(text)
                        if is_selection(source, text, others):
                            continue
                        whole = proposal if proposal.kind == INDENTED else trimmed(proposal, source)
                        step = _Step(whole, source, of, code, run.inquiry)
                        yield step, {**texts, proposal.cell: text}

    def _stopped(self, examined: Examined) -> set[tuple[str, int]]:
        """Return the cells and lines where the code raises, by the verdicts in ``examined``."""
        return {
            (name, line)
            for verdict in examined.verdicts
            for name, cell in self.cells.items()
            if verdict.state == "error" and (line := cell.line_of(verdict.place))
        }

    def _run(self, texts: Texts) -> _Run:
        """Examine the code with changed texts by cell id, and subtract its cost from the limits.

        The limits are the attributes ``seconds`` and ``left``.
        """
        self.left -= 1
        with self.process.with_texts(texts):
            examined = self.again(0)
            self.seconds -= self.process.spent
            return _Run(texts, examined, idioms_of(self.process.section, self.process.modules))

    def _holds(self, texts: Texts, right: Callable[[Examined], bool]) -> bool:
        """Return whether the code with changed texts is right at fresh inputs too.

        ``texts`` are by cell id, and ``right`` judges the verdicts on the code.
        """
        with self.process.with_texts(texts):
            held = right(self.again(PROOF_OFFSET))
            self.seconds -= self.process.spent
        return held


def _states(examined: Examined) -> Mapping[str, str]:
    return {each.check: each.state for each in examined.verdicts}


def _is_right(examined: Examined) -> bool:
    return {*_states(examined).values()} == {"pass"}


STAGES: Sequence[Mapping[str, Sequence[str]]] = (
    {MODEL: ("pass",), "forward": ("pass", "fail")},
    {"forward": ("pass",)},
)
"""What a model is before all of it is right: one that has the right sizes and runs."""


def _stage(examined: Examined) -> int:
    """Return how many stages a model has passed: it can be built, run, trained, …."""
    states = _states(examined)
    passed = (all(states.get(name) in each[name] for name in each) for each in STAGES)
    return sum(takewhile(bool, passed))


def _runs(examined: Examined) -> bool:
    """Return whether the model's forward pass runs, right or wrong."""
    return _states(examined).get("forward") in ("pass", "fail")


def _stops(examined: Examined) -> list[tuple[str, Place | None]]:
    return [(each.state, each.place) for each in examined.verdicts]


def _passed(examined: Examined) -> int:
    """Count the passed checks among those of the model and of its forward pass."""
    states = _states(examined)
    return sum(states.get(check) == "pass" for check in (MODEL, "forward"))


def _with_loss(
    finding: Finding, loss: _Step, made: Sequence[_Step], cells: Mapping[str, Cell]
) -> Finding:
    """Return a finding with a note that the loss has to change together with the model.

    ``loss`` is the change of the loss, and ``made`` are all changes up to it, in order. A finding
    without a correction is returned unchanged.
    """
    if not finding.fix:
        return finding
    earlier = [each.proposal for each in made[: made.index(loss)]]
    cell = cells[loss.proposal.cell]
    own = [each for each in earlier if each.cell == cell.id]
    place = cell.place(line_before(own, loss.proposal.line))
    said = format_text(
        "The loss in line {line} fits the present output of the model: change it too.",
        line=place.line,
    )
    return replace(finding, sentence=f"{finding.sentence} {said}")


def _only_adds(proposal: Proposal) -> bool:
    return proposal.last < proposal.first


def _corrected_finding(
    task: Task,
    finding: Finding,
    code: str,
    steps: Sequence[_Step],
    cells: Mapping[str, Cell],
) -> Finding:
    """Return a finding with the place of the last of some changes, and with the corrected text.

    ``steps`` are the changes in order, ``code`` is the mistake that the last one repairs, and
    ``cells`` are the submitted cells by id. If the finding is about another mistake, the result is
    about ``code``.
    """
    *earlier, (proposal, source) = [(each.proposal, each.source) for each in steps]
    cell = cells[proposal.cell]
    line = line_before([one for one, _ in earlier if one.cell == cell.id], proposal.line)
    function = Text(cell.id, source).function(proposal.line)
    if finding.mistake == UNEXPLAINED or proposal.kind in OWN:
        # What nothing but one mistake is mended by costs what that costs.
        code = NAMES[proposal.kind]
        if code not in rank():
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
        finding = fill_texts(finding, task, Slip(code), Names(), {"train": f"`{function}`"})
        # Its numbers were not looked at, so there is nothing to say of them.
        finding = replace(finding, hints=finding.hints[:2])
    if proposal.kind == IN_PLACE:
        name = source.split("\n")[proposal.line - 1].partition("=")[0].strip()
        finding = explain_local_names(finding, [name], every=True)
    if MENDS[proposal.kind] == ("missing-step",):
        # There is a step in the text, and no optimiser to be called.
        finding = replace(finding, hints=finding.hints[:3])
    place = cell.place(line)
    parts = marked(proposal, source, cell, place.line)
    own = cell.source.split("\n")[line - 1].strip()
    if own != parts["source"]:
        parts |= {"source": own, "columns": ()}
    # What a change has shown is not something else that gives the same numbers.
    return replace(finding, place=place, others=(), **parts)


def _place_finding(finding: Finding, cells: Mapping[str, Cell]) -> Finding:
    """Return a finding with the one place that its mistake can be in, if there is one.

    ``cells`` are the submitted cells by id. In all other cases the finding quotes the line that it
    points to.
    """
    spots = [
        (cell, text, spot)
        for cell in cells.values()
        if (find := STANDS.get(finding.mistake)) and (text := Text(cell.id, cell.source))
        for spot in find(text)
    ]
    if len(spots) != 1:
        if finding.source or finding.place is None:
            return finding
        return replace(finding, source=line_at(tuple(cells.values()), finding.place).strip())
    ((cell, text, spot),) = spots
    line = text.lines[spot.first - 1]
    indent = len(line) - len(line.lstrip())
    columns = (spot.start - indent, spot.end - indent) if spot.last == spot.first else ()
    place = cell.place(spot.first)
    return replace(finding, place=place, source=line.strip(), columns=columns)


def _place_findings(inquiry: Inquiry, cells: Mapping[str, Cell]) -> Inquiry:
    """Return an inquiry in which each finding has the place that `_place_finding` gives it."""
    findings = tuple(_place_finding(each, cells) for each in inquiry.findings)
    return replace(inquiry, findings=findings)

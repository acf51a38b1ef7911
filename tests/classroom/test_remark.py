"""Marking again: what grading anew would give, from what was stored and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from classroom.classes import (
    ALMOST,
    MISTAKES,
    OPTIONS,
    RIGHT,
    SETTINGS,
    changed_assignment,
    handed_in,
    results,
)
from classroom.here import grade_here
from click.testing import CliRunner
from click.testing import Result as Ended
from mistakes.samples import folder as mistake_folder
from model_solutions import ROOT
from msgspec.structs import replace

from gradkit.classroom import remark as module
from gradkit.classroom.remark import Marker, remark_class
from gradkit.classroom.reports.history import history
from gradkit.classroom.store.database import StoreError
from gradkit.classroom.store.results import Store, pack, settings_of, unpack
from gradkit.cli import main
from gradkit.diagnosis import catalogue
from gradkit.grading.assess import StaleError
from gradkit.grading.settings import GradingError, Settings
from gradkit.records.classroom import Remarked
from gradkit.records.result import Evidence, Result
from gradkit.task.assignment import DEFAULT

pytestmark = [pytest.mark.sample(180), pytest.mark.usefixtures("warm")]

SAMPLES = [
    path
    for path in sorted((ROOT / "tests" / "sample_class").glob("*.py"))
    if "torch" not in path.name and "hangs" not in path.name
]
GRADED = len(SAMPLES)
"""One of them is another exercise, and there is one more of our own."""

CLASS = replace(SETTINGS, tasks=())
"""For the sample class: which task it is is for gradkit to find out."""

POINTS = "checks = { interface = 1, forward = 4, update = 6, gradient = 5, trajectory = 4 }"
OTHER_POINTS = "checks = { interface = 3, forward = 5, update = 9, gradient = 1, trajectory = 4 }"
ANCHOR = "[roles.initialise]\n"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The numpy part of the sample class, without the one that takes its whole deadline."""
    folder = tmp_path_factory.mktemp("sample") / "class"
    folder.mkdir()
    for path in SAMPLES:
        shutil.copy(path, folder)
    return handed_in(folder, tia_regression_almost=ALMOST)


@pytest.fixture(scope="module")
def done(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That class, graded."""
    out = tmp_path_factory.mktemp("done")
    tally = grade_here(sample, out, CLASS)
    assert (tally.graded, tally.refused) == (GRADED, 1)
    return out


@pytest.fixture
def out(done: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(done, tmp_path / "out"))


def marked(
    out: Path, drops: tuple[str, ...] = (), *, new_version: bool = False, **changes: object
) -> Remarked:
    """Mark again with some settings changed."""
    return remark_class(out, drops=drops, new_version=new_version, **changes)  # type: ignore[arg-type]


def command(*arguments: object) -> Ended:
    """The command, in this process."""
    return CliRunner().invoke(main, ["remark", *map(str, arguments)], env={"COLUMNS": "120"})


def deductions(**figures: float) -> str:
    """A table for the assignment file."""
    lines = [f"{code.replace('_', '-')} = {figure}" for code, figure in figures.items()]
    return "\n".join(["[marking.deductions]", *lines, ANCHOR])


def tolerances(**figures: float) -> str:
    """The same."""
    lines = [f"{check} = {figure}" for check, figure in figures.items()]
    return "\n".join(["[marking.tolerances]", *lines, ANCHOR])


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_nothing_changes_where_nothing_has_changed(out: Path) -> None:
    """Not a byte of a result is stored anew: answers, verdicts and marks are those of the day."""
    before = results(out)
    assert marked(out) == Remarked(GRADED, 0, (), ())
    assert results(out) == before
    ended = command(out)
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert ended.stderr == f"0 of {GRADED} scores changed.\n"


SCHEMES: dict[str, Callable[[Path], Settings]] = {
    "strict": lambda folder: replace(CLASS, preset="strict"),
    "numbers": lambda folder: replace(CLASS, preset="numbers"),
    "points and steps": lambda folder: replace(
        CLASS,
        assignment=changed_assignment(folder, POINTS, OTHER_POINTS, "step = 0.25", "step = 0.1"),
    ),
    "deductions": lambda folder: replace(
        CLASS,
        assignment=changed_assignment(
            folder, ANCHOR, deductions(swapped_index=0.9, wrong_sign=0.0)
        ),
    ),
    "withdrawn": lambda folder: replace(CLASS, dropped=("swapped-index", "wrong-sign")),
    "tolerances": lambda folder: replace(
        CLASS,
        assignment=changed_assignment(
            folder, ANCHOR, tolerances(forward=0.3, update=0.3, gradient=0.3, trajectory=0.3)
        ),
    ),
    "with solutions": lambda folder: replace(
        CLASS, no_reference=False, reference=ROOT / "reference"
    ),
}


def same_as_anew(folder: Path, out: Path, settings: Settings, fresh: Path) -> Remarked:
    """Hold every result that was marked again against grading under these settings."""
    before = results(out)
    told = marked(
        out,
        drops=settings.dropped,
        **{
            name: getattr(settings, name)
            for name in ("assignment", "reference", "no_reference", "preset")
        },
    )
    grade_here(folder, fresh, settings)
    stale = {name for name, _ in told.stale}
    after, anew = results(out), results(fresh)
    assert after.keys() == anew.keys()
    for name, result in after.items():
        if name in stale:
            assert pack(result) == pack(before[name]), name
        elif isinstance(result, Result):
            assert pack(result) == pack(anew[name]), name
    changed = {
        name
        for name, result in after.items()
        if isinstance(result, Result) and result.score != before[name].score  # type: ignore[union-attr]
    }
    moved = {c.name for c in told.changes if c.old != c.new}
    assert moved == changed
    return told


@pytest.mark.slow
@pytest.mark.sample(12)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_is_as_if_graded_anew(scheme: str, sample: Path, out: Path, tmp_path: Path) -> None:
    """Marks, findings, messages and notes; and what grading anew would not do again."""
    settings = SCHEMES[scheme](tmp_path / "mine")
    told = same_as_anew(sample, out, settings, tmp_path / "fresh")
    # Other tolerances may forgive a part of what fails: what it is due to is another question.
    assert scheme == "tolerances" or told.stale == ()
    assert len(told.stale) < GRADED - 3
    # Who was refused has a record of what is graded against too.
    assert settings.dropped or told.amended >= GRADED - len(told.stale)
    assert told.changes or scheme == "with solutions"
    # The key is the one that grading gives: nobody is graded again for it.
    if not settings.dropped:
        again = grade_here(sample, out, settings)
        assert again.graded == len(told.stale)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole sample class and every submission of the catalogue, torch among them, graded."""
    pytest.importorskip("torch")
    work = tmp_path_factory.mktemp("everything")
    folder = Path(shutil.copytree(ROOT / "tests" / "sample_class", work / "class"))
    # What is said of it holds the seconds that it took, which differ each time.
    (folder / "lena_classification_hangs.py").unlink()
    for path in mistake_folder().glob("*.py"):
        task = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# task: ")
        shutil.copy(path, folder / f"{path.stem}_{task.replace('-', '_')}.py")
    assert grade_here(folder, work / "out", CLASS).graded > 60
    return work


# Not with model solutions: their last bits are others than those of derived values, and outputs
# that an update was handed are made of them. Not every submission is insensitive to that.
@pytest.mark.slow
@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "with solutions"])
def test_every_mistake_is_as_if_graded_anew(scheme: str, everything: Path, tmp_path: Path) -> None:
    """As above, of everything."""
    out = Path(shutil.copytree(everything / "out", tmp_path / "out"))
    settings = SCHEMES[scheme](tmp_path / "mine")
    told = same_as_anew(everything / "class", out, settings, tmp_path / "fresh")
    # At a tolerance of 30 % most that is wrong is forgiven in part.
    assert len(told.stale) <= (0.9 * told.total if scheme == "tolerances" else 0)


LOOSE = tolerances(forward=0.3, update=0.3, gradient=0.3, trajectory=0.3)


def test_a_forward_pass_that_is_forgiven(tmp_path: Path) -> None:
    """Its training runs were made with gradkit's own, and would now be made with the student's."""
    folder = tmp_path / "class"
    folder.mkdir()
    source = mistake_folder() / "activation-twice.py"
    shutil.copy(source, folder / "ann_classification_numpy.py")
    grade_here(folder, tmp_path / "out", CLASS)
    told = marked(tmp_path / "out", assignment=changed_assignment(tmp_path, ANCHOR, LOOSE))
    assert told.stale == (
        (
            "ann_classification_numpy",
            "the verdict on classification-numpy/forward has changed, so its training runs have to "
            "be repeated with another forward pass",
        ),
    )


def test_there_and_back_again(out: Path, tmp_path: Path) -> None:
    """What was forgiven under other tolerances is known to be wrong when those are taken back."""
    before = results(out)
    assert marked(out, assignment=changed_assignment(tmp_path / "mine", ANCHOR, LOOSE)).changes
    assert results(out) != before
    assert marked(out, assignment=DEFAULT).stale == ()
    assert results(out) == before


def test_what_more_fails_now_is_left_and_said(tmp_path: Path) -> None:
    """Nobody loses points for what was not looked into."""
    folder, out = handed_in(tmp_path / "class", kim=ALMOST, lee=RIGHT), tmp_path / "out"
    loose = changed_assignment(tmp_path / "loose", ANCHOR, LOOSE)
    grade_here(folder, out, replace(SETTINGS, assignment=loose))
    before = results(out)
    told = marked(out, assignment=DEFAULT)
    assert told.stale == (
        (
            "kim",
            "other entries of regression-numpy/update fail now, and their mistakes can only be "
            "found by running the code",
        ),
    )
    assert told.changes == ()
    assert pack(results(out)["kim"]) == pack(before["kim"])
    # Who passes under both is marked.
    assert results(out)["lee"] != before["lee"]


@pytest.mark.parametrize(
    ("old", "new"), [("epochs = 5", "epochs = 6"), ("[[0.21, -0.13]", "[[0.22, -0.13]")]
)
def test_other_questions_are_said(old: str, new: str, out: Path, tmp_path: Path) -> None:
    """Answers to the old ones say nothing about them: grade again."""
    before = results(out)
    told = marked(out, assignment=changed_assignment(tmp_path / "mine", old, new))
    assert len(told.stale) > 3
    for name, why in told.stale:
        assert why.startswith("the random inputs of ")
        assert why.endswith("-numpy have changed since it was graded")
        assert pack(results(out)[name]) == pack(before[name])


def test_another_exercise_is_refused(out: Path, tmp_path: Path) -> None:
    """Answers are worth nothing under it."""
    before = (out / "class.sqlite").read_bytes()
    mine = changed_assignment(tmp_path / "mine", 'id = "backpropagation"', 'id = "mine"')
    ended = command(out, "--assignment", mine)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "was graded by the assignment 'backpropagation', gradkit's own, and this" in ended.stderr
    assert (out / "class.sqlite").read_bytes() == before


def test_a_task_that_is_gone_is_said(out: Path, tmp_path: Path) -> None:
    """What it was worth stays as it was."""
    mine = changed_assignment(tmp_path / "mine", 'id = "regression-numpy"', 'id = "other-numpy"')
    told = marked(out, assignment=mine)
    assert {why for _, why in told.stale} == {"regression-numpy is no longer in the assignment"}


@pytest.mark.parametrize("spoil", ["unloadable", "missing", "wrong"])
def test_a_model_solution_that_cannot_be_used_is_said(
    out: Path, tmp_path: Path, spoil: str
) -> None:
    """Nobody is marked against it, and no run is noted."""
    before = (out / "class.sqlite").read_bytes()
    shutil.copytree(ROOT / "reference", tmp_path / "reference")
    solution = tmp_path / "reference" / "regression_numpy.py"
    if spoil == "missing":
        solution.unlink()
    else:
        wrong = RIGHT.replace("0.001", "0.002")
        solution.write_text(wrong if spoil == "wrong" else "x = 1\n", encoding="utf-8")
    ended = command(out, "--reference", tmp_path / "reference")
    assert (ended.exit_code, ended.stdout) == (2, "")
    said = {
        "unloadable": "regression_numpy.py: the model solution has no `L_layer_forward`",
        "missing": "regression_numpy.py",
        "wrong": "disagree on W1 of",
    }
    assert said[spoil] in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert (out / "class.sqlite").read_bytes() == before


def test_one_that_is_found_out_later_leaves_the_mark(out: Path, tmp_path: Path) -> None:
    """As with torch, which is not loaded before somebody needs it."""
    shutil.copytree(ROOT / "reference", tmp_path / "reference")
    (tmp_path / "reference" / "regression_numpy.py").write_text("x = 1\n", encoding="utf-8")
    marker = Marker(replace(CLASS, no_reference=False, reference=tmp_path / "reference"))
    with Store(out, write=False) as store:
        kept = next(each for each in store.newest() if each.name == "tia_regression_almost")
        evidence = unpack(store.evidence(kept.id) or b"", tuple[Evidence, ...])
        with pytest.raises(StaleError, match=r"the model solution has no `L_layer_forward`.*[^.]$"):
            marker.mark(unpack(store.result(kept.id), Result), evidence)


def test_what_has_no_evidence_is_said(out: Path) -> None:
    """Rather than counted as unchanged."""
    with Store(out, write=True) as store:
        store._base.execute("UPDATE results SET evidence = NULL WHERE id = 1")
    told = marked(out, preset="strict")
    assert [why for _, why in told.stale] == ["its outputs were not stored"]


def test_a_new_mark_keeps_the_key_of_its_own_run(out: Path, sample: Path, tmp_path: Path) -> None:
    """Of how code was run the run has the word that ran it, not the newest of the class."""
    one = handed_in(tmp_path / "one", late=RIGHT)
    grade_here(one, out, replace(SETTINGS, seed=99))
    # Who was refused has a result too, with the preset of the others.
    assert marked(out, preset="strict").amended == GRADED + 2
    strict = replace(CLASS, preset="strict")
    assert grade_here(sample, out, strict).graded == 0
    assert grade_here(one, out, replace(strict, seed=99, tasks=SETTINGS.tasks)).graded == 0
    assert grade_here(one, out, replace(strict, seed=98, tasks=SETTINGS.tasks)).graded == 1


def test_old_answers_do_not_become_new_ones(
    out: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer gradkit may mark what an older one ran; it grades it anew when asked to."""
    monkeypatch.setattr("gradkit.__version__", "99.0")
    with pytest.raises(GradingError, match=r"and this is 99\.0: marks could differ"):
        marked(out, preset="strict")
    assert marked(out, preset="strict", new_version=True).amended == GRADED + 1
    strict = replace(CLASS, preset="strict")
    assert grade_here(sample, out, strict, new_version=True).graded == GRADED


def test_several_processes_give_the_same(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same order."""
    alone = remark_class(out, preset="strict", dry_run=True)
    monkeypatch.setattr(module, "ALONE", 2)
    monkeypatch.setattr(module, "CHUNK", 3)
    assert remark_class(out, preset="strict", dry_run=True, workers=2) == alone
    assert alone.changes


def test_a_withdrawn_finding_stays_withdrawn(out: Path, tmp_path: Path) -> None:
    """From everyone, also from who is graded later; and it is said on the result."""
    ended = command(out, "--drop", "swapped-index", "--why", "asked unclearly")
    assert ended.exit_code == 0
    assert "chen_regression_swapped_index  15.5 / 20  20 / 20    +4.5" in ended.stdout
    assert ended.stderr == f"1 of {GRADED} scores changed.\n"
    with Store(out, write=False) as store:
        assert store.dropped() == ("swapped-index",)
        assert (store.runs()[-1].kind, store.runs()[-1].why) == ("remark", "asked unclearly")
        settings = settings_of(store)
    assert settings.dropped == ("swapped-index",)
    chen = results(out)["chen_regression_swapped_index"]
    assert isinstance(chen, Result)
    notes = [note for check in chen.tasks[0].checks for note in check.notes]
    assert "The instructor withdrew a finding about this check. The finding costs nothing." in notes
    assert command(out).stderr == f"0 of {GRADED} scores changed.\n"


def test_a_withdrawn_finding_can_be_let_count_again(out: Path, sample: Path) -> None:
    """Everything is as it was, for whoever is graded later too; and it can be withdrawn anew."""
    before = results(out)
    assert command(out, "--drop", "swapped-index", "--drop", "wrong-sign").exit_code == 0
    ended = command(out, "--keep", "swapped-index", "--why", "clear after all")
    assert ended.exit_code == 0
    assert "chen_regression_swapped_index  20 / 20  15.5 / 20    −4.5" in ended.stdout
    with Store(out, write=False) as store:
        assert store.dropped() == ("wrong-sign",)
        assert settings_of(store).dropped == ("wrong-sign",)
        (_, dropped, kept) = history(store, "chen_regression_swapped_index").steps
    assert (dropped.drops, dropped.keeps) == (("swapped-index", "wrong-sign"), ())
    assert (kept.drops, kept.keeps) == ((), ("swapped-index",))
    words = ["history", str(out), "chen_regression_swapped_index"]
    assert (
        "  Deduction no longer withdrawn: swapped-index.\n"
        in CliRunner().invoke(main, words).stdout
    )
    command(out, "--keep", "wrong-sign")
    assert results(out) == before
    command(out, "--drop", "swapped-index")
    with Store(out, write=False) as store:
        assert store.dropped() == ("swapped-index",)


def test_a_former_code_withdraws_the_mistake(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under its current code; withdrawn under a former one, a mistake can count again."""
    before = results(out)
    with monkeypatch.context() as patched:
        patched.setattr(catalogue, "_current_codes", lambda: {"exchanged-index": "swapped-index"})
        ended = command(out, "--drop", "exchanged-index")
        assert "chen_regression_swapped_index  15.5 / 20  20 / 20    +4.5" in ended.stdout
        with Store(out, write=False) as store:
            assert store.dropped() == ("swapped-index",)
        assert command(out, "--keep", "exchanged-index").exit_code == 0
        assert results(out) == before
        with Store(out, write=True, make=False) as store:
            store.drop(1, ["exchanged-index"])
        assert "15.5 / 20  20 / 20 " in command(out).stdout
        assert command(out, "--keep", "swapped-index").exit_code == 0
    with Store(out, write=False) as store:
        assert store.dropped() == ()
    assert results(out) == before


def test_what_counts_cannot_be_let_count(out: Path) -> None:
    """A slip is said, with what is withdrawn, and nothing is done."""
    ended = command(out, "--keep", "wrong-sign")
    assert (ended.exit_code, ended.stderr) == (
        2,
        "gradkit: --keep wrong-sign: this finding is not withdrawn. No finding is withdrawn.\n",
    )
    command(out, "--drop", "swapped-index")
    assert command(out, "--keep", "wrong-sign").stderr == (
        "gradkit: --keep wrong-sign: this finding is not withdrawn. Withdrawn: swapped-index.\n"
    )
    ended = command(out, "--keep", "swapped-index", "--drop", "swapped-index")
    assert (ended.exit_code, ended.stderr) == (
        2,
        "gradkit: --drop and --keep both name swapped-index. Leave out one of the two.\n",
    )


@pytest.mark.slow
def test_who_comes_late_is_marked_like_the_others(tmp_path: Path) -> None:
    """`grade` starts from the preset that was decided; another one has to be asked for."""
    folder = handed_in(tmp_path / "class", ann=ALMOST)
    out = tmp_path / "out"

    def grade(*more: str) -> dict[str, object]:
        words = ["grade", str(folder), "--out", str(out), *OPTIONS, "--workers", "1", *more]
        assert CliRunner().invoke(main, words).exit_code == 0
        return {name: result.score for name, result in results(out).items()}  # type: ignore[union-attr]

    mild = grade()["ann"]
    assert command(out, "--preset", "strict").exit_code == 0
    strict = results(out)["ann"].score  # type: ignore[union-attr]
    assert strict < mild  # type: ignore[operator]
    handed_in(folder, ben=ALMOST + "#")
    assert grade() == {"ann": strict, "ben": strict}
    assert command(out).stderr == "0 of 2 scores changed.\n"
    assert grade("--preset", "default", "--change-settings") == {"ann": mild, "ben": mild}


def test_a_dry_run_stores_nothing(out: Path) -> None:
    """It prints what would change, and that it would."""
    before = (out / "class.sqlite").read_bytes()
    dry = command(out, "--preset", "strict", "--drop", "wrong-sign", "--dry-run")
    assert (dry.exit_code, (out / "class.sqlite").read_bytes()) == (0, before)
    real = command(out, "--preset", "strict", "--drop", "wrong-sign")
    assert real.stdout == dry.stdout
    assert real.stderr == dry.stderr.replace("would change", "changed")
    assert dry.stderr.endswith("scores would change.\n")
    assert dry.stdout.splitlines()[0].split() == ["submission", "old", "new", "change"]


def test_what_is_stale_is_listed_as_far_as_fits(
    tmp_path: Path, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten by name, the others by number."""
    stale = tuple((f"s{n}", "it is old") for n in range(12))
    monkeypatch.setattr(module, "remark_class", lambda *a, **k: Remarked(20, 0, (), stale))
    out = Path(shutil.copytree(done, tmp_path / "out"))
    ended = command(out)
    lines = ended.stderr.splitlines()
    assert ended.exit_code == 1
    assert lines[0] == "0 of 20 scores changed."
    assert lines[1] == "gradkit: s0 was not changed: it is old. Grade it again."
    assert lines[10].startswith("gradkit: s9 ")
    assert lines[11:] == ["gradkit: and 2 more."]


def test_marks_change_for_all_or_for_nobody(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up leaves the class under one rubric, the old one."""
    before = results(out)

    def full(*arguments: object, **settings: object) -> Store:
        store = Store(*arguments, **settings)  # type: ignore[arg-type]
        pages = store._base.execute("PRAGMA page_count").fetchone()[0]
        store._base.execute(f"PRAGMA max_page_count = {pages}")
        return store

    monkeypatch.setattr(module, "Store", full)
    with pytest.raises(StoreError, match=r"The disk is full: make room, and run the same"):
        remark_class(out, preset="strict", drops=["wrong-sign"])
    with Store(out, write=False) as store:
        assert len(store.runs()) == 1
        assert store.dropped() == ()
    assert results(out) == before


def test_an_interrupt_changes_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 130, and one sentence."""
    before = (out / "class.sqlite").read_bytes()
    calls = []

    def interrupted(*given: object) -> object:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return mark(*given)  # type: ignore[arg-type]

    mark = module._mark
    monkeypatch.setattr(module, "_mark", interrupted)
    ended = command(out, "--preset", "strict")
    assert (ended.exit_code, ended.stdout) == (130, "")
    assert ended.stderr == "gradkit: interrupted. No marks were changed.\n"
    assert (out / "class.sqlite").read_bytes() == before


def test_what_cannot_be_marked_again_exits_2(tmp_path: Path, out: Path) -> None:
    """A folder without a class, a class without a run, a code that is none, a file that is not."""
    ended = command(tmp_path / "nowhere", "--dry-run")
    assert ended.exit_code == 2
    assert "there is no such file. Name the folder that `gradkit grade" in ended.stderr
    with Store(tmp_path / "new", write=True):
        pass
    ended = command(tmp_path / "new")
    assert ended.exit_code == 2
    assert ended.stderr.endswith("class.sqlite: nothing has been graded there yet.\n")
    ended = command(out, "--drop", "no-such-code")
    assert ended.exit_code == 2
    assert "no-such-code" in ended.stderr
    ended = command(out, "--assignment", tmp_path / "nowhere.toml")
    assert ended.exit_code == 2
    assert "nowhere.toml" in ended.stderr


def test_marking_an_absent_class_makes_no_folder(tmp_path: Path) -> None:
    """A slip of the pen leaves nothing behind."""
    ended = command(tmp_path / "nowhere")
    assert ended.exit_code == 2
    assert not (tmp_path / "nowhere").exists()


def test_the_evidence_is_enough(done: Path, out: Path, sample: Path) -> None:
    """Neither the submissions nor a worker is needed."""
    with Store(out, write=False) as store:
        for kept in store.newest():
            if kept.taken is not None:
                packed = store.evidence(kept.id)
                assert packed is not None
                assert unpack(packed, tuple[Evidence, ...])
    hidden = sample.rename(sample.with_name("hidden"))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gradkit.sandbox.Workshop.worker", None)
            assert marked(out, preset="strict").changes
    finally:
        hidden.rename(sample)


def test_another_attempt_counts_from_now_on(tmp_path: Path) -> None:
    """Scores change without new marks, and whose attempts all came too late has none."""
    folder = handed_in(tmp_path / "first", ann=RIGHT, ben=RIGHT)
    out = tmp_path / "out"
    grade_here(folder, out, SETTINGS)
    handed_in(folder, ann=MISTAKES[0])
    grade_here(folder, out, SETTINGS)
    worse = results(out)["ann"]
    assert isinstance(worse, Result)
    ended = command(out, "--attempt", "best", "--dry-run")
    assert ended.stderr.endswith("1 of 2 scores would change.\n")
    ended = command(out, "--attempt", "best")
    assert ended.stdout.split()[4:] == [
        *("ann", f"{worse.score:g}", "/", "20", "20", "/", "20", f"+{20 - worse.score:g}")
    ]
    assert results(out)["ann"].score == 20  # type: ignore[union-attr]
    ended = command(out, "--attempt", "before=2001-01-01")
    gone = ("20", "/", "20", "–", "−20")
    assert ended.stdout.split()[4:] == ["ann", *gone, "ben", *gone]
    assert results(out) == {}
    ended = command(out, "--attempt", "first")
    assert (ended.exit_code, ended.stderr) == (
        2,
        "gradkit: --attempt first: expected last, best or before=DATE.\n",
    )

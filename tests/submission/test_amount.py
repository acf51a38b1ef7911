"""How much code is read: by characters and by words, of each file and of all together."""

from __future__ import annotations

import pytest
from model_solutions import REFERENCE
from submission.shapes import notebook

from gradkit.runtime.frames import TO_WORKER, Frame, encode
from gradkit.submission import amount
from gradkit.submission.files import SubmissionError
from gradkit.submission.read import collect, parse, read

ADVICE = (
    "holds more code than an exercise can need: at most 400 kB in all, and 50000 words and signs, "
    "are read. Hand in the exercise alone, without data in it."
)


def refused(path) -> str:
    """What is said of a submission that is refused."""
    with pytest.raises(SubmissionError) as caught:
        read(path)
    return str(caught.value)


def test_words_are_counted_not_only_characters(tmp_path):
    """A tree grows with the words of a text: many of one letter are more than one long one."""
    script = tmp_path / "hw.py"
    script.write_text("x=" + '"' + "a" * 390_000 + '"\n')
    assert len(read(script).cells) == 1
    script.write_text("a;" * 25_001)
    assert refused(script) == f"hw.py {ADVICE}"


def test_code_of_a_notebook_counts_and_its_outputs_do_not(tmp_path):
    """One with pictures is read; one with as much code is not, in one cell or in many."""
    path = tmp_path / "hw.ipynb"
    text = notebook(["x = 1"])
    picture = '"outputs": [{"output_type": "stream", "name": "stdout", "text": "%s"}]'
    path.write_text(text.replace('"outputs": []', picture % ("a" * 5_000_000)))
    assert path.stat().st_size > 5_000_000
    assert [cell.source for cell in read(path).cells] == ["x = 1"]
    path.write_text(notebook(["x = 1  #" + "a" * 401_000]))
    assert refused(path) == f"hw.ipynb {ADVICE}"
    path.write_text(notebook(["x = 1  #" + "a" * 10_000] * 41))
    assert refused(path) == f"hw.ipynb {ADVICE}"


def test_files_are_too_much_together(tmp_path):
    """Scripts are by their sizes alone, before any is parsed; notebooks when they are."""
    folder = tmp_path / "hw"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.py").write_text("#" + "a" * 210_000)
    with pytest.raises(SubmissionError) as caught:
        collect(folder)
    assert str(caught.value) == f"hw {ADVICE}"
    for name in "ab":
        (folder / f"{name}.py").write_text("a;" * 15_000)
    parcel = collect(folder)
    with pytest.raises(SubmissionError) as caught:
        parse(parcel)
    assert str(caught.value) == f"hw {ADVICE}"


def test_one_file_too_many_costs_itself(tmp_path):
    """Beside code that can be read, a file with too much is left out and told."""
    folder = tmp_path / "hw"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    (folder / "b.py").write_text("a;" * 25_001)
    found = read(folder)
    assert [cell.source for cell in found.cells] == ["x = 1\n"]
    assert [problem.message for problem in found.problems] == [f"b.py {ADVICE}"]


def test_model_solutions_are_far_from_the_limits():
    """Honest code has room: all model solutions together take less than a fifth."""
    counted = amount.Amount("all")
    for path in sorted(REFERENCE.glob("*.py")):
        counted.add(path.name, [path.read_text(encoding="utf-8")])
    assert counted._code < amount.CODE / 5
    assert counted._words < amount.WORDS / 5


def test_what_is_accepted_can_be_sent():
    """Text of the longest kind in JSON, as a cell and as a module under two names."""
    text = "#" + "\x1f" * (amount.CODE - 1)
    sources = {"own": [["a.py", text]], "modules": {"a": text, "b.a": text}}
    assert len(encode(Frame("load", {}, sources), TO_WORKER)) < TO_WORKER.header / 2

"""Samples of mistakes are changes of right submissions.

`tests/diagnosis/test_mistake_files.py` has the mistake that each one is named by, and
`tests/grading/test_rubric.py` the checks that fail because of it.
"""

import pytest
from mistakes.samples import changed, folder, samples


def test_a_piece_that_does_not_stand_once_is_refused() -> None:
    """The right text may change, and no sample with it unnoticed."""
    assert changed("both", "a b c", [["c", "d"], ["a", "c"]]) == "c b d"
    for edits, times in (([["x", "y"]], 0), ([["a", "y"]], 2), ([["b a", ""], ["a b", ""]], 1)):
        with pytest.raises(ValueError, match=f"samples.toml, it: .* stands {times} times in the"):
            changed("it", "a b a", edits)


def test_samples_are_files_where_tests_need_paths() -> None:
    """All of them, with their texts."""
    files = {path.stem: path.read_text(encoding="utf-8") for path in folder().glob("*.py")}
    assert files == samples()

"""Each wrong-on-purpose submission, graded as a student's would be, is called by its name."""

from __future__ import annotations

import pytest
from mistakes.samples import folder as mistake_folder
from said import codes

pytestmark = pytest.mark.sample(6)

FILES = sorted(mistake_folder().glob("*.py"))


def task_of(text: str) -> str:
    """What the first line says."""
    return text.splitlines()[0].removeprefix("# task: ").strip()


@pytest.mark.sample(90)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_called_by_its_name(diagnosed, path) -> None:
    """One finding, of the code that the file is named after, which costs something."""
    code = path.name.split(".")[0]
    task = task_of(path.read_text(encoding="utf-8"))
    result = diagnosed(path, task)
    assert codes(result) == {code}
    assert result.score < result.max_score
    assert sum(finding.deduction for finding in result.findings) > 0

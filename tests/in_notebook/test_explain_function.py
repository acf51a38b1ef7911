"""`gradkit.explain` of a function that is defined in a notebook."""

import pytest
from in_notebook.conftest import ROOT, Notebook

from gradkit.report.printable import Report

pytestmark = [pytest.mark.usefixtures("warm")]

TASK = "regression-numpy"
WRONG = (ROOT / "tests" / "sample_class" / "chen_regression_swapped_index.py").read_text(
    encoding="utf-8"
)


def mistakes(report: Report) -> list[str]:
    """The codes of the findings of a report."""
    assert report.result is not None, report.refusal
    return [finding.mistake for task in report.result.tasks for finding in task.findings]


def test_a_function_of_a_notebook(notebook: Notebook, solved) -> None:
    """All cells that were run are read; the names of places are those of cells."""
    notebook.run(solved["regression"])
    call = f'gradkit.explain(update_parameters, "{TASK}", seed=1)'
    assert notebook.check(call).passed
    notebook.run("kept = update_parameters")
    notebook.run(WRONG)
    report = notebook.check(call)
    assert mistakes(report) == ["swapped-index"]
    assert "cell [" in str(report)
    assert "notebook's own process" not in str(report)
    notebook.run("from_before, update_parameters = update_parameters, kept")
    assert mistakes(notebook.check(f'gradkit.explain(from_before, "{TASK}", seed=1)')) == [
        "swapped-index"
    ]


def test_the_worker_that_fails_is_not_the_codes_mistake(
    notebook: Notebook, solved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` reports it, and `explain` raises it, so that no test fails for it."""
    from gradkit.grading.session import Session
    from gradkit.grading.settings import BreakdownError

    def fail(self, *_, **__):
        raise BreakdownError("no worker here.")

    monkeypatch.setattr(Session, "grade_sections", fail)
    notebook.run(solved["regression"])
    assert str(notebook.check()) == "no worker here."
    with pytest.raises(BreakdownError, match=r"no worker here\."):
        notebook.run(f'gradkit.explain(update_parameters, "{TASK}")')

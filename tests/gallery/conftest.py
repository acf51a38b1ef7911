"""Turn the search for repairs off: these tests are about verdicts only."""

import pytest

from gradkit.grading import session
from gradkit.records.result import Inquiry


@pytest.fixture(autouse=True)
def undiagnosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grade without a search for repairs, which `tests/diagnosis/test_repairs.py` tests."""
    monkeypatch.setattr(session, "_diagnose_functions", lambda _, given, __: (Inquiry(), given))

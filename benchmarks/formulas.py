"""Findings of numpy nets beside those of the stored cases: better, equal, worse.

    python benchmarks/formulas.py [--count N] [--only WORD]

The stored cases (`tests/diagnosis/stored_cases.jsonl.xz`) have the codes and lines that the former
comparison of formulas gave. Prints each case that differs, with its reason if one is known. Exits
with 1 if fewer than 98 % of the cases with a single finding, or 97 % of all, are as good.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "diagnosis")]

from stored import Stored, differs, found_in, reason, stored  # noqa: E402

from gradkit.grading.session import Session  # noqa: E402
from gradkit.grading.settings import Settings  # noqa: E402
from gradkit.records.result import UNEXPLAINED  # noqa: E402
from gradkit.sandbox import Workshop  # noqa: E402

SINGLES, ALL = 0.98, 0.97
"""Shares of the cases that have to be as good as when they were stored."""


def verdict(case: Stored, now: Stored) -> str:
    """Return ``equal``, ``better``, ``reason`` or ``worse`` for the findings of a case.

    ``case`` has the stored findings, ``now`` the present ones. ``reason`` means that the case lists
    a reason to differ; ``better`` that a named mistake is found where none was.
    """
    if not differs(case.found, now.found):
        return "equal"
    if reason(case):
        return "reason"
    return "better" if case.found.named < now.found.named else "worse"


def main() -> None:
    """Grade the cases, print those that differ, and exit with 1 if too many are worse."""
    parser = argparse.ArgumentParser(description="Compare findings with those of stored cases.")
    parser.add_argument("--count", type=int, default=400, help="cases to grade (default: 400)")
    parser.add_argument("--only", default="", help="only cases of tests whose name has this word")
    options = parser.parse_args()
    cases = [c for c in stored() if c.task.endswith("numpy") and options.only in c.test]
    random.Random(0).shuffle(cases)
    cases = sorted(cases[: options.count], key=lambda case: (case.task, case.seed))
    every, singles = Counter[str](), Counter[str]()
    with ExitStack() as stack:
        workshop = stack.enter_context(Workshop())
        sessions: dict[tuple[str, int], Session] = {}
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "homework.py"
        for case in cases:
            key = (case.task, case.seed)
            if key not in sessions:
                settings = Settings(tasks=(case.task,), seed=case.seed, no_reference=True)
                sessions[key] = stack.enter_context(Session(settings, workshop))
            path.write_text(case.text, encoding="utf-8")
            (result,) = sessions[key].check(path).tasks
            now = Stored(case.test, case.task, case.seed, case.text, found_in(result))
            how = verdict(case, now)
            every[how] += 1
            if sum(code != UNEXPLAINED for _, code, _ in case.found.findings) == 1:
                singles[how] += 1
            if how != "equal":
                print(how, case.test, case.task, case.seed, reason(case))
                print("  then", case.found.findings)
                print("  now ", now.found.findings)
    print("singles", dict(singles), "all", dict(every))
    worse = [counts["worse"] / max(counts.total(), 1) for counts in (singles, every)]
    sys.exit(worse[0] > 1 - SINGLES or worse[1] > 1 - ALL)


if __name__ == "__main__":
    main()

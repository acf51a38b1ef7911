"""The data of a class as DataFrames: the documented columns, types and rows."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from classroom.answering import ANNA, BEN, DAN, FAY, TASK, UPDATE, gradkit

import gradkit as package
from gradkit.classroom.store.counted import Counting, override
from gradkit.classroom.store.database import StoreError
from gradkit.classroom.store.results import Store
from gradkit.classroom.store.reviews import add_comment
from gradkit.classroom.tables import ATTEMPT_COLUMNS, FINDING_COLUMNS, GRADE_COLUMNS

pytestmark = pytest.mark.usefixtures("warm")


def test_grades_are_those_of_the_summary(course: Path) -> None:
    """Cell by cell, with points that a person has set and points of comments."""
    with Store(course, write=True) as store:
        override(store, ANNA, "update", 5.0, comment="read by hand")
        digest = Counting(store).attempts[ANNA].kept.digest
        add_comment(store, ANNA, digest, "Late idea.", points=-1.0)
    frame = package.grades(course)
    assert frame.index.name == "student"
    printed = gradkit("summary", course, "--format", "csv").stdout
    text = pd.read_csv(
        io.StringIO(printed), dtype={"student": str}, keep_default_na=False, na_values=[""]
    )
    assert list(text.columns[1:]) == list(frame.columns)
    assert list(text["student"]) == list(frame.index)
    for name in ("score", "max_score", UPDATE, "comment_points"):
        pd.testing.assert_series_equal(frame[name].reset_index(drop=True), text[name].astype(float))
    assert frame.loc[ANNA, UPDATE] == 5.0
    assert frame.loc[ANNA, "comment_points"] == -1.0
    assert pd.isna(frame.loc[DAN, "score"])
    for name, kind in GRADE_COLUMNS.items():
        assert name not in frame or str(frame[name].dtype) == kind
    points = [name for name in frame if name not in GRADE_COLUMNS]
    assert {str(kind) for kind in frame[points].dtypes} == {"float64"}


def test_findings_have_the_documented_columns(course: Path) -> None:
    """One row for each finding, with its line."""
    frame = package.findings(str(course))
    assert dict(frame.dtypes.astype(str)) == FINDING_COLUMNS
    row = frame[frame["student"] == ANNA].iloc[0]
    assert (row["task"], row["check"], row["mistake"]) == (TASK, "update", "swapped-index")
    assert row["line"] > 0
    assert row["deduction"] > 0
    documented = package.findings.__doc__ or ""
    assert [name for name in frame.columns if f"``{name}``" not in documented] == []


def test_attempts_have_the_documented_columns(course: Path) -> None:
    """Every attempt, graded or not; exactly one counts of each student who has any."""
    frame = package.attempts(course)
    assert dict(frame.dtypes.astype(str)) == ATTEMPT_COLUMNS
    ben = frame[frame["student"] == BEN]
    assert ben["attempt"].tolist() == [1, 2]
    assert ben["counts"].tolist() == [False, True]
    assert ben["late"].tolist() == [False, True]
    fay = frame[frame["student"] == FAY].iloc[0]
    assert fay["standing"] == "refused"
    assert pd.isna(fay["score"])
    assert frame.groupby("student")["counts"].sum().eq(1).all()
    assert DAN not in frame["student"].tolist()
    documented = package.attempts.__doc__ or ""
    assert [name for name in frame.columns if f"``{name}``" not in documented] == []


def test_a_class_without_anybody_has_the_columns(tmp_path: Path) -> None:
    """So that a script that selects a column does not stop."""
    with Store(tmp_path, write=True):
        pass
    assert dict(package.findings(tmp_path).dtypes.astype(str)) == FINDING_COLUMNS
    assert dict(package.attempts(tmp_path).dtypes.astype(str)) == ATTEMPT_COLUMNS
    empty = package.grades(tmp_path)
    assert (str(empty["score"].dtype), str(empty["late"].dtype)) == ("float64", "boolean")


def test_a_folder_without_a_class_is_refused(tmp_path: Path) -> None:
    """With the message of the commands."""
    for function in (package.grades, package.findings, package.attempts):
        with pytest.raises(StoreError, match="there is no such file"):
            function(tmp_path)

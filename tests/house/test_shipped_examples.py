"""The recorded examples that gradkit ships are those of the model solutions, and nothing else."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shipped import FUNCTION_EXERCISES, assignment

from gradkit.task.assignment import exercises
from gradkit.task.draws import RANDOM
from gradkit.task.examples import RECORDED, read_examples
from gradkit.task.tables import EXAMPLES

TOOL = Path(__file__).parents[2] / ".ci" / "examples.py"

LARGEST = 60_000
"""Bytes of a file of examples."""


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    """The files as `.ci/examples.py` would write them."""
    spec = importlib.util.spec_from_file_location("examples_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool.made()


def packed(name: str) -> bytes:
    """The file that is shipped with an exercise."""
    return (exercises()[name].parent / EXAMPLES).read_bytes()


def rounded(content: bytes) -> Any:
    """What a file holds, with numbers as far as all machines agree on them."""
    return json.loads(gzip.decompress(content), parse_float=lambda number: f"{float(number):.5g}")


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTION_EXERCISES)
def test_examples_are_those_of_the_model_solutions(name: str, made: dict[str, bytes]) -> None:
    """After a change, `.venv/bin/python .ci/examples.py` writes them again."""
    assert made.keys() == {*FUNCTION_EXERCISES}
    assert rounded(packed(name)) == rounded(made[name])


@pytest.mark.parametrize("name", FUNCTION_EXERCISES)
def test_a_file_of_examples_is_small_and_has_all_probes(name: str) -> None:
    """Five random probes and every hard case, for each task of the exercise."""
    assert len(packed(name)) <= LARGEST
    assert RECORDED >= RANDOM
    for task in assignment(name).functions:
        examples = read_examples(task)
        assert [example.draw.hard for example in examples] == [
            *([False] * RECORDED),
            *([True] * len(task.hard)),
        ]
        for example in examples:
            assert {*example.made} == {check.name for check in task.checks}


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a value, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("name", FUNCTION_EXERCISES)
def test_examples_hold_nothing_of_a_model_solution_but_numbers(name: str) -> None:
    """Every text in the file is a word of the assignment file, or of the format."""
    known = exercises()[name].read_text(encoding="utf-8")
    words = {
        *("schema", "gradkit/examples/v1", "tasks", "question", "examples", "label", "sizes"),
        *("hard", "inputs", "arrays", "made", "differentiated", "values", "again", "changed"),
        *("conventions", "dict", "list", "tuple", "array", "float", "plain", "handed_on"),
        "arrays_handed_on",
        *("float64", "int64", "bool"),
    }
    found = {*texts(json.loads(gzip.decompress(packed(name))))} - words
    strange = [
        text
        for text in found
        if not re.fullmatch(r"\d+|random \d|[0-9a-f]{16}", text) and text not in known
    ]
    assert [text for text in strange if not is_hard_label(text, name)] == []


def is_hard_label(text: str, name: str) -> bool:
    """Tell the label of a hard case, which quotes the assignment file in another order."""
    tasks = assignment(name).functions
    cases = [case for task in tasks for case in task.hard]
    return text in [", ".join(f"{key} = {value}" for key, value in case.items()) for case in cases]

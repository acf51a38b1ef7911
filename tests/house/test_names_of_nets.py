"""What depends on a framework or a layer is a value of the task, and no question for a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gradkit

ROOT = Path(gradkit.__file__).parent
PARAMETERS = frozenset({"W1", "b1", "W2", "b2"})


def comparisons(tree: ast.AST) -> Iterator[ast.Compare]:
    """Comparisons that have a framework in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and "framework" in ast.unparse(node):
            yield node


def literals(tree: ast.AST) -> Iterator[ast.Constant]:
    """Parameters of a net of two layers by their names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in PARAMETERS:
            yield node


def trees() -> Iterator[ast.AST]:
    """All modules of gradkit, without what students start from."""
    for path in ROOT.rglob("*.py"):
        if "assignments" not in path.relative_to(ROOT).parts:
            yield ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_frameworks_are_hardly_compared() -> None:
    """Another one is a record, and nothing else, as far as that goes."""
    assert sum(len(list(comparisons(tree))) for tree in trees()) <= 15


@pytest.mark.slow
def test_parameters_are_named_in_few_places() -> None:
    """Where symbols of rules are, and where lines are told by the rules of two layers."""
    assert sum(len(list(literals(tree))) for tree in trees()) <= 20


def test_what_is_counted() -> None:
    """Comparisons of any form, and names that are written out."""
    text = 'if task.framework == "torch" or x in frameworks or framework.trains:\n    W1 = p["W1"]'
    tree = ast.parse(text)
    assert (len(list(comparisons(tree))), len(list(literals(tree)))) == (2, 1)

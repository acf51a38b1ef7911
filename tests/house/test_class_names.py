"""One name, one class: no new public class has the name of another one."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SHARED = set(
    """
    Batch Case Cell Change CheckItem Claims Course Entry Examination File
    FormError Graded Grading Loop Mark Made Names Place Plan Policy Proposal Question Reading
    Report Review Row Run Spot Step Table Text TooLongError UnreadableError Written
    """.split()  # noqa: SIM905
)
"""Names that two classes still have. Take a name out when it is given up by one of them."""


def shared_names(texts: dict[str, str]) -> set[str]:
    """Return the names of public classes that are defined in more than one module."""
    modules = defaultdict(set)
    for module, text in texts.items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].add(module)
    return {name for name, found in modules.items() if len(found) > 1}


@pytest.mark.slow
def test_no_two_public_classes_have_one_name() -> None:
    """Apart from names that were there before; a name that is no longer shared leaves the list."""
    files = [path for path in (ROOT / "gradkit").rglob("*.py") if "assignments" not in path.parts]
    texts = {str(path): path.read_text(encoding="utf-8") for path in files}
    assert shared_names(texts) == SHARED


def test_a_second_class_is_seen() -> None:
    """Private classes and functions may have any name."""
    one, two = (
        "class A: ...\nclass _B: ...\ndef c(): ...",
        "class A: ...\nclass _B: ...\ndef c(): ...",
    )
    assert shared_names({"one": one, "two": two}) == {"A"}
